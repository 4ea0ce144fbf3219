//! Progress bars on standard error, at a terminal only.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::table::one_line;
use crate::organisation::Progress;

/// A bar for each file that is uploaded; nothing where nobody would see it.
pub(super) fn of_uploads() -> Option<Progress> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bars: Mutex<HashMap<String, ProgressBar>> = Mutex::default();
    Some(Arc::new(move |name, size, sent| {
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(name.to_owned()).or_insert_with(|| bar(name, size as u64));
        bar.set_position(sent as u64);
        if sent == size {
            bar.finish_and_clear();
        }
    }))
}

fn bar(name: &str, size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size).with_message(one_line(name));
    match ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar that counts the files of a wiki; nothing where nobody would see it.
pub(super) fn of_files(name: &str) -> Option<Arc<dyn Fn(u64, u64) + Send + Sync>> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(0).with_message(one_line(name));
    let bar = match ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} files") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    Some(Arc::new(move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if done == total {
            bar.finish_and_clear();
        }
    }))
}
