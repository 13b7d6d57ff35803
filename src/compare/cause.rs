//! Why two results differ: the components of the identity that moved, each with what moved in it.

use super::sheet::Sheet;
use super::snapshot::Snapshot;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many keys, rules or bars of one component are named.
const NAMED: usize = 5;

/// A component that moved.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Cause {
    /// `rules`, `settings`, `data revised`, `new bars`, `range` or `engine`.
    pub component: &'static str,
    /// What moved in it, the first first.
    pub moved: Vec<Moved>,
    /// A fact beside that, such as how much more there is.
    pub note: Option<String>,
}

/// One thing that is not what it was.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Moved {
    /// What: a key, a rule, or a field of a bar.
    pub what: String,
    /// The bar, where it is one: its symbol.
    pub symbol: Option<String>,
    /// The bar, where it is one: its opening time.
    pub time: Option<String>,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it is; `None` if it is not there any more.
    pub after: Option<String>,
}

impl Cause {
    /// The cause in one line.
    pub fn text(&self) -> String {
        let moved: Vec<String> = self.moved.iter().map(Moved::text).collect();
        let parts = moved.into_iter().chain(self.note.clone());
        format!("{}: {}", self.component, parts.collect::<Vec<_>>().join("; "))
    }
}

impl Moved {
    fn text(&self) -> String {
        let absent = || "absent".to_owned();
        let (before, after) = (self.before.clone(), self.after.clone());
        let bar = match (&self.symbol, &self.time) {
            (Some(symbol), Some(time)) => format!("{symbol} {time} "),
            _ => String::new(),
        };
        format!(
            "{bar}`{}` {} -> {}",
            self.what,
            before.unwrap_or_else(absent),
            after.unwrap_or_else(absent)
        )
    }
}

/// What moved between `before` and `after`, whether or not it changed a result.
pub fn causes(before: &Snapshot, after: &Snapshot) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (old, new) = (&before.identity, &after.identity);
    let keys = |old: &BTreeMap<String, String>, new: &BTreeMap<String, String>| {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let moved = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        let moved = moved.map(|name| Moved {
            what: name.clone(),
            symbol: None,
            time: None,
            before: old.get(name).cloned(),
            after: new.get(name).cloned(),
        });
        moved.collect::<Vec<_>>()
    };
    // A number of the manifest that is not written there has no key to be named by.
    let mut silent = Vec::new();
    let components = [
        ("rules", old.rules != new.rules, keys(&before.rules, &after.rules)),
        ("settings", old.settings != new.settings, keys(&before.settings, &after.settings)),
    ];
    for (component, has_moved, moved) in components {
        match (has_moved, moved.is_empty()) {
            (true, false) => causes.push(named(component, moved)),
            (true, true) => silent.push(component),
            (false, _) => {}
        }
    }
    if before.range.from != after.range.from || before.range.to != after.range.to {
        causes.push(range(before, after));
    } else if old.data != new.data {
        causes.push(data(before, after));
    }
    if old.engine != new.engine || old.schema != new.schema || !silent.is_empty() {
        causes.push(engine(before, after, &silent));
    }
    causes
}

/// The cause of a difference that nothing in the identities explains.
pub fn unexplained() -> Cause {
    let note = "rules, settings, data and the engine's number are what they were, so this program \
                computes something else than the one that made the baseline";
    Cause { component: "engine", moved: Vec::new(), note: Some(note.into()) }
}

fn named(component: &'static str, mut moved: Vec<Moved>) -> Cause {
    let more = moved.len().saturating_sub(NAMED);
    moved.truncate(NAMED);
    let note = (more > 0).then(|| format!("and {more} more"));
    Cause { component, moved, note }
}

fn engine(before: &Snapshot, after: &Snapshot, silent: &[&str]) -> Cause {
    let number = |what: &str, before: u32, after: u32| Moved {
        what: what.into(),
        symbol: None,
        time: None,
        before: Some(before.to_string()),
        after: Some(after.to_string()),
    };
    let (old, new) = (&before.identity, &after.identity);
    let numbers = [("engine", old.engine, new.engine), ("schema", old.schema, new.schema)];
    let numbers = numbers.into_iter().filter(|(_, old, new)| old != new);
    let note = (!silent.is_empty()).then(|| {
        format!("no key moved, but this program reads more into the {}", silent.join(" and "))
    });
    let moved = numbers.map(|(what, old, new)| number(what, old, new)).collect();
    Cause { component: "engine", moved, note }
}

/// Other days were run.
fn range(before: &Snapshot, after: &Snapshot) -> Cause {
    let (old, new) = (&before.range, &after.range);
    let component = if old.from == new.from && new.to > old.to { "new bars" } else { "range" };
    let day = |what: &str, before: chrono::NaiveDate, after: chrono::NaiveDate| Moved {
        what: what.into(),
        symbol: None,
        time: None,
        before: Some(before.to_string()),
        after: Some(after.to_string()),
    };
    let days = [("range.from", old.from, new.from), ("range.to", old.to, new.to)];
    let days = days.into_iter().filter(|(_, old, new)| old != new);
    let note = format!("{} bars -> {} bars", old.bars, new.bars);
    let moved = days.map(|(what, old, new)| day(what, old, new)).collect();
    Cause { component, moved, note: Some(note) }
}

/// The same days hold other bars.
fn data(before: &Snapshot, after: &Snapshot) -> Cause {
    const COMPONENT: &str = "data revised";
    if let (Some(old), Some(new)) = (&before.bars, &after.bars) {
        let (moved, total) = revised(old, new);
        if total > 0 {
            let more = total - moved.len();
            let note = (more > 0).then(|| format!("and {more} more"));
            return Cause { component: COMPONENT, moved, note };
        }
        let note = "every bar is what it was, but not when it is: its length, zone or day";
        return Cause { component: COMPONENT, moved, note: Some(note.into()) };
    }
    let months: BTreeSet<&String> = before.months.keys().chain(after.months.keys()).collect();
    let digest = |side: &Snapshot, month: &str| side.months.get(month)?.data.clone();
    let known = |side: &Snapshot| side.months.values().any(|month| month.data.is_some());
    if !known(before) || !known(after) {
        let note = "the bars of one side are not known, so that the first that differs cannot be";
        return Cause { component: COMPONENT, moved: Vec::new(), note: Some(note.into()) };
    }
    let moved = months.into_iter().filter(|month| digest(before, month) != digest(after, month));
    let moved: Vec<Moved> = moved
        .map(|month| Moved {
            what: format!("month {month}"),
            symbol: None,
            time: None,
            before: digest(before, month),
            after: digest(after, month),
        })
        .collect();
    let mut cause = named(COMPONENT, moved);
    let limit = "the baseline keeps digests alone, so the story stops at the month";
    cause.note = Some(cause.note.map_or(limit.into(), |more| format!("{more}; {limit}")));
    cause
}

/// The first fields that differ, in the order of time, and how many there are.
fn revised(old: &Sheet, new: &Sheet) -> (Vec<Moved>, usize) {
    let index = |sheet: &Sheet| -> HashMap<(String, String), usize> {
        let key = |row: &[String]| {
            (sheet.field(row, "time").to_owned(), sheet.field(row, "symbol").to_owned())
        };
        sheet.rows.iter().enumerate().map(|(at, row)| (key(row), at)).collect()
    };
    let (old_rows, new_rows) = (index(old), index(new));
    let keys: BTreeSet<&(String, String)> = old_rows.keys().chain(new_rows.keys()).collect();
    let mut columns: Vec<&str> = old.header.iter().map(String::as_str).collect();
    columns.extend(new.header.iter().map(String::as_str).filter(|name| old.column(name).is_none()));
    let (mut moved, mut total) = (Vec::new(), 0);
    for key in keys {
        let (a, b) = (old_rows.get(key), new_rows.get(key));
        let (a, b) = (a.map(|&at| &old.rows[at]), b.map(|&at| &new.rows[at]));
        let bar = |what: &str, before: Option<String>, after: Option<String>| Moved {
            what: what.to_owned(),
            symbol: Some(key.1.clone()),
            time: Some(key.0.clone()),
            before,
            after,
        };
        let mut push = |one: Moved| {
            total += 1;
            if moved.len() < NAMED {
                moved.push(one);
            }
        };
        match (a, b) {
            (Some(a), Some(b)) => {
                for &column in &columns {
                    let (x, y) = (old.field(a, column), new.field(b, column));
                    if x != y {
                        let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                        push(bar(column, value(x), value(y)));
                    }
                }
            }
            (a, b) => {
                let there = |is: bool| is.then(|| "there".to_owned());
                push(bar("bar", there(a.is_some()), there(b.is_some())));
            }
        }
    }
    (moved, total)
}
