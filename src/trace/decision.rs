//! What followed from the rules of one symbol at the close of one bar, in words: the orders and what
//! became of them, or why there are none.

use super::Trace;
use super::explain::Account;
use crate::bars::Cut;
use crate::batch::kept::stamp;
use crate::diag::counted;
use crate::engine::model::Fill;
use crate::engine::{Intent, Order, OrderStatus, Reason, Side, waiting};
use crate::expr::Scalar;

/// The decision on symbol number `symbol`.
pub(super) fn decision(trace: &Trace<'_>, account: &Account<'_>, symbol: usize) -> String {
    let asked = Asked { trace, account, symbol };
    let orders = account.outcome.orders.iter();
    let orders = orders.enumerate();
    let orders: Vec<(usize, &Order)> =
        orders.filter(|(_, order)| order.bar == account.bar && order.symbol == symbol).collect();
    match orders.len() {
        0 => format!("nothing: {}", asked.why_nothing()),
        count => {
            let all: Vec<String> =
                orders.iter().map(|&(number, order)| asked.told(number, order)).collect();
            format!("{}: {}", counted(count, "order"), all.join("; "))
        }
    }
}

/// One symbol on one bar.
struct Asked<'a> {
    trace: &'a Trace<'a>,
    account: &'a Account<'a>,
    symbol: usize,
}

impl Asked<'_> {
    fn time(&self, bar: usize) -> String {
        stamp(self.account.frame.time[bar])
    }

    /// The order of this number and what became of it.
    fn told(&self, number: usize, order: &Order) -> String {
        let mut text = match order.intent {
            Intent::Open(side) => format!("open {}", side.word()),
            Intent::Close(by) => format!("close, by {}", by.word()),
        };
        let prices = [("trigger", order.trigger), ("limit", order.limit)];
        for (name, price) in prices.into_iter().filter_map(|(name, price)| Some((name, price?))) {
            text += &format!(", {name} {}", value(price));
        }
        let fills = self.account.outcome.fills.iter().filter(|fill| fill.order == Some(number));
        let filled: f64 = fills.map(|fill| fill.units.abs()).sum();
        let fate = match order.status {
            OrderStatus::Filled(bar) => format!("filled on {}", self.time(bar)),
            OrderStatus::Refused(reason) => {
                format!("refused: {}{}", reason.word(), self.because(order, reason))
            }
            OrderStatus::Cancelled(_) if filled > 0.0 => {
                format!("{}, after {} units were filled", order.status.words(), value(filled))
            }
            status => status.words(),
        };
        let reduced = order.reduced.map(|(reason, units)| {
            let wanted = value(order.wanted.unwrap_or(f64::NAN));
            format!(", made smaller from {wanted} to {} units: {}", value(units), reason.word())
        });
        format!("{text}, {fate}{}", reduced.unwrap_or_default())
    }

    /// The values because of which an entry was refused.
    fn because(&self, order: &Order, reason: Reason) -> String {
        let signals = &self.trace.signals[self.symbol];
        let at = |column: &Option<Cut<f64>>| column.as_ref().map(|column| column[order.bar]);
        let prices = [("limit", at(&signals.limit)), ("trigger", at(&signals.trigger))];
        let levels = [("stop", at(&signals.stop)), ("target", at(&signals.target))];
        let list = |all: Vec<(&str, f64)>| -> String {
            all.into_iter().map(|(name, price)| format!(", `{name}` is {}", value(price))).collect()
        };
        let present = |(name, price): (&'static str, Option<f64>)| Some((name, price?));
        let missing = |of: [(&'static str, Option<f64>); 2]| {
            list(of.into_iter().filter_map(present).filter(|(_, price)| price.is_nan()).collect())
        };
        match reason {
            Reason::NoPrice => missing(prices),
            Reason::NoLevel => missing(levels),
            Reason::NoSize => {
                list(at(&signals.size).map(|size| ("size", size)).into_iter().collect())
            }
            Reason::WrongSide => {
                let close = self.account.frame.symbols[self.symbol].close[order.bar];
                let own = prices.into_iter().filter_map(present).next().unwrap_or(("close", close));
                list(levels.into_iter().filter_map(present).chain([own]).collect())
            }
            Reason::LegBar => self.legs_without_bar(order),
            Reason::Leg => self.other_legs(order),
            _ => String::new(),
        }
    }

    /// The legs that have no bar where the order was decided.
    fn legs_without_bar(&self, order: &Order) -> String {
        let symbols = self.account.frame.symbols.iter();
        let missing = symbols.filter(|symbol| !symbol.has_bar(order.bar));
        missing.map(|symbol| format!(", `{}`", symbol.name)).collect()
    }

    /// The legs that were refused for a reason of their own.
    fn other_legs(&self, order: &Order) -> String {
        let orders = self.account.outcome.orders.iter();
        let refused = orders.filter_map(|other| match other.status {
            OrderStatus::Refused(reason) if reason != Reason::Leg && other.bar == order.bar => {
                let symbol = &self.trace.slice.symbols[other.symbol];
                Some(format!(", `{symbol}`: {}", reason.word()))
            }
            _ => None,
        });
        refused.collect()
    }

    /// Why there is no order.
    fn why_nothing(&self) -> String {
        let (account, signals) = (self.account, &self.trace.signals[self.symbol]);
        let (frame, bar) = (account.frame, account.bar);
        let bars = &frame.symbols[self.symbol];
        if !bars.has_bar(bar) {
            return "the symbol has no such bar".to_owned();
        }
        if account.outcome.ruined.is_some_and(|ruined| bar >= ruined) {
            return Reason::Ruined.word().to_owned();
        }
        if let Some(weight) = &signals.weight {
            return self.why_no_rebalance(weight[bar]);
        }
        let (long, short) = (signals.enter_long.get(bar), signals.enter_short.get(bar));
        let exits = signals.exit_long.get(bar) || signals.exit_short.get(bar);
        if (long || short || exits) && bar < signals.warm {
            return "some function of the rules has no value yet (first_bar = all_warm)".to_owned();
        }
        let side = if long { Side::Long } else { Side::Short };
        let held = account.units(self.symbol, bar);
        let under_way =
            || account.waits(self.symbol, |what| matches!(what, waiting::What::Exit(_)));
        let is_entry = |waiting: &waiting::Waiting| {
            waiting.symbol == self.symbol && matches!(waiting.what, waiting::What::Entry(_))
        };
        match (long != short, held * side.sign() > 0.0) {
            _ if long && short => "both entries are true, and neither acts".to_owned(),
            (true, _) | (_, true) if exits && under_way() => {
                "an exit of an earlier bar is under way".to_owned()
            }
            (true, true) if account.after.iter().any(is_entry) => {
                "the rest of an earlier entry is being filled".to_owned()
            }
            (true, true) => match account.settings.max_entries {
                1 => format!("the position is {} already", side.word()),
                most => format!("the position has its {most} entries (sizing.max_entries)"),
            },
            (true, false) => "an order of an earlier bar is under way".to_owned(),
            _ if exits && held == 0.0 => "there is no position to close".to_owned(),
            _ if exits => "no exit of this side is true".to_owned(),
            _ => "no rule is true".to_owned(),
        }
    }

    /// Why a weight leads to no order.
    fn why_no_rebalance(&self, weight: f64) -> String {
        let (account, bar) = (self.account, self.account.bar);
        if weight.is_nan() {
            return "the weight is missing, which leaves the position alone".to_owned();
        }
        // The bar that restores this weight, and what was known before it did.
        let (restores, waiting) = match account.settings.axes.fill {
            Fill::Close => (Some(bar), &account.before),
            Fill::NextOpen | Fill::NextClose => {
                (account.frame.symbols[self.symbol].next_bar(bar + 1), &account.after)
            }
        };
        let is_its = |waiting: &&waiting::Waiting| {
            waiting.symbol == self.symbol && waiting.what == waiting::What::Rebalance
        };
        match waiting.iter().find(is_its).and_then(|waiting| waiting.due) {
            due if due == restores && due.is_some() => {
                "the position has its weight, within the threshold".to_owned()
            }
            Some(due) => format!("the next rebalance is on {}", self.time(due)),
            None => "there is no further rebalance in the range".to_owned(),
        }
    }
}

/// A number for people, in the shortest digits that are its own.
fn value(number: f64) -> String {
    match number.is_nan() {
        true => super::shown(&Scalar::Missing),
        false => super::shown(&Scalar::Number(number)),
    }
}
