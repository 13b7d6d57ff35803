//! The first bar at which two results differ, what decided it, and the trades around it.
//!
//! A result is told as steps: an order is decided at a bar's close (the signal), it is filled or not
//! (the order), units change hands at a price (the fill). The story begins at the first time at which
//! the steps of the two sides are not the same. Of several differences at one time the first to happen is
//! the one that decided: the fills of a bar come before the orders that its close decides, unless it fills
//! those itself.

use super::sheet::Sheet;
use super::snapshot::Snapshot;
use std::collections::BTreeMap;

/// How many trades of each side are shown: the one at the divergence and its neighbours.
const TRADES: usize = 3;
/// How long the day of a time is.
const DAY: usize = "2026-11-21".len();
/// The columns of those trades.
const COLUMNS: [&str; 9] = [
    "symbol",
    "side",
    "units",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "profit",
    "closed_by",
];

/// What the two sides of a story are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Their names.
    pub names: [&'static str; 2],
    /// Where something stands that one of them has.
    pub places: [&'static str; 2],
}

impl Sides {
    /// What was accepted, and what is computed now.
    pub const BASELINE: Self =
        Self { names: ["baseline", "now"], places: ["in the baseline", "now"] };
    /// A paper account, and a backtest over its window.
    pub const ACCOUNT: Self =
        Self { names: ["account", "backtest"], places: ["in the account", "in the backtest"] };

    /// Where something stands that one side alone has.
    fn alone(self, is_old: bool) -> String {
        format!("{} alone", self.places[usize::from(!is_old)])
    }
}

/// Where and how two results part.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Story {
    /// `signal`, `order`, `fill`, `equity` or `month`: the link of the chain that decided.
    pub link: &'static str,
    /// The bar, the day or the month.
    pub at: String,
    /// The symbol, where one is concerned.
    pub symbol: Option<String>,
    /// What happened, in a sentence without a full stop.
    pub sentence: String,
    /// The fields that differ, with their values in the baseline and now.
    pub fields: Vec<Field>,
    /// The trades around it.
    pub trades: Option<Trades>,
    /// What the sides are called.
    #[serde(skip)]
    pub sides: Sides,
}

/// A value on both sides; `None` where there is none.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// In the baseline.
    pub before: Option<String>,
    /// Now.
    pub after: Option<String>,
}

/// The trades around a divergence: the same columns for both sides.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trades {
    /// The columns, the number of the trade first.
    pub columns: Vec<String>,
    /// In the baseline.
    pub before: Vec<Vec<String>>,
    /// Now.
    pub after: Vec<Vec<String>>,
}

impl Story {
    /// The story as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("first divergence at {}: {}", self.at, self.sentence)];
        for field in &self.fields {
            let value = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".into());
            let (before, after) = (value(&field.before), value(&field.after));
            lines.push(format!("  {}: {before} -> {after}", field.name));
        }
        if let Some(trades) = &self.trades {
            for (side, rows) in self.sides.names.iter().zip([&trades.before, &trades.after]) {
                lines.push(format!("  trades around it, {side}:"));
                if rows.is_empty() {
                    lines.push("    none".into());
                }
                lines.extend(rows.iter().map(|row| format!("    {}", trade_line(row))));
            }
        }
        lines
    }
}

/// A trade in one line: what [`COLUMNS`] hold after its number.
fn trade_line(row: &[String]) -> String {
    let [number, symbol, side, units, entry, at, exit, exit_at, profit, by] = row else {
        return row.join(" ");
    };
    let end = match by.as_str() {
        "" => "open".to_owned(),
        by => format!("{exit} at {exit_at} by {by}"),
    };
    format!("#{number} {symbol} {side} {units}: {entry} at {at}, {end}, profit {profit}")
}

/// The kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Order,
    Fill,
}

/// One thing that happened on one side.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    kind: Kind,
    symbol: String,
    /// What it is called: of two sides at one time, steps of the same name are held together.
    name: String,
    fields: BTreeMap<String, String>,
}

/// Where `before`, an accepted result, and `after` part; `None` if they do not, as far as what is kept
/// of both can tell.
pub fn story(before: &Snapshot, after: &Snapshot) -> Option<Story> {
    story_of(before, after, Sides::BASELINE)
}

/// Where two results part that are called `sides`.
pub fn story_of(before: &Snapshot, after: &Snapshot, sides: Sides) -> Option<Story> {
    if let (Some(old), Some(new)) = (&before.trades, &after.trades) {
        let (a, b) = (steps(old, &before.orders), steps(new, &after.orders));
        let (orders, equity) =
            (before.orders.is_some() && after.orders.is_some(), equity(before, after, sides));
        let parted = first(&a, &b, orders, sides);
        // An account that differs before any step does was marked at other prices.
        let day = |story: &Story| story.at.get(..DAY).map(str::to_owned);
        let is_earlier = |equity: &Story| {
            parted.as_ref().is_none_or(|story| Some(&equity.at) < day(story).as_ref())
        };
        let found = match equity {
            Some(equity) if is_earlier(&equity) => Some(equity),
            _ => parted,
        };
        return found.map(|story| {
            let trades = around(old, new, &story.at);
            Story { trades: Some(trades), ..story }
        });
    }
    equity(before, after, sides).or_else(|| month(before, after, sides))
}

/// The steps of one side by their time.
fn steps(trades: &Sheet, orders: &Option<Sheet>) -> BTreeMap<String, Vec<Step>> {
    let mut steps: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for row in orders.iter().flat_map(|orders| orders.rows.iter().map(move |row| (orders, row))) {
        let (sheet, row) = row;
        let fields = sheet.header.iter().cloned().zip(row.iter().cloned());
        let named = ["time", "symbol", "intent"];
        let fields = fields.filter(|(name, _)| !named.contains(&name.as_str())).collect();
        steps.entry(sheet.field(row, "time").to_owned()).or_default().push(Step {
            kind: Kind::Order,
            symbol: sheet.field(row, "symbol").to_owned(),
            name: sheet.field(row, "intent").to_owned(),
            fields,
        });
    }
    for row in &trades.rows {
        let field = |name: &str| trades.field(row, name).to_owned();
        let step = |name: String, columns: &[&str]| Step {
            kind: Kind::Fill,
            symbol: field("symbol"),
            name,
            fields: columns.iter().map(|name| ((*name).to_owned(), field(name))).collect(),
        };
        let side = field("side");
        let entry = step(format!("{side} entry"), &["units", "entry_price"]);
        let (name, by) = match field("closed_by").as_str() {
            "" => (format!("{side} position, still open"), None),
            _ => (format!("{side} exit"), Some("closed_by")),
        };
        let costs = ["units", "exit_price", "commission", "slippage", "profit"];
        let columns: Vec<&str> = costs.into_iter().chain(by).collect();
        let exit = step(name, &columns);
        steps.entry(field("entry_time")).or_default().push(entry);
        steps.entry(field("exit_time")).or_default().push(exit);
    }
    for steps in steps.values_mut() {
        // Of one name the order of the file; the sort is stable.
        steps.sort_by(|a, b| (&a.symbol, &a.name).cmp(&(&b.symbol, &b.name)));
    }
    steps
}

/// The first difference between the steps of two sides.
fn first(
    before: &BTreeMap<String, Vec<Step>>,
    after: &BTreeMap<String, Vec<Step>>,
    with_orders: bool,
    sides: Sides,
) -> Option<Story> {
    let mut times: Vec<&String> = before.keys().chain(after.keys()).collect();
    times.sort();
    times.dedup();
    let none = Vec::new();
    times.into_iter().find_map(|time| {
        let [a, b] = [before, after].map(|steps| steps.get(time).unwrap_or(&none));
        let fills_itself = |step: &Step| step.fields.get("filled") == Some(time);
        let kinds: &[Kind] = match a.iter().chain(b).any(fills_itself) {
            _ if !with_orders => &[Kind::Fill],
            true => &[Kind::Order, Kind::Fill],
            false => &[Kind::Fill, Kind::Order],
        };
        kinds.iter().find_map(|kind| {
            let [a, b] = [a, b].map(|steps| {
                let steps = steps.iter().filter(|step| step.kind == *kind);
                steps.collect::<Vec<_>>()
            });
            part(time, &a, &b, sides)
        })
    })
}

/// The first difference between steps of one kind at one time; both sides are sorted.
fn part(time: &str, before: &[&Step], after: &[&Step], sides: Sides) -> Option<Story> {
    let name = |step: &Step| (step.symbol.clone(), step.name.clone());
    let (mut a, mut b) = (before.iter().peekable(), after.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (None, None) => return None,
            (Some(x), Some(y)) if name(x) == name(y) => {
                if let Some(story) = changed(time, x, y, sides) {
                    return Some(story);
                }
                a.next();
                b.next();
            }
            (Some(x), y) if y.is_none_or(|y| name(x) < name(y)) => {
                return Some(alone(time, x, true, sides));
            }
            (_, Some(y)) => return Some(alone(time, y, false, sides)),
            (Some(x), _) => return Some(alone(time, x, true, sides)),
        }
    }
}

/// The same step with other values.
fn changed(time: &str, before: &Step, after: &Step, sides: Sides) -> Option<Story> {
    // What only one version of the program writes down is no difference.
    let fields = before.fields.iter().filter_map(|(name, old)| {
        let new = after.fields.get(name).filter(|new| *new != old)?;
        Some(field(name, Some(old), Some(new)))
    });
    let fields: Vec<Field> = fields.collect();
    if fields.is_empty() {
        return None;
    }
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    let (symbol, name) = (&before.symbol, &before.name);
    let (link, what) = match before.kind {
        Kind::Order => ("order", format!("the order to {name} differs")),
        Kind::Fill => ("fill", format!("the {name} differs")),
    };
    let sentence = format!("{symbol}: {what}, in {}", names.join(", "));
    Some(Story {
        link,
        at: time.into(),
        symbol: Some(symbol.clone()),
        sentence,
        fields,
        trades: None,
        sides,
    })
}

/// A step that one side alone has.
fn alone(time: &str, step: &Step, is_old: bool, sides: Sides) -> Story {
    let (symbol, name) = (&step.symbol, &step.name);
    let there = sides.alone(is_old);
    let (link, sentence) = match step.kind {
        Kind::Order => {
            let rule = step.fields.get("reason").map_or("", String::as_str);
            let by = if rule.is_empty() { String::new() } else { format!(", by {rule}") };
            ("signal", format!("{symbol}: {name} was decided {there}{by}"))
        }
        Kind::Fill => ("fill", format!("{symbol}: there was a {name} {there}")),
    };
    let fields = step.fields.iter().filter(|(_, value)| !value.is_empty());
    let fields = fields.map(|(name, value)| match is_old {
        true => field(name, Some(value), None),
        false => field(name, None, Some(value)),
    });
    let fields = fields.collect();
    let symbol = Some(symbol.clone());
    Story { link, at: time.into(), symbol, sentence, fields, trades: None, sides }
}

fn field(name: &str, before: Option<&String>, after: Option<&String>) -> Field {
    Field { name: name.to_owned(), before: before.cloned(), after: after.cloned() }
}

/// The first day at whose end the account is not what it was.
fn equity(before: &Snapshot, after: &Snapshot, sides: Sides) -> Option<Story> {
    let (old, new) = (before.daily.as_ref()?, after.daily.as_ref()?);
    let values = |sheet: &Sheet| -> BTreeMap<String, String> {
        let day = |row: &Vec<String>| {
            (sheet.field(row, "date").to_owned(), sheet.field(row, "equity").to_owned())
        };
        sheet.rows.iter().map(day).collect()
    };
    let (old, new) = (values(old), values(new));
    let days: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let day = days.into_iter().find(|day| old.get(*day) != new.get(*day))?;
    let sentence = match (old.get(day), new.get(day)) {
        (Some(_), Some(_)) => "the account at the end of the day differs".to_owned(),
        (Some(_), None) => format!("the day is {}", sides.alone(true)),
        _ => format!("the day is not {}", sides.places[0]),
    };
    let fields = vec![field("equity", old.get(day), new.get(day))];
    let at = day.clone();
    Some(Story { link: "equity", at, symbol: None, sentence, fields, trades: None, sides })
}

/// The first month in which the account is not what it was, where nothing finer is kept.
fn month(before: &Snapshot, after: &Snapshot, sides: Sides) -> Option<Story> {
    let digest = |side: &Snapshot, month: &str| side.months.get(month)?.equity.clone();
    let mut months: Vec<&String> = before.months.keys().chain(after.months.keys()).collect();
    months.sort();
    let month = months.into_iter().find(|month| digest(before, month) != digest(after, month))?;
    let sentence = "the account differs in this month; the baseline keeps digests alone, so the \
                    story stops here";
    let (old, new) = (digest(before, month), digest(after, month));
    Some(Story {
        link: "month",
        at: month.clone(),
        symbol: None,
        sentence: sentence.into(),
        fields: vec![field("equity", old.as_ref(), new.as_ref())],
        trades: None,
        sides,
    })
}

/// The trades of both sides around the time `at`.
fn around(before: &Sheet, after: &Sheet, at: &str) -> Trades {
    let pick = |sheet: &Sheet| -> Vec<Vec<String>> {
        // The last that had begun by then, with one before and one after it.
        let begun = sheet.rows.iter().rposition(|row| sheet.field(row, "entry_time") <= at);
        let first = begun.unwrap_or(0).saturating_sub(1);
        let rows = sheet.rows.iter().enumerate().skip(first).take(TRADES);
        rows.map(|(number, row)| {
            let fields = COLUMNS.map(|name| sheet.field(row, name).to_owned());
            std::iter::once((number + 1).to_string()).chain(fields).collect()
        })
        .collect()
    };
    let columns = std::iter::once("trade").chain(COLUMNS).map(str::to_owned).collect();
    Trades { columns, before: pick(before), after: pick(after) }
}
