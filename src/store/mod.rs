//! The output directory as a type: nothing outside this module joins paths below it.
//!
//! ```text
//! output/
//!   runs/20261121T063100Z-9f3a1c/          a Run writes it, a RunReader reads it
//!     run.json                             RunFile: who, what, when, how it ended
//!     plan.jsonl                           the frozen plan
//!     rows/000001.parquet ...              finished Rows, in batches, while the run is open
//!     results.parquet  results.csv         every Label and Row, in plan order
//!     sessions/<name>-<16 hex>/            the details of the sessions that were kept
//!     report.html  report.md               views, which may be made again
//!     events.jsonl                         the Journal, an Event a line
//!     lock                                 the kernel's, never removed
//!   paper/<session>/                     an AccountDirectory writes it, an AccountReader reads it
//!   hooks.jsonl                            what went wrong with hooks, an Event a line
//!   records/2026/11/<stamp>_<mode>_<session>.json     Records: the registry
//!   index.html  reports/                 views of all runs and of the registry
//! ```
//!
//! Facts are written once, through the door `atomic`: a file is whole or it is not there. A run
//! has one writer, who holds its lock; readers take none. A file that was damaged since is passed
//! over with a warning that names it, wherever the rest is of use without it. Results hold no time,
//! host, path or run id, so that the same rows are the same bytes; all of that is in `run.json` and
//! the records. Parquet goes through polars, here and in the market room alone, and never from a
//! task of the batch's thread pool.

mod account;
mod archive;
mod atomic;
mod cache;
mod control;
mod equity;
mod error;
mod event;
mod feed;
mod journal;
mod layout;
mod lock;
mod own_bars;
mod packed;
mod parquet;
mod prices;
mod record;
mod restore;
mod results;
mod row;
mod run;
mod run_file;
mod series;
mod table;

pub use account::{ACCOUNT_FILE, AccountDirectory, AccountReader};
pub use archive::Archive;
pub use atomic::{create_directories, die_after, entries, remove, write};
pub use cache::CachedRow;
pub use control::{Control, ENDING, Taken};
pub use equity::{EQUITY_FILE, Equity, equity_parquet};
pub use error::{StoreError, StoreWarning};
pub use event::{Event, EventKind, Level};
pub use feed::FeedFile;
pub use journal::{Journal, JournalReader, append_event};
pub use layout::page;
pub use lock::Holder;
pub use packed::{PACKED, PackedRun};
pub use prices::{PRICES_FILE, PriceSeries, prices_parquet};
pub use record::{DataCheck, Identity, Record, SweepSummary};
pub use restore::Restore;
pub use results::read_results;
pub use row::{Label, Row, Status};
pub use run::{Run, RunReader};
pub use run_file::{
    CachedFrom, Counts, Goal, ManifestDigest, Note, Objective, Phase, RunFile, RunHeader,
    RunStatus, SCHEMA,
};
pub use series::{Added, Revision, stamp, write_bars};

use blake3::Hash;
use chrono::{DateTime, Utc};
use layout::Layout;
use std::cmp::Reverse;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::{Timestamp, Uuid};

/// The output directory of a project.
#[derive(Debug, Clone)]
pub struct Store {
    output: PathBuf,
}

impl Store {
    /// The store in the directory `output`, which need not be there yet; nothing is made.
    pub fn at(output: impl Into<PathBuf>) -> Self {
        Self { output: output.into() }
    }

    /// The output directory.
    pub fn path(&self) -> &Path {
        &self.output
    }

    /// How long it takes to keep a session with these files: they are written where the output is, or
    /// will be, and removed again. `None` where nothing can be written.
    pub fn time_to_keep(&self, files: &[(&str, &[u8])]) -> Option<Duration> {
        self.time_to(|path| atomic::create_directory(path, files))
    }

    /// How long it takes to write a record, found out in the same way.
    pub fn time_to_record(&self) -> Option<Duration> {
        const RECORD: [u8; 4_096] = [b'\n'; 4_096];
        self.time_to(|path| atomic::create(path, &RECORD))
    }

    /// How long it takes to `make` something in the output directory: of three times the middle one, for the
    /// first makes room and others write too.
    fn time_to(&self, make: impl Fn(&Path) -> Result<bool, StoreError>) -> Option<Duration> {
        let here = Path::new(".");
        let ancestors = self.output.ancestors().map(|path| if path == "" { here } else { path });
        let beside = ancestors.into_iter().find(|path| path.is_dir())?;
        let probe = atomic::passing_directory(beside).ok()?;
        let mut times = Vec::new();
        for name in ["first", "second", "third"] {
            let began = Instant::now();
            make(&probe.path().join(name)).ok()?;
            times.push(began.elapsed());
        }
        times.sort();
        times.get(1).copied()
    }

    /// Begins a run at `now`: makes its directory, takes its lock and writes its plan and `run.json`.
    pub fn create_run(&self, header: RunHeader, now: DateTime<Utc>) -> Result<Run, StoreError> {
        let seconds = now.timestamp().try_into().unwrap_or_default();
        let timestamp = Timestamp::from_unix_time(seconds, now.timestamp_subsec_nanos(), 0, 0);
        self.create_run_named(header, now, || Uuid::new_v7(timestamp))
    }

    fn create_run_named(
        &self,
        header: RunHeader,
        now: DateTime<Utc>,
        mut uuid: impl FnMut() -> Uuid,
    ) -> Result<Run, StoreError> {
        atomic::create_directories(&self.runs())?;
        let (layout, id, uuid) = loop {
            let uuid = uuid();
            let id = run_id(now, uuid);
            let layout = self.layout(&id);
            // The directory is this run's only if this run has made it.
            match fs::create_dir(&layout.directory) {
                Ok(()) => break (layout, id, uuid),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("created", &layout.directory)(error)),
            }
        };
        atomic::sync_directory(&self.runs())?;
        Run::begin(layout, &header.plan, RunFile::begin(&header, id, uuid.to_string(), now))
    }

    /// Writes `index.html`, the view of all runs, and says where.
    pub fn write_index(&self, text: &str) -> Result<PathBuf, StoreError> {
        let path = self.output.join("index.html");
        atomic::create_directories(&self.output)?;
        atomic::write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Writes the view `name` of the registry into `directory`, or into the store's own directory for
    /// them, and says where.
    pub fn write_view(
        &self,
        directory: Option<&Path>,
        name: &str,
        text: &str,
    ) -> Result<PathBuf, StoreError> {
        let directory = directory.map_or_else(|| self.output.join("reports"), Path::to_owned);
        atomic::create_directories(&directory)?;
        let path = directory.join(name);
        atomic::write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Opens the run `which` for writing, to go on with it: `latest`, an id, or a part of one id.
    /// `holder` is what others are told while they find it locked.
    pub fn resume_run(&self, which: &str, holder: &Holder) -> Result<Run, StoreError> {
        Run::resume(self.find_run(which)?, holder)
    }

    /// Opens the run `which` for reading: `latest`, an id, or a part of one id.
    pub fn open_run(&self, which: &str) -> Result<RunReader, StoreError> {
        RunReader::open(self.find_run(which)?)
    }

    /// Where it stands what went wrong with hooks, an event a line.
    pub fn hook_log(&self) -> PathBuf {
        let path = &self.output;
        std::path::absolute(path).unwrap_or_else(|_| path.clone()).join("hooks.jsonl")
    }

    /// Adds a remark to the run `which` and says which run that is; it fails while a process writes
    /// the run.
    pub fn note(
        &self,
        which: &str,
        text: &str,
        now: DateTime<Utc>,
        holder: &Holder,
    ) -> Result<String, StoreError> {
        let mut run = self.resume_run(which, holder)?;
        run.update(|file| file.notes.push(Note { at: now, text: text.to_owned() }))?;
        Ok(run.id().to_owned())
    }

    /// All runs, newest first. One whose `run.json` is damaged is passed over with a warning.
    pub fn run_files(&self) -> (Vec<RunFile>, Vec<StoreWarning>) {
        let (mut files, mut warnings) = (Vec::new(), Vec::new());
        match self.run_ids() {
            Ok(ids) => {
                for id in ids {
                    match RunReader::open(self.layout(&id)) {
                        Ok(reader) => files.push(reader.into_file()),
                        Err(warning) => warnings.push(warning),
                    }
                }
            }
            Err(warning) => warnings.push(warning),
        }
        (files, warnings)
    }

    fn find_run(&self, which: &str) -> Result<Layout, StoreError> {
        /// How many runs a message lists.
        const LISTED: usize = 5;
        let ids = self.run_ids()?;
        let matching: Vec<&String> = match which {
            "latest" => ids.iter().take(1).collect(),
            "" => Vec::new(),
            _ => ids.iter().filter(|id| id.contains(which)).collect(),
        };
        let (path, which) = (self.runs(), which.to_owned());
        match &matching[..] {
            [id] => Ok(self.layout(id)),
            [] => Err(StoreError::UnknownRun {
                path,
                which,
                newest: ids.into_iter().take(LISTED).collect(),
            }),
            _ => {
                let candidates = matching.into_iter().take(LISTED).cloned().collect();
                Err(StoreError::AmbiguousRun { path, which, candidates })
            }
        }
    }

    /// The ids of all runs that have a `run.json`, newest first.
    fn run_ids(&self) -> Result<Vec<String>, StoreError> {
        let mut ids = atomic::entries(&self.runs())?;
        // Until its `run.json` is there, a directory is not yet a run: its maker is about to lock it.
        ids.retain(|id| is_run_id(id) && self.layout(id).run_file().exists());
        ids.sort_by(|a, b| b.cmp(a));
        // An id tells the second; which of several in one second is newer, their files tell.
        for second in ids.chunk_by_mut(|a, b| a[..STAMP] == b[..STAMP]) {
            if second.len() > 1 {
                second.sort_by_cached_key(|id| {
                    let file = RunFile::read(&self.layout(id).run_file());
                    Reverse(file.ok().map(|file| (file.started, file.uuid)))
                });
            }
        }
        Ok(ids)
    }

    /// The directory that a run left, newer than all runs, which was stopped while its plan was written.
    pub fn unbegun(&self) -> Option<String> {
        let newest = self.run_ids().ok()?.into_iter().next();
        let ids = atomic::entries(&self.runs()).ok()?.into_iter();
        let unbegun = ids.filter(|id| is_run_id(id) && !self.layout(id).run_file().exists());
        unbegun.max().filter(|id| newest.is_none_or(|newest| newest < *id))
    }

    fn runs(&self) -> PathBuf {
        self.output.join("runs")
    }

    fn records_directory(&self) -> PathBuf {
        self.output.join("records")
    }
}

/// How long the stamp of a run's id is.
const STAMP: usize = "20261121T063100Z".len();

/// The id of a run: when it started, to the second, and the end of its UUID.
fn run_id(now: DateTime<Utc>, uuid: Uuid) -> String {
    let uuid = uuid.simple().to_string();
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), &uuid[uuid.len() - 6..])
}

fn is_run_id(name: &str) -> bool {
    const SHAPE: &str = "00000000T000000Z-xxxxxx";
    name.len() == SHAPE.len()
        && name.bytes().zip(SHAPE.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            _ => byte == shape,
        })
}

/// The name of the directory of a kept session.
///
/// ```
/// use papertape::store::session_dir;
///
/// let identity = blake3::hash(b"an identity");
/// assert_eq!(session_dir("goog-sma", &identity), format!("goog-sma-{}", &identity.to_hex()[..16]));
/// ```
pub fn session_dir(session: &str, identity: &Hash) -> String {
    format!("{}-{}", file_name(session), &identity.to_hex()[..DIRECTORY_DIGITS])
}

/// How many digits of its identity the name of a kept session's directory ends with.
const DIRECTORY_DIGITS: usize = 16;

/// A file name for any text: what is not a letter, digit, `.`, `_` or `-` of ASCII becomes `%XX`, as
/// does a leading dot. Different texts have different names, never empty and of at most 120 bytes;
/// the end of a longer one is replaced by `~` and a digest.
///
/// ```
/// use papertape::store::file_name;
///
/// assert_eq!(file_name("GOOG"), "GOOG");
/// assert_eq!(file_name("BTC/USDT"), "BTC%2FUSDT");
/// assert_eq!(file_name(".."), "%2E.");
/// ```
pub fn file_name(text: &str) -> String {
    const LONGEST: usize = 120;
    const DIGITS: usize = 16;
    let mut name = String::with_capacity(text.len());
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(byte.into()),
            b'.' if place > 0 => name.push('.'),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.is_empty() {
        // No text gives this otherwise.
        name.push('%');
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST - DIGITS - 1);
        name.push('~');
        name.push_str(&blake3::hash(text.as_bytes()).to_hex()[..DIGITS]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::run_file::tests::header;
    use super::*;
    use chrono::TimeZone;
    use std::collections::{BTreeMap, HashSet};

    pub(super) fn minute(minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 21, 6, minute, 0).unwrap()
    }

    pub(super) fn holder() -> Holder {
        Holder::this_process("night", &["papertape".to_owned()])
    }

    /// A finished run with these results.
    pub(super) fn run_with(store: &Store, at: u32, results: &[(Label, Row)]) -> Run {
        let run = store.create_run(header(), minute(at)).unwrap();
        run.write_results(results.iter().map(|(label, row)| (label.clone(), row))).unwrap();
        run
    }

    /// The files of a directory by name.
    pub(super) fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| (name(&entry), fs::read(entry.path()).unwrap())).collect()
    }

    fn ids(store: &Store) -> Vec<String> {
        store.run_files().0.into_iter().map(|file| file.id).collect()
    }

    #[test]
    fn nothing_is_made_before_a_run() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().join("output"));
        assert!(store.run_files().0.is_empty() && store.run_files().1.is_empty());
        assert!(store.records().0.is_empty() && store.records().1.is_empty());
        let error = store.open_run("latest").unwrap_err().to_string();
        assert!(error.ends_with("there is no run `latest`; there are none yet"), "{error}");
        assert!(!store.path().exists());
    }

    #[test]
    fn a_run_begins_with_its_id_and_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(header(), minute(31)).unwrap();
        let file = run.reader().file();
        assert!(run.id().starts_with("20261121T063100Z-"), "{}", run.id());
        assert!(is_run_id(run.id()));
        assert!(file.uuid.ends_with(&run.id()[STAMP + 1..]), "{}", file.uuid);
        assert_eq!(Uuid::parse_str(&file.uuid).unwrap().get_version_num(), 7);
        assert_eq!((file.status, file.started, file.schema), (RunStatus::Running, minute(31), 1));
        assert_eq!(store.open_run("latest").unwrap().file(), file);
        assert_eq!(run.reader().path(), directory.path().join("runs").join(run.id()));
    }

    #[test]
    fn runs_come_newest_first_also_within_a_second() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let starts =
            [minute(5), minute(3), minute(4), minute(5) + chrono::TimeDelta::milliseconds(1)];
        let made = starts.map(|start| {
            let run = store.create_run(header(), start).unwrap();
            run.id().to_owned()
        });
        assert_eq!(ids(&store), [3, 0, 2, 1].map(|place: usize| made[place].clone()));
        assert_eq!(store.open_run("latest").unwrap().id(), made[3]);
    }

    #[test]
    fn a_run_whose_name_is_taken_gets_another() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let first = Uuid::from_u128(0x019a_a4f2_8a00_7c31_a2d4_5b60_e7aa_aaaa);
        let second = Uuid::from_u128(0x019a_a4f2_8a00_7c31_a2d4_5b60_e7bb_bbbb);
        let make = |uuids: &[Uuid]| {
            let mut uuids = uuids.iter();
            let next = || *uuids.next().expect("no more are asked for than are needed");
            store.create_run_named(header(), minute(1), next).unwrap().id().to_owned()
        };
        assert_eq!(make(&[first]), "20261121T060100Z-aaaaaa");
        assert_eq!(make(&[first, second]), "20261121T060100Z-bbbbbb");
        assert_eq!(ids(&store).len(), 2);
    }

    #[test]
    fn a_run_is_found_by_its_id_or_a_part_that_no_other_has() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let made = [1, 2].map(|at| store.create_run(header(), minute(at)).unwrap().id().to_owned());
        assert_eq!(store.open_run(&made[0]).unwrap().id(), made[0]);
        assert_eq!(store.open_run("T0601").unwrap().id(), made[0]);
        match store.open_run("20261121").unwrap_err() {
            StoreError::AmbiguousRun { candidates, .. } => {
                assert_eq!(candidates, [made[1].clone(), made[0].clone()]);
            }
            error => panic!("{error}"),
        }
        for which in ["nonsense", "", "../runs"] {
            match store.resume_run(which, &holder()).unwrap_err() {
                StoreError::UnknownRun { newest, .. } => {
                    assert_eq!(newest, [made[1].clone(), made[0].clone()]);
                }
                error => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_run_has_one_writer_and_any_number_of_readers() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(header(), minute(1)).unwrap();
        let error = store.resume_run("latest", &holder()).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }));
        let message = error.to_string();
        assert!(message.contains("on `night` (`papertape run a.toml`)"), "{message}");
        store.open_run("latest").unwrap();
        drop(run);
        store.resume_run("latest", &holder()).unwrap();
    }

    #[test]
    fn a_damaged_run_file_is_passed_over_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let whole = store.create_run(header(), minute(1)).unwrap();
        let damaged = store.create_run(header(), minute(2)).unwrap();
        let path = store.layout(damaged.id()).run_file();
        fs::write(&path, "{\"schema\": 1, \"id\"").unwrap();
        let (files, warnings) = store.run_files();
        assert_eq!(files, [whole.reader().file().clone()]);
        let [warning] = &warnings[..] else { panic!("one run is damaged") };
        assert!(warning.to_string().starts_with(&path.display().to_string()), "{warning}");
    }

    #[test]
    fn what_is_not_a_run_is_not_listed() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(header(), minute(1)).unwrap();
        for name in ["notes", ".tmp-x", "20261121T063100Z-9f3a1c", "20261121T063100Z-9F3A1C"] {
            fs::create_dir(store.runs().join(name)).unwrap();
        }
        assert_eq!(ids(&store), [run.id()]);
        assert!(store.run_files().1.is_empty());
    }

    #[test]
    fn a_run_killed_while_it_begins_is_no_run() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        for nth in 0.. {
            let (outcome, killed) =
                atomic::fault::at(nth, || store.create_run(header(), minute(1)));
            let (files, warnings) = store.run_files();
            assert!(warnings.is_empty());
            let running = files.iter().filter(|file| file.status == RunStatus::Running);
            assert_eq!(running.count(), usize::from(outcome.is_ok()), "only one that lives runs");
            assert!(outcome.is_err() || !files.is_empty());
            if !killed {
                break;
            }
        }
    }

    #[test]
    fn an_output_that_is_a_file_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("output");
        fs::write(&output, "").unwrap();
        let error = Store::at(&output).create_run(header(), minute(1)).unwrap_err().to_string();
        assert!(error.starts_with(&output.display().to_string()), "{error}");
    }

    #[test]
    fn different_texts_have_different_file_names() {
        let long = "x".repeat(200);
        let longer = "x".repeat(201);
        let slashes = "/".repeat(119);
        let texts = ["", "%", ".", "..", "...", "a", "A", "a.b", ".a", "%2Ea", "a/b", "a%2Fb", "é"];
        let texts = [&texts[..], &[&long, &longer, &slashes]].concat();
        let names: HashSet<String> = texts.iter().map(|text| file_name(text)).collect();
        assert_eq!(names.len(), texts.len());
        for text in texts {
            let name = file_name(text);
            assert!(!name.is_empty() && name.len() <= 120 && !name.starts_with('.'), "{name}");
            assert!(name.is_ascii() && !name.contains(['/', '\\', ':', ' ']), "{name}");
        }
    }
}
