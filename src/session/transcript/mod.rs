//! A transcript: its lines, the tree they form, and what of it the model is shown.

pub(crate) mod cache;
pub(crate) mod context;
pub(crate) mod id;
pub(crate) mod index;
pub(crate) mod line;
pub(crate) mod scan;
pub(crate) mod source;
pub(crate) mod tail;
pub(crate) mod tokens;
pub(crate) mod tree;
