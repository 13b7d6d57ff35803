//! The one door through which a whole file enters the store: it is there entirely or not at all.
//!
//! A temporary file (or directory) beside the place is written and synced, renamed, and the directory
//! around it synced, so that neither a killed process nor a machine without power leaves half a
//! file under its name. Temporary names begin with [`TEMPORARY`]; readers ignore them, and
//! [`remove_leftovers`] removes what a killed process left. [`extend`] alone adds to a file that is there.

use super::error::StoreError;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::{Builder, NamedTempFile, TempDir};

/// What the name of an unfinished file or directory begins with.
const TEMPORARY: &str = ".tmp-";

/// Writes `path`, replacing what is there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_in_pieces(path, iter::once(bytes))
}

/// Writes `path` piece by piece, at least one, replacing what is there.
pub(super) fn write_in_pieces(
    path: &Path,
    pieces: impl Iterator<Item = impl AsRef<[u8]>>,
) -> Result<(), StoreError> {
    replace(path, temporary_file(path, |file| write_pieces(file, pieces))?)
}

/// Writes `path` as `fill` does it, replacing what is there.
pub(super) fn write_by(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), StoreError> {
    replace(path, temporary_file(path, |file| step().and_then(|()| fill(file)))?)
}

fn replace(path: &Path, temporary: NamedTempFile<File>) -> Result<(), StoreError> {
    step()
        .and_then(|()| temporary.persist(path).map_err(|error| error.error))
        .map_err(StoreError::io("written", path))?;
    sync_directory(parent(path))
}

/// Writes `path` unless something has that name; `false` if so.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let temporary = temporary_file(path, |file| write_pieces(file, iter::once(bytes)))?;
    match step().and_then(|()| temporary.persist_noclobber(path).map_err(|error| error.error)) {
        Ok(_) => sync_directory(parent(path)).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(StoreError::io("written", path)(error)),
    }
}

/// Adds to the end of the file `path`, which is `length` bytes long; `false`, and nothing is written, if
/// there is none such. Half of it may be there after a crash: it is for what can be made again.
pub(super) fn extend(path: &Path, length: u64, bytes: &[u8]) -> Result<bool, StoreError> {
    if !fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() == length) {
        return Ok(false);
    }
    let add = |mut file: File| {
        write_pieces(&mut file, iter::once(bytes))?;
        sync(&file)
    };
    let file = File::options().append(true).open(path);
    file.and_then(add).map(|()| true).map_err(StoreError::io("written", path))
}

/// Writes the directory `path` with `files` (name, bytes) unless it is there; `false` if so.
///
/// Of two writers at once, one makes the directory and the other finds it.
pub(super) fn create_directory(path: &Path, files: &[(&str, &[u8])]) -> Result<bool, StoreError> {
    if path.is_dir() {
        return Ok(false);
    }
    // The random part of the name is tempfile's; the permissions are those of any new directory.
    let temporary = Builder::new()
        .prefix(TEMPORARY)
        .make_in(parent(path), |path| fs::create_dir(path))
        .map_err(StoreError::io("written", path))?
        .into_temp_path();
    let outcome = fill_and_rename(&temporary, path, files);
    if !matches!(outcome, Ok(true)) {
        // What remains is ignored by every reader; the failure itself is the news.
        let _ = fs::remove_dir_all(&temporary);
    }
    outcome
}

fn fill_and_rename(
    temporary: &Path,
    path: &Path,
    files: &[(&str, &[u8])],
) -> Result<bool, StoreError> {
    for (name, bytes) in files {
        let file = temporary.join(name);
        File::create_new(&file)
            .and_then(|mut handle| {
                write_pieces(&mut handle, iter::once(bytes))?;
                sync(&handle)
            })
            .map_err(StoreError::io("written", &path.join(name)))?;
    }
    sync_directory(temporary)?;
    match step().and_then(|()| fs::rename(temporary, path)) {
        Ok(()) => sync_directory(parent(path)).map(|()| true),
        Err(error)
            if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) =>
        {
            Ok(false)
        }
        Err(error) => Err(StoreError::io("written", path)(error)),
    }
}

/// A directory in `parent` that is gone when it is dropped, or with the leftovers of a killed process.
pub(super) fn passing_directory(parent: &Path) -> io::Result<TempDir> {
    Builder::new().prefix(TEMPORARY).tempdir_in(parent)
}

/// Makes the directory `path` and those above it.
pub fn create_directories(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    create_directories(above)?;
    match step().and_then(|()| fs::create_dir(path)) {
        Ok(()) => sync_directory(above),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(StoreError::io("created", path)(error)),
    }
}

/// Gives the file or directory `from` the name `to`; the directory around `to` is synced.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    step().and_then(|()| fs::rename(from, to)).map_err(StoreError::io("renamed", from))?;
    sync_directory(parent(to))
}

/// Removes the file `path`, if it is there.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match step().and_then(|()| fs::remove_file(path)) {
        Ok(()) => sync_directory(parent(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("removed", path)(error)),
    }
}

/// Removes what a killed process left unfinished in `directory`, if there is one.
pub(super) fn remove_leftovers(directory: &Path) -> Result<(), StoreError> {
    remove_leftovers_older_than(directory, Duration::ZERO)
}

/// The same where others may still be writing, for what nobody has written to for so long.
pub(super) fn remove_leftovers_older_than(
    directory: &Path,
    age: Duration,
) -> Result<(), StoreError> {
    for name in names(directory, |name| name.starts_with(TEMPORARY))? {
        let path = directory.join(name);
        let written = fs::metadata(&path).and_then(|it| it.modified()).ok();
        let is_new = written.is_some_and(|it| it.elapsed().unwrap_or_default() < age);
        if is_new {
            continue;
        }
        remove_whatever(&path)?;
    }
    Ok(())
}

/// Removes the file, link or directory `path`, which holds nothing that has to last.
pub(super) fn remove_whatever(path: &Path) -> Result<(), StoreError> {
    let is_directory = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    let removed = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(StoreError::io("removed", path))
}

/// The names of the finished entries of `directory` in alphabetical order; none if it is not there.
pub fn entries(directory: &Path) -> Result<Vec<String>, StoreError> {
    names(directory, |name| !name.starts_with(TEMPORARY))
}

fn names(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
    let failed = || StoreError::io("listed", directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        // The store writes no name that is not text, so such a file is somebody else's.
        names.extend(entry.map_err(failed())?.file_name().into_string().ok());
    }
    names.retain(|name| wanted(name));
    names.sort();
    Ok(names)
}

/// Makes the names in `directory` last.
pub(super) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    let synced = step().and_then(|()| match cfg!(unix) {
        true => File::open(directory)?.sync_all(),
        // Elsewhere a directory cannot be opened as a file, and a rename lasts by itself.
        false => Ok(()),
    });
    synced.map_err(StoreError::io("synced", directory))
}

/// The directory that `path` is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The name that `path` may have while it is removed: no reader looks at it.
pub(super) fn doomed(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!("{TEMPORARY}{name}"))
}

/// An empty file in `directory`, removed again unless it is given a name.
pub(super) fn temporary_in(directory: &Path) -> io::Result<NamedTempFile<File>> {
    Builder::new().prefix(TEMPORARY).make_in(directory, |path| {
        File::options().read(true).write(true).create_new(true).open(path)
    })
}

/// A synced file beside `path`, removed again unless it is given a name.
fn temporary_file(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<NamedTempFile<File>, StoreError> {
    let write = || {
        step()?;
        let mut temporary = temporary_in(parent(path))?;
        fill(temporary.as_file_mut())?;
        sync(temporary.as_file())?;
        Ok(temporary)
    };
    write().map_err(StoreError::io("written", path))
}

fn write_pieces(file: &mut File, pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> io::Result<()> {
    for piece in pieces {
        let bytes = piece.as_ref();
        if let Err(error) = step() {
            // The moment at which a test kills the writer: with half of the bytes on the disk.
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        file.write_all(bytes)?;
    }
    Ok(())
}

fn sync(file: &File) -> io::Result<()> {
    step()?;
    file.sync_all()
}

/// How many operations on the disk are still done before this process ends at once.
static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

/// End this process at once, as if it were killed, before the operation on the disk that comes after
/// so many; never, if `None`. It is there for tests of what a killed process leaves.
pub fn die_after(operations: Option<u64>) {
    LEFT.store(operations.unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(not(test))]
pub(super) fn step() -> io::Result<()> {
    match LEFT.load(Ordering::Relaxed) {
        u64::MAX => {}
        0 => std::process::abort(),
        left => LEFT.store(left - 1, Ordering::Relaxed),
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn step() -> io::Result<()> {
    fault::step()
}

/// Lets a test fail the n-th operation on the disk.
#[cfg(test)]
pub(super) mod fault {
    use std::cell::Cell;
    use std::io::{self, ErrorKind};

    thread_local! {
        /// Operations that still succeed; `None` for all.
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
        static FAILED: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs `work` with its operation number `nth` (from 0) and all later ones failing; `true`
    /// beside its value if it came that far.
    pub(in crate::store) fn at<T>(nth: usize, work: impl FnOnce() -> T) -> (T, bool) {
        LEFT.set(Some(nth));
        let value = work();
        LEFT.set(None);
        (value, FAILED.replace(false))
    }

    pub(in crate::store) fn step() -> io::Result<()> {
        match LEFT.get() {
            Some(0) => {
                FAILED.set(true);
                Err(ErrorKind::StorageFull.into())
            }
            left => {
                LEFT.set(left.map(|left| left - 1));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails every operation of `work` in turn, showing `after` whether it succeeded each time.
    fn kill_everywhere(work: impl Fn() -> bool, after: impl Fn(bool)) -> usize {
        for nth in 0.. {
            let (succeeded, killed) = fault::at(nth, &work);
            after(succeeded);
            if !killed {
                assert!(succeeded);
                return nth;
            }
        }
        unreachable!("every write ends")
    }

    #[test]
    fn a_killed_write_leaves_the_old_file_or_the_new() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let (old, new) = (vec![b'o'; 1000], vec![b'n'; 2000]);
        write(&path, &old).unwrap();
        let operations = kill_everywhere(
            || write(&path, &new).is_ok(),
            |succeeded| {
                let bytes = fs::read(&path).unwrap();
                assert!(bytes == new || (bytes == old && !succeeded));
                assert_eq!(entries(directory.path()).unwrap(), ["file"]);
            },
        );
        assert_eq!(operations, 5, "create, write, sync, rename, sync the directory");
    }

    #[test]
    fn what_is_as_long_as_it_was_is_extended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(!extend(&path, 0, b"more").unwrap(), "there is none");
        write(&path, b"one\n").unwrap();
        assert!(extend(&path, 4, b"two\n").unwrap());
        assert!(!extend(&path, 4, b"three\n").unwrap(), "it is longer than it was");
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn a_killed_directory_is_absent_or_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept");
        let files: [(&str, &[u8]); 2] = [("a", b"aaaa"), ("b", b"bbbb")];
        kill_everywhere(
            || create_directory(&path, &files).is_ok(),
            |succeeded| {
                let names = entries(&path).unwrap();
                assert!(names == ["a", "b"] || (names.is_empty() && !succeeded));
                if !succeeded && !names.is_empty() {
                    fs::remove_dir_all(&path).unwrap();
                }
            },
        );
        assert_eq!(fs::read(path.join("b")).unwrap(), b"bbbb");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_not_created_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        assert!(create(&file, b"first").unwrap());
        assert!(!create(&file, b"second").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"first");
        let kept = directory.path().join("kept");
        assert!(create_directory(&kept, &[("a", b"first")]).unwrap());
        assert!(!create_directory(&kept, &[("a", b"second")]).unwrap());
        assert_eq!(fs::read(kept.join("a")).unwrap(), b"first");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no leftovers");
    }

    #[test]
    fn of_two_writers_of_one_directory_one_makes_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept");
        let make = || create_directory(&path, &[("a", b"same")]).unwrap();
        let made: Vec<bool> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|&&made| made).count(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no leftovers");
    }

    #[test]
    fn leftovers_are_not_listed_and_can_be_removed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".tmp-half"), "ha").unwrap();
        fs::create_dir(directory.path().join(".tmp-directory")).unwrap();
        write(&directory.path().join("whole"), b"whole").unwrap();
        assert_eq!(entries(directory.path()).unwrap(), ["whole"]);
        remove_leftovers(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let (ours, plain) = (directory.path().join("ours"), directory.path().join("plain"));
        write(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
