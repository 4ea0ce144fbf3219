//! Which part of a list is wanted.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::organisation::{LARGEST_PAGE, Paging};

/// Flags of every list that comes in pages.
#[derive(Debug, Args)]
pub(super) struct PagingFlags {
    /// Most items a page, up to 200.
    #[arg(long, value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=u64::from(LARGEST_PAGE)))]
    limit: Option<u32>,
    /// Continue where a page ended: its `next_cursor`.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Every page from there on.
    #[arg(long)]
    all: bool,
}

impl From<PagingFlags> for Paging {
    fn from(PagingFlags { limit, cursor, all }: PagingFlags) -> Self {
        Self { limit, cursor, all }
    }
}
