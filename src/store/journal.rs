//! Journals: one [`Event`] a line, appended while things happen.
//!
//! A line counts when its newline is there. A torn last line, left by a writer that was killed, is
//! dropped by the next writer and never seen by a reader.

use super::atomic;
use super::error::{StoreError, StoreWarning};
use super::event::Event;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A journal open for appending; it has one writer.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    len: u64,
}

impl Journal {
    /// Opens the journal `path`, made if need be, and drops a torn last line.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let open = || {
            let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            let bytes = fs::read(path)?;
            let len = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
            file.set_len(len as u64)?;
            Ok(Self { path: path.to_owned(), file, len: len as u64 })
        };
        open().map_err(StoreError::io("opened", path))
    }

    /// Appends a line for each of `events` with a single write.
    pub fn append_all(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event)
                .map_err(|error| StoreError::damaged(&self.path, error))?;
            lines.push(b'\n');
        }
        self.write(&lines)
    }

    /// Makes all lines survive the end of the machine too.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let synced = atomic::step().and_then(|()| self.file.sync_all());
        synced.map_err(StoreError::io("synced", &self.path))
    }

    /// Appends one line with a single write; it is seen by readers at once and survives the end of
    /// this process, though not necessarily that of the machine.
    pub fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        let mut line =
            serde_json::to_vec(event).map_err(|error| StoreError::damaged(&self.path, error))?;
        line.push(b'\n');
        self.write(&line)
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        let written = match atomic::step() {
            Ok(()) => self.file.write_all(lines),
            // The moment at which a test kills the writer: with half of the bytes on the disk.
            Err(error) => self.file.write_all(&lines[..lines.len() / 2]).and(Err(error)),
        };
        if written.is_err() {
            // A part of a line may be there, and the next line must not be glued to it. If even
            // this fails the reader names the line.
            let _ = self.file.set_len(self.len);
        }
        written.map_err(StoreError::io("appended to", &self.path))?;
        self.len += lines.len() as u64;
        Ok(())
    }
}

/// Append `event` to the file at `path`, which several processes may write: one line is one write, and
/// none is ever taken back.
pub fn append_event(path: &Path, event: &Event) -> Result<(), StoreError> {
    let mut line = serde_json::to_vec(event).map_err(|error| StoreError::damaged(path, error))?;
    line.push(b'\n');
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(&line)).map_err(StoreError::io("appended to", path))
}

/// A journal open for reading while somebody else may write it.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    /// Bytes that were read, whole lines all of them.
    read: u64,
    lines: usize,
    /// The number of the file, which another one of this name does not have.
    file: Option<u64>,
}

impl JournalReader {
    /// The journal at `path`, from its beginning; it need not be there yet.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, read: 0, lines: 0, file: None }
    }

    /// The same, from its end: what stands there is passed over, and need not be understood, which takes a
    /// while where it tells of months.
    pub fn from_now(mut self) -> Self {
        let there = self.new_bytes().unwrap_or_default();
        let whole = there.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        self.lines += there[..whole].iter().filter(|byte| **byte == b'\n').count();
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same journal, which is now where `other` reads.
    pub fn moved(self, other: Self) -> Self {
        Self { path: other.path, ..self }
    }

    /// The events that were written since the last call, in their order. A torn last line is left for
    /// the next call, a damaged one before it is passed over with a warning.
    pub fn read(&mut self) -> (Vec<Event>, Vec<StoreWarning>) {
        let new = match self.new_bytes() {
            Ok(new) => new,
            Err(error) if error.kind() == ErrorKind::NotFound => return (Vec::new(), Vec::new()),
            Err(error) => return (Vec::new(), vec![StoreError::io("read", &self.path)(error)]),
        };
        let (mut events, mut warnings) = (Vec::new(), Vec::new());
        for line in new.split_inclusive(|&byte| byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            self.read += line.len() as u64 + 1;
            self.lines += 1;
            match serde_json::from_slice(line) {
                Ok(event) => events.push(event),
                Err(error) => {
                    let fact = format!("line {} is not an event, {error}", self.lines);
                    warnings.push(StoreError::damaged(&self.path, fact));
                }
            }
        }
        (events, warnings)
    }

    fn new_bytes(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let meta = file.metadata()?;
        let known = std::mem::replace(&mut self.file, number(&meta));
        if meta.len() < self.read || (known.is_some() && known != self.file) {
            // Another file has taken its place.
            (self.read, self.lines) = (0, 0);
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The number of a file, where files have one.
#[cfg(unix)]
fn number(meta: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(meta))
}

#[cfg(not(unix))]
fn number(_meta: &Metadata) -> Option<u64> {
    None
}

/// The events of the journal `path` in their order, none if there is no such file. A torn last line
/// is left out silently, a damaged one before it with a warning.
pub(super) fn read_events(path: &Path) -> (Vec<Event>, Vec<StoreWarning>) {
    JournalReader::at(path.to_owned()).read()
}

#[cfg(test)]
mod tests {
    use super::super::event::EventKind;
    use super::*;
    use chrono::DateTime;

    fn event(message: &str) -> Event {
        let time = DateTime::from_timestamp_nanos(1_795_242_660_000_000_000);
        Event::new(time, EventKind::Warning, message)
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_lines_and_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        let events = [event("one"), event("a\nb"), event("")];
        for event in &events {
            journal.append(event).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        assert_eq!(read_events(&path).0, events);
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
            let (read, warnings) = read_events(&path);
            assert_eq!(read, events[..whole]);
            assert!(warnings.is_empty(), "a torn last line is no news");
            Journal::open(&path).unwrap().append(&event("next")).unwrap();
            let (read, warnings) = read_events(&path);
            assert_eq!(read, [&events[..whole], &[event("next")]].concat());
            assert!(warnings.is_empty());
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let line = |message| serde_json::to_string(&event(message)).unwrap();
        let text =
            [line("a").into_bytes(), b"{\"a\":\xff".to_vec(), line("b").into_bytes(), vec![]];
        fs::write(&path, text.join(&b'\n')).unwrap();
        let (events, warnings) = read_events(&path);
        assert_eq!(events, [event("a"), event("b")]);
        let [warning] = &warnings[..] else { panic!("one line is damaged") };
        assert!(warning.to_string().contains("events.jsonl: line 2 is not an event"), "{warning}");
    }

    #[test]
    fn a_journal_that_grows_is_followed_line_by_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        let mut reader = JournalReader::at(path.clone());
        assert_eq!(reader.read().0, []);
        let mut journal = Journal::open(&path).unwrap();
        journal.append(&event("one")).unwrap();
        assert_eq!(reader.read().0, [event("one")]);
        let line = serde_json::to_string(&event("two")).unwrap() + "\n";
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&line.as_bytes()[..9]).unwrap();
        assert_eq!(reader.read().0, [], "half a line is none");
        file.write_all(&line.as_bytes()[9..]).unwrap();
        assert_eq!(reader.read().0, [event("two")]);
        assert_eq!(reader.read().0, []);
        fs::write(&path, &line).unwrap();
        assert_eq!(reader.read().0, [event("two")], "another file in its place begins anew");
        let mut late = JournalReader::at(path.clone()).from_now();
        fs::write(directory.path().join("new"), line.clone() + &line + "torn").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        for reader in [&mut reader, &mut late] {
            assert_eq!(reader.read().0, [event("two"), event("two")], "longer or not");
        }
        let mut late = JournalReader::at(path.clone()).from_now();
        fs::write(&path, line.clone() + &line + &line).unwrap();
        assert_eq!(late.read().0, [event("two")], "what stood there is passed over");
    }

    #[test]
    fn no_journal_has_no_events() {
        let directory = tempfile::tempdir().unwrap();
        let (events, warnings) = read_events(&directory.path().join("events.jsonl"));
        assert!(events.is_empty() && warnings.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_journal() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut journal = Journal { path, file, len: 0 };
        let error = journal.append(&event("a")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot be appended to"), "{error}");
        assert!(error.ends_with("free some space there and try again"), "{error}");
    }
}
