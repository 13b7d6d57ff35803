//! What can go wrong in the store: the place, the fact and the remedy.
//!
//! Writing ends with one of these; reading several files goes on, and hands them back as warnings.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why something could not be written, read or opened.
///
/// [`Locked`](Self::Locked) is somebody else's doing (exit code 75), [`UnknownRun`](Self::UnknownRun),
/// [`AmbiguousRun`](Self::AmbiguousRun) and [`Unfit`](Self::Unfit) are the user's (2), the rest is the
/// store's (74).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot be {action}, {error}; {}", path.display(), remedy(error))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was to be done with it, such as `written`.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {fact}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fact: String,
        /// What would help.
        remedy: &'static str,
    },
    /// A run was begun and could not be carried to its end. What it wrote is there.
    #[error("{cause}")]
    Halted {
        /// The run's id.
        run: String,
        /// Why.
        cause: Box<Self>,
    },
    /// Another process writes there.
    #[error("{}: the lock is held by {holder}; {way_out}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
        /// What can be done about it.
        way_out: &'static str,
    },
    /// No run is called that.
    #[error("{}: there is no run `{which}`; {}", path.display(), listed("the newest are", newest))]
    UnknownRun {
        /// Where the runs are.
        path: PathBuf,
        /// What was asked for.
        which: String,
        /// Some runs that there are, newest first.
        newest: Vec<String>,
    },
    /// More than one run is called that.
    #[error("{}: `{which}` is not one run; {}", path.display(), listed("say which of", candidates))]
    AmbiguousRun {
        /// Where the runs are.
        path: PathBuf,
        /// What was asked for.
        which: String,
        /// The runs that match, newest first.
        candidates: Vec<String>,
    },
    /// What was to be added does not belong to what is there.
    #[error("{}: {fact}; {remedy}", path.display())]
    Unfit {
        /// The directory.
        path: PathBuf,
        /// What does not fit.
        fact: String,
        /// What would help.
        remedy: &'static str,
    },
    /// A report was to be written over a file of the store.
    #[error("{}: is a file of the run itself; give the report another name", path.display())]
    Reserved {
        /// The file.
        path: PathBuf,
    },
}

/// What helps where a file is damaged and nothing is known of what it is for.
pub(super) const RESTORE: &str = "restore it from a copy or remove it";

/// What was skipped while reading, and why; the rest was read.
pub type StoreWarning = StoreError;

impl StoreError {
    /// Wraps what the system said while `path` was to be `action`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), action, error }
    }

    /// A damaged file, with the remedy that fits most of them.
    pub(super) fn damaged(path: &Path, fact: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), fact: fact.to_string(), remedy: RESTORE }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space there and try again",
        ErrorKind::FileTooLarge => "raise the limit on the size of files (`ulimit -f`)",
        ErrorKind::PermissionDenied => "change its permissions or choose another output directory",
        ErrorKind::ReadOnlyFilesystem => "choose an output directory that can be written to",
        ErrorKind::NotFound => "see whether it was moved or removed",
        ErrorKind::Unsupported => "put the output directory on a file system that has locks",
        _ => "see whether the disk is sound and try again",
    }
}

fn listed(introduction: &str, names: &[String]) -> String {
    if names.is_empty() {
        return "there are none yet".to_owned();
    }
    format!("{introduction} `{}`", names.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_one_name_the_path_and_the_remedy() {
        let message = |kind: ErrorKind| {
            StoreError::io("written", Path::new("output/runs"))(kind.into()).to_string()
        };
        assert_eq!(
            message(ErrorKind::StorageFull),
            "output/runs: cannot be written, no storage space; free some space there and try again"
        );
        assert_eq!(
            message(ErrorKind::ReadOnlyFilesystem),
            "output/runs: cannot be written, read-only filesystem or storage medium; choose an \
             output directory that can be written to"
        );
    }

    #[test]
    fn an_unknown_run_is_answered_with_those_there_are() {
        let unknown = |newest| StoreError::UnknownRun {
            path: "output/runs".into(),
            which: "abc".into(),
            newest,
        };
        assert_eq!(
            unknown(vec!["one".into(), "two".into()]).to_string(),
            "output/runs: there is no run `abc`; the newest are `one`, `two`"
        );
        assert_eq!(
            unknown(Vec::new()).to_string(),
            "output/runs: there is no run `abc`; there are none yet"
        );
    }
}
