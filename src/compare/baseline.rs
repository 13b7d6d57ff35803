//! Baselines: the accepted results of sessions, in version control.
//!
//! ```text
//! baselines/main/goog-sma%5Bfast%3D10%5D/
//!   baseline.json      range, identity, metrics, digests by month, settings and rules, sorted keys
//!   trades.csv         the trades and orders as a run keeps them
//!   orders.csv
//!   daily.csv          the account at the end of every trading day
//!   bars.csv           the bars that the rules could see
//!   *.new              a result that waits to be accepted or rejected
//! ```
//!
//! A session whose texts are larger than [`LARGEST`] keeps the digests alone, and the story of a
//! difference then stops at the month. `baseline.json` vouches for itself and for the texts beside
//! it, so that what was truncated or changed by hand is an error and never a verdict.

use super::sheet::Sheet;
use super::snapshot::{Components, Month, Snapshot, Span};
use crate::metrics::{Metric, Unit};
use crate::store::{self, StoreError, file_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The version of the layout that this program writes and reads.
const SCHEMA: u32 = 1;
/// The most bytes that the texts of one session may have together.
pub const LARGEST: usize = 5_000_000;
/// The file that says everything in short.
const DOCUMENT: &str = "baseline.json";
/// What the name of a file that waits to be accepted ends with.
const NEW: &str = ".new";
/// The texts, in the order in which they are given up when they are too large.
const TEXTS: [&str; 4] = ["bars.csv", "orders.csv", "daily.csv", "trades.csv"];

/// The baselines of one name.
#[derive(Debug, Clone)]
pub struct Baselines {
    directory: PathBuf,
}

/// Where a result comes from, and whether it is all that its manifest declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whether every session of the check completed.
    pub complete: bool,
    /// The options that left sessions out or changed them, as they were typed; empty if none did.
    pub filtered: Vec<String>,
    /// The manifest's path from its project.
    pub manifest: String,
    /// The profile that was laid over it.
    pub profile: Option<String>,
}

/// Who accepted what, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The metrics that were accepted alone, the last time; empty if everything was.
    pub metrics: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A result as baselines keep it.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The result.
    pub snapshot: Snapshot,
    /// Where it comes from.
    pub source: Source,
    /// Why it was accepted; empty while it waits.
    pub accepted: Accepted,
}

impl Baseline {
    /// What was given up because the texts were larger than [`LARGEST`], and what that means for the
    /// story of a difference; `None` if nothing was.
    pub fn given_up(&self) -> Option<&'static str> {
        let Snapshot { trades, daily, orders, bars, .. } = &self.snapshot;
        let kept = [trades, daily, orders, bars].map(Option::is_some);
        match kept {
            [false, ..] => Some(
                "more than 5 MB: only digests are kept, and the story of a difference will stop at the month",
            ),
            [true, false, ..] => Some(
                "more than 5 MB: days, orders and bars are not kept, and the story of a difference is told by its trades or its month",
            ),
            [true, true, false, _] => Some(
                "more than 5 MB: orders and bars are not kept, and the story of a difference is told by its trades",
            ),
            [true, true, true, false] => Some(
                "more than 5 MB: bars are not kept, and a price that is revised will be told by its month",
            ),
            [true, true, true, true] => None,
        }
    }
}

/// Why there is no baseline to compare with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Lack {
    /// There is none.
    #[error("there is no baseline at {}", .0.display())]
    Missing(PathBuf),
    /// It cannot be used.
    #[error("{}: {fact}; {remedy}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fact: String,
        /// What would help.
        remedy: &'static str,
    },
}

/// Restoring is what helps most broken baselines.
const RESTORE: &str = "restore it from version control, or check without it and accept the result";

/// `baseline.json`, its fields in alphabetical order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    accepted: Accepted,
    /// Of this document with an empty digest.
    digest: String,
    digests: Digests,
    /// A digest of every text beside this file.
    files: BTreeMap<String, String>,
    identity: Components,
    key: String,
    metrics: BTreeMap<String, Value>,
    months: BTreeMap<String, Month>,
    periods: f64,
    range: Span,
    rules: BTreeMap<String, String>,
    schema: u32,
    session: String,
    settings: BTreeMap<String, String>,
    source: Source,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digests {
    equity: String,
    fills: String,
}

/// Whether the accepted files are meant, or those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What was accepted.
    Accepted,
    /// What waits to be.
    New,
}

impl Which {
    fn suffix(self) -> &'static str {
        match self {
            Self::Accepted => "",
            Self::New => NEW,
        }
    }
}

impl Baselines {
    /// The baselines called `name` in the project at `root`; they need not be there.
    pub fn at(root: &Path, name: &str) -> Self {
        Self { directory: root.join("baselines").join(name) }
    }

    /// Their directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// The directory of the session with this key.
    pub fn session(&self, key: &str) -> PathBuf {
        self.directory.join(file_name(key))
    }

    /// Every session that has a baseline or a result that waits, each with what it has, in the
    /// order of their directories' names.
    pub fn all(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for name in store::entries(&self.directory)? {
            let directory = self.directory.join(&name);
            if directory.is_dir() {
                let [accepted, new] =
                    [Which::Accepted, Which::New].map(|which| read(&directory, which));
                entries.push(Entry { directory, accepted, new });
            }
        }
        Ok(entries)
    }

    /// The accepted result of the session with this key.
    pub fn read(&self, key: &str) -> Result<Baseline, Lack> {
        let directory = self.session(key);
        let baseline = read(&directory, Which::Accepted)?;
        if baseline.snapshot.key != key {
            let fact = format!("it is that of `{}`, not of `{key}`", baseline.snapshot.key);
            return Err(unreadable(&directory.join(DOCUMENT), fact));
        }
        Ok(baseline)
    }

    /// Leave `baseline` as a result that waits.
    pub fn leave(&self, baseline: &Baseline) -> Result<(), StoreError> {
        write(&self.session(&baseline.snapshot.key), baseline, Which::New, LARGEST)
    }
}

/// What one directory of baselines holds.
#[derive(Debug)]
pub struct Entry {
    /// The directory.
    pub directory: PathBuf,
    /// What was accepted.
    pub accepted: Result<Baseline, Lack>,
    /// What waits.
    pub new: Result<Baseline, Lack>,
}

impl Entry {
    /// The session's key, as far as it can be told.
    pub fn key(&self) -> String {
        let known = [&self.accepted, &self.new].into_iter().find_map(|side| side.as_ref().ok());
        let name = || self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        known.map_or_else(name, |baseline| baseline.snapshot.key.clone())
    }

    /// Whether something waits.
    pub fn waits(&self) -> bool {
        !matches!(self.new, Err(Lack::Missing(_)))
    }

    /// Put what waits in the place of what was accepted.
    pub fn accept(&self, reason: &str) -> Result<(), StoreError> {
        let Ok(new) = &self.new else { return Ok(()) };
        let accepted = Accepted { metrics: Vec::new(), reason: reason.to_owned() };
        write(&self.directory, &Baseline { accepted, ..new.clone() }, Which::Accepted, LARGEST)?;
        self.reject()
    }

    /// Take the value of `metrics` over, and nothing else. What waits goes on waiting.
    pub fn accept_metrics(&self, metrics: &[Metric], reason: &str) -> Result<(), StoreError> {
        let (Ok(old), Ok(new)) = (&self.accepted, &self.new) else { return Ok(()) };
        let mut merged = old.clone();
        for &metric in metrics {
            match new.snapshot.metrics.get(&metric) {
                Some(&value) => merged.snapshot.metrics.insert(metric, value),
                None => merged.snapshot.metrics.remove(&metric),
            };
        }
        let names = metrics.iter().map(|metric| metric.name().to_owned()).collect();
        merged.accepted = Accepted { metrics: names, reason: reason.to_owned() };
        write(&self.directory, &merged, Which::Accepted, LARGEST)
    }

    /// Remove what waits, and the directory if nothing else is in it.
    pub fn reject(&self) -> Result<(), StoreError> {
        for file in std::iter::once(&DOCUMENT).chain(&TEXTS) {
            store::remove(&self.directory.join(format!("{file}{NEW}")))?;
        }
        // A directory that holds something else is somebody else's too.
        let _ = fs::remove_dir(&self.directory);
        Ok(())
    }

    /// Remove everything that was accepted or waits.
    pub fn prune(&self) -> Result<(), StoreError> {
        for file in std::iter::once(&DOCUMENT).chain(&TEXTS) {
            store::remove(&self.directory.join(file))?;
        }
        self.reject()
    }
}

fn unreadable(path: &Path, fact: impl ToString) -> Lack {
    Lack::Unreadable { path: path.to_owned(), fact: fact.to_string(), remedy: RESTORE }
}

/// Lines end with `\n`, whatever a version control system made of them.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn text_of(path: &Path) -> Result<Option<String>, Lack> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(plain(&text))),
            Err(_) => Err(unreadable(path, "is not text")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn read(directory: &Path, which: Which) -> Result<Baseline, Lack> {
    let path = directory.join(format!("{DOCUMENT}{}", which.suffix()));
    let Some(text) = text_of(&path)? else { return Err(Lack::Missing(directory.to_owned())) };
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        let cut = if error.is_eof() { "it ends too early: " } else { "is not JSON: " };
        unreadable(&path, format!("{cut}{error}"))
    })?;
    match value["schema"].as_u64() {
        Some(schema) if schema > u64::from(SCHEMA) => {
            let fact = format!("has layout {schema}, and this papertape reads layout {SCHEMA}");
            let remedy = "check with a newer papertape";
            return Err(Lack::Unreadable { path, fact, remedy });
        }
        _ => {}
    }
    let document: Document =
        serde_json::from_value(value).map_err(|error| unreadable(&path, error))?;
    if document.digest != vouch(&document) {
        return Err(unreadable(&path, "was changed by hand: its digest is that of other values"));
    }
    let mut texts = BTreeMap::new();
    for file in TEXTS.into_iter().filter(|file| document.files.contains_key(*file)) {
        let path = directory.join(format!("{file}{}", which.suffix()));
        let Some(text) = text_of(&path)? else {
            return Err(unreadable(&path, "is missing"));
        };
        if document.files[file] != digest(&text) {
            let fact = "was truncated or changed by hand: baseline.json vouches for another text";
            return Err(unreadable(&path, fact));
        }
        let sheet = Sheet::parse(&text).map_err(|fact| unreadable(&path, fact))?;
        texts.insert(file, sheet);
    }
    Ok(document.baseline(texts))
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn vouch(document: &Document) -> String {
    let mut value = serde_json::to_value(document).expect("a document is JSON");
    value["digest"] = "".into();
    digest(&value.to_string())
}

impl Document {
    fn of(baseline: &Baseline, texts: &BTreeMap<&'static str, String>) -> Self {
        let snapshot = &baseline.snapshot;
        let value = |(metric, value): (&Metric, &Option<f64>)| {
            let number = value.map_or(Value::Null, |value| match metric.unit() {
                Unit::Count => (value as i64).into(),
                _ => value.into(),
            });
            (metric.name().to_owned(), number)
        };
        let mut document = Self {
            accepted: baseline.accepted.clone(),
            digest: String::new(),
            digests: Digests { equity: snapshot.equity.clone(), fills: snapshot.fills.clone() },
            files: texts.iter().map(|(file, text)| ((*file).to_owned(), digest(text))).collect(),
            identity: snapshot.identity.clone(),
            key: snapshot.key.clone(),
            metrics: snapshot.metrics.iter().map(value).collect(),
            months: snapshot.months.clone(),
            periods: snapshot.periods,
            range: snapshot.range.clone(),
            rules: snapshot.rules.clone(),
            schema: SCHEMA,
            session: snapshot.session.clone(),
            settings: snapshot.settings.clone(),
            source: baseline.source.clone(),
        };
        document.digest = vouch(&document);
        document
    }

    fn baseline(self, mut texts: BTreeMap<&'static str, Sheet>) -> Baseline {
        // A metric that this program does not know any more cannot be compared.
        let metric =
            |(name, value): (String, Value)| Some((Metric::from_name(&name)?, value.as_f64()));
        Baseline {
            snapshot: Snapshot {
                key: self.key,
                session: self.session,
                range: self.range,
                periods: self.periods,
                identity: self.identity,
                settings: self.settings,
                rules: self.rules,
                metrics: self.metrics.into_iter().filter_map(metric).collect(),
                fills: self.digests.fills,
                equity: self.digests.equity,
                months: self.months,
                trades: texts.remove("trades.csv"),
                orders: texts.remove("orders.csv"),
                daily: texts.remove("daily.csv"),
                bars: texts.remove("bars.csv"),
            },
            source: self.source,
            accepted: self.accepted,
        }
    }
}

/// Write a baseline, with as many of its texts as are not larger than `largest` bytes together.
fn write(
    directory: &Path,
    baseline: &Baseline,
    which: Which,
    largest: usize,
) -> Result<(), StoreError> {
    let snapshot = &baseline.snapshot;
    let sheets = [
        ("trades.csv", &snapshot.trades),
        ("orders.csv", &snapshot.orders),
        ("daily.csv", &snapshot.daily),
        ("bars.csv", &snapshot.bars),
    ];
    let text = |(file, sheet): (&'static str, &Option<Sheet>)| Some((file, sheet.as_ref()?.text()));
    let mut texts: BTreeMap<&'static str, String> = sheets.into_iter().filter_map(text).collect();
    for file in TEXTS {
        if texts.values().map(String::len).sum::<usize>() > largest {
            texts.remove(file);
        }
    }
    store::create_directories(directory)?;
    for file in TEXTS {
        let path = directory.join(format!("{file}{}", which.suffix()));
        match texts.get(file) {
            Some(text) => store::write(&path, text.as_bytes())?,
            None => store::remove(&path)?,
        }
    }
    // Last, because it vouches for the others.
    let document = Document::of(baseline, &texts);
    let json = serde_json::to_string_pretty(&document).expect("a document is JSON");
    let path = directory.join(format!("{DOCUMENT}{}", which.suffix()));
    store::write(&path, format!("{json}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::cause::causes;
    use super::super::story::story;
    use super::*;

    fn sheet(text: &str) -> Option<Sheet> {
        Some(Sheet::parse(text).unwrap())
    }

    fn month(data: &str, equity: &str) -> Month {
        Month { data: Some(data.into()), equity: Some(equity.into()) }
    }

    /// Two months and one trade; every text has at least thirty bytes.
    fn baseline() -> Baseline {
        let text = || "text".to_owned();
        Baseline {
            snapshot: Snapshot {
                key: "a[fast=1]".into(),
                session: "a".into(),
                range: Span {
                    bars: 2,
                    from: "2020-01-31".parse().unwrap(),
                    to: "2020-02-01".parse().unwrap(),
                },
                periods: 365.0,
                identity: Components {
                    data: "data".into(),
                    engine: 1,
                    rules: text(),
                    schema: 1,
                    settings: text(),
                },
                settings: [("capital".to_owned(), "10000".to_owned())].into(),
                rules: [("rules.enter_long".to_owned(), "close > 1".to_owned())].into(),
                metrics: [(Metric::Trades, Some(1.0)), (Metric::Sharpe, None)].into(),
                fills: text(),
                equity: text(),
                months: [
                    ("2020-01".to_owned(), month("january", "flat")),
                    ("2020-02".to_owned(), month("february", "long")),
                ]
                .into(),
                trades: sheet("symbol,entry_time,exit_time,profit\nx,2020-02-01,,1\n"),
                orders: sheet("time,symbol,intent,side\n2020-01-31,x,open,long\n"),
                daily: sheet("date,equity,drawdown,benchmark\n2020-02-01,10001,0,1\n"),
                bars: sheet("symbol,time,open,high,low,close,volume\nx,2020-01-31,1,1,1,1,1\n"),
            },
            source: Source {
                complete: true,
                filtered: Vec::new(),
                manifest: "a.toml".into(),
                profile: None,
            },
            accepted: Accepted { metrics: Vec::new(), reason: "first".into() },
        }
    }

    #[test]
    fn texts_that_are_too_large_are_given_up_one_by_one_and_the_digests_stay() {
        let directory = tempfile::tempdir().unwrap();
        let whole = baseline();
        let texts = [&whole.snapshot.trades, &whole.snapshot.daily, &whole.snapshot.orders];
        let sizes = texts.map(|sheet| sheet.as_ref().unwrap().text().len());
        // The bars first, the trades last.
        for kept in (0..=3).rev() {
            let largest = sizes[..kept].iter().sum();
            write(directory.path(), &whole, Which::Accepted, largest).unwrap();
            let read = read(directory.path(), Which::Accepted).unwrap();
            let snapshot = &read.snapshot;
            let there = [&snapshot.trades, &snapshot.daily, &snapshot.orders, &snapshot.bars];
            assert_eq!(there.map(Option::is_some), [0, 1, 2, 3].map(|place| place < kept));
            assert!(read.given_up().unwrap().starts_with("more than 5 MB: "));
            let names = store::entries(directory.path()).unwrap();
            assert_eq!(names.len(), 1 + kept, "what is given up leaves no file: {names:?}");
            let blank = |snapshot: &Snapshot| Snapshot {
                trades: None,
                orders: None,
                daily: None,
                bars: None,
                ..snapshot.clone()
            };
            assert_eq!(blank(snapshot), blank(&whole.snapshot));
        }
        write(directory.path(), &whole, Which::Accepted, LARGEST).unwrap();
        assert_eq!(read(directory.path(), Which::Accepted), Ok(whole.clone()));
        assert_eq!(whole.given_up(), None);
    }

    #[test]
    fn of_digests_alone_the_story_stops_at_the_month_and_so_does_the_cause() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &baseline(), Which::Accepted, 0).unwrap();
        let before = read(directory.path(), Which::Accepted).unwrap().snapshot;
        let mut after = baseline().snapshot;
        (after.identity.data, after.equity) = ("revised".into(), "another".into());
        after.months.insert("2020-02".into(), month("revised", "another"));
        let story = story(&before, &after).unwrap();
        assert_eq!((story.link, story.at.as_str()), ("month", "2020-02"));
        assert!(story.sentence.contains("digests alone"), "{}", story.sentence);
        let causes = causes(&before, &after);
        assert_eq!(causes[0].component, "data revised");
        assert!(causes[0].text().contains("2020-02"), "{}", causes[0].text());
    }
}
