//! Where the shared data folder is, and how a test says that it needs it.

use std::path::{Path, PathBuf};

/// The folder `shared/data` beside the repository: under `$CONURB_SHARED` if that is set, else
/// in the nearest ancestor of the crate under test that has a `shared/data`. `None` when the
/// data was not fetched.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CONURB_SHARED") {
        let data = Path::new(&folder).join("data");
        return data.is_dir().then_some(data);
    }
    let start = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    nearest_data(&start)
}

fn nearest_data(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .map(|folder| folder.join("shared").join("data"))
        .find(|data| data.is_dir())
}

/// [`shared_data`], or a line that says the test was skipped.
#[must_use]
#[allow(clippy::print_stdout)] // the skip message is for whoever runs the tests
pub fn need_shared(test: &str) -> Option<PathBuf> {
    let data = shared_data();
    if data.is_none() {
        println!("skipped: needs ../shared ({test})");
    }
    data
}

/// The shared data folder (`shared/data`), or returns from the test after saying that it was
/// skipped.
///
/// ```no_run
/// # fn test() {
/// let data = conurb_testkit::need_shared!("hangzhou_reads");
/// assert!(data.join("traffic").is_dir());
/// # }
/// ```
#[macro_export]
macro_rules! need_shared {
    ($test:expr) => {
        match $crate::need_shared($test) {
            Some(data) => data,
            None => return,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ancestor_with_data_wins() {
        let root = std::env::temp_dir().join(format!("conurb-testkit-{}", std::process::id()));
        let deep = root.join("repo/foundation/x");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(nearest_data(&root.join("repo")), nearest_data(&deep));
        let data = root.join("shared/data");
        std::fs::create_dir_all(&data).unwrap();
        assert_eq!(nearest_data(&deep), Some(data));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
