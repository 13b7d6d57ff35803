//! One run's directory: [`Run`] writes it, one process at a time, and [`RunReader`] reads it.
//!
//! Everything in it is written once and whole, the plan first, then batches of rows, then the
//! results; only `run.json` is replaced and `events.jsonl` grows. So whatever a killed run left can
//! be read, and the next process can go on from there.

use super::Store;
use super::atomic;
use super::equity::{self, EQUITY_FILE, Equity};
use super::error::{StoreError, StoreWarning};
use super::event::Event;
use super::journal::{Journal, JournalReader, read_events};
use super::layout::{Layout, page_name};
use super::lock::{Holder, Lock};
use super::parquet;
use super::prices::{self, PRICES_FILE, PriceSeries};
use super::record::Record;
use super::results::{self, Results, read_results};
use super::row::{Label, Row, Status};
use super::run_file::{Counts, Phase, RunFile, RunStatus, plan_digest};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

/// A run's directory, open for reading; it may grow meanwhile.
#[derive(Debug)]
pub struct RunReader {
    layout: Layout,
    file: RunFile,
}

impl RunReader {
    pub(super) fn open(layout: Layout) -> Result<Self, StoreError> {
        let mut file = RunFile::read(&layout.run_file())?;
        if file.status == RunStatus::Running {
            // What it has done so far stands in its rows alone.
            count(&layout, &mut file.counts);
            // A process that was killed could not say that it ended; the kernel knows.
            if !Lock::is_held(&layout.lock()) {
                file.status = RunStatus::Incomplete;
            }
        }
        Ok(Self { layout, file })
    }

    /// What is known of the run, alone.
    pub(super) fn into_file(self) -> RunFile {
        self.file
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.file.id
    }

    /// The run's directory.
    pub fn path(&self) -> &Path {
        &self.layout.directory
    }

    /// Who, what and when, as it stood when the run was opened or last updated.
    pub fn file(&self) -> &RunFile {
        &self.file
    }

    /// The frozen plan, as it was written: one that lost sessions since would look whole.
    pub fn plan(&self) -> Result<String, StoreError> {
        let path = self.layout.plan();
        let text = fs::read_to_string(&path).map_err(StoreError::io("read", &path))?;
        if plan_digest(&text) != self.file.plan_digest {
            return Err(StoreError::Damaged {
                path,
                fact: "is not what was written, the digest differs".into(),
                remedy: "restore it from a copy, or start a new run, which takes over what ended",
            });
        }
        Ok(text)
    }

    /// The rows of all batches, in plan order; of two for one place in the plan, the later. A batch
    /// that cannot be read is passed over with a warning, as if its sessions had not run.
    pub fn rows(&self) -> Result<(Vec<Row>, Vec<StoreWarning>), StoreError> {
        let (mut rows, mut warnings) = (BTreeMap::new(), Vec::new());
        for number in self.layout.batches()? {
            let path = self.layout.batch(number);
            let batch = parquet::read(&path, None).and_then(|table| {
                results::rows(&table).map_err(|fact| StoreError::damaged(&path, fact))
            });
            match batch {
                Ok(batch) => rows.extend(batch.into_iter().map(|row| (row.index, row))),
                Err(warning) => warnings.push(warning),
            }
        }
        Ok((rows.into_values().collect(), warnings))
    }

    /// The results, in plan order.
    pub fn results(&self) -> Result<Vec<(Label, Row)>, StoreError> {
        read_results(&self.layout.results())
    }

    /// The names of the kept sessions' directories, in alphabetical order.
    pub fn kept(&self) -> Result<Vec<String>, StoreError> {
        self.layout.kept()
    }

    /// A file of the kept session `dir_name`. One that was cut since is an error: it would look whole.
    pub fn kept_file(&self, dir_name: &str, file: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.layout.session(dir_name).join(file);
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        match is_whole(file, &bytes) {
            true => Ok(bytes),
            false => Err(StoreError::damaged(&path, "is not whole")),
        }
    }

    /// A file of the kept session `dir_name` that holds JSON.
    pub fn kept_json(&self, dir_name: &str, file: &str) -> Result<serde_json::Value, StoreError> {
        serde_json::from_slice(&self.kept_file(dir_name, file)?)
            .map_err(|error| self.damaged(dir_name, file, error))
    }

    /// That a file of the kept session `dir_name` does not hold what it should, and why.
    pub fn damaged(&self, dir_name: &str, file: &str, error: impl Display) -> StoreError {
        let path = self.layout.session(dir_name).join(file);
        StoreError::damaged(&path, format_args!("is not what was written, {error}"))
    }

    /// Every file of the kept session `dir_name` with its bytes.
    pub fn kept_files(&self, dir_name: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let directory = self.layout.session(dir_name);
        if !directory.is_dir() {
            return Err(StoreError::damaged(&directory, "is not a kept session"));
        }
        let names = atomic::entries(&directory)?.into_iter();
        names.map(|name| Ok((name.clone(), self.kept_file(dir_name, &name)?))).collect()
    }

    /// The account of the kept session `dir_name`.
    pub fn equity(&self, dir_name: &str) -> Result<Equity, StoreError> {
        equity::read_equity(&self.layout.session(dir_name).join(EQUITY_FILE))
    }

    /// What the prices of the kept session `dir_name` did.
    pub fn prices(&self, dir_name: &str) -> Result<Vec<PriceSeries>, StoreError> {
        prices::read_prices(&self.layout.session(dir_name).join(PRICES_FILE))
    }

    /// The run's journal.
    pub fn events(&self) -> (Vec<Event>, Vec<StoreWarning>) {
        read_events(&self.layout.events())
    }

    /// The run's journal, to be followed.
    pub fn journal(&self) -> JournalReader {
        JournalReader::at(self.layout.events())
    }

    /// Where the report `name`, such as `report.html`, is or would be.
    pub fn report(&self, name: &str) -> PathBuf {
        self.layout.report(name)
    }
}

/// Count the sessions of an open run by how they ended; one that ran twice counts as it ended last.
fn count(layout: &Layout, counts: &mut Counts) {
    let mut ended: BTreeMap<i64, String> = BTreeMap::new();
    for number in layout.batches().unwrap_or_default() {
        let columns = ["index", "status"];
        let Ok(table) = parquet::read(&layout.batch(number), Some(&columns)) else { continue };
        let (Ok(indices), Ok(words)) = (table.ints("index"), table.texts("status")) else {
            continue;
        };
        let rows = indices.iter().zip(words);
        ended.extend(rows.filter_map(|(index, word)| Some(((*index)?, word.clone()?))));
    }
    let with =
        |status: Status| ended.values().filter(|word| **word == status.word()).count() as u64;
    counts.completed = with(Status::Completed);
    counts.failed = with(Status::Failed);
    counts.refused = with(Status::Refused);
    counts.aborted = with(Status::Aborted);
}

/// Whether the file `name` of a kept session still has its end: tables carry the digest of their bytes, and
/// texts end with a line.
fn is_whole(name: &str, bytes: &[u8]) -> bool {
    match name.rsplit_once('.') {
        Some((_, "parquet")) => parquet::is_sealed(bytes),
        // Nothing may have happened.
        Some((_, "jsonl")) => bytes.is_empty() || bytes.ends_with(b"\n"),
        Some((_, "json" | "csv" | "toml")) => bytes.ends_with(b"\n"),
        _ => true,
    }
}

/// A run's directory, open and locked for writing.
///
/// Threads may share it to keep sessions; rows have one writer.
#[derive(Debug)]
pub struct Run {
    reader: RunReader,
    next_batch: u64,
    _lock: Lock,
}

impl Run {
    /// Takes the lock of a new directory and begins the run there.
    pub(super) fn begin(layout: Layout, plan: &str, file: RunFile) -> Result<Self, StoreError> {
        let lock = Lock::acquire(
            &layout.lock(),
            &Holder::this_process(file.host.as_str(), &file.command_line),
        )?;
        atomic::create_directories(&layout.rows())?;
        atomic::create_directories(&layout.sessions())?;
        atomic::write(&layout.plan(), plan.as_bytes())?;
        file.write(&layout.run_file())?;
        Ok(Self { reader: RunReader { layout, file }, next_batch: 1, _lock: lock })
    }

    /// Takes the lock of a directory that is there and goes on after its last batch.
    pub(super) fn resume(layout: Layout, holder: &Holder) -> Result<Self, StoreError> {
        let lock = Lock::acquire(&layout.lock(), holder)?;
        for directory in [&layout.directory, &layout.rows(), &layout.sessions(), &layout.pages()] {
            atomic::remove_leftovers(directory)?;
        }
        // A copy may lack what was empty.
        for directory in [layout.rows(), layout.sessions()] {
            atomic::create_directories(&directory)?;
        }
        let next_batch = layout.batches()?.last().map_or(1, |last| last + 1);
        // Read under the lock: its last writer may have ended while this one waited.
        let mut reader = RunReader::open(layout)?;
        if reader.file.status == RunStatus::Running {
            reader.file.status = RunStatus::Incomplete;
        }
        Ok(Self { reader, next_batch, _lock: lock })
    }

    /// What is there, for reading.
    pub fn reader(&self) -> &RunReader {
        &self.reader
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        self.reader.id()
    }

    /// Writes one batch of rows; none if there are no rows.
    pub fn append_rows(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        parquet::write(&self.reader.layout.batch(self.next_batch), &results::batch(rows))?;
        self.next_batch += 1;
        Ok(())
    }

    /// Whether `results.parquet` and `results.csv` are there and say the same.
    pub fn has_results(&self) -> bool {
        let same = || {
            let results = self.reader.results().ok()?;
            let results = Results::of(results.iter().map(|(label, row)| (label.clone(), row)));
            let mut csv = File::open(self.reader.layout.results_csv()).ok()?;
            for (number, table) in results.pieces().enumerate() {
                let expected = table.csv(number == 0);
                let mut found = vec![0; expected.len()];
                csv.read_exact(&mut found).ok()?;
                (found == expected).then_some(())?;
            }
            (csv.read(&mut [0]).ok()? == 0).then_some(())
        };
        same().is_some()
    }

    /// Removes the reports `names`, which tell of the run as it stood when it was stopped.
    pub fn remove_reports(&self, names: &[String]) -> Result<(), StoreError> {
        names.iter().try_for_each(|name| atomic::remove(&self.reader.layout.report(name)))
    }

    /// Writes `results.parquet` and `results.csv`, beside each other: one row a session, in plan order.
    /// Their bytes depend on nothing else.
    pub fn write_results<'a>(
        &self,
        results: impl Iterator<Item = (Label, &'a Row)> + Clone + Sync,
    ) -> Result<(), StoreError> {
        let layout = &self.reader.layout;
        let tables = Results::of(results);
        let csv = || {
            let csv = tables.pieces().enumerate().map(|(number, table)| table.csv(number == 0));
            atomic::write_in_pieces(&layout.results_csv(), csv)
        };
        std::thread::scope(|scope| {
            let beside = std::thread::Builder::new().spawn_scoped(scope, csv);
            let results = parquet::write_in_pieces(&layout.results(), tables.pieces());
            match beside {
                Ok(beside) => beside.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system has no thread left.
                Err(_) => csv(),
            }
            .and(results)
        })
    }

    /// Writes the kept session `dir_name` (see [`session_dir`](super::session_dir)) with `files`, a
    /// name and bytes each. If it is there already, nothing is written again.
    pub fn keep_session(&self, dir_name: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
        atomic::create_directory(&self.reader.layout.session(dir_name), files).map(|_| ())
    }

    /// Opens the run's journal, which has one writer at a time, and drops a torn last line.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::open(&self.reader.layout.events())
    }

    /// Changes `run.json`; if it cannot be written, nothing has changed.
    pub fn update(&mut self, change: impl FnOnce(&mut RunFile)) -> Result<(), StoreError> {
        let mut file = self.reader.file.clone();
        change(&mut file);
        file.write(&self.reader.layout.run_file())?;
        self.reader.file = file;
        Ok(())
    }

    /// Says in `run.json` how the run ended.
    pub fn finish(
        &mut self,
        status: RunStatus,
        finished: DateTime<Utc>,
        phases: Vec<Phase>,
        counts: Counts,
        exit_code: u8,
    ) -> Result<(), StoreError> {
        self.update(|file| {
            file.status = status;
            file.finished = Some(finished);
            file.phases = phases;
            file.counts = counts;
            file.exit_code = Some(exit_code);
        })
    }

    /// Writes the report `name`, such as `report.html`.
    pub fn write_report(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.reader.layout.report(name);
        if self.reader.layout.is_own(&path) {
            return Err(StoreError::Reserved { path });
        }
        atomic::write(&path, text.as_bytes())
    }

    /// Writes the page of the kept session `dir_name`.
    pub fn write_page(&self, dir_name: &str, text: &str) -> Result<(), StoreError> {
        let pages = self.reader.layout.pages();
        atomic::create_directories(&pages)?;
        atomic::write(&pages.join(page_name(dir_name)), text.as_bytes())
    }
}

impl Store {
    /// The file `name` among the details of the session of `record`; `None` if they are not there.
    pub fn kept_file(&self, record: &Record, name: &str) -> Option<Vec<u8>> {
        let directory = record.result.as_ref()?.rsplit('/').next()?;
        fs::read(self.layout(&record.run).session(directory).join(name)).ok()
    }

    /// The path of the report `name` of the run `id` from the output directory, if it is there.
    pub fn report_link(&self, id: &str, name: &str) -> Option<String> {
        let path = self.layout(id).report(name);
        let below = path.strip_prefix(self.path()).ok().filter(|_| path.exists())?;
        // Names of runs and reports need no escaping in an address.
        Some(below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
    }

    /// Where the files of the run `id` are.
    pub(super) fn layout(&self, id: &str) -> Layout {
        Layout { directory: self.runs().join(id) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_file::RunHeader;
    use super::super::run_file::tests::header;
    use super::super::tests::{holder, minute, run_with, tree};
    use super::*;
    use crate::expr::column::Scalar;
    use crate::store::row::tests::{failed, label, row};
    use crate::store::{EventKind, atomic::fault, session_dir};

    #[test]
    fn rows_outlive_their_writer_and_the_next_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let mut run = store.create_run(header(), minute(1)).unwrap();
        run.append_rows(&[row(2), failed(0)]).unwrap();
        run.append_rows(&[]).unwrap();
        run.append_rows(&[row(3)]).unwrap();
        let layout = run.reader.layout.clone();
        drop(run);
        fs::write(layout.rows().join(".tmp-killed"), "half").unwrap();
        let mut run = store.resume_run("latest", &holder()).unwrap();
        run.append_rows(&[row(0)]).unwrap();
        let (rows, warnings) = run.reader().rows().unwrap();
        assert_eq!(rows, [row(0), row(2), row(3)], "in plan order, the later of two");
        assert!(warnings.is_empty());
        let names: Vec<_> = tree(&layout.rows()).into_keys().collect();
        assert_eq!(names, ["000001.parquet", "000002.parquet", "000003.parquet"]);
    }

    #[test]
    fn a_run_that_was_killed_tells_what_it_had_done() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let header = RunHeader { sessions: 9, ..header() };
        let mut run = store.create_run(header, minute(1)).unwrap();
        run.append_rows(&[row(2), failed(0)]).unwrap();
        run.append_rows(&[row(0), row(3)]).unwrap();
        let told = || {
            let file = store.open_run("latest").unwrap().into_file();
            let Counts { selected, completed, failed, .. } = file.counts;
            (file.status, selected, completed, failed)
        };
        assert_eq!(told(), (RunStatus::Running, 9, 3, 0));
        drop(run);
        assert_eq!(told(), (RunStatus::Incomplete, 9, 3, 0));
        let run = store.resume_run("latest", &holder()).unwrap();
        assert_eq!(run.reader().file().status, RunStatus::Incomplete, "nobody else runs it");
    }

    #[test]
    fn a_copy_that_lacks_what_was_empty_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(header(), minute(1)).unwrap();
        let layout = run.reader.layout.clone();
        drop(run);
        for empty in [layout.rows(), layout.sessions()] {
            fs::remove_dir(empty).unwrap();
        }
        let mut run = store.resume_run("latest", &holder()).unwrap();
        run.append_rows(&[row(0)]).unwrap();
        run.keep_session("a", &[("b", b"c")]).unwrap();
        assert_eq!(run.reader().rows().unwrap().0, [row(0)]);
    }

    #[test]
    fn a_damaged_batch_is_passed_over_and_its_number_not_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let mut run = store.create_run(header(), minute(1)).unwrap();
        run.append_rows(&[row(0)]).unwrap();
        run.append_rows(&[row(1)]).unwrap();
        let path = run.reader.layout.batch(2);
        let bytes = fs::read(&path).unwrap();
        drop(run);
        fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let mut run = store.resume_run("latest", &holder()).unwrap();
        let (rows, warnings) = run.reader().rows().unwrap();
        assert_eq!(rows, [row(0)]);
        let [warning] = &warnings[..] else { panic!("one batch is damaged") };
        assert!(warning.to_string().contains("000002.parquet"), "{warning}");
        run.append_rows(&[row(1)]).unwrap();
        assert!(run.reader.layout.batch(3).exists());
        assert_eq!(run.reader().rows().unwrap().0, [row(0), row(1)]);
    }

    #[test]
    fn a_batch_killed_anywhere_is_there_whole_or_not_at_all() {
        for nth in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::at(directory.path());
            let mut run = store.create_run(header(), minute(1)).unwrap();
            run.append_rows(&[row(0)]).unwrap();
            let (outcome, killed) = fault::at(nth, || run.append_rows(&[row(1)]));
            let (rows, warnings) = run.reader().rows().unwrap();
            assert!(warnings.is_empty());
            assert!(rows == [row(0), row(1)] || (rows == [row(0)] && outcome.is_err()));
            drop(run);
            let mut run = store.resume_run("latest", &holder()).unwrap();
            run.append_rows(&[row(1)]).unwrap();
            assert_eq!(run.reader().rows().unwrap().0, [row(0), row(1)], "and can be repeated");
            if !killed {
                assert!(outcome.is_ok());
                break;
            }
        }
    }

    #[test]
    fn a_run_file_killed_anywhere_is_the_old_one_or_the_new() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let mut run = store.create_run(header(), minute(1)).unwrap();
        for nth in 0.. {
            let (outcome, killed) = fault::at(nth, || {
                run.update(|file| file.keep = "x".repeat(10_000))?;
                run.finish(RunStatus::Completed, minute(2), Vec::new(), Counts::default(), 0)
            });
            let read = store.open_run("latest").unwrap();
            assert!(read.file().status == RunStatus::Completed || outcome.is_err());
            if !killed {
                assert_eq!(read.file(), run.reader().file());
                assert_eq!(read.file().exit_code, Some(0));
                break;
            }
        }
    }

    #[test]
    fn the_same_rows_give_the_same_results_byte_for_byte() {
        let directory = tempfile::tempdir().unwrap();
        let axes = |value: f64| label(&[("params.fast", Scalar::Number(value))]);
        let results: Vec<_> = (0..300).map(|index| (axes(index as f64), row(index))).collect();
        let first = run_with(&Store::at(directory.path().join("a")), 1, &results);
        let second = run_with(&Store::at(directory.path().join("b")), 2, &results);
        for file in [Layout::results, Layout::results_csv] {
            let bytes = |run: &Run| fs::read(file(&run.reader.layout)).unwrap();
            assert_eq!(bytes(&first), bytes(&second));
        }
        assert_eq!(first.reader().results().unwrap(), results);
    }

    #[test]
    fn the_csv_says_what_the_parquet_says() {
        let directory = tempfile::tempdir().unwrap();
        let results = [(label(&[("x", Scalar::Number(0.1))]), row(0)), (label(&[]), failed(1))];
        let run = run_with(&Store::at(directory.path()), 1, &results);
        let mut csv = csv::Reader::from_path(run.reader.layout.results_csv()).unwrap();
        let headers = csv.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let records: Vec<_> = csv.records().map(Result::unwrap).collect();
        for (record, (label, row)) in records.iter().zip(&results) {
            assert_eq!(&record[column("key")], label.key);
            assert_eq!(&record[column("error")], row.error.as_deref().unwrap_or(""));
            for (metric, value) in row.metrics.iter() {
                assert_eq!(record[column(metric.name())].parse().ok(), value, "{}", metric.name());
            }
        }
        assert_eq!((&records[0][column("x")], &records[1][column("x")]), ("0.1", ""));
        assert_eq!(&records[0][column("from")], "2004-08-19");
    }

    #[test]
    fn a_kept_session_is_written_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let run = store.create_run(header(), minute(1)).unwrap();
        let name = session_dir("goog-sma", &row(1).identity);
        let equity = equity::equity_parquet(&[0, 1], &[1.0, 2.0], &[0.0, 0.0], None);
        let result = b"{\"sharpe\":1.5}\n";
        let files = [("result.json", &result[..]), (EQUITY_FILE, &equity[..])];
        run.keep_session(&name, &files).unwrap();
        run.keep_session(&name, &[("result.json", b"another")]).unwrap();
        assert_eq!(run.reader().kept().unwrap(), [name.as_str()]);
        assert_eq!(run.reader().kept_file(&name, "result.json").unwrap(), result);
        assert_eq!(run.reader().equity(&name).unwrap().equity, [1.0, 2.0]);

        let (first, second) = (EQUITY_FILE.to_owned(), "result.json".to_owned());
        let written = [(first, equity.clone()), (second, result.to_vec())];
        assert_eq!(run.reader().kept_files(&name).unwrap(), written);
        let error = run.reader().kept_files("absent").unwrap_err().to_string();
        assert!(error.contains("absent: is not a kept session"), "{error}");
        for (file, bytes) in files {
            let path = run.reader.layout.session(&name).join(file);
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            let error = run.reader().kept_files(&name).unwrap_err().to_string();
            assert!(error.contains(&format!("{file}: is not whole")), "{error}");
            fs::write(&path, bytes).unwrap();
        }
    }

    #[test]
    fn the_plan_the_journal_and_a_report_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let plan = "{\"index\":0}\n{\"index\":1}\n".to_owned();
        let run = store.create_run(RunHeader { plan, ..header() }, minute(1)).unwrap();
        let begins = Event::new(minute(1), EventKind::RunnerStart, "it begins");
        run.journal().unwrap().append(&begins).unwrap();
        run.write_report("report.md", "# a run\n").unwrap();
        let reader = store.open_run(run.id()).unwrap();
        assert_eq!(reader.plan().unwrap().lines().count(), 2);
        assert_eq!(reader.events().0, [begins]);
        assert_eq!(fs::read_to_string(reader.report("report.md")).unwrap(), "# a run\n");
    }

    #[test]
    fn a_report_replaces_no_file_of_the_run() {
        let directory = tempfile::tempdir().unwrap();
        let run = Store::at(directory.path()).create_run(header(), minute(1)).unwrap();
        for name in ["run.json", "plan.jsonl", "results.csv", "rows", "lock", "events.jsonl"] {
            let error = run.write_report(name, "text").unwrap_err();
            assert!(matches!(error, StoreError::Reserved { .. }), "{name}");
        }
        run.write_report("../outside", "text").unwrap();
        assert!(run.reader().path().join("%2E.%2Foutside").exists());
    }
}
