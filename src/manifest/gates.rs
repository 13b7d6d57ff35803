//! What a manifest demands of its results: the tolerances of `[check]`, and what a session expects.
//!
//! [`Check`] is the table as it is meant for the whole manifest; [`Check::gates`] narrows it down to
//! one session, whose tags an override may name. Nothing here can change a result, so none of it is
//! part of an identity; the compare room judges by it.

use super::matches;
use super::tree::{Entry, Node, Table};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::metrics::{Metric, Sense};

/// What `papertape check` compares with, and how closely.
#[derive(Debug, Clone)]
pub struct Check {
    /// The directory below `baselines/`.
    pub baseline: String,
    /// What a session without a baseline means.
    pub on_missing: OnMissing,
    /// What a baseline without a session means.
    pub on_extra: Strictness,
    /// What holds where no override says otherwise.
    pub gates: Gates,
    overrides: Vec<Override>,
}

/// How closely the results of one session must be those of its baseline.
#[derive(Debug, Clone)]
pub struct Gates {
    /// For every metric without a rule of its own.
    pub default: Tolerance,
    /// The metrics with rules of their own, in the order of the file; of two the later holds.
    pub metrics: Vec<Gate>,
    /// Whether the digests of the fills must be equal.
    pub fills: Strictness,
    /// Whether the digests of the account, bar by bar, must be equal.
    pub equity: Strictness,
}

/// A metric's own rule.
#[derive(Debug, Clone)]
pub struct Gate {
    /// The metric.
    pub metric: Metric,
    /// Where the rule is written.
    pub place: Place,
    /// The rule.
    pub rule: Rule,
}

/// How a metric is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Bit for bit.
    Exact,
    /// Not at all.
    Ignore,
    /// Within a tolerance and absolute bounds.
    Within(Band),
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// How far from the baseline's value.
    pub tolerance: Tolerance,
    /// The least that it may be, whatever the baseline says.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
    /// Which way is better; `None` where neither is.
    pub better: Option<Sense>,
    /// Whether only a change for the worse fails.
    pub worse_only: bool,
}

/// `|a - b| <= atol + rtol |b|`, b being the baseline's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// A fraction of the baseline's value.
    pub rtol: f64,
    /// In the metric's own unit.
    pub atol: f64,
}

impl Tolerance {
    /// Whether `a` is as good as `b`.
    ///
    /// ```
    /// use papertape::manifest::gates::Tolerance;
    ///
    /// let tolerance = Tolerance { rtol: 0.01, atol: 0.5 };
    /// assert!(tolerance.holds(101.5, 100.0));
    /// assert!(!tolerance.holds(101.6, 100.0));
    /// ```
    pub fn holds(self, a: f64, b: f64) -> bool {
        // Equal infinities differ by NaN, and no metric is one; equality is asked all the same.
        a == b || (a - b).abs() <= self.limit(b)
    }

    /// How far a value may be from `b`.
    pub fn limit(self, b: f64) -> f64 {
        self.atol + self.rtol * b.abs()
    }
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It fails the check.
    Fail,
    /// It is told.
    Warn,
    /// Nothing.
    Ignore,
}

/// What a session without a baseline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// It fails the check.
    Fail,
    /// It is told.
    Warn,
    /// It is new, and its result waits to be accepted.
    New,
}

/// Other tolerances for the sessions that match.
#[derive(Debug, Clone)]
struct Override {
    wanted: Table,
    default: Option<Tolerance>,
    /// As they are written: what they leave out comes from the default that holds in the end.
    metrics: Option<Node>,
}

/// What a session must reach in every run.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The metric.
    pub metric: Metric,
    /// How its value stands to the bound.
    pub relation: Relation,
    /// The bound.
    pub bound: f64,
    /// Where it is written.
    pub place: Place,
}

/// How two numbers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Relation {
    /// All of them; those that begin like another stand before it.
    const ALL: [(&'static str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    /// The sign for it.
    pub fn sign(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, relation)| *relation == self);
        found.expect("every relation has a sign").0
    }
}

impl Expectation {
    /// Whether `value` is what is expected; what is undefined is not.
    pub fn holds(&self, value: Option<f64>) -> bool {
        value.is_some_and(|value| match self.relation {
            Relation::AtLeast => value >= self.bound,
            Relation::AtMost => value <= self.bound,
            Relation::Above => value > self.bound,
            Relation::Below => value < self.bound,
            Relation::Equal => value == self.bound,
            Relation::Unequal => value != self.bound,
        })
    }
}

impl Default for Check {
    fn default() -> Self {
        Self {
            baseline: "main".into(),
            on_missing: OnMissing::Fail,
            on_extra: Strictness::Warn,
            gates: Gates {
                default: Tolerance { rtol: 1e-9, atol: 1e-12 },
                metrics: Vec::new(),
                fills: Strictness::Fail,
                equity: Strictness::Fail,
            },
            overrides: Vec::new(),
        }
    }
}

impl Check {
    /// What the table `[check]` means, or the lack of one. Shapes were checked with the other keys.
    pub(super) fn read(table: Option<&Table>, mistakes: &mut Mistakes) -> Self {
        let mut check = Self::default();
        let Some(table) = table else { return check };
        let word = |key: &str| table.get(key).and_then(Node::text);
        if let Some(node) = table.get("baseline")
            && let Some(name) = node.text()
        {
            super::check_name(name, &node.place, "baseline", mistakes);
            check.baseline = name.to_owned();
        }
        check.on_missing = match word("on_missing") {
            Some("warn") => OnMissing::Warn,
            Some("new") => OnMissing::New,
            _ => OnMissing::Fail,
        };
        check.on_extra = word("on_extra").map_or(check.on_extra, strictness);
        let gates = &mut check.gates;
        gates.fills = word("fills").map_or(gates.fills, strictness);
        gates.equity = word("equity").map_or(gates.equity, strictness);
        gates.default = tolerance(table.get("default"), gates.default);
        gates.metrics = rules(table.get("metrics"), gates.default, mistakes);
        let overrides = table.get("override").and_then(Node::array).unwrap_or_default();
        for over in overrides.iter().filter_map(Node::table) {
            let default = over.get("default");
            let default = default.map(|node| tolerance(Some(node), gates.default));
            // Told once, here; what the rules are depends on the default that holds.
            rules(over.get("metrics"), gates.default, mistakes);
            check.overrides.push(Override {
                wanted: over.get("match").and_then(Node::table).cloned().unwrap_or_default(),
                default,
                metrics: over.get("metrics").cloned(),
            });
        }
        check
    }

    /// What holds for the session `name`, whose merged layers are `tree`.
    pub fn gates(&self, name: &str, tree: &Table) -> Gates {
        let mut gates = self.gates.clone();
        for over in self.overrides.iter().filter(|over| matches(&over.wanted, name, tree)) {
            gates.default = over.default.unwrap_or(gates.default);
            let told = &mut Mistakes::default();
            gates.metrics.extend(rules(over.metrics.as_ref(), gates.default, told));
        }
        gates
    }
}

impl Gates {
    /// How `metric` is judged, and where that is written, if it is.
    pub fn of(&self, metric: Metric) -> (Rule, Option<&Place>) {
        match self.metrics.iter().rev().find(|gate| gate.metric == metric) {
            Some(gate) => (gate.rule, Some(&gate.place)),
            None => (Rule::Within(Band::around(self.default, metric)), None),
        }
    }
}

impl Band {
    fn around(tolerance: Tolerance, metric: Metric) -> Self {
        Self { tolerance, min: None, max: None, better: metric.sense(), worse_only: false }
    }
}

fn strictness(word: &str) -> Strictness {
    match word {
        "warn" => Strictness::Warn,
        "ignore" => Strictness::Ignore,
        _ => Strictness::Fail,
    }
}

fn tolerance(node: Option<&Node>, below: Tolerance) -> Tolerance {
    let number = |key: &str| node?.table()?.get(key)?.number();
    Tolerance {
        rtol: number("rtol").unwrap_or(below.rtol),
        atol: number("atol").unwrap_or(below.atol),
    }
}

/// The rules of a table `metrics`, with `default` where they say nothing.
fn rules(node: Option<&Node>, default: Tolerance, mistakes: &mut Mistakes) -> Vec<Gate> {
    let table = node.and_then(Node::table);
    let rule = |entry: &Entry, mistakes: &mut Mistakes| {
        let metric = metric(&entry.key, &entry.key_place, mistakes)?;
        let rule = match entry.node.text() {
            Some("exact") => Rule::Exact,
            Some(_) => Rule::Ignore,
            None => Rule::Within(band(metric, &entry.node, default, mistakes)),
        };
        Some(Gate { metric, place: entry.key_place.clone(), rule })
    };
    table.into_iter().flat_map(Table::iter).filter_map(|entry| rule(entry, mistakes)).collect()
}

fn band(metric: Metric, node: &Node, default: Tolerance, mistakes: &mut Mistakes) -> Band {
    let at = |key: &str| node.table().and_then(|table| table.get(key));
    let number = |key: &str| at(key).and_then(Node::number);
    let (min, max) = (number("min"), number("max"));
    if let (Some(least), Some(most)) = (min, max)
        && least > most
    {
        let title = format!("`min` is {least} and `max` is {most}: nothing lies between");
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
    }
    let better = match at("better").and_then(Node::text) {
        Some("higher") => Some(Sense::Higher),
        Some("lower") => Some(Sense::Lower),
        _ => metric.sense(),
    };
    let worse_only = at("fail_on").and_then(Node::text) == Some("worse");
    if worse_only && better.is_none() {
        let title = format!("neither way is better for `{}`", metric.name());
        let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
        mistakes.push(mistake.label("say which: better = \"higher\" or \"lower\""));
    }
    Band { tolerance: tolerance(Some(node), default), min, max, better, worse_only }
}

/// The metric called `name`.
fn metric(name: &str, place: &Place, mistakes: &mut Mistakes) -> Option<Metric> {
    let metric = Metric::from_name(name);
    if metric.is_none() {
        let known = Metric::ALL.iter().map(|metric| metric.name());
        let mistake = Mistake::new(codes::UNKNOWN_NAME, place, format!("unknown metric `{name}`"));
        mistakes.push(mistake.suggest(name, known));
    }
    metric
}

/// What a session's table `expect` means.
pub(super) fn expectations(node: Option<&Node>, mistakes: &mut Mistakes) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for entry in node.and_then(Node::table).into_iter().flat_map(Table::iter) {
        let metric = metric(&entry.key, &entry.key_place, mistakes);
        let conditions = entry.node.array().unwrap_or(std::slice::from_ref(&entry.node));
        for (condition, text) in conditions.iter().filter_map(|node| Some((node, node.text()?))) {
            match (metric, relation(text)) {
                (Some(metric), Some((relation, bound))) => {
                    let place = condition.place.clone();
                    expectations.push(Expectation { metric, relation, bound, place });
                }
                (_, None) => {
                    let title = format!("`{text}` is not a condition");
                    let mistake = Mistake::new(codes::OUT_OF_RANGE, &condition.place, title);
                    mistakes.push(mistake.label("write a sign and a number, such as \">= 1.0\""));
                }
                (None, _) => {}
            }
        }
    }
    expectations
}

fn relation(text: &str) -> Option<(Relation, f64)> {
    let text = text.trim();
    Relation::ALL.into_iter().find_map(|(sign, relation)| {
        let number = text.strip_prefix(sign)?.trim().replace('_', "");
        let bound: f64 = number.parse().ok()?;
        bound.is_finite().then_some((relation, bound))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn check(text: &str) -> (Check, Mistakes) {
        let mut mistakes = Mistakes::default();
        let table = Table::parse(&Source::new("a.toml", text), &mut mistakes);
        let check = Check::read(Some(&table), &mut mistakes);
        (check, mistakes)
    }

    fn band(gates: &Gates, metric: Metric) -> Band {
        match gates.of(metric).0 {
            Rule::Within(band) => band,
            rule => panic!("{rule:?}"),
        }
    }

    #[test]
    fn nothing_said_is_a_narrow_tolerance() {
        let gates = Check::default().gates("a", &Table::default());
        let sharpe = band(&gates, Metric::Sharpe);
        assert_eq!(sharpe.tolerance, Tolerance { rtol: 1e-9, atol: 1e-12 });
        assert_eq!((sharpe.better, sharpe.worse_only), (Some(Sense::Higher), false));
        assert!(sharpe.tolerance.holds(1.0 + 5e-10, 1.0));
        assert!(!sharpe.tolerance.holds(1.0 + 5e-9, 1.0));
    }

    #[test]
    fn a_rule_takes_what_it_leaves_out_from_the_default_that_holds() {
        let (check, mistakes) = check(
            "default = { rtol = 0.01 }\nmetrics = { trades = \"exact\", sharpe = { atol = 0.1 } }\n\
             [[override]]\nmatch = { tags = [\"loose\"] }\ndefault = { rtol = 0.5 }\n\
             metrics = { sharpe = { atol = 0.2, fail_on = \"worse\" } }\n",
        );
        assert!(mistakes.is_empty(), "{}", mistakes.render(false));
        let gates = check.gates("a", &Table::default());
        assert_eq!(gates.of(Metric::Trades).0, Rule::Exact);
        assert_eq!(band(&gates, Metric::Sharpe).tolerance, Tolerance { rtol: 0.01, atol: 0.1 });
        let mut nothing = Mistakes::default();
        let tags = Source::new("b.toml", "tags = [\"loose\"]");
        let loose = check.gates("a", &Table::parse(&tags, &mut nothing));
        assert_eq!(band(&loose, Metric::Sharpe).tolerance, Tolerance { rtol: 0.5, atol: 0.2 });
        assert!(band(&loose, Metric::Sharpe).worse_only);
        assert_eq!(band(&loose, Metric::Omega).tolerance.rtol, 0.5);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, title) in [
            ("metrics = { sharp = \"exact\" }", "unknown metric `sharp`"),
            ("metrics = { omega = { min = 2, max = 1 } }", "nothing lies between"),
            ("metrics = { trades = { fail_on = \"worse\" } }", "neither way is better"),
            ("baseline = \"a/b\"", "cannot be the name of a baseline"),
            ("[[override]]\nmetrics = { sharp = \"exact\" }", "unknown metric `sharp`"),
        ] {
            let (_, mistakes) = check(text);
            assert!(mistakes.render(false).contains(title), "{}", mistakes.render(false));
        }
    }

    #[test]
    fn a_condition_is_a_sign_and_a_number() {
        assert_eq!(relation(">= 1.0"), Some((Relation::AtLeast, 1.0)));
        assert_eq!(relation("<-0.5"), Some((Relation::Below, -0.5)));
        assert_eq!(relation("== 1_000"), Some((Relation::Equal, 1_000.0)));
        for wrong in ["1.0", ">= ", "=> 1", ">= many", "> inf"] {
            assert_eq!(relation(wrong), None, "{wrong}");
        }
    }
}
