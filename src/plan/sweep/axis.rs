//! The values of one axis: lists, ranges counted in decimals, and what a key allows.

use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::expr::Scalar;
use crate::manifest::keys::{Kind, session_kind};
use crate::manifest::session::{param_value, refuse_param};
use crate::manifest::tree::Entry;
use crate::manifest::{Node, Table, Value, check, unknown_path};
use crate::strategy::Definition;
use std::collections::HashSet;
use std::sync::Arc;

/// The largest and smallest power of ten that a number of a range may be written with: beyond it a number of
/// 64 bits is none or has no end.
const MAX_EXPONENT: u32 = 400;

/// What is said of numbers that are beyond counting.
const TOO_LONG: &str = "has more digits than can be counted in";

/// How many values one axis may have.
const MAX_VALUES: usize = 1_000_000;

/// Axes written as nested tables (`axes.params.fast`) as well as quoted paths.
pub(super) fn flat(table: &Table, at: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    for entry in table.iter() {
        let path = if at.is_empty() { entry.key.clone() } else { format!("{at}.{}", entry.key) };
        match entry.node.table() {
            Some(inner) if !is_range(inner) => found.extend(flat(inner, &path)),
            _ => found.push(Entry { key: path, ..entry.clone() }),
        }
    }
    found
}

fn is_range(table: &Table) -> bool {
    ["from", "to", "step", "count", "scale"].iter().any(|key| table.get(key).is_some())
}

/// A value of an axis as a scalar; a list is shown by its items.
pub fn scalar(node: &Node) -> Scalar {
    match &node.value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            Scalar::Text(items.join("+").into())
        }
        Value::Table(_) => Scalar::Text(node.toml().into()),
        Value::Date(date) => Scalar::Text(date.as_str().into()),
        _ => param_value(node),
    }
}

/// What a scalar is in a manifest: a whole number without a point; `None` for what is missing.
pub fn value(scalar: &Scalar) -> Option<Value> {
    match scalar {
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Some(Value::Integer(*number as i64))
        }
        Scalar::Number(number) => Some(Value::Float(*number, number.to_string())),
        Scalar::Bool(value) => Some(Value::Bool(*value)),
        Scalar::Text(text) => Some(Value::Text(text.to_string())),
        Scalar::Missing => None,
    }
}

/// A value as it stands in a session's key.
pub fn plain(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("+"),
        Value::Float(number, _) => number.to_string(),
        _ => node.toml(),
    }
}

/// What tells a value from others: 3 and 3.0 are one, and so are 0 and -0.
pub(super) fn word(node: &Node) -> String {
    node.number().map_or_else(|| node.json().to_string(), |number| (number + 0.0).to_string())
}

/// Keys that say what a session is made of, or what it is to people and programs, and change no result.
const NOT_SWEPT: [&str; 11] = [
    "mode",
    "template",
    "extends",
    "unset",
    "sweep",
    "description",
    "notes",
    "env",
    "tags",
    "currency",
    "expect",
];

/// Check a value of an axis against its key, and a parameter's against all strategies that have to have it.
pub(super) fn check_value(
    axis: &Entry,
    value: &Node,
    strategies: &[Arc<Definition>],
    mistakes: &mut Mistakes,
) {
    if let Some(name) = axis.key.strip_prefix("params.") {
        let refused = strategies.iter().find_map(|definition| match definition.param(name) {
            Ok(param) => refuse_param(&definition.params[param], &param_value(value), value),
            Err(_) => Some(lacking(axis, name, definition, strategies)),
        });
        let is_between = value.number().is_some_and(|number| number.fract() != 0.0)
            && axis.node.table().is_some_and(|range| range.get("count").is_some());
        let refused = refused.map(|mistake| match is_between {
            true => mistake.help("what lies between is not whole: write a list, or give a `step`"),
            false => mistake,
        });
        refused.into_iter().for_each(|mistake| mistakes.push(mistake));
        return;
    }
    match session_kind(&axis.key) {
        Some(_) if axis.key.split('.').next().is_some_and(|key| NOT_SWEPT.contains(&key)) => {
            let title = format!("`{}` cannot be swept", axis.key);
            let mistake = Mistake::new(codes::SWEEP_PATH, &axis.key_place, title);
            mistakes.push(mistake.label("all points have what the session says of it"));
        }
        Some(key) => check(value, &key.kind, &axis.key, mistakes),
        None => {
            let mistake = unknown_path(&axis.key, &axis.key_place);
            let is_param = strategies.iter().any(|definition| definition.param(&axis.key).is_ok());
            mistakes.push(match is_param {
                true => {
                    mistake.help(format!("a parameter goes by its path: `\"params.{}\"`", axis.key))
                }
                false => mistake,
            });
        }
    }
}

/// That one of the strategies has no parameter `name`.
fn lacking(
    axis: &Entry,
    name: &str,
    definition: &Definition,
    strategies: &[Arc<Definition>],
) -> Mistake {
    let title = format!("strategy `{}` has no parameter `{name}`", definition.name);
    let mistake = Mistake::new(codes::SWEEP_PATH, &axis.key_place, title);
    if strategies.iter().any(|other| other.param(name).is_ok()) {
        let row = format!("{{ strategy = \"...\", \"{}\" = ... }}", axis.key);
        return mistake.label("every swept strategy needs it").help(format!(
            "for those that have it: `method = \"list\"` and a row for each: {row}"
        ));
    }
    mistake.suggest(name, definition.params.iter().map(|param| param.name.as_str()))
}

pub(super) fn values(axis: &Entry, mistakes: &mut Mistakes) -> Option<Vec<Node>> {
    let wrong = |place: &Place, title: String, label: &str| {
        Mistake::new(codes::SWEEP_AXIS, place, title).label(label)
    };
    let result = match &axis.node.value {
        Value::Array(items) if items.is_empty() => {
            Err(wrong(&axis.node.place, format!("axis `{}` has no values", axis.key), ""))
        }
        Value::Array(items) => distinct(axis, items),
        Value::Table(table) => range(axis, table),
        _ => Err(wrong(
            &axis.node.place,
            format!("axis `{}` is neither a list nor a range", axis.key),
            "write [1, 2, 3] or { from = 1, to = 9, step = 2 }",
        )),
    };
    result.map_err(|mistake| mistakes.push(mistake)).ok()
}

fn distinct(axis: &Entry, items: &[Node]) -> Result<Vec<Node>, Mistake> {
    let mut known = HashSet::new();
    if let Some(item) = items.iter().find(|item| !known.insert(word(item))) {
        let title = format!("axis `{}` has {} twice", axis.key, item.toml());
        return Err(Mistake::new(codes::SWEEP_AXIS, &item.place, title));
    }
    Ok(items.to_vec())
}

/// `{ from, to, step }` or `{ from, to, count, scale }`, both ends included.
fn range(axis: &Entry, table: &Table) -> Result<Vec<Node>, Mistake> {
    for entry in table.iter() {
        if !["from", "to", "step", "count", "scale"].contains(&entry.key.as_str()) {
            let title = format!("unknown key `{}` in axis `{}`", entry.key, axis.key);
            let known = ["from", "to", "step", "count", "scale"];
            return Err(Mistake::new(codes::UNKNOWN_KEY, &entry.key_place, title)
                .suggest(&entry.key, known));
        }
    }
    let number = |key: &str| match table.get(key) {
        Some(node) => match Decimal::of(node) {
            Some(decimal) => Ok(Some(decimal)),
            None => {
                if node.number().is_some_and(f64::is_finite) {
                    let title = format!("`{key}` of axis `{}` {TOO_LONG}", axis.key);
                    return Err(Mistake::new(codes::SWEEP_AXIS, &node.place, title));
                }
                let title = format!("`{key}` of axis `{}` is not a number", axis.key);
                Err(Mistake::new(codes::WRONG_TYPE, &node.place, title).label(node.word()))
            }
        },
        None => Ok(None),
    };
    let fail = |title: &str, label: &str| {
        let title = format!("axis `{}` {title}", axis.key);
        Err(Mistake::new(codes::SWEEP_AXIS, &axis.node.place, title).label(label))
    };
    let (from, to) = (number("from")?, number("to")?);
    let (Some(from), Some(to)) = (from, to) else {
        return fail("needs `from` and `to`", "{ from = 1, to = 9, step = 2 }");
    };
    if from.value() > to.value() {
        return fail("ends before it starts", "");
    }
    let place = &axis.node.place;
    match (number("step")?, table.get("count")) {
        (Some(_), Some(_)) => fail("has both `step` and `count`", "give one of them"),
        (None, None) => fail("needs `step` or `count`", "{ from = 1, to = 9, step = 2 }"),
        (Some(step), None) => {
            if table.get("scale").is_some() {
                return fail("has a `scale`, which goes with `count`", "");
            }
            if step.value() <= 0.0 {
                return fail("has a step that is not above zero", "");
            }
            if (to.value() - from.value()) / step.value() > MAX_VALUES as f64 {
                return fail("has more than a million values", "");
            }
            match Decimal::steps(from, to, step) {
                Some(values) => Ok(values.into_iter().map(|value| value.node(place)).collect()),
                None => fail(TOO_LONG, "write fewer decimals"),
            }
        }
        (None, Some(count)) => {
            let count = match count.value {
                Value::Integer(count) if (1..=MAX_VALUES as i64).contains(&count) => count as usize,
                _ => {
                    return fail(
                        "has a `count` that is not a whole number from 1 to 1,000,000",
                        "",
                    );
                }
            };
            let log = match table.get("scale").and_then(Node::text) {
                None | Some("linear") => false,
                Some("log") => true,
                Some(_) => return fail("has an unknown `scale`", "\"linear\" or \"log\""),
            };
            if log && from.value() <= 0.0 {
                return fail("is logarithmic and does not start above zero", "");
            }
            Ok(spread(axis, from.value(), to.value(), count, log))
        }
    }
}

/// `count` values from `from` to `to`; whole numbers where the key holds whole numbers.
fn spread(axis: &Entry, from: f64, to: f64, count: usize, log: bool) -> Vec<Node> {
    let place = &axis.node.place;
    let at = |index: usize| {
        let share = if count == 1 { 0.0 } else { index as f64 / (count - 1) as f64 };
        match index {
            0 => from,
            _ if index == count - 1 => to,
            _ if log => libm::exp(libm::log(from) + share * (libm::log(to) - libm::log(from))),
            _ => from + share * (to - from),
        }
    };
    // 15 digits say as much as anybody means by "four values between 0.01 and 0.1", and 12 as much where the
    // others are what a logarithm left of a decade.
    let rounded = |value: f64, digits: usize| format!("{value:.digits$e}").parse().unwrap_or(value);
    let tidy = |value: f64| -> f64 {
        let short: f64 = rounded(value, 11);
        let is_meant = (short - value).abs() <= 1e-14 * value.abs();
        if is_meant { short } else { rounded(value, 14) }
    };
    (0..count)
        .map(|index| {
            let value = tidy(at(index));
            let is_whole = value.fract() == 0.0 && value.abs() < 1e15 && whole_key(&axis.key);
            let value = if is_whole {
                Value::Integer(value as i64)
            } else {
                Value::Float(value, value.to_string())
            };
            Node { value, place: place.clone() }
        })
        .collect()
}

fn whole_key(path: &str) -> bool {
    path.starts_with("params.")
        || session_kind(path).is_some_and(|key| matches!(key.kind, Kind::Int { .. }))
}

/// A number as people count: whole units of a power of ten, so that 0.1 + 0.2 is 0.3.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    units: i128,
    /// How many digits stand after the point.
    places: u32,
    float: bool,
}

impl Decimal {
    fn of(node: &Node) -> Option<Self> {
        match &node.value {
            Value::Integer(integer) => {
                Some(Self { units: (*integer).into(), places: 0, float: false })
            }
            Value::Float(number, written) if number.is_finite() => Self::parse(written),
            _ => None,
        }
    }

    fn parse(written: &str) -> Option<Self> {
        let written = written.replace('_', "").to_lowercase();
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent =
            exponent.parse().ok().filter(|it: &i32| it.unsigned_abs() <= MAX_EXPONENT)?;
        let mut units: i128 = format!("{whole}{part}").parse().ok()?;
        let mut places = i32::try_from(part.len()).ok()? - exponent;
        while places < 0 {
            units = units.checked_mul(10)?;
            places += 1;
        }
        Some(Self { units, places: u32::try_from(places).ok()?, float: true })
    }

    fn value(self) -> f64 {
        self.text().parse().unwrap_or(f64::NAN)
    }

    fn text(self) -> String {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits =
            format!("{:0width$}", self.units.unsigned_abs(), width = self.places as usize + 1);
        let (whole, part) = digits.split_at(digits.len() - self.places as usize);
        if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
    }

    fn scaled(self, places: u32) -> Option<i128> {
        self.units.checked_mul(10_i128.checked_pow(places - self.places)?)
    }

    fn steps(from: Self, to: Self, step: Self) -> Option<Vec<Self>> {
        let places = from.places.max(to.places).max(step.places);
        let (mut units, to_units, step_units) =
            (from.scaled(places)?, to.scaled(places)?, step.scaled(places)?);
        let float = from.float || step.float;
        let mut values = Vec::new();
        while units <= to_units {
            values.push(Self { units, places, float });
            units = units.checked_add(step_units)?;
        }
        Some(values)
    }

    fn node(self, place: &Place) -> Node {
        let value = match i64::try_from(self.units) {
            Ok(integer) if !self.float && self.places == 0 => Value::Integer(integer),
            _ => Value::Float(self.value(), self.text()),
        };
        Node { value, place: place.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn axis(text: &str) -> Result<Vec<String>, String> {
        let mut mistakes = Mistakes::default();
        let source = Source::new("a", format!("\"risk.stop_loss\" = {text}"));
        let table = Table::parse(&source, &mut mistakes);
        let entry = table.iter().next().unwrap().clone();
        let values = values(&entry, &mut mistakes);
        values
            .map(|values| values.iter().map(plain).collect())
            .ok_or_else(|| mistakes.iter().map(|mistake| mistake.title.clone()).collect())
    }

    #[test]
    fn a_range_counts_in_decimals_and_includes_its_end() {
        assert_eq!(
            axis("{ from = 0.1, to = 0.5, step = 0.1 }").unwrap(),
            ["0.1", "0.2", "0.3", "0.4", "0.5"]
        );
        assert_eq!(axis("{ from = 5, to = 12, step = 5 }").unwrap(), ["5", "10"]);
        assert_eq!(
            axis("{ from = -1.5e-1, to = 0, step = 0.05 }").unwrap(),
            ["-0.15", "-0.1", "-0.05", "0"]
        );
        assert_eq!(
            axis("{ from = 0.01, to = 0.1, count = 3, scale = \"log\" }").unwrap(),
            ["0.01", "0.0316227766016838", "0.1"]
        );
        assert_eq!(
            axis("{ from = 1000, to = 1000000, count = 4, scale = \"log\" }").unwrap(),
            ["1000", "10000", "100000", "1000000"]
        );
        assert_eq!(
            axis("{ from = 0, to = 1, count = 5 }").unwrap(),
            ["0", "0.25", "0.5", "0.75", "1"]
        );
    }

    #[test]
    fn a_range_that_cannot_be_counted_is_refused() {
        for (text, told) in [
            ("{ from = 5, to = 1, step = 1 }", "ends before it starts"),
            ("{ from = 1, to = 5, step = 0 }", "a step that is not above zero"),
            ("{ from = 1, to = 5 }", "needs `step` or `count`"),
            ("{ from = 1, to = 5, stpe = 1 }", "unknown key `stpe`"),
            ("[1, 2, 1]", "has 1 twice"),
            ("[0, -0.0]", "has -0.0 twice"),
            ("[]", "has no values"),
            ("5", "neither a list nor a range"),
            ("{ from = 0, to = 1, count = 3, scale = \"log\" }", "does not start above zero"),
            ("{ from = 1e-70000, to = 9, step = 1 }", "more digits than can be counted in"),
            ("{ from = 0e-2147483648, to = 9, step = 1 }", "more digits than can be counted in"),
            ("{ from = 1, to = inf, step = 1 }", "`to` of axis `risk.stop_loss` is not a number"),
        ] {
            let shown = axis(text).unwrap_err();
            assert!(shown.contains(told), "{text}: {shown}");
        }
    }
}
