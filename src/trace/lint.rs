//! A strategy held to its promises, on the data of the session that uses it.
//!
//! Cut and poison: no value of a rule or let depends on a bar after it, whether those bars are taken
//! away or spoiled. Warm-up: from which bar on there are values, and whether they depend on where the
//! data begins. Truth: rules and conditions that are never or always true. Use: what nothing reads.

use super::{Entry, Trace};
use crate::bars::{Bars, Clock, Cut, Extra, Mask};
use crate::batch::kept::stamp;
use crate::diag::{Mistake, counted};
use crate::expr::{Column, Graph, Node, NodeId, Op, PRICES, Scalar, Type};
use crate::manifest::Session;
use crate::market::{DataSet, Slice};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How much something that was found matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A check that held.
    Ok,
    /// Good to know.
    Note,
    /// Probably not what was meant.
    Warning,
    /// A promise that is broken.
    Failure,
}

impl Weight {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// The check: `cut`, `poison`, `warm_up`, `start`, `truth` or `use`.
    pub check: &'static str,
    /// What it is about, such as `rules.enter_long`; the strategy as a whole where that is empty.
    pub subject: String,
    /// What was found.
    pub fact: String,
}

/// At how many bars the future is taken away, and spoiled.
const CUTS: usize = 12;
/// What the future is spoiled with.
const POISONS: [f64; 2] = [f64::NAN, 1e9];
/// How far two numbers may lie apart, as a fraction, to be called the same in the check of the start.
const SAME: f64 = 1e-9;

/// Hold the strategy of `session`, with these parameters, to its promises on `data`.
pub fn lint(session: &Session, params: &[Scalar], data: &DataSet) -> Result<Vec<Finding>, String> {
    let whole = cut(session, data)?;
    let mut graph = Graph::default();
    let trace = Trace::of(session, params, data, &whole, &mut graph).map_err(told)?;
    let mut lint = Lint { session, params, data, trace: &trace, found: Vec::new() };
    lint.future("cut", &|bars, time| vec![until(bars, time)])?;
    lint.future("poison", &|bars, time| {
        POISONS.iter().map(|&poison| spoiled(bars, time, poison)).collect()
    })?;
    lint.warm_up();
    lint.start()?;
    lint.truth();
    lint.conflicts();
    lint.unused();
    Ok(lint.found)
}

fn told(mistake: Mistake) -> String {
    mistake.title
}

/// What the session sees of `data`.
fn cut(session: &Session, data: &DataSet) -> Result<Slice, String> {
    let symbols = session.symbols.as_deref();
    let mut slice = Slice::cut(data, &session.data, symbols, &session.range, &session.benchmark)
        .map_err(|error| error.to_string())?;
    for symbol in data.symbols() {
        // Of a symbol that is refused a rule that looks at it has told already.
        let _ = slice.reach(data, symbol, &session.data, &session.range);
    }
    Ok(slice)
}

struct Lint<'a> {
    session: &'a Session,
    params: &'a [Scalar],
    data: &'a DataSet,
    trace: &'a Trace<'a>,
    found: Vec<Finding>,
}

impl Lint<'_> {
    fn tell(&mut self, weight: Weight, check: &'static str, subject: &str, fact: String) {
        self.found.push(Finding { weight, check, subject: subject.to_owned(), fact });
    }

    fn symbols(&self) -> usize {
        self.trace.slice.symbols.len()
    }

    /// The bars behind which the future is changed: evenly over the range, and some on which a rule
    /// is true.
    fn bars(&self) -> BTreeSet<usize> {
        let len = self.trace.slice.frame.len();
        let even = (1..=CUTS).map(|number| number * len / (CUTS + 1));
        let acts = self.trace.signals.iter().flat_map(|signals| {
            let masks = [&signals.enter_long, &signals.exit_long, &signals.enter_short];
            masks.into_iter().flat_map(|mask| mask.iter().take(1).collect::<Vec<_>>())
        });
        even.chain(acts.take(CUTS)).filter(|&bar| bar + 1 < len).collect()
    }

    /// Change the bars after some bar, as `change` does to those of one symbol, and see whether a
    /// value before it changes.
    fn future(
        &mut self,
        check: &'static str,
        change: &dyn Fn(&Bars, i64) -> Vec<Bars>,
    ) -> Result<(), String> {
        let (mut changes, mut present, mut missing) = (0, 0, 0);
        let mut broken: BTreeSet<String> = BTreeSet::new();
        for bar in self.bars() {
            let frame = &self.trace.slice.frame;
            let clock = Clock { timeframe: frame.timeframe, zone: frame.zone.clone() };
            // What has closed by then is known, of whatever symbol and however long its bars are.
            let time = clock.close(frame.time[bar]);
            for data in changed(self.data, |bars| change(bars, time)) {
                // A symbol that begins later has no bars yet.
                let Ok(slice) = cut(self.session, &data) else { continue };
                let (session, params, mut graph) = (self.session, self.params, Graph::default());
                let other = Trace::of(session, params, &data, &slice, &mut graph).map_err(told)?;
                changes += 1;
                for entry in self.trace.entries() {
                    let compared = self.compare(&entry, &other, time);
                    present += compared.present;
                    missing += compared.missing;
                    if let Some(fact) = compared.broken
                        && broken.insert(entry.path())
                    {
                        self.tell(Weight::Failure, check, &entry.path(), fact);
                    }
                }
            }
        }
        if broken.is_empty() {
            let bars = counted(changes, "time");
            let fact = match check {
                "cut" => format!("the future was taken away {bars}"),
                _ => format!("the future was spoiled {bars}"),
            };
            let values = format!("{present} present and {missing} missing values stayed the same");
            self.tell(Weight::Ok, check, "", format!("{fact}: {values}"));
        }
        Ok(())
    }

    /// Compare what an entry is in this trace and the other, on all bars up to `time`.
    fn compare(&self, entry: &Entry, other: &Trace<'_>, time: i64) -> Compared {
        let mut compared = Compared::default();
        for symbol in 0..self.symbols() {
            let view = self.trace.slice.view(symbol);
            let times = view.bars.time[view.rows.clone()].iter();
            let (ours, theirs) =
                (self.trace.column(symbol, entry.node), other.column(symbol, entry.node));
            let known = |at: &i64| view.bars.clock.close(*at) <= time;
            for (row, at) in times.enumerate().take_while(|(_, at)| known(at)) {
                let (value, changed) = (ours.at(row), theirs.at(row));
                match value {
                    Scalar::Missing => compared.missing += 1,
                    _ => compared.present += 1,
                }
                if bits(&value) != bits(&changed) && compared.broken.is_none() {
                    compared.broken = Some(format!(
                        "on {} of {} it is {}, and {} when the bars that close after {} are others",
                        stamp(*at),
                        self.trace.slice.symbols[symbol],
                        super::shown(&value),
                        super::shown(&changed),
                        stamp(time),
                    ));
                }
            }
        }
        compared
    }

    /// From which bar on each rule has a value, and what never has one.
    fn warm_up(&mut self) {
        let mut silent: BTreeSet<NodeId> = BTreeSet::new();
        for entry in self.trace.entries() {
            if self.trace.node(entry.node).constant {
                continue;
            }
            if self.is_silent(entry.node) {
                let cause = self.cause(entry.node);
                if silent.insert(cause) {
                    let (text, rows) = (self.trace.text(cause).to_owned(), self.rows());
                    let fact = format!(
                        "`{text}` has no value on any of the {rows} bars: its window is longer than the data, or what it is computed from is missing"
                    );
                    self.tell(Weight::Warning, "warm_up", &entry.path(), fact);
                }
                continue;
            }
            let late = (0..self.symbols()).map(|symbol| self.late(symbol, entry.node)).max();
            let late = late.unwrap_or_default();
            if late > 0 && entry.table == "rules" {
                let fact = format!("no value on the first {} of the range", counted(late, "bar"));
                self.tell(Weight::Note, "warm_up", &entry.path(), fact);
            }
        }
    }

    /// The rows that rules can see, of all symbols.
    fn rows(&self) -> usize {
        (0..self.symbols()).map(|symbol| self.trace.slice.view(symbol).rows.len()).sum()
    }

    /// Whether a node has no value anywhere.
    fn is_silent(&self, node: NodeId) -> bool {
        (0..self.symbols()).all(|symbol| first(&self.trace.column(symbol, node)).is_none())
    }

    /// The innermost node because of which `node` has no value anywhere.
    fn cause(&self, node: NodeId) -> NodeId {
        let silent = self.trace.operands(node).find(|&operand| self.is_silent(operand));
        silent.map_or(node, |operand| self.cause(operand))
    }

    /// How many bars of the range pass before a node has its first value.
    fn late(&self, symbol: usize, node: NodeId) -> usize {
        let view = self.trace.slice.view(symbol);
        let first = first(&self.trace.column(symbol, node)).unwrap_or(view.rows.len());
        first.saturating_sub(view.from - view.rows.start)
    }

    /// Whether the rules say the same when the data begins later.
    fn start(&mut self) -> Result<(), String> {
        let frame = &self.trace.slice.frame;
        let bar = frame.len() / 4;
        let Some(&time) = frame.time.get(bar) else { return Ok(()) };
        for data in changed(self.data, |bars| vec![since(bars, time)]) {
            let Ok(slice) = cut(self.session, &data) else { continue };
            let (session, params, mut graph) = (self.session, self.params, Graph::default());
            let other = Trace::of(session, params, &data, &slice, &mut graph).map_err(told)?;
            for entry in self.trace.entries().iter().filter(|entry| entry.table == "rules") {
                let (differ, compared) = self.differ(entry.node, &other);
                if differ > 0 {
                    let fact = format!(
                        "it depends on where the data begins: {differ} of {compared} values are others when it begins {} later",
                        counted(bar, "bar")
                    );
                    self.tell(Weight::Warning, "start", &entry.path(), fact);
                }
            }
        }
        Ok(())
    }

    /// On how many rows of how many a node has another value in `other`, whose data begins later,
    /// from its first value there on.
    fn differ(&self, node: NodeId, other: &Trace<'_>) -> (usize, usize) {
        let (mut differ, mut compared) = (0, 0);
        for symbol in 0..self.symbols() {
            let (ours, theirs) = (self.trace.column(symbol, node), other.column(symbol, node));
            let whole = self.trace.slice.view(symbol).rows.len();
            let rows = other.slice.view(symbol).rows.len();
            for row in first(&theirs).unwrap_or(rows)..rows {
                let pair = (ours.at(whole - rows + row), theirs.at(row));
                compared += 1;
                differ += usize::from(match pair {
                    (Scalar::Number(a), Scalar::Number(b)) => (a - b).abs() > SAME * a.abs(),
                    (a, b) => a != b,
                });
            }
        }
        (differ, compared)
    }

    /// Rules that are never or always true, and conditions inside of them.
    fn truth(&mut self) {
        let mut seen = BTreeSet::new();
        for entry in self.trace.entries() {
            let node = self.trace.node(entry.node);
            if entry.table != "rules" || node.ty != Type::Bool || node.constant {
                continue;
            }
            let path = entry.path();
            match self.count(entry.node) {
                (0, 0) => {}
                (0, no) => {
                    let (weight, because) = self.because(entry.node);
                    let fact = format!("never true on {}{because}", counted(no, "bar"));
                    self.tell(weight, "truth", &path, fact);
                    continue;
                }
                (yes, 0) => {
                    let fact = format!("always true, on {}", counted(yes, "bar"));
                    self.tell(Weight::Warning, "truth", &path, fact);
                }
                _ => {}
            }
            for condition in self.conditions(entry.node) {
                if condition == entry.node || !seen.insert(condition) {
                    continue;
                }
                let always = match self.count(condition) {
                    (0, no) if no > 0 => "never",
                    (yes, 0) if yes > 0 => "always",
                    _ => continue,
                };
                let fact = format!("its part `{}` is {always} true", self.trace.text(condition));
                self.tell(Weight::Warning, "truth", &path, fact);
            }
        }
    }

    /// On how many bars of the range a truth value is true, and on how many false.
    fn count(&self, node: NodeId) -> (usize, usize) {
        let mut counts = (0, 0);
        for symbol in 0..self.symbols() {
            let view = self.trace.slice.view(symbol);
            if let Column::Bool(flag) = self.trace.column(symbol, node) {
                let range =
                    |mask: &Mask| mask.slice(view.from - view.rows.start, view.rows.len()).count();
                counts = (counts.0 + range(&flag.yes), counts.1 + range(&flag.no));
            }
        }
        counts
    }

    /// Why a rule is never true: the part that never is, or the parameter that turns it off.
    fn because(&self, node: NodeId) -> (Weight, String) {
        let conditions = self.conjuncts(node);
        let is_off = |&id: &NodeId| {
            self.trace.node(id).constant && self.trace.column(0, id).at(0) == Scalar::Bool(false)
        };
        if let Some(off) = conditions.iter().copied().find(|id| is_off(id)) {
            let reason = format!(", because `{}` is false", self.trace.text(off));
            return (Weight::Note, reason);
        }
        let never = conditions.iter().find(|&&id| id != node && self.count(id).0 == 0);
        let reason = never.map(|&id| format!(", because `{}` never is", self.trace.text(id)));
        (Weight::Warning, reason.unwrap_or_default())
    }

    /// The conditions that must all be true for `node` to be.
    fn conjuncts(&self, node: NodeId) -> Vec<NodeId> {
        match &self.trace.node(node).op {
            Op::Binary(op) if op.symbol() == "and" => {
                let args = self.trace.node(node).args.iter();
                args.flat_map(|&arg| self.conjuncts(arg)).collect()
            }
            _ => vec![node],
        }
    }

    /// The conditions that `and`, `or` and `not` put together to `node`; none that parameters alone
    /// decide.
    fn conditions(&self, node: NodeId) -> Vec<NodeId> {
        let Node { op, args, constant, .. } = self.trace.node(node);
        let is_logic = match op {
            Op::Not => true,
            Op::Binary(op) => matches!(op.symbol(), "and" | "or"),
            _ => false,
        };
        match is_logic {
            true => args.iter().flat_map(|&arg| self.conditions(arg)).collect(),
            false if *constant => vec![],
            false => vec![node],
        }
    }

    /// Both entries at once ask for nothing.
    fn conflicts(&mut self) {
        let both = self.trace.signals.iter().map(|signals| {
            let words = signals.enter_long.words().iter().zip(signals.enter_short.words());
            words.map(|(a, b)| (a & b).count_ones() as usize).sum::<usize>()
        });
        let both = both.sum();
        if both > 0 {
            let fact = format!(
                "`enter_long` and `enter_short` are true together on {}, and neither acts there",
                counted(both, "bar")
            );
            self.tell(Weight::Warning, "truth", "", fact);
        }
    }

    /// Lets and parameters that no rule reads, and columns of which nobody can tell what they know.
    fn unused(&mut self) {
        let program = self.trace.strategy.program();
        let mut used: BTreeSet<NodeId> = BTreeSet::new();
        let plot = &self.session.definition.plot;
        let roots = self.trace.entries().into_iter();
        let roots = roots.filter(|entry| entry.table == "rules" || plot.contains(&entry.name));
        let mut open: Vec<NodeId> = roots.map(|entry| entry.node).collect();
        while let Some(node) = open.pop() {
            if used.insert(node) {
                open.extend(&program.nodes[node].args);
            }
        }
        for (name, node) in &self.trace.strategy.lets {
            if !used.contains(node) {
                let fact = "no rule reads it".to_owned();
                self.tell(Weight::Warning, "use", &format!("let.{name}"), fact);
            }
        }
        let mut columns: BTreeSet<String> = BTreeSet::new();
        let mut params: BTreeSet<usize> = BTreeSet::new();
        for &node in &used {
            match &program.nodes[node].op {
                Op::Param(index) => {
                    params.insert(*index);
                }
                Op::Column(name) if !PRICES.contains(&&**name) => {
                    columns.insert(name.to_string());
                }
                _ => {}
            }
        }
        for (index, param) in self.trace.strategy.params.iter().enumerate() {
            if !params.contains(&index) {
                let fact = "no rule reads it".to_owned();
                self.tell(Weight::Warning, "use", &format!("params.{}", param.name), fact);
            }
        }
        for name in columns {
            let fact = "a column that was computed elsewhere: whether it knows the future cannot be \
                        told from here";
            self.tell(Weight::Note, "use", &name, fact.to_owned());
        }
    }
}

#[derive(Default)]
struct Compared {
    present: usize,
    missing: usize,
    broken: Option<String>,
}

/// The first row with a value.
fn first(column: &Column) -> Option<usize> {
    match column {
        Column::Number(values) => values.iter().position(|value| !value.is_nan()),
        Column::Bool(flag) => flag.yes.next(0).into_iter().chain(flag.no.next(0)).min(),
    }
}

/// What two values must have in common to be the same.
fn bits(value: &Scalar) -> Option<u64> {
    match value {
        Scalar::Number(number) => Some(number.to_bits()),
        Scalar::Bool(value) => Some(u64::from(*value)),
        Scalar::Text(_) | Scalar::Missing => None,
    }
}

/// The data with the bars of every symbol changed, once for each change that `change` makes of them.
fn changed(data: &DataSet, change: impl Fn(&Bars) -> Vec<Bars>) -> Vec<DataSet> {
    let mut sets: Vec<DataSet> = Vec::new();
    for bars in &data.bars {
        for (number, bars) in change(bars).into_iter().enumerate() {
            if sets.len() == number {
                sets.push(DataSet { bars: Vec::new(), ..data.clone() });
            }
            sets[number].bars.push(Arc::new(bars));
        }
    }
    sets
}

/// The bars with every column changed by `change`, the opening times by `times`.
fn map(
    bars: &Bars,
    times: impl Fn(&[i64]) -> Cut<i64>,
    change: impl Fn(&[f64]) -> Cut<f64>,
) -> Bars {
    let extra = bars.extra.iter();
    Bars {
        time: times(&bars.time),
        open: change(&bars.open),
        high: change(&bars.high),
        low: change(&bars.low),
        close: change(&bars.close),
        volume: change(&bars.volume),
        extra: extra
            .map(|extra| Extra { values: change(&extra.values), ..extra.clone() })
            .collect(),
        ..bars.clone()
    }
}

/// The bars that have closed by `time`.
fn until(bars: &Bars, time: i64) -> Bars {
    let end = bars.time.partition_point(|&at| bars.clock.close(at) <= time);
    map(bars, |times| times[..end].into(), |column| column[..end].into())
}

/// The bars that open at `time` or after it.
fn since(bars: &Bars, time: i64) -> Bars {
    let start = bars.time.partition_point(|&at| at < time);
    map(bars, |times| times[start..].into(), |column| column[start..].into())
}

/// The bars with `poison` for everything that closes after `time`.
fn spoiled(bars: &Bars, time: i64, poison: f64) -> Bars {
    let end = bars.time.partition_point(|&at| bars.clock.close(at) <= time);
    let spoil = |column: &[f64]| {
        let mut column = column.to_vec();
        column[end..].fill(poison);
        column.into()
    };
    map(bars, |times| times.into(), spoil)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::tests::{SESSION, with_session};

    #[test]
    fn a_value_that_depends_on_what_was_changed_is_a_failure() {
        with_session(SESSION, |session, data| {
            let whole = cut(session, data).unwrap();
            let (params, mut graph) = (&session.params, Graph::default());
            let trace = Trace::of(session, params, data, &whole, &mut graph).unwrap();
            let mut lint = Lint { session, params, data, trace: &trace, found: Vec::new() };
            // Not the future is spoiled, but the bar itself: what a rule that looks ahead would see.
            lint.future("cut", &|bars, time| vec![spoiled(bars, time - 1, 7.0)]).unwrap();
            let failed = lint.found.iter().filter(|found| found.weight == Weight::Failure);
            let subjects: Vec<&str> = failed.map(|found| found.subject.as_str()).collect();
            assert_eq!(subjects, ["let.mean", "rules.enter_long"]);
            assert!(
                lint.found[0].fact.contains("when the bars that close after"),
                "{}",
                lint.found[0].fact
            );
        });
    }
}
