//! A project in a temporary directory, and papertape run in it: a test is the manifest, the command
//! and what is expected.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The values of a line by the names of their columns.
pub(crate) type Row = BTreeMap<String, String>;

/// The bytes of files by their paths.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The repository, for its examples and its data.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where projects are made: in memory, if this machine has enough of it for files and lets them be run.
/// papertape waits for the disk at every step, and a test that kills it at each of them waits long.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    const MEMORY: &str = "/dev/shm";
    const ENOUGH: u64 = 1 << 30;
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let options = mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields.get(1) == Some(&MEMORY)).then(|| fields[3].to_owned())
    });
    let fits = options.is_some_and(|options| {
        let of = |option: &str| option.strip_prefix("size=")?.strip_suffix('k')?.parse().ok();
        let size = options.split(',').find_map(of).map_or(0, |size: u64| size * 1024);
        size >= ENOUGH && !options.split(',').any(|option| ["noexec", "ro"].contains(&option))
    });
    let named = std::env::var_os("TMPDIR").is_some();
    if fits && !named { MEMORY.into() } else { std::env::temp_dir() }
});

/// A directory with a manifest and whatever it needs; it goes when this is dropped.
#[must_use]
pub(crate) struct Project {
    _parent: TempDir,
    root: PathBuf,
    environment: Vec<(String, String)>,
}

impl Project {
    /// An empty project.
    pub(crate) fn new() -> Self {
        Self::named("project")
    }

    /// An empty project whose directory has this name.
    pub(crate) fn named(name: &str) -> Self {
        let parent = tempfile::tempdir_in(&*PLACE).unwrap();
        // What is shown to people has no symbolic links in it.
        let root = fs::canonicalize(parent.path()).unwrap().join(name);
        fs::create_dir_all(root.join("templates")).unwrap();
        Self { _parent: parent, root, environment: Vec::new() }
    }

    /// A project with the sessions, templates and data of the repository.
    pub(crate) fn of_the_repository() -> Self {
        let project = Self::new();
        for folder in ["sessions", "templates", "data"] {
            copy(&repository().join(folder), &project.root.join(folder));
        }
        project
    }

    /// With a file.
    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    /// With a manifest of the current schema. `toml` begins with a line break, so that its lines have
    /// the numbers that messages give them.
    pub(crate) fn manifest(self, path: &str, toml: &str) -> Self {
        self.write_manifest(path, toml);
        self
    }

    /// With a data file of the repository.
    pub(crate) fn data(self, name: &str) -> Self {
        let bytes = fs::read(repository().join("data").join(name)).unwrap();
        self.file(&format!("data/{name}"), bytes)
    }

    /// With `count` daily bars in `data/x.csv`: see [`bars`].
    pub(crate) fn bars(self, count: usize) -> Self {
        self.file("data/x.csv", bars(count))
    }

    /// With a variable in the environment of every command.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Write a file over what is there.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Write a manifest over what is there.
    pub(crate) fn write_manifest(&self, path: &str, toml: &str) {
        assert!(toml.starts_with('\n'), "the first line is for the schema");
        self.write(path, format!("schema = 1{toml}"));
    }

    /// Replace `old`, which stands there once, in a file.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {path}");
        self.write(path, text.replacen(old, new, 1));
    }

    /// A path in the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// papertape with `arguments`, in the project, with nothing of this machine in its environment.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_papertape"));
        command.args(arguments).current_dir(&self.root).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Run papertape with `arguments` to its end.
    #[track_caller]
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    /// Start papertape with `arguments`, and go on.
    pub(crate) fn spawn<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Running {
        let mut command = self.command(arguments);
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Every run, the newest first.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let Ok(entries) = fs::read_dir(self.path("output/runs")) else { return Vec::new() };
        let mut runs: Vec<Run> = entries
            .map(|entry| Run { path: entry.unwrap().path() })
            .filter(|run| run.path.join("run.json").exists())
            .collect();
        runs.sort_by_cached_key(|run| std::cmp::Reverse(run.started()));
        runs
    }

    /// The newest run.
    #[track_caller]
    pub(crate) fn newest(&self) -> Run {
        self.runs().into_iter().next().expect("something has run")
    }

    /// The records of the registry by file name, so the oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let files = tree(&self.path("output/records"));
        files.values().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect()
    }
}

/// The directory of a run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Run {
    /// Its id.
    pub(crate) fn id(&self) -> String {
        self.path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// The bytes of a file in it.
    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let path = self.path.join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The text of a file in it.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.file(name)).unwrap()
    }

    /// Its `run.json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.file("run.json")).unwrap()
    }

    /// A count of its `run.json`.
    #[track_caller]
    pub(crate) fn count(&self, of: &str) -> u64 {
        self.json()["counts"][of].as_u64().unwrap()
    }

    fn started(&self) -> DateTime<Utc> {
        self.json()["started"].as_str().unwrap().parse().unwrap()
    }

    /// The events of its journal that have this type.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let events = fs::read_to_string(self.path.join("events.jsonl")).unwrap_or_default();
        let whole = events.rfind('\n').map_or("", |end| &events[..end]);
        let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["type"] == kind).collect()
    }

    /// The events of its journal that say of a session that it completed.
    pub(crate) fn session_ends(&self) -> Vec<Value> {
        let ends = self.events("phase_end").into_iter();
        ends.filter(|event| event["phase"] == "session").collect()
    }

    /// How many batches of rows are written.
    pub(crate) fn batches(&self) -> usize {
        let files = fs::read_dir(self.path.join("rows")).into_iter().flatten().flatten();
        files.filter(|file| !file.file_name().to_string_lossy().starts_with('.')).count()
    }

    /// `results.csv`: a row a session, a value a column.
    #[track_caller]
    pub(crate) fn results(&self) -> Vec<Row> {
        csv(&self.text("results.csv"))
    }

    /// The row of the session with this key.
    #[track_caller]
    pub(crate) fn result(&self, key: &str) -> Row {
        let found = self.results().into_iter().find(|row| row["key"] == key);
        found.unwrap_or_else(|| panic!("`{key}` is not in the results"))
    }

    /// What must not depend on who ran it where: both results files and every file of a session.
    #[track_caller]
    pub(crate) fn reproducible(&self) -> Files {
        let mut files = tree(&self.path.join("sessions"));
        for name in ["results.csv", "results.parquet"] {
            files.insert(name.into(), self.file(name));
        }
        files
    }
}

/// What papertape did.
#[must_use]
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    code: Option<i32>,
    /// What it wrote for programs and people.
    pub(crate) stdout: String,
    /// What it said about it.
    pub(crate) stderr: String,
}

impl Outcome {
    /// What a process left.
    #[track_caller]
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("papertape writes UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It ended with `code`.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// What it ended with; `None` if a signal ended it.
    pub(crate) fn ended_with(&self) -> Option<i32> {
        self.code
    }

    /// It ended well.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// It wrote `text` somewhere.
    #[track_caller]
    pub(crate) fn stdout(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in\n{}", self.stdout);
        self
    }

    /// It said `text` somewhere.
    #[track_caller]
    pub(crate) fn stderr(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in\n{}", self.stderr);
        self
    }

    /// It wrote and said nothing.
    #[track_caller]
    pub(crate) fn silent(self) -> Self {
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""));
        self
    }

    /// What it wrote, as the rows of CSV.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Row> {
        csv(&self.stdout)
    }

    /// What it wrote, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// papertape while it runs; it is stopped when this is dropped.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// The process.
    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("only `end` takes the process")
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child().try_wait().unwrap().is_none()
    }

    /// Send it a signal by its name, such as `INT`.
    #[track_caller]
    pub(crate) fn signal(&mut self, name: &str) {
        let process = self.child().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }

    /// Wait until `holds`, or until it has ended.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() && self.is_running() {
            assert!(began.elapsed() < Duration::from_secs(60), "it never came to that");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Wait until it ends.
    #[track_caller]
    pub(crate) fn end(mut self) -> Outcome {
        let child = self.0.take().expect("only `end` takes the process");
        Outcome::of(child.wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // A test that fails leaves no process behind.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `count` daily bars from 2020-01-01, the same ones every time: waves of different length, so that
/// averages cross, and some noise.
pub(crate) fn bars(count: usize) -> String {
    let wave = |day: usize, length: usize| (day % length).min(length - day % length);
    let close = |day: usize| 10_000 + 50 * wave(day, 37) + 31 * wave(day, 101) + day * day * 7 % 53;
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let mut text = String::from("timestamp,open,high,low,close,volume\n");
    for (day, date) in first.iter_days().take(count).enumerate() {
        let (open, close) = (close(day.saturating_sub(1)), close(day));
        let cents = [open, open.max(close) + 100, open.min(close) - 100, close];
        let [open, high, low, close] = cents.map(|cents| cents as f64 / 100.0);
        text.push_str(&format!("{date},{open},{high},{low},{close},{}\n", 1_000 + day));
    }
    text
}

/// A session on the bars of [`Project::bars`]; further keys of its table may follow.
pub(crate) fn session(name: &str) -> String {
    format!(
        "
[session.{name}]
strategy = \"sma-cross\"
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}
"
    )
}

/// A sweep over those bars, of `fast * slow` sessions.
pub(crate) fn sweep(name: &str, fast: usize, slow: usize) -> String {
    let session = session(name);
    let last = 50 + slow;
    format!(
        "{session}
[session.{name}.sweep.axes]
\"params.fast\" = {{ from = 1, to = {fast}, step = 1 }}
\"params.slow\" = {{ from = 51, to = {last}, step = 1 }}
"
    )
}

/// The rows of a CSV text.
#[track_caller]
fn csv(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Every file below `directory` by its path from there, none if it does not exist.
pub(crate) fn tree(directory: &Path) -> Files {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let below = tree(&entry.path()).into_iter();
            files.extend(below.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Fail unless both have the same files with the same bytes.
#[track_caller]
pub(crate) fn assert_same(a: &Files, b: &Files) {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    for (name, bytes) in a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

/// Copy a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// While this lives, snapshots hold no run id, time, count of seconds or directory of a project.
pub(crate) fn words_only() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "[run]");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
    settings.add_filter(r"\d+\.\d\d s\b", "[seconds] s");
    settings.add_filter(r"(/[\w.-]+)+/project\b", "[project]");
    settings.bind_to_scope()
}
