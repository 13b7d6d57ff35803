//! Runs that are put away: removed, or packed before that into one compressed file each.
//!
//! A packed run is a `tar` file, compressed by `gzip`, of the run's directory; [`Store::open_packed`]
//! reads it like any run. It is whole on the disk, and was read back, before the directory goes.

use super::error::StoreError;
use super::layout::Layout;
use super::lock::{Holder, Lock};
use super::run::RunReader;
use super::{Store, atomic, is_run_id};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// What the name of a packed run ends with.
pub const PACKED: &str = ".tar.gz";

/// A packed run, unpacked beside everything else for as long as this lives.
#[derive(Debug)]
pub struct PackedRun {
    reader: RunReader,
    _directory: TempDir,
}

impl PackedRun {
    /// The run, for reading.
    pub fn reader(&self) -> &RunReader {
        &self.reader
    }
}

impl Store {
    /// How many bytes the files of the run `id` have.
    pub fn run_size(&self, id: &str) -> u64 {
        size(&self.layout(id).directory)
    }

    /// Remove the run `id`, packed into `archive` before that if there is one: where it is then. It
    /// fails while a process writes the run.
    pub fn put_away(
        &self,
        id: &str,
        archive: Option<&Path>,
        holder: &Holder,
    ) -> Result<Option<PathBuf>, StoreError> {
        let layout = self.layout(id);
        let lock = Lock::acquire(&layout.lock(), holder);
        if lock.is_err() && !layout.directory.exists() {
            let (path, which, newest) = (self.runs(), id.to_owned(), Vec::new());
            return Err(StoreError::UnknownRun { path, which, newest });
        }
        let _lock = lock?;
        let packed = archive.map(|archive| pack(&layout, id, archive)).transpose()?;
        // Away at once under a name that no reader looks at, then piece by piece.
        let doomed = atomic::doomed(&layout.directory);
        fs::rename(&layout.directory, &doomed)
            .map_err(StoreError::io("removed", &layout.directory))?;
        atomic::sync_directory(&self.runs())?;
        fs::remove_dir_all(&doomed).map_err(StoreError::io("removed", &doomed))?;
        Ok(packed)
    }

    /// Remove what killed processes have left: runs that were half put away, and runs and files that were
    /// half begun.
    pub fn sweep_up(&self) -> Result<(), StoreError> {
        /// After so long nobody writes at what has not yet its name.
        const ABANDONED: Duration = Duration::from_secs(3_600);
        atomic::remove_leftovers(&self.runs())?;
        for id in atomic::entries(&self.runs())?.iter().filter(|id| is_run_id(id)) {
            let layout = self.layout(id);
            let made = fs::metadata(&layout.directory).and_then(|it| it.modified());
            let is_old = made.is_ok_and(|it| it.elapsed().unwrap_or_default() > ABANDONED);
            // One that has rows has lost its file since, and may get it back from a copy.
            let is_unbegun = !layout.run_file().exists() && !layout.has_rows();
            if is_old && is_unbegun && !Lock::is_held(&layout.lock()) {
                atomic::remove_whatever(&layout.directory)?;
            }
        }
        let views = [self.path().to_owned(), self.path().join("reports")];
        for directory in views.into_iter().chain(self.months()?) {
            atomic::remove_leftovers_older_than(&directory, ABANDONED)?;
        }
        Ok(())
    }

    /// Open the packed run in the file at `path`.
    pub fn open_packed(path: &Path) -> Result<PackedRun, StoreError> {
        let unpack = || -> io::Result<(TempDir, PathBuf)> {
            let directory = tempfile::tempdir()?;
            let mut archive = reader(path)?;
            archive.unpack(directory.path())?;
            finish(archive)?;
            let run = fs::read_dir(directory.path())?.next();
            let run = run.ok_or_else(|| io::Error::other("it is empty"))??.path();
            Ok((directory, run))
        };
        let (temporary, directory) = unpack().map_err(StoreError::io("unpacked", path))?;
        let reader = RunReader::open(Layout { directory })?;
        Ok(PackedRun { reader, _directory: temporary })
    }
}

fn size(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(&entry.path()),
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}

fn reader(path: &Path) -> io::Result<tar::Archive<GzDecoder<BufReader<File>>>> {
    Ok(tar::Archive::new(GzDecoder::new(BufReader::new(File::open(path)?))))
}

/// Read what comes after the last entry: the digest of everything stands at the very end.
fn finish(archive: tar::Archive<impl Read>) -> io::Result<u64> {
    io::copy(&mut archive.into_inner(), &mut io::sink())
}

/// Pack the run in `layout` under the name `id` into a file of the directory `archive`. The same files make
/// the same bytes, whoever holds the lock: what a killed process has packed is known again.
fn pack(layout: &Layout, id: &str, archive: &Path) -> Result<PathBuf, StoreError> {
    atomic::create_directories(archive)?;
    let path = archive.join(format!("{id}{PACKED}"));
    let write = || -> io::Result<NamedTempFile> {
        let temporary = atomic::temporary_in(archive)?;
        let encoder = GzEncoder::new(BufWriter::new(temporary), Compression::default());
        let mut builder = tar::Builder::new(encoder);
        builder.mode(tar::HeaderMode::Deterministic);
        add(&mut builder, &layout.directory, Path::new(id), &layout.lock())?;
        let mut buffer = builder.into_inner()?.finish()?;
        buffer.flush()?;
        let temporary = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        // What cannot be read back is no copy.
        let mut archive = reader(temporary.path())?;
        for entry in archive.entries()? {
            io::copy(&mut entry?, &mut io::sink())?;
        }
        finish(archive)?;
        Ok(temporary)
    };
    let temporary = write().map_err(StoreError::io("written", &path))?;
    match temporary.persist_noclobber(&path) {
        Ok(_) => atomic::sync_directory(archive).map(|()| path),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            let (ours, there) = (digest(error.file.path()), digest(&path));
            if ours.and_then(|ours| Ok(ours == there?)).map_err(StoreError::io("read", &path))? {
                return Ok(path);
            }
            Err(StoreError::Unfit {
                path,
                fact: "is there already, and is not what this run comes to".into(),
                remedy: "name another directory, or remove the file",
            })
        }
        Err(error) => Err(StoreError::io("written", &path)(error.error)),
    }
}

/// Add `directory` as `name`, in the order of the names, without the file `lock`.
fn add(
    builder: &mut tar::Builder<impl Write>,
    directory: &Path,
    name: &Path,
    lock: &Path,
) -> io::Result<()> {
    builder.append_dir(name, directory)?;
    let entries: io::Result<Vec<_>> = fs::read_dir(directory)?.collect();
    let mut entries = entries?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        match path.is_dir() {
            true => add(builder, &path, &name, lock)?,
            false if path != lock => builder.append_path_with_name(&path, &name)?,
            false => {}
        }
    }
    Ok(())
}

fn digest(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{holder, minute, run_with};
    use super::*;
    use crate::store::row::tests::{label, row};
    use std::time::SystemTime;

    /// A store with one run, and its id.
    fn stored(directory: &TempDir) -> (Store, String) {
        let store = Store::at(directory.path().join("output"));
        let run = run_with(&store, 1, &[(label(&[]), row(0))]);
        let id = run.id().to_owned();
        (store, id)
    }

    /// The files of a run; its directories are listed by name.
    fn files(directory: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
        let names = ["run.json", "plan.jsonl", "results.csv", "results.parquet"];
        let bytes = |name: &str| (name.to_owned(), fs::read(directory.join(name)).unwrap());
        names.into_iter().map(bytes).collect()
    }

    #[test]
    fn a_run_that_is_put_away_is_read_like_any_other() {
        let directory = tempfile::tempdir().unwrap();
        let (store, id) = stored(&directory);
        let before = files(&store.layout(&id).directory);
        let results = store.open_run(&id).unwrap().results().ok();
        let archive = directory.path().join("archive");
        let path = store.put_away(&id, Some(&archive), &holder()).unwrap().unwrap();
        assert!(store.run_files().0.is_empty());
        assert_eq!(fs::read_dir(store.runs()).unwrap().count(), 0, "no leftovers");
        let packed = Store::open_packed(&path).unwrap();
        assert_eq!(packed.reader().id(), id);
        assert_eq!(packed.reader().results().ok(), results);
        assert_eq!(files(packed.reader().path()), before);
        assert!(matches!(
            store.put_away(&id, Some(&archive), &holder()),
            Err(StoreError::UnknownRun { .. })
        ));
        // Whoever packed it was killed before it was gone.
        archive_of(&path).unpack(store.runs()).unwrap();
        let later = Holder::this_process("elsewhere", &["papertape".into()]);
        assert_eq!(store.put_away(&id, Some(&archive), &later).unwrap(), Some(path.clone()));
        assert!(!store.layout(&id).directory.exists());
        // Another one of that name is refused, and stays.
        archive_of(&path).unpack(store.runs()).unwrap();
        fs::write(store.layout(&id).directory.join("results.csv"), "").unwrap();
        assert!(matches!(
            store.put_away(&id, Some(&archive), &holder()),
            Err(StoreError::Unfit { .. })
        ));
        assert!(store.layout(&id).directory.exists());
    }

    fn archive_of(path: &Path) -> tar::Archive<impl Read> {
        reader(path).unwrap()
    }

    #[test]
    fn a_run_that_is_being_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(super::super::run_file::tests::header(), minute(1)).unwrap();
        let error = store.put_away(run.id(), None, &holder()).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }));
        assert!(run.reader().path().join("run.json").exists());
    }

    #[test]
    fn what_was_never_begun_is_swept_up_once_nobody_can_be_at_it() {
        let directory = tempfile::tempdir().unwrap();
        let (store, id) = stored(&directory);
        let unbegun = store.runs().join("20261121T060100Z-aaaaaa");
        let half = store.path().join(".tmp-half");
        fs::create_dir_all(unbegun.join("rows")).unwrap();
        let robbed = store.runs().join("20261121T060200Z-bbbbbb");
        fs::create_dir_all(robbed.join("rows")).unwrap();
        fs::write(robbed.join("rows/000001.parquet"), "rows").unwrap();
        fs::write(&half, "half a page").unwrap();
        store.sweep_up().unwrap();
        assert!(unbegun.exists() && half.exists(), "somebody may be at it");
        let long_ago = SystemTime::now() - Duration::from_secs(7_200);
        for path in [&unbegun, &robbed, &half, &store.layout(&id).directory] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        store.sweep_up().unwrap();
        assert!(!unbegun.exists() && !half.exists() && robbed.exists());
        assert_eq!(store.run_files().0.len(), 1, "a run stays");
    }

    #[test]
    fn a_packed_file_cut_anywhere_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let (store, id) = stored(&directory);
        let path = store.put_away(&id, Some(directory.path()), &holder()).unwrap().unwrap();
        let bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 12..bytes.len();
        for cut in (0..bytes.len() - 1).step_by(bytes.len() / 20).chain(last) {
            fs::write(&path, &bytes[..cut]).unwrap();
            let error = Store::open_packed(&path).unwrap_err().to_string();
            assert!(error.contains(&id), "{error}");
        }
    }
}
