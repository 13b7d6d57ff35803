//! What the calendar does to the account: dividends and splits, what is charged for holding, and the
//! times at which positions are closed or nothing is entered.

use super::cost::Funding;
use super::fill::{Leaving, Taken};
use super::frame::Frame;
use super::ledger::{Ledger, NEVER};
use super::order::Reason;
use super::outcome::{Booking, What};
use super::protect::Hit;
use super::scene::Scene;
use super::settings::{Blackout, Risk};
use super::trade::{Basis, ClosedBy, Moment, Side};
use super::walk::{At, Walk};
use crate::bars::DAY;

/// Days in a year for rates by the year.
const YEAR: f64 = 365.0;

/// The next bar that the calendar makes an event.
#[derive(Debug)]
pub(super) struct Dates {
    pub next: usize,
    /// Whether the calendar can make any bar an event.
    matters: bool,
}

impl Default for Dates {
    fn default() -> Self {
        Self { next: NEVER, matters: false }
    }
}

impl Dates {
    pub(super) fn begin(&mut self, scene: &Scene<'_>) {
        let costs = &scene.settings.costs;
        // Interest is due on cash alone, before anything is held.
        let interest = costs.interest != 0.0;
        self.matters = interest
            || costs.borrow != 0.0
            || costs.funding.is_some()
            || ends_with_day(&scene.settings.risk);
        self.next = if interest { day_start(scene.frame, 0) } else { NEVER };
    }

    /// Whether the calendar can make any bar an event.
    pub(super) fn matter(&self) -> bool {
        self.matters
    }

    /// Find the next event of the calendar from bar `from` on.
    pub(super) fn look_ahead(&mut self, scene: &Scene<'_>, ledger: &Ledger, from: usize) {
        if !self.matters {
            return;
        }
        let costs = &scene.settings.costs;
        let risk = &scene.settings.risk;
        let frame = scene.frame;
        self.next = NEVER;
        if from >= frame.len() {
            return;
        }
        let mut sooner = |bar: usize| self.next = self.next.min(bar);
        if costs.interest != 0.0 || costs.borrow != 0.0 && ledger.owes() {
            sooner(day_start(frame, from - 1));
        }
        if ledger.held() == 0 {
            return;
        }
        if ends_with_day(risk) {
            sooner(frame.day_end(from).unwrap_or(NEVER));
            sooner(day_start(frame, from - 1));
        }
        if let Some(flat_by) = risk.flat_by {
            let flat = |&t: &usize| time_of_day(frame, t) >= flat_by;
            let today = frame.days[frame.day(from)].end;
            sooner((from..today).find(flat).unwrap_or(NEVER));
        }
        match costs.funding {
            None => {}
            Some(Funding::Every { period, .. }) => {
                let due = (frame.time[from - 1].div_euclid(period) + 1) * period;
                sooner(frame.time.partition_point(|&time| time < due).max(from));
            }
            Some(Funding::Input(input)) => {
                let held = (0..frame.symbols.len()).filter(|&s| ledger.side(s).is_some());
                for symbol in held {
                    let due = |&t: &usize| is_due(scene.input(symbol, input, t));
                    sooner((from..frame.len()).find(due).unwrap_or(NEVER));
                }
            }
        }
    }
}

/// The first bar of the trading day after that of bar `t`.
fn day_start(frame: &Frame, t: usize) -> usize {
    frame.days.get(frame.day(t)).map_or(NEVER, |day| day.end)
}

fn is_due(rate: f64) -> bool {
    !rate.is_nan() && rate != 0.0
}

/// Whether nothing is held from one trading day to the next.
fn ends_with_day(risk: &Risk) -> bool {
    !risk.overnight || risk.flat_by.is_some()
}

/// The local time of day at which bar `t` opens, microseconds from midnight.
fn time_of_day(frame: &Frame, t: usize) -> i64 {
    frame.local(t).rem_euclid(DAY)
}

/// Why the calendar lets no entry be filled at this moment. A bar's time is that of its open.
pub(super) fn closed(scene: &Scene<'_>, at: At) -> Option<Reason> {
    let risk = &scene.settings.risk;
    let frame = scene.frame;
    let any = risk.hours.is_some()
        || !risk.blackout.is_empty()
        || risk.weekdays != [true; 7]
        || ends_with_day(risk);
    if !any {
        return None;
    }
    let local = frame.local(at.bar);
    let time = local.rem_euclid(DAY);
    let within = |from: i64, to: i64| match from <= to {
        true => from <= time && time < to,
        false => from <= time || time < to,
    };
    // 1970-01-01 was a Thursday.
    let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7) as usize;
    let black = risk.blackout.iter().any(|blackout| match *blackout {
        Blackout::Period(from, to) => from <= local && local < to,
        Blackout::Daily(from, to) => within(from, to),
    });
    if risk.hours.is_some_and(|(from, to)| !within(from, to)) {
        Some(Reason::Hours)
    } else if black {
        Some(Reason::Blackout)
    } else if !risk.weekdays[weekday] {
        Some(Reason::Weekdays)
    } else if risk.flat_by.is_some_and(|flat_by| time >= flat_by) {
        Some(Reason::FlatBy)
    } else if ends_with_day(risk) && at.moment == Moment::Close && frame.ends_day(at.bar) {
        Some(Reason::Overnight)
    } else {
        None
    }
}

impl Walk {
    /// What the calendar does before bar `t` opens to what was held until then.
    pub(super) fn dates(&mut self, scene: &Scene<'_>, t: usize) {
        for symbol in 0..self.books.len() {
            if self.books[symbol].next_action == t {
                self.act(scene, symbol, t);
            }
        }
        if self.dates.next != t {
            return;
        }
        let frame = scene.frame;
        let day = frame.day(t);
        let begins = t > 0 && frame.day(t - 1) != day;
        if begins {
            let nights = f64::from(frame.days[day].number - frame.days[day - 1].number);
            self.charge_nights(scene, t, nights / YEAR);
        }
        self.fund(scene, t);
        let risk = &scene.settings.risk;
        if risk.flat_by.is_some_and(|flat_by| time_of_day(frame, t) >= flat_by) {
            self.leave_at_open(scene, t, ClosedBy::FlatBy);
        } else if begins && ends_with_day(risk) {
            // The last bar of the day before was missing, which nobody could know then.
            self.leave_at_open(scene, t, ClosedBy::Overnight);
        }
    }

    /// Close what is held at the next open from bar `t` on.
    fn leave_at_open(&mut self, scene: &Scene<'_>, t: usize, by: ClosedBy) {
        for symbol in 0..self.books.len() {
            if self.ledger.side(symbol).is_some() {
                let next = scene.bars(symbol).next_bar(t).unwrap_or(NEVER);
                self.order_exit(scene, symbol, t, by, (next, Moment::Open));
            }
        }
    }

    /// Split what is held of a symbol and pay its dividend.
    fn act(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        self.books[symbol].stale = true;
        let actions = scene.bars(symbol).actions.iter().filter(|action| action.row == t);
        for action in actions {
            let ratio = action.split;
            if ratio != 1.0 {
                for lot in &mut self.ledger.positions[symbol] {
                    lot.units *= ratio;
                    lot.entry_price /= ratio;
                    if let Some(levels) = &mut lot.levels {
                        levels.split(ratio);
                    }
                }
                if let Some(entry) = &mut self.books[symbol].entry {
                    entry.split(ratio);
                }
                self.tell(t, Some(symbol), What::Split { ratio });
            }
            let received = self.ledger.units(symbol) * action.dividend;
            self.pay(t, Some(symbol), Booking::Dividends, -received);
        }
    }

    /// Borrow and interest for a part of a year that lies between two trading days.
    fn charge_nights(&mut self, scene: &Scene<'_>, t: usize, years: f64) {
        let costs = &scene.settings.costs;
        let interest = -self.ledger.cash * costs.interest * years;
        for symbol in 0..self.books.len() {
            if self.ledger.side(symbol) == Some(Side::Short) {
                let owed = -self.ledger.units(symbol) * scene.bars(symbol).close[t - 1];
                self.pay(t, Some(symbol), Booking::Borrow, owed * costs.borrow * years);
            }
        }
        self.pay(t, None, Booking::Interest, interest);
    }

    /// What longs pay to shorts at the open of bar `t`.
    fn fund(&mut self, scene: &Scene<'_>, t: usize) {
        let Some(funding) = scene.settings.costs.funding else { return };
        for symbol in 0..self.books.len() {
            let rate = match funding {
                Funding::Input(input) => scene.input(symbol, input, t),
                Funding::Every { rate, period } => {
                    let number = |t: usize| scene.frame.time[t].div_euclid(period);
                    if t == 0 { 0.0 } else { rate * (number(t) - number(t - 1)) as f64 }
                }
            };
            if is_due(rate) && self.ledger.side(symbol).is_some() {
                let value = self.ledger.units(symbol) * scene.bars(symbol).mark_at_open(t);
                self.pay(t, Some(symbol), Booking::Funding, value * rate);
            }
        }
    }

    /// Entries that are old enough end at the open of bar `t`, and so does what bars before had no
    /// volume for.
    pub(super) fn exits_of_the_clock(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        let old = |lots: &[super::ledger::Lot]| lots.iter().position(|lot| lot.expires <= t);
        while let Some(index) = old(&self.ledger.positions[symbol]) {
            let lot = &mut self.ledger.positions[symbol][index];
            let (closed_by, basis) = lot.expires_by;
            lot.expires = NEVER;
            let hit = Hit {
                bar: t,
                price: scene.bars(symbol).open[t],
                basis,
                closed_by,
                at_open: true,
                ambiguous: false,
                rests: false,
            };
            self.protective_exit(scene, symbol, index, hit);
        }
    }

    /// At the last close of a trading day positions are closed that may not be held overnight. Where
    /// the bar that would have ended the day is missing, that is done as the next day opens.
    pub(super) fn end_of_day(&mut self, scene: &Scene<'_>, t: usize) {
        let frame = scene.frame;
        if !ends_with_day(&scene.settings.risk) || !frame.ends_day(t) {
            return;
        }
        for symbol in 0..self.books.len() {
            let bars = scene.bars(symbol);
            if self.ledger.side(symbol).is_none() {
                continue;
            }
            if !bars.has_bar(t) {
                // It has traded its last today; the next open is the first that can be had.
                let next = bars.next_bar(t + 1).unwrap_or(NEVER);
                self.order_exit(scene, symbol, t, ClosedBy::Overnight, (next, Moment::Open));
                continue;
            }
            let taken = Taken {
                reference: bars.close[t],
                basis: Basis::AccountClose,
                slips: true,
                rests: false,
            };
            let leaving = Leaving { closed_by: ClosedBy::Overnight, decided: t, order: None };
            self.close_out(scene, symbol, At { bar: t, moment: Moment::Close }, taken, leaving);
        }
    }
}
