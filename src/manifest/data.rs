//! The `data` table of a session: which bars to read, how, and what to make of damage in them.

use super::paper::Mode;
use super::project::Project;
use super::span::Span;
use super::tree::{Node, Table, Value};
use crate::bars::DAY;
use crate::diag::{Mistake, Mistakes, Place, codes};
use std::path::PathBuf;

/// Which bars to read, and how. Two sessions with equal settings share one data set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DataSettings {
    /// Files, directories or globs, absolute.
    pub paths: Vec<PathBuf>,
    /// The same as they are written.
    pub written: Vec<String>,
    /// The column that names the symbol, if it is not to be guessed.
    pub symbol_column: Option<String>,
    /// Our name of a column and theirs.
    pub columns: Vec<(String, String)>,
    /// How timestamps are written, in the letters of `strftime`, if it is not to be guessed.
    pub time_format: Option<String>,
    /// Ticks a second of timestamps that are numbers, if it is not to be guessed.
    pub time_unit: Option<i64>,
    /// The zone of naive timestamps and of trading days.
    pub timezone: chrono_tz::Tz,
    /// Whether timestamps label the close of a bar.
    pub label_close: bool,
    /// The length of a bar in microseconds, if it is not to be guessed.
    pub timeframe: Option<i64>,
    /// The length of the bars that are made of those of the file, in microseconds.
    pub resample: Option<i64>,
    /// The trading days; `None` if nobody said, and every day is one.
    pub calendar: Option<CalendarChoice>,
    /// The local times of day in which bars open that are kept.
    pub hours: Option<Hours>,
    /// What is taken out of the prices.
    pub adjust: Adjust,
    /// How many rows before the range rules may see; `None` for all.
    pub warmup: Option<usize>,
    /// How long after its close a bar is complete, in microseconds.
    pub delay: i64,
    /// What is done about damage.
    pub checks: Checks,
    /// The moment from which on a bar is not known yet: microseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
}

/// The trading days of the data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CalendarChoice {
    /// Every day.
    Always,
    /// Monday to Friday.
    Weekdays,
    /// Those of the New York Stock Exchange, with its sessions.
    UsEquity,
    /// Those of a file.
    File(PathBuf),
}

impl CalendarChoice {
    /// The calendars that have a name.
    pub const NAMED: [(&'static str, Self); 3] =
        [("always", Self::Always), ("weekdays", Self::Weekdays), ("us_equity", Self::UsEquity)];
}

/// A span of the local day, which goes over midnight if it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hours {
    /// Its first moment, microseconds since midnight.
    pub from: i64,
    /// The first moment after it.
    pub to: i64,
}

impl Hours {
    /// Whether a local time of day lies in it.
    pub fn contains(&self, time_of_day: i64) -> bool {
        match self.from < self.to {
            true => self.from <= time_of_day && time_of_day < self.to,
            false => self.from <= time_of_day || time_of_day < self.to,
        }
    }
}

/// What is taken out of the prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adjust {
    /// Nothing; splits and dividends are booked by the account.
    None,
    /// Splits.
    Split,
    /// Splits and dividends.
    Total,
}

/// A kind of damage that data is looked through for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Rows that cannot be placed, or stand before an earlier one.
    Order,
    /// Several rows of one time.
    Duplicates,
    /// Prices that are missing, not positive or not finite.
    Prices,
    /// A high below the low, an open or a close outside of them.
    Range,
    /// A volume of zero or below.
    Volume,
    /// Prices that move as if by a split that nothing tells of.
    Jumps,
    /// Bars that are missing between others, or on days without trading.
    Gaps,
    /// A last bar that is not over yet.
    Unfinished,
    /// A last bar that is older than it should be.
    Stale,
    /// A file that ends without the end of a line.
    Torn,
}

impl Check {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 10] = [
        Self::Order,
        Self::Duplicates,
        Self::Prices,
        Self::Range,
        Self::Volume,
        Self::Jumps,
        Self::Gaps,
        Self::Unfinished,
        Self::Stale,
        Self::Torn,
    ];

    /// Its key below `data.checks`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Duplicates => "duplicates",
            Self::Prices => "prices",
            Self::Range => "range",
            Self::Volume => "volume",
            Self::Jumps => "jumps",
            Self::Gaps => "gaps",
            Self::Unfinished => "unfinished",
            Self::Stale => "stale",
            Self::Torn => "torn",
        }
    }

    /// What is done if the manifest says nothing.
    pub const fn policy(self) -> Policy {
        match self {
            Self::Order | Self::Duplicates | Self::Prices | Self::Range => Policy::Fail,
            Self::Volume | Self::Jumps | Self::Gaps | Self::Torn => Policy::Warn,
            Self::Unfinished => Policy::Drop,
            Self::Stale => Policy::Off,
        }
    }
}

/// What is done about damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The session is refused.
    Fail,
    /// It is told, and the session goes on.
    Warn,
    /// The rows are left out, and counted.
    Drop,
    /// It is not looked for.
    Off,
}

impl Policy {
    /// The words of a manifest.
    pub const WORDS: &'static [&'static str] = &["fail", "warn", "drop", "off"];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Drop => "drop",
            Self::Off => "off",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Fail, Self::Warn, Self::Drop, Self::Off].into_iter().find(|it| it.word() == word)
    }
}

/// A policy for each check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checks {
    policies: [Policy; Check::ALL.len()],
    again: Policy,
    astray: Policy,
    skips_garbage: bool,
}

impl Default for Checks {
    fn default() -> Self {
        let policies = Check::ALL.map(Check::policy);
        Self {
            policies,
            again: Check::Duplicates.policy(),
            astray: Check::Order.policy(),
            skips_garbage: false,
        }
    }
}

impl Checks {
    /// What is done about `check`.
    pub fn policy(&self, check: Check) -> Policy {
        self.policies[check as usize]
    }

    /// What is done about a row that is another one again, value for value.
    pub fn again(&self) -> Policy {
        self.again
    }

    /// What is done about a row that has a time, and stands before an earlier one.
    pub fn astray(&self) -> Policy {
        self.astray
    }

    /// Whether a line that can be no bar, and a row with a price that cannot be read, are left out and
    /// told; else a file with one is refused.
    pub fn skips_garbage(&self) -> bool {
        self.skips_garbage
    }

    /// The same, with another policy for `check`.
    pub fn with(mut self, check: Check, policy: Policy) -> Self {
        self.policies[check as usize] = policy;
        match check {
            Check::Duplicates => self.again = policy,
            Check::Order => self.astray = policy,
            Check::Prices => self.skips_garbage &= policy != Policy::Fail,
            _ => {}
        }
        self
    }

    /// The same for bars that arrive: one that is sent twice is the same bar, one that comes late is put
    /// in its place, a line that can be no bar is left out, and one without an end will have one.
    pub fn of_arrivals(self) -> Self {
        let arriving = self.with(Check::Torn, Policy::Drop).with(Check::Order, Policy::Warn);
        Self { again: Policy::Off, skips_garbage: true, ..arriving }
    }
}

impl DataSettings {
    /// How to read `paths` where nothing else is said.
    pub fn of(paths: Vec<PathBuf>, written: Vec<String>, now: i64) -> Self {
        Self {
            paths,
            written,
            symbol_column: None,
            columns: Vec::new(),
            time_format: None,
            time_unit: None,
            timezone: chrono_tz::UTC,
            label_close: false,
            timeframe: None,
            resample: None,
            calendar: None,
            hours: None,
            adjust: Adjust::None,
            warmup: None,
            delay: 0,
            checks: Checks::default(),
            now,
        }
    }

    /// The same reading of the bars of another path, whatever their length.
    pub(super) fn elsewhere(&self, written: String, project: &Project) -> Self {
        Self {
            paths: vec![project.root.join(&written)],
            written: vec![written],
            timeframe: None,
            resample: None,
            warmup: None,
            ..self.clone()
        }
    }

    /// Type the `data` of the merged `table` of session `name`, declared at `place`, with the place of
    /// its path; `None` if it has none. Mistakes are added to `mistakes`.
    pub(super) fn typed(
        name: &str,
        place: &Place,
        table: &Table,
        project: &Project,
        mistakes: &mut Mistakes,
    ) -> Option<(Self, Place)> {
        let Some(path) = table.at("data.path") else {
            let remedy = format!(
                "say where the bars are: `[session.{name}.data]` and `path = \"data/x.csv\"`"
            );
            let missing = Mistake::new(codes::MISSING_KEY, place, "`data.path` is missing");
            mistakes.push(missing.label(remedy));
            return None;
        };
        let written: Vec<String> = texts(path).map(str::to_owned).collect();
        let paths = written.iter().map(|path| project.root.join(path)).collect();
        let text = |key: &str| table.at(key).and_then(Node::text);
        let columns = table.at("data.columns").and_then(Node::table);
        let columns = columns.into_iter().flat_map(Table::iter);
        let columns = columns.filter_map(|e| Some((e.key.clone(), e.node.text()?.to_owned())));
        let timeframe = duration(table, "data.timeframe", mistakes);
        let resample = duration(table, "data.resample", mistakes);
        if let (Some(length), Some(node)) = (resample, table.at("data.resample"))
            && length > DAY
            && length % DAY != 0
        {
            let title = "`data.resample` is a part of a day, or whole days";
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
            mistakes.push(mistake.label("write \"4h\", \"1d\" or \"1w\""));
        }
        let mut checks = Checks::default();
        if text("mode") == Some(Mode::Paper.word()) {
            // An account keeps what it has seen.
            checks = checks.of_arrivals();
        }
        for check in Check::ALL {
            let policy = text(&format!("data.checks.{}", check.word())).and_then(Policy::named);
            checks = policy.map_or(checks, |policy| checks.with(check, policy));
        }
        let settings = Self {
            symbol_column: text("data.symbol_column").map(str::to_owned),
            columns: columns.collect(),
            time_format: text("data.time_format").map(str::to_owned),
            time_unit: text("data.time_unit").map(|unit| match unit {
                "ms" => 1_000,
                "us" => 1_000_000,
                "ns" => 1_000_000_000,
                _ => 1,
            }),
            timezone: text("data.timezone").and_then(|z| z.parse().ok()).unwrap_or(chrono_tz::UTC),
            label_close: text("data.label") == Some("close"),
            timeframe,
            resample,
            calendar: calendar(table, project, mistakes),
            hours: hours(table, mistakes),
            adjust: match text("data.adjust") {
                Some("split") => Adjust::Split,
                Some("total") => Adjust::Total,
                _ => Adjust::None,
            },
            warmup: match table.at("data.warmup").map(|node| &node.value) {
                Some(Value::Text(word)) if word == "none" => Some(0),
                Some(Value::Integer(rows)) => usize::try_from(*rows).ok(),
                _ => None,
            },
            delay: match table.at("data.delay").map(|node| &node.value) {
                Some(Value::Integer(0)) => 0,
                _ => duration(table, "data.delay", mistakes).unwrap_or(0),
            },
            checks,
            ..Self::of(paths, written, project.now)
        };
        Some((settings, path.place.clone()))
    }
}

fn texts(node: &Node) -> impl Iterator<Item = &str> {
    node.array().unwrap_or(std::slice::from_ref(node)).iter().filter_map(Node::text)
}

/// A length of time in microseconds: bars have no length before they are read.
fn duration(table: &Table, key: &str, mistakes: &mut Mistakes) -> Option<i64> {
    let node = table.at(key)?;
    match Span::of(node) {
        Ok(Span::Time(micros)) => Some(micros),
        Ok(Span::Bars(_)) => {
            let title = format!("`{key}` is a duration such as \"1h\"");
            mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
            None
        }
        // It was told where its layer was checked.
        Err(_) => None,
    }
}

fn calendar(table: &Table, project: &Project, mistakes: &mut Mistakes) -> Option<CalendarChoice> {
    let node = table.at("data.calendar")?;
    let word = node.text().unwrap_or_default();
    let named = CalendarChoice::NAMED.into_iter().find(|(name, _)| *name == word);
    match named {
        Some((_, calendar)) => Some(calendar),
        None if word.contains(['/', '.']) => Some(CalendarChoice::File(project.root.join(word))),
        None => {
            let known = CalendarChoice::NAMED.map(|(name, _)| name);
            let title = format!(
                "`data.calendar` is one of {}, or a CSV file of days",
                known.map(|name| format!("\"{name}\"")).join(", ")
            );
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
            mistakes.push(mistake.suggest(word, known));
            None
        }
    }
}

fn hours(table: &Table, mistakes: &mut Mistakes) -> Option<Hours> {
    let hours = table.at("data.hours")?;
    let mut side = |name: &str, absent: i64| {
        let Some(node) = hours.table().and_then(|table| table.get(name)) else {
            return Some(absent);
        };
        let time = match &node.value {
            Value::Text(text) | Value::Date(text) => time_of_day(text),
            _ => None,
        };
        if time.is_none() {
            let title = format!("`data.hours.{name}` is a local time of day such as \"09:30\"");
            mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
        }
        time
    };
    let (from, to) = (side("from", 0)?, side("to", DAY)?);
    if from == to {
        let title = "`data.hours` ends when it begins, and holds nothing";
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &hours.place, title));
    }
    Some(Hours { from, to })
}

/// Microseconds since midnight of a text such as `09:30`; `24:00` is the end of the day.
pub fn time_of_day(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let total = (hours * 60 + minutes) * 60 + seconds;
    let fits = hours >= 0 && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    (fits && total <= 86_400).then_some(total * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight() {
        let at = |text: &str| time_of_day(text).unwrap();
        let day = Hours { from: at("09:30"), to: at("16:00") };
        assert!(day.contains(at("09:30")) && !day.contains(at("16:00")));
        let night = Hours { from: at("22:00"), to: at("06:00") };
        assert!(
            night.contains(at("23:59:59")) && night.contains(0) && !night.contains(at("12:00"))
        );
        for wrong in ["9", "25:00", "24:01", "12:60", "-1:00", "noon", "1:2:3:4"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_check_has_its_place() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, index);
            let checks = Checks::default().with(check, Policy::Off);
            assert_eq!(checks.policy(check), Policy::Off);
        }
    }
}
