//! What a session tells the engine, typed: sizing, costs, execution and risk.
//!
//! Shapes and bounds were checked layer by layer; here is what only several keys together can tell.
//! Columns that the engine needs beside the bars (an average true range, a funding rate) become
//! expressions of the rule language, compiled with the strategy's own.

use super::span::Span;
use super::tree::{Node, Table, Value};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::engine::cost::{Commission, Costs, Funding, Slippage, Tier};
use crate::engine::model::{self, Axes, MODELS, Model, Units};
use crate::engine::order::Kind;
use crate::engine::settings::Span as Time;
use crate::engine::settings::{
    Action, Blackout, Breaker, Cap, Distance, Every, Rebalance, Risk, Settings, Sizing, Step,
    Trading,
};
use crate::strategy::{Definition, Rule, Written};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// Microseconds in a day.
const DAY: i64 = crate::bars::DAY;

/// Type what `table` tells the engine about a session of `definition`, and the expressions that it
/// asks for.
pub(super) fn type_settings(
    table: &Table,
    place: &Place,
    definition: &Definition,
    mistakes: &mut Mistakes,
) -> (Settings, Vec<Written>) {
    let mut reader = Reader { table, place, inputs: Vec::new(), mistakes };
    let defaults = Settings::default();
    let name = reader.text("execution.model");
    let model = Model::named(&name).unwrap_or(&MODELS[0]);
    let axes = reader.axes(model);
    let sizing = reader.sizing();
    let costs = reader.costs();
    let trading = reader.trading();
    let risk = reader.risk();
    let settings = Settings {
        capital: reader.number("capital").unwrap_or(defaults.capital),
        sizing,
        max_entries: reader.count("sizing.max_entries").unwrap_or(1),
        costs,
        trading,
        rebalance: reader.rebalance(),
        risk,
        together: table.get("legs").is_some(),
        axes,
        pins: model.pins,
        inputs: reader.inputs.iter().map(|written| written.text.clone()).collect(),
    };
    let inputs = std::mem::take(&mut reader.inputs);
    reader.check(&settings, definition);
    (settings, inputs)
}

struct Reader<'a> {
    table: &'a Table,
    place: &'a Place,
    inputs: Vec<Written>,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn at(&self, path: &str) -> Option<&Node> {
        self.table.at(path)
    }

    fn text(&self, path: &str) -> String {
        self.at(path).and_then(Node::text).unwrap_or_default().to_owned()
    }

    fn number(&self, path: &str) -> Option<f64> {
        self.at(path).and_then(Node::number)
    }

    fn count(&self, path: &str) -> Option<usize> {
        self.number(path).map(|number| number as usize)
    }

    fn flag(&self, path: &str) -> Option<bool> {
        match self.at(path)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A mistake at the first of these keys that is given.
    fn refuse(&mut self, paths: &[&str], title: String, label: impl Into<String>) {
        let node = paths.iter().find_map(|path| self.at(path));
        let place = node.map_or(self.place, |node| &node.place).clone();
        self.mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &place, title).label(label));
    }

    fn missing(&mut self, path: &str, key: &str, remedy: &str) {
        let place = self.at(path).map_or(self.place, |node| &node.place).clone();
        let title = format!("`{path}` needs `{key}`");
        self.mistakes.push(Mistake::new(codes::MISSING_KEY, &place, title).label(remedy));
    }

    /// The place of an expression among the session's inputs.
    fn input(&mut self, path: &str, text: String) -> usize {
        if let Some(known) = self.inputs.iter().position(|written| written.text == text) {
            return known;
        }
        let place = self.at(path).map_or(self.place, |node| &node.place).clone();
        self.inputs.push(Written { text, place });
        self.inputs.len() - 1
    }

    fn sizing(&mut self) -> Sizing {
        if let Some(volatility) = self.at("sizing.volatility") {
            let number = |key: &str| volatility.table()?.get(key)?.number();
            let (target, window) = (number("target"), number("window").unwrap_or(20.0));
            if target.is_none() {
                self.missing("sizing.volatility", "target", "such as 0.2 for 20 % a year");
            }
            let deviation = format!("stddev(close / lag(close, 1) - 1, {window})");
            let input = self.input("sizing.volatility", deviation);
            return Sizing::Volatility { target: target.unwrap_or(1.0), input };
        }
        let given = |key: &str| self.number(&format!("sizing.{key}"));
        let sizing = given("cash").map(Sizing::Cash);
        let sizing = sizing.or_else(|| given("units").map(Sizing::Units));
        let sizing = sizing.or_else(|| given("risk").map(Sizing::Risk));
        sizing.unwrap_or_else(|| Sizing::Equity(given("equity").unwrap_or(1.0)))
    }

    fn costs(&mut self) -> Costs {
        let key = |key: &str| self.number(&format!("costs.commission.{key}"));
        let rate = key("rate").unwrap_or(0.0);
        let tiers = self.at("costs.commission.tiers").and_then(Node::array).unwrap_or_default();
        let tier = |node: &Node| {
            let number = |key: &str| node.table().and_then(|table| table.get(key)?.number());
            let rate = number("rate").unwrap_or(0.0);
            Tier {
                above: number("above").unwrap_or(0.0),
                maker: number("maker").unwrap_or(rate),
                taker: number("taker").unwrap_or(rate),
            }
        };
        let commission = Commission {
            maker: key("maker").unwrap_or(rate),
            taker: key("taker").unwrap_or(rate),
            per_unit: key("per_unit").unwrap_or(0.0),
            per_order: key("per_order").unwrap_or(0.0),
            min: key("min").unwrap_or(0.0),
            max: key("max").unwrap_or(f64::INFINITY),
            tiers: tiers.iter().map(tier).collect(),
        };
        if commission.min > commission.max {
            let title = format!("`costs.commission.max` is below `min`, {}", commission.min);
            self.refuse(&["costs.commission.max"], title, "");
        }
        if !commission.tiers.is_sorted_by(|a, b| a.above < b.above) {
            let title = "`costs.commission.tiers` go from less to more money traded".to_owned();
            self.refuse(&["costs.commission.tiers"], title, "sort them by `above`");
        }
        let bps = self.number("costs.slippage.bps").unwrap_or(0.0) / 10_000.0;
        if bps >= 1.0 {
            let title = "slippage of 10,000 bps or more leaves nothing of a price".to_owned();
            self.refuse(&["costs.slippage.bps"], title, "");
        }
        let slippage = self.number("costs.slippage.range").map(Slippage::Range);
        let slippage =
            slippage.or_else(|| self.number("costs.slippage.impact").map(Slippage::Impact));
        Costs {
            commission,
            slippage: slippage.unwrap_or(Slippage::Fraction(bps)),
            spread: self.number("costs.spread").unwrap_or(0.0),
            borrow: self.number("costs.borrow").unwrap_or(0.0),
            funding: self.funding(),
            interest: self.number("costs.interest").unwrap_or(0.0),
        }
    }

    fn funding(&mut self) -> Option<Funding> {
        let node = self.at("costs.funding")?;
        if let Some(text) = node.text() {
            let text = text.to_owned();
            return Some(Funding::Input(self.input("costs.funding", text)));
        }
        let Some(rate) = self.number("costs.funding.rate") else {
            self.missing("costs.funding", "rate", "a fraction of the value each period");
            return None;
        };
        let period = match self.at("costs.funding.every").map(Span::of) {
            None => 8 * 3_600_000_000,
            Some(Ok(Span::Time(period))) => period,
            Some(_) => {
                let title = "`costs.funding.every` is a time such as \"8h\"".to_owned();
                self.refuse(&["costs.funding.every"], title, "");
                return None;
            }
        };
        Some(Funding::Every { rate, period })
    }

    fn axes(&self, model: &Model) -> Axes {
        let base = model.axes;
        let word = |axis: &str| self.text(&format!("execution.{axis}"));
        macro_rules! axis {
            ($name:ident $kind:ident) => {
                model::$kind::named(&word(stringify!($name))).unwrap_or(base.$name)
            };
        }
        Axes {
            fill: axis!(fill Fill),
            delay: self.count("execution.delay").map_or(base.delay, |bars| bars as u32),
            stop_on_entry_bar: axis!(stop_on_entry_bar StopOnEntryBar),
            intrabar: axis!(intrabar Intrabar),
            gap_stop: axis!(gap_stop GapStop),
            limit_trigger: axis!(limit_trigger LimitTrigger),
            limit_gap: axis!(limit_gap LimitGap),
            trailing_from: axis!(trailing_from TrailingFrom),
            stop_base: axis!(stop_base StopBase),
            slippage_on_stops: self
                .flag("execution.slippage_on_stops")
                .unwrap_or(base.slippage_on_stops),
            spread_on: axis!(spread_on SpreadOn),
            short_of_cash: axis!(short_of_cash ShortOfCash),
            units: axis!(units Units),
            flip: axis!(flip Flip),
            orders_per_bar: axis!(orders_per_bar OrdersPerBar),
            first_bar: axis!(first_bar FirstBar),
            at_end: axis!(at_end AtEnd),
        }
    }

    fn trading(&self) -> Trading {
        let defaults = Trading::default();
        let number = |key: &str| self.number(&format!("execution.{key}"));
        Trading {
            lot_size: number("lot_size").unwrap_or(defaults.lot_size),
            tick_size: number("tick_size"),
            min_units: number("min_units").unwrap_or(defaults.min_units),
            max_participation: number("max_participation"),
            min_volume: number("min_volume").unwrap_or(defaults.min_volume),
            limit_bars: self.count("execution.limit_bars"),
            leverage: number("leverage").unwrap_or(defaults.leverage),
            maintenance: number("maintenance").unwrap_or(defaults.maintenance),
            shorting: self.flag("execution.shorting").unwrap_or(defaults.shorting),
        }
    }

    fn rebalance(&self) -> Rebalance {
        let Some(node) = self.at("execution.rebalance") else { return Rebalance::default() };
        let every = match node.table() {
            Some(table) => table.get("every"),
            None => Some(node),
        };
        let every = match every.map(|node| (node.text(), node.number())) {
            Some((_, Some(bars))) => Every::Bars(bars as usize),
            Some((Some("day"), _)) => Every::Day,
            Some((Some("week"), _)) => Every::Week,
            Some((Some("month"), _)) => Every::Month,
            Some((Some("quarter"), _)) => Every::Quarter,
            _ => Every::Bar,
        };
        let threshold = self.number("execution.rebalance.threshold").unwrap_or(0.0);
        Rebalance { every, threshold }
    }

    fn risk(&mut self) -> Risk {
        let groups = self.at("groups").and_then(Node::table).into_iter().flat_map(Table::iter);
        let members = |node: &Node| {
            let names = node.array().unwrap_or_default().iter();
            names.filter_map(Node::text).map(str::to_owned).collect()
        };
        let groups = groups.map(|entry| (entry.key.clone(), members(&entry.node))).collect();
        Risk {
            stop_loss: self.distance("risk.stop_loss"),
            take_profit: self.distance("risk.take_profit"),
            take_profit_after: self.steps(),
            trailing_stop: self.distance("risk.trailing_stop"),
            max_holding: self.at("risk.max_holding").and_then(span),
            max_position: self.cap("risk.max_position"),
            max_symbol: self.cap("risk.max_symbol"),
            max_group: self.cap("risk.max_group"),
            max_gross: self.cap("risk.max_gross"),
            max_net: self.cap("risk.max_net"),
            groups,
            max_positions: self.count("risk.max_positions"),
            max_orders_per_day: self.count("risk.max_orders_per_day"),
            daily_loss: self.breaker("risk.daily_loss"),
            max_drawdown: self.breaker("risk.max_drawdown"),
            max_consecutive_losses: self.breaker("risk.max_consecutive_losses"),
            hours: self.hours(),
            blackout: self.blackout(),
            weekdays: self.weekdays(),
            overnight: self.flag("risk.overnight").unwrap_or(true),
            flat_by: self.time_of_day("risk.flat_by"),
        }
    }

    /// A fraction, or a multiple of the average true range.
    fn distance(&mut self, path: &str) -> Option<Distance> {
        let node = self.at(path)?;
        if let Some(fraction) = node.number() {
            return Some(Distance::Fraction(fraction));
        }
        let window = self.number(&format!("{path}.window")).unwrap_or(14.0);
        let Some(multiple) = self.number(&format!("{path}.atr")) else {
            self.missing(path, "atr", "how many average true ranges, such as 2.5");
            return None;
        };
        let input = self.input(path, format!("atr({window})"));
        Some(Distance::Atr { multiple, input })
    }

    /// The targets that take the place of each other.
    fn steps(&mut self) -> Vec<Step> {
        let path = "risk.take_profit_after";
        let items = self.at(path).and_then(Node::array).unwrap_or_default().iter();
        let step = |node: &Node| {
            let key = |key: &str| node.table()?.get(key);
            Some(Step { after: key("after").and_then(span)?, gain: key("gain")?.number()? })
        };
        let steps: Vec<Option<Step>> = items.map(step).collect();
        let ascends =
            |pair: &[Option<Step>]| match (pair[0].map(|s| s.after), pair[1].map(|s| s.after)) {
                (Some(Time::Bars(a)), Some(Time::Bars(b))) => a < b,
                (Some(Time::Time(a)), Some(Time::Time(b))) => a < b,
                _ => true,
            };
        if steps.iter().any(Option::is_none) {
            self.missing(path, "after` and `gain", "such as { after = \"3d\", gain = 0.02 }");
        } else if !steps.windows(2).all(ascends) {
            let title = format!("`{path}` goes from earlier to later");
            self.refuse(&[path], title, "sort it by `after`");
        }
        steps.into_iter().flatten().collect()
    }

    fn cap(&mut self, path: &str) -> Option<Cap> {
        let node = self.at(path)?;
        if let Some(fraction) = node.number() {
            return Some(Cap::Equity(fraction));
        }
        let cash = self.number(&format!("{path}.cash"));
        if cash.is_none() {
            self.missing(path, "cash", "an amount of money");
        }
        cash.map(Cap::Cash)
    }

    fn breaker(&mut self, path: &str) -> Option<Breaker> {
        let node = self.at(path)?;
        let (limit, action) = (node.number(), Action::Flatten);
        if let Some(limit) = limit {
            return Some(Breaker { limit, action, cooldown: None });
        }
        let Some(limit) = self.number(&format!("{path}.limit")) else {
            self.missing(path, "limit", "what must not be reached");
            return None;
        };
        let blocks = self.text(&format!("{path}.action")) == "block";
        let cooldown = self.at(&format!("{path}.cooldown")).and_then(span);
        let action = if blocks { Action::Block } else { Action::Flatten };
        Some(Breaker { limit, action, cooldown })
    }

    fn hours(&mut self) -> Option<(i64, i64)> {
        self.at("risk.hours")?;
        for key in ["from", "to"] {
            if self.at(&format!("risk.hours.{key}")).is_none() {
                self.missing("risk.hours", key, "a local time of day such as \"09:30\"");
            }
        }
        let from = self.time_of_day("risk.hours.from")?;
        let to = self.time_of_day("risk.hours.to")?;
        if from == to {
            let title = "`risk.hours` ends when it begins, so nothing could be entered".to_owned();
            self.refuse(&["risk.hours"], title, "");
        }
        Some((from, to))
    }

    fn time_of_day(&mut self, path: &str) -> Option<i64> {
        let node = self.at(path)?;
        let time = node.text().and_then(time_of_day);
        if time.is_none() {
            let title = format!("`{path}` is a local time of day such as \"15:45\"");
            self.refuse(&[path], title, "");
        }
        time
    }

    fn blackout(&mut self) -> Vec<Blackout> {
        let Some(node) = self.at("risk.blackout") else { return Vec::new() };
        let mut found = Vec::new();
        let mut wrong = Vec::new();
        for item in node.array().unwrap_or_default() {
            let end = |key: &str| item.table().and_then(|table| table.get(key));
            let (from, to) = (end("from").and_then(moment), end("to").and_then(moment));
            match (from, to) {
                (Some((Instant::Time(from), _)), Some((Instant::Time(to), _))) => {
                    found.push(Blackout::Daily(from, to));
                }
                (Some((Instant::At(from), _)), Some((Instant::At(to), days)))
                    if from < to + days =>
                {
                    found.push(Blackout::Period(from, to + days));
                }
                _ => wrong.push(item.place.clone()),
            }
        }
        for place in wrong {
            let title = "a blackout goes from a date, time or time of day to a later one";
            let label = "such as { from = 2020-02-20, to = 2020-04-30 } or { from = \"11:30\", to = \"13:00\" }";
            self.mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &place, title).label(label));
        }
        found
    }

    fn weekdays(&mut self) -> [bool; 7] {
        let Some(node) = self.at("risk.weekdays") else { return [true; 7] };
        let mut weekdays = [false; 7];
        let days: Vec<f64> =
            node.array().unwrap_or_default().iter().filter_map(Node::number).collect();
        for day in &days {
            match weekdays.get_mut(*day as usize - 1) {
                Some(weekday) => *weekday = true,
                None => {
                    let title = format!("`risk.weekdays` go from 1 (Monday) to 7, not {day}");
                    self.refuse(&["risk.weekdays"], title, "");
                }
            }
        }
        if days.is_empty() {
            let title = "`risk.weekdays` is empty, so nothing could be entered".to_owned();
            self.refuse(&["risk.weekdays"], title, "");
        }
        weekdays
    }

    /// What only settings and rules together can tell.
    fn check(&mut self, settings: &Settings, definition: &Definition) {
        let has = |rule: Rule| definition.rules.iter().any(|text| text.rule == rule);
        let risk = &settings.risk;
        let leverage = settings.trading.leverage;
        // A leverage of nothing is a mistake of its own.
        if let Sizing::Equity(fraction) = settings.sizing
            && leverage > 0.0
            && fraction > leverage
        {
            let title = format!(
                "`sizing.equity` is at most `execution.leverage`, {leverage}, not {fraction}"
            );
            self.refuse(&["sizing.equity"], title, "");
        }
        let stops = risk.stop_loss.is_some() || risk.trailing_stop.is_some() || has(Rule::Stop);
        if matches!(settings.sizing, Sizing::Risk(_)) && !stops {
            self.missing(
                "sizing.risk",
                "risk.stop_loss",
                "or a rule `stop`: it is what is lost there",
            );
        }
        if settings.trading.maintenance * leverage >= 1.0 {
            let title = format!(
                "with a leverage of {leverage} a full position needs more than \
                 `execution.maintenance` from the start"
            );
            self.refuse(&["execution.maintenance"], title, format!("below {}", 1.0 / leverage));
        }
        let lots = settings.axes.units == Units::Lot;
        if self.at("execution.lot_size").is_some() && !lots {
            self.missing(
                "execution.lot_size",
                "execution.units",
                "write `units = \"lot\"` beside it",
            );
        }
        if lots && self.at("execution.lot_size").is_none() {
            self.missing("execution.units", "execution.lot_size", "how many units a lot has");
        }
        if risk.max_group.is_some() && risk.groups.is_empty() {
            self.missing(
                "risk.max_group",
                "groups",
                "such as `groups = { banks = [\"JPM\", \"C\"] }`",
            );
        }
        let shorts = has(Rule::EnterShort) && !has(Rule::EnterLong);
        if shorts && !settings.trading.shorting {
            let title =
                "the strategy only sells short, and `execution.shorting` is false".to_owned();
            self.refuse(&["execution.shorting"], title, "nothing could ever be entered");
        }
        let rests = |rule| matches!(rule, Rule::Limit | Rule::Trigger);
        if !definition.legs.is_empty()
            && let Some(text) = definition.rules.iter().find(|text| rests(text.rule))
        {
            let title =
                format!("a leg has no rule `{}`: it would be filled alone", text.rule.key());
            let label = "legs fill together or not at all, at the market";
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &text.written.place, title);
            self.mistakes.push(mistake.label(label));
        }
        self.check_kinds(settings, definition);
    }

    /// Every kind of order that the session may need is one that `execution.orders` names.
    fn check_kinds(&mut self, settings: &Settings, definition: &Definition) {
        let Some(named) = self.at("execution.orders").and_then(Node::array) else { return };
        let named: Vec<String> = named.iter().filter_map(Node::text).map(str::to_owned).collect();
        let has = |rule: Rule| definition.rules.iter().any(|text| text.rule == rule);
        let risk = &settings.risk;
        let entry = Kind::of(has(Rule::Limit), has(Rule::Trigger));
        let exits = has(Rule::ExitLong) || has(Rule::ExitShort) || has(Rule::Weight);
        let flips = has(Rule::EnterLong) && has(Rule::EnterShort);
        let stops = risk.stop_loss.is_some() || risk.trailing_stop.is_some() || has(Rule::Stop);
        let targets =
            risk.take_profit.is_some() || !risk.take_profit_after.is_empty() || has(Rule::Target);
        let needed = [
            (true, entry, "its entries"),
            (exits || flips, Kind::Market, "its exits"),
            (stops, Kind::Stop, "its stops"),
            (targets, Kind::Limit, "its targets"),
        ];
        for (_, kind, what) in needed.into_iter().filter(|(needed, ..)| *needed) {
            if !named.iter().any(|name| name == kind.word()) {
                let title = format!("{what} need `{}` orders, which are not named", kind.word());
                self.refuse(&["execution.orders"], title, format!("add \"{}\"", kind.word()));
                return;
            }
        }
    }
}

fn span(node: &Node) -> Option<Time> {
    match Span::of(node).ok()? {
        Span::Bars(bars) => Some(Time::Bars(usize::try_from(bars).ok()?)),
        Span::Time(time) => Some(Time::Time(time)),
    }
}

/// Microseconds from midnight of a text such as `09:30`.
fn time_of_day(text: &str) -> Option<i64> {
    let time = NaiveTime::parse_from_str(text, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
        .ok()?;
    Some(i64::from(time.num_seconds_from_midnight()) * 1_000_000)
}

/// What a blackout begins or ends with.
enum Instant {
    /// A local time of day.
    Time(i64),
    /// A local instant.
    At(i64),
}

/// The instant that a value says, and how long it lasts: a date is a whole day.
fn moment(node: &Node) -> Option<(Instant, i64)> {
    let text = match &node.value {
        Value::Text(text) | Value::Date(text) => text,
        _ => return None,
    };
    if let Some(time) = time_of_day(text) {
        return Some((Instant::Time(time), 0));
    }
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some((Instant::At(midnight(date)), DAY));
    }
    let at = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let at = at.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some((Instant::At(at.and_utc().timestamp_micros()), 0))
}
