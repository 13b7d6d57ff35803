//! A lock that the kernel holds: it ends with the process, however that ends.
//!
//! The file stays; who holds the lock is written into it for the message that others see.

use super::error::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The number of the process on its host.
    pub pid: u32,
    /// The host's name.
    pub host: String,
    /// The command line, word by word.
    pub command_line: Vec<String>,
}

impl Holder {
    /// This process.
    pub fn this_process(host: impl Into<String>, command_line: &[String]) -> Self {
        Self { pid: std::process::id(), host: host.into(), command_line: command_line.to_vec() }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command_line = self.command_line.join(" ");
        write!(f, "process {} on `{}` (`{command_line}`)", self.pid, self.host)
    }
}

/// How often a lock is asked for, and the pause between: who only looks whether it is held has it for
/// a moment.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(5);

/// A held lock, given back when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// The kernel's lock lasts as long as this handle.
    _file: File,
}

impl Lock {
    /// Takes the lock `path` at once, or says who has it.
    pub(super) fn acquire(path: &Path, holder: &Holder) -> Result<Self, StoreError> {
        let locked = || StoreError::io("locked", path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(locked())?;
        let mut attempt = file.try_lock();
        for _ in 1..ATTEMPTS {
            if !matches!(attempt, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(PAUSE);
            attempt = file.try_lock();
        }
        match attempt {
            Ok(()) if is_at(&file, path) => {}
            // Whoever had it may have moved its directory away: it is the lock of that one.
            Ok(()) | Err(TryLockError::WouldBlock) => {
                let holder =
                    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
                let holder =
                    holder.map_or("another process".to_owned(), |it: Holder| it.to_string());
                let (path, way_out) = (path.to_owned(), "wait until it ends or stop it");
                return Err(StoreError::Locked { path, holder, way_out });
            }
            Err(TryLockError::Error(error)) => return Err(locked()(error)),
        }
        let text = serde_json::to_vec(holder).expect("numbers and texts are always JSON");
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(locked())?;
        Ok(Self { _file: file })
    }

    /// Whether a process holds the lock `path`; what cannot be asked is not held.
    pub(super) fn is_held(path: &Path) -> bool {
        let shared = File::open(path).map(|file| file.try_lock_shared());
        matches!(shared, Ok(Err(TryLockError::WouldBlock)))
    }
}

/// Whether `file` is the one that is at `path` now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (file, there) = (file.metadata().map(number), fs::metadata(path).map(number));
    matches!((file, there), (Ok(file), Ok(there)) if file == there)
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_directory_that_was_moved_away_is_not_that_of_the_next_one() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("x");
        let path = place.join("lock");
        for round in 0..20 {
            fs::create_dir(&place).unwrap();
            let lock = Lock::acquire(&path, &Holder::this_process("first", &[])).unwrap();
            let asked = path.clone();
            let other = thread::spawn(move || {
                Lock::acquire(&asked, &Holder::this_process("second", &[])).is_ok()
            });
            thread::sleep(PAUSE);
            let aside = directory.path().join(round.to_string());
            fs::rename(&place, &aside).unwrap();
            drop(lock);
            assert!(!other.join().unwrap(), "it has a lock of {}", aside.display());
        }
    }

    #[test]
    fn a_lock_has_one_holder_whom_others_can_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let words = ["papertape".to_owned(), "run".to_owned()];
        let holder = Holder { pid: 4711, host: "night".into(), command_line: words.to_vec() };
        let lock = Lock::acquire(&path, &holder).unwrap();
        let error = Lock::acquire(&path, &Holder::this_process("day", &[])).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }));
        assert!(Lock::is_held(&path));
        let message = error.to_string();
        assert!(message.contains("process 4711 on `night` (`papertape run`)"), "{message}");
        drop(lock);
        assert!(!Lock::is_held(&path));
        assert!(!Lock::is_held(&directory.path().join("none")));
        Lock::acquire(&path, &Holder::this_process("day", &[])).unwrap();
    }

    #[test]
    fn the_file_of_a_free_lock_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        drop(Lock::acquire(&path, &Holder::this_process("a", &vec!["word".into(); 99])).unwrap());
        drop(Lock::acquire(&path, &Holder::this_process("b", &[])).unwrap());
        let holder: Holder = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(holder, Holder::this_process("b", &[]));
    }
}
