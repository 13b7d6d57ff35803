//! A paper account's directory: what it has seen, what was told and done, and where it stood.
//!
//! ```text
//! output/paper/<session>/
//!   journal.jsonl                 the truth of what was commanded and told; only ever grows
//!   bars/000001.parquet ...       the account's own copy of every bar that it has seen, in batches
//!   checkpoints/000001.json ...   where it stood, with digests; older ones are compressed
//!   control/                      commands of other processes, each a file renamed in
//!   undone/<stamp>/               what came after a checkpoint to which the account was taken back
//!   account.json  summary.json  trades.csv  equity.csv      views, which may be made again
//!   lock                          the kernel's, never removed
//! ```
//!
//! One process at a time holds an account. Each batch of bars is one file that appears at once, for
//! all symbols together; batches are merged when there are many of them, the new file first and the
//! old ones removed after it, so that a process that is killed between leaves a file that is passed
//! over.

use super::atomic;
use super::control::Control;
use super::error::{StoreError, StoreWarning};
use super::event::Event;
use super::journal::{Journal, JournalReader, read_events};
use super::lock::{Holder, Lock};
use super::own_bars;
use super::parquet;
use super::restore;
use super::{Store, file_name};
use crate::bars::Bars;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// So many batches of bars are merged into one.
const BATCHES: usize = 64;
/// What stands between an account's name and the time at which it was put aside; no session's name
/// has it.
const ASIDE: char = '~';
/// The newest checkpoints, which are not compressed.
const PLAIN: usize = 3;

/// The directory in which others leave commands.
const CONTROL: &str = "control";

/// The directory of lines that came on standard input.
const FEED: &str = "feed";

/// The view that tells how an account is.
pub const ACCOUNT_FILE: &str = "account.json";

/// The names in an account's directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) directory: PathBuf,
}

impl Layout {
    pub(super) fn journal(&self) -> PathBuf {
        self.directory.join("journal.jsonl")
    }

    pub(super) fn bars(&self) -> PathBuf {
        self.directory.join("bars")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.directory.join("checkpoints")
    }

    fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    pub(super) fn restoring(&self) -> PathBuf {
        self.directory.join("restoring.json")
    }

    pub(super) fn undone(&self, stamp: &str) -> PathBuf {
        self.directory.join("undone").join(stamp)
    }

    /// The batches of bars that count: the numbers of the first and the last batch in each file.
    fn batches(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        let names = atomic::entries(&self.bars())?;
        let mut spans: Vec<(u64, u64)> = names.iter().filter_map(|name| span(name)).collect();
        // Of two files with the same batch the one with more of them holds all of the other.
        spans.sort_by_key(|&(first, last)| (first, std::cmp::Reverse(last)));
        let mut until = 0;
        spans.retain(|&(_, last)| {
            let news = last > until;
            until = until.max(last);
            news
        });
        Ok(spans)
    }

    fn batch(&self, (first, last): (u64, u64)) -> PathBuf {
        let name = match first == last {
            true => format!("{first:06}.parquet"),
            false => format!("{first:06}-{last:06}.parquet"),
        };
        self.bars().join(name)
    }

    /// The numbers of the checkpoints, ascending, with where they are.
    pub(super) fn checkpoint_files(&self) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let names = atomic::entries(&self.checkpoints())?;
        let number = |name: &String| {
            let number = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".json")?;
            Some((number.parse().ok()?, self.checkpoints().join(name)))
        };
        let mut files: Vec<(u64, PathBuf)> = names.iter().filter_map(number).collect();
        files.sort();
        // A checkpoint that was being compressed may be there twice.
        files.dedup_by_key(|(number, _)| *number);
        Ok(files)
    }
}

fn span(name: &str) -> Option<(u64, u64)> {
    let numbers = name.strip_suffix(".parquet")?;
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// An account's directory, open for reading; it may grow meanwhile.
#[derive(Debug, Clone)]
pub struct AccountReader {
    name: String,
    pub(super) layout: Layout,
}

impl AccountReader {
    /// The account's name: the session's, and when it was put aside, if it was.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account's directory.
    pub fn path(&self) -> &Path {
        &self.layout.directory
    }

    /// Whether there is such an account.
    pub fn exists(&self) -> bool {
        let is_told = fs::metadata(self.layout.journal()).is_ok_and(|journal| journal.len() > 0);
        // One that has lost its journal is an account all the same, and somebody has to be told.
        is_told || self.layout.batches().is_ok_and(|batches| !batches.is_empty())
    }

    /// Whether it has bars of its own, readable or not.
    pub fn has_bars(&self) -> Result<bool, StoreError> {
        Ok(!self.layout.batches()?.is_empty())
    }

    /// What is wrong with one of its files, which is named as it is seen from the account's directory: the
    /// results of a run hold no path of a machine.
    pub fn words(&self, error: &StoreError) -> String {
        let words = match error {
            // What to do about it depends on the account.
            StoreError::Damaged { path, fact, .. } => format!("{}: {fact}", path.display()),
            error => error.to_string(),
        };
        words.replace(&format!("{}/", self.path().display()), "")
    }

    /// The directory in which other processes leave commands.
    pub fn control(&self) -> PathBuf {
        self.layout.directory.join(CONTROL)
    }

    /// The file `name`, without an ending, of lines that came on standard input.
    pub fn feed(&self, name: &str) -> PathBuf {
        self.layout.directory.join(FEED).join(file_name(name))
    }

    /// Whether a process has it open, and which.
    pub fn holder(&self) -> Option<Holder> {
        let lock = self.layout.lock();
        let held = Lock::is_held(&lock).then(|| fs::read(&lock).ok())??;
        serde_json::from_slice(&held).ok()
    }

    /// What was told and commanded, in order; a damaged line is passed over with a warning.
    pub fn journal(&self) -> (Vec<Event>, Vec<StoreWarning>) {
        read_events(&self.layout.journal())
    }

    /// The text of a view; `None` if it is not there.
    pub fn view(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.layout.directory.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// The bars that the account has seen, a symbol each, in the order in which they came. Their clocks
    /// tell UTC and bars of a day: whoever reads them knows better. Beside them why the later ones
    /// cannot be read, if they cannot.
    pub fn bars(&self) -> (Vec<Bars>, Option<StoreError>) {
        let mut all = Vec::new();
        let mut read = || {
            for span in self.layout.batches()? {
                let path = self.layout.batch(span);
                let table = parquet::read(&path, None)?;
                own_bars::append(&mut all, &table)
                    .map_err(|fact| StoreError::damaged(&path, fact))?;
            }
            Ok(())
        };
        let unread = read().err();
        (all, unread)
    }

    /// The numbers of its checkpoints, ascending.
    pub fn checkpoints(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.layout.checkpoint_files()?.into_iter().map(|(number, _)| number).collect())
    }

    /// The text of a checkpoint.
    pub fn checkpoint(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let files = self.layout.checkpoint_files()?;
        let Some((_, path)) = files.into_iter().find(|(known, _)| *known == number) else {
            return Ok(None);
        };
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        if path.extension().is_none_or(|extension| extension != "gz") {
            return Ok(Some(bytes));
        }
        let mut text = Vec::new();
        let unpacked = GzDecoder::new(&bytes[..]).read_to_end(&mut text);
        unpacked.map_err(|error| StoreError::damaged(&path, error))?;
        Ok(Some(text))
    }
}

/// An account's directory, locked while this lives.
#[derive(Debug)]
pub struct AccountDirectory {
    reader: AccountReader,
    journal: Journal,
    _lock: Lock,
}

impl Store {
    /// The names of all accounts that are not put aside, in alphabetical order.
    pub fn accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut names = atomic::entries(&self.accounts_directory())?;
        names.retain(|name| !name.contains(ASIDE) && self.account(name).exists());
        Ok(names)
    }

    /// The names of the accounts that were put aside, the oldest of each session first.
    pub fn accounts_aside(&self) -> Result<Vec<String>, StoreError> {
        let mut names = atomic::entries(&self.accounts_directory())?;
        names.retain(|name| name.contains(ASIDE));
        Ok(names)
    }

    /// The session of the account `name`, which may have been put aside.
    pub fn session_of(name: &str) -> &str {
        name.split(ASIDE).next().unwrap_or(name)
    }

    /// The journal of the account `name`, which may have been put aside, to be followed; there may be none
    /// yet.
    pub fn account_journal(&self, name: &str) -> JournalReader {
        let (session, aside) = name.split_at(name.find(ASIDE).unwrap_or(name.len()));
        let aside = aside.strip_prefix(ASIDE).map(|stamp| format!("{ASIDE}{}", file_name(stamp)));
        let directory = file_name(session) + &aside.unwrap_or_default();
        JournalReader::at(self.accounts_directory().join(directory).join("journal.jsonl"))
    }

    /// The account of `session`, for reading.
    pub fn account(&self, session: &str) -> AccountReader {
        let directory = self.accounts_directory().join(session);
        AccountReader { name: session.to_owned(), layout: Layout { directory } }
    }

    /// Locks the account of `session`, and makes its directory if need be. `holder` is what others are
    /// told meanwhile.
    pub fn open_account(
        &self,
        session: &str,
        holder: &Holder,
    ) -> Result<AccountDirectory, StoreError> {
        let reader = self.account(session);
        let layout = &reader.layout;
        for directory in [layout.bars(), layout.checkpoints()] {
            atomic::create_directories(&directory)?;
        }
        // Where this is not possible, whoever looks for commands is told.
        let _ = Control::open(reader.control()).and_then(|control| control.remove_abandoned());
        let lock = Lock::acquire(&layout.lock(), holder)?;
        for directory in [layout.directory.clone(), layout.bars(), layout.checkpoints()] {
            atomic::remove_leftovers(&directory)?;
        }
        restore::finish(layout)?;
        let journal = Journal::open(&layout.journal())?;
        Ok(AccountDirectory { reader, journal, _lock: lock })
    }

    fn accounts_directory(&self) -> PathBuf {
        self.path().join("paper")
    }
}

impl AccountDirectory {
    /// The account, for reading.
    pub fn reader(&self) -> &AccountReader {
        &self.reader
    }

    /// Appends `events` to the journal, in one piece, and makes them last.
    pub fn tell(&mut self, events: &[Event]) -> Result<(), StoreError> {
        self.journal.append_all(events)?;
        self.journal.sync()
    }

    /// Adds bars to those that the account has seen: all of them, or none.
    pub fn add_bars(&mut self, bars: &[Bars]) -> Result<(), StoreError> {
        let layout = &self.reader.layout;
        let batches = layout.batches()?;
        let next = batches.last().map_or(0, |(_, last)| *last) + 1;
        parquet::write(&layout.batch((next, next)), &own_bars::table(bars))?;
        if batches.len() + 1 >= BATCHES {
            let (all, unread) = self.reader.bars();
            unread.map_or(Ok(()), Err)?;
            let merged = (batches[0].0, next);
            parquet::write(&layout.batch(merged), &own_bars::table(&all))?;
            for old in batches.into_iter().chain([(next, next)]) {
                atomic::remove(&layout.batch(old))?;
            }
        }
        Ok(())
    }

    /// Writes a view, replacing the one that is there.
    pub fn write_view(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        atomic::write(&self.reader.layout.directory.join(name), bytes)
    }

    /// Adds to the end of a view that is `length` bytes long; `false`, and nothing is written, if there is
    /// none.
    pub fn extend_view(&self, name: &str, length: u64, bytes: &[u8]) -> Result<bool, StoreError> {
        atomic::extend(&self.reader.layout.directory.join(name), length, bytes)
    }

    /// Writes a checkpoint and compresses those that are no longer new.
    pub fn write_checkpoint(&self, number: u64, text: &[u8]) -> Result<(), StoreError> {
        let layout = &self.reader.layout;
        atomic::write(&layout.checkpoints().join(format!("{number:06}.json")), text)?;
        let files = layout.checkpoint_files()?;
        let old = files.len().saturating_sub(PLAIN);
        for (number, path) in &files[..old] {
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read(path).map_err(StoreError::io("read", path))?;
                let gz = layout.checkpoints().join(format!("{number:06}.json.gz"));
                atomic::write(&gz, &compressed(&text))?;
                atomic::remove(path)?;
            }
        }
        Ok(())
    }

    /// Removes a checkpoint.
    pub fn remove_checkpoint(&self, number: u64) -> Result<(), StoreError> {
        let files = self.reader.layout.checkpoint_files()?;
        let paths = files.iter().filter(|(known, _)| *known == number);
        paths.into_iter().try_for_each(|(_, path)| atomic::remove(path))
    }

    /// Puts the account aside under a name with `stamp`, as the command `id` says, so that another can be
    /// opened; the new name. Lines that came on standard input are the feed of both and stay where they
    /// are, and so do later commands.
    pub fn put_aside(self, stamp: &str, id: &str) -> Result<String, StoreError> {
        let from = &self.reader.layout.directory;
        let name = format!("{}{ASIDE}{}", self.reader.name, file_name(stamp));
        let aside = from.with_file_name(&name);
        atomic::rename(from, &aside)?;
        if aside.join(FEED).is_dir() {
            atomic::create_directories(from)?;
            atomic::rename(&aside.join(FEED), &from.join(FEED))?;
        }
        Control::open(aside.join(CONTROL))?.pass_on(id, &self.reader.control())?;
        Ok(name)
    }
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let wrote = "bytes are written to memory";
    encoder.write_all(text).expect(wrote);
    encoder.finish().expect(wrote)
}
