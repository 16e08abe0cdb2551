//! Progress bar of downloads from the hub.

use std::sync::Once;

use finetune::hub::{DownloadProgress, watch_downloads};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows the progress of all downloads on a terminal; hidden when standard error is not a terminal.
pub fn show_downloads() {
    static SHOWN: Once = Once::new();
    SHOWN.call_once(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = "{prefix} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        watch_downloads(move |progress| update(&bar, progress));
    });
}

/// Shows one file at a time, and nothing when the last one is complete.
fn update(bar: &ProgressBar, progress: &DownloadProgress) {
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let DownloadProgress {
        repository, file, ..
    } = progress;
    let prefix = format!("{repository} {file}");
    if bar.prefix() != prefix {
        bar.set_prefix(prefix);
        bar.reset();
    }
    bar.set_length(progress.size.unwrap_or(progress.bytes));
    bar.set_position(progress.bytes);
    let is_last = progress.index + 1 == progress.files;
    if is_last && progress.size == Some(progress.bytes) {
        bar.finish_and_clear();
    }
}
