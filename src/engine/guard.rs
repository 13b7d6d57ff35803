//! Guards of the account: they look at it at every close and stop it at its limits.
//!
//! What a guard needs is followed close by close, because a limit can be reached between two events;
//! without a guard nothing is followed.

use super::fill::{Leaving, Taken};
use super::frame::Frame;
use super::ledger::{Ledger, NEVER};
use super::order::{Cause, Reason};
use super::outcome::{Booking, What};
use super::scene::Scene;
use super::settings::{Action, Breaker, Settings, Span};
use super::standing::{self, Close, Standing};
use super::trade::{Basis, ClosedBy, Moment};
use super::walk::{At, Walk};
use crate::bars::extremes;
use std::ops::Range;

/// The guards by the reason for which they refuse entries, and what they close positions by.
const GUARDS: [(Reason, ClosedBy); 3] = [
    (Reason::DailyLoss, ClosedBy::DailyLoss),
    (Reason::MaxDrawdown, ClosedBy::MaxDrawdown),
    (Reason::MaxConsecutiveLosses, ClosedBy::MaxConsecutiveLosses),
];
const DAILY: usize = 0;
const DRAWDOWN: usize = 1;
const LOSSES: usize = 2;

/// How many closes are looked at together.
const BLOCK: usize = 64;

/// What the guards know.
#[derive(Debug, Default)]
pub(super) struct Guard {
    breakers: [Option<Breaker>; 3],
    /// The bar from which on each guard lets entries through again; 0 while it never tripped.
    until: [usize; 3],
    /// The first bar whose close was not looked at.
    looked: usize,
    /// The number of the trading day of the last close, and where it ends.
    day: (usize, usize),
    /// The equity at the last close of the trading day before.
    base: f64,
    /// The equity at the last close.
    last: f64,
    peak: f64,
    /// The number of the trading day of the last order, and how many orders it had so far.
    orders: (usize, usize),
    /// Where each trading day ends, while orders are counted.
    ends: Vec<usize>,
    pub standing: Standing,
    /// The share of refused orders, which changes on events alone.
    pub error_rate: f64,
}

/// Why an entry cannot be filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub reason: Reason,
    /// An order that rests may be filled on another bar.
    pub only_now: bool,
}

impl Verdict {
    pub(super) fn never(reason: Reason) -> Self {
        Self { reason, only_now: false }
    }

    pub(super) fn not_now(reason: Reason) -> Self {
        Self { reason, only_now: true }
    }
}

impl Guard {
    pub(super) fn begin(&mut self, scene: &Scene<'_>) {
        let risk = &scene.settings.risk;
        let capital = scene.settings.capital;
        let mut ends = std::mem::take(&mut self.ends);
        ends.clear();
        if risk.max_orders_per_day.is_some() {
            ends.extend(scene.frame.days.iter().map(|day| day.end));
        }
        *self = Self {
            breakers: [risk.daily_loss, risk.max_drawdown, risk.max_consecutive_losses],
            day: (0, scene.frame.days.first().map_or(0, |day| day.end)),
            base: capital,
            last: capital,
            peak: capital,
            ends,
            standing: Standing::begin(scene),
            ..Self::default()
        };
    }

    /// No close before bar `from` had to be looked at.
    pub(super) fn begin_at(&mut self, from: usize) {
        self.looked = from;
    }

    /// Whether closes have to be looked at.
    fn watches(&self, scene: &Scene<'_>, ledger: &Ledger) -> bool {
        self.breakers.iter().any(Option::is_some)
            || can_be_ruined(scene.settings, ledger)
            || self.standing.watches(scene)
    }

    /// What the account is at a close with this equity.
    fn close(&self, equity: f64) -> Close {
        Close { equity, drawdown: fall(equity, self.peak), daily_loss: fall(equity, self.base) }
    }

    /// The first close before bar `due` at which a guard trips or the account is worth nothing. All
    /// before it are taken note of.
    pub(super) fn watch(
        &mut self,
        scene: &Scene<'_>,
        ledger: &Ledger,
        due: usize,
    ) -> Option<usize> {
        let mut from = self.looked;
        self.looked = from.max(due);
        if !self.watches(scene, ledger) {
            return None;
        }
        while from < due {
            self.begin_day(scene.frame, from);
            let until = self.alike(from).min(from + BLOCK).min(due);
            if !self.is_calm(scene, ledger, from..until)
                && let Some(t) = (from..until).find(|&t| self.stops_at(scene, ledger, t))
            {
                self.looked = t;
                return Some(t);
            }
            from = until;
        }
        None
    }

    /// The end of the bars from `t` on that have its trading day, and end a cool-down or do not.
    fn alike(&self, t: usize) -> usize {
        let day = if self.day.1 > t { self.day.1 } else { NEVER };
        if self.is_cooling(t) { day.min(self.until[DRAWDOWN].saturating_add(1)) } else { day }
    }

    /// Whether no close of these bars, which are alike, can trip a guard, as far as their least and their
    /// greatest equity tell; then they are taken note of.
    fn is_calm(&mut self, scene: &Scene<'_>, ledger: &Ledger, bars: Range<usize>) -> bool {
        if scene.settings.trading.maintenance != 0.0 || self.standing.watches(scene) {
            return false;
        }
        let mut equity = [0.0; BLOCK];
        let equity = &mut equity[..bars.len()];
        for (symbol, lots) in ledger.positions.iter().enumerate() {
            if !lots.is_empty() {
                let units = ledger.units(symbol);
                let closes = &scene.bars(symbol).close[bars.clone()];
                equity.iter_mut().zip(closes).for_each(|(sum, close)| *sum += units * close);
            }
        }
        equity.iter_mut().for_each(|sum| *sum += ledger.cash);
        let (low, high) = extremes(equity);
        let cooling = self.is_cooling(bars.start);
        let peak = if high > self.peak { high } else { self.peak };
        // No close is lower than the lowest, nor the peak before it higher than the highest.
        let (daily_loss, drawdown) = (fall(low, self.base), fall(low, peak));
        let worst = [daily_loss, if cooling { 0.0 } else { drawdown }, ledger.losses as f64];
        let trips = (0..GUARDS.len()).any(|guard| {
            let breaker = self.breakers[guard].filter(|_| self.until[guard] < bars.end);
            breaker.is_some_and(|breaker| worst[guard] >= breaker.limit)
        });
        let calm = !trips && low > 0.0;
        if calm {
            self.last = equity[equity.len() - 1];
            self.peak = if cooling { self.last } else { peak };
        }
        calm
    }

    /// Whether a guard trips at the close of bar `t` or the account is worth nothing; else it is taken
    /// note of.
    fn stops_at(&mut self, scene: &Scene<'_>, ledger: &Ledger, t: usize) -> bool {
        let equity = ledger.equity(scene.frame, scene.settings, t, Moment::Close);
        self.see(scene.frame, t, equity);
        let needed = needed(scene, ledger, t);
        let holds =
            |turn| standing::holds(scene, turn, t, self.close(equity), ledger, self.error_rate);
        let stops = self.trips(t, equity, ledger).is_some()
            || equity <= 0.0
            || equity < needed
            || self.standing.turns(holds).is_some();
        if !stops {
            self.last = equity;
        }
        stops
    }

    /// Whether the peak follows the equity at the close of bar `t`: a cool-down ends with a peak of its
    /// own.
    fn is_cooling(&self, t: usize) -> bool {
        t <= self.until[DRAWDOWN] && self.until[DRAWDOWN] > 0
    }

    /// Bar `t` closes: its trading day may be another than that of the close before.
    fn begin_day(&mut self, frame: &Frame, t: usize) {
        while t >= self.day.1 && self.day.0 + 1 < frame.days.len() {
            self.day.0 += 1;
            self.day.1 = frame.days[self.day.0].end;
            self.base = self.last;
        }
    }

    /// Take note of the equity at the close of bar `t`.
    fn see(&mut self, frame: &Frame, t: usize, equity: f64) {
        self.begin_day(frame, t);
        if self.is_cooling(t) {
            self.peak = equity;
        }
        self.peak = if equity > self.peak { equity } else { self.peak };
    }

    /// The guard that trips at the close of bar `t`, with what it measured.
    fn trips(&self, t: usize, equity: f64, ledger: &Ledger) -> Option<(usize, Breaker, f64)> {
        let close = self.close(equity);
        let values = [close.daily_loss, close.drawdown, ledger.losses as f64];
        (0..GUARDS.len()).find_map(|guard| {
            let breaker = self.breakers[guard].filter(|_| self.until[guard] <= t)?;
            (values[guard] >= breaker.limit).then_some((guard, breaker, values[guard]))
        })
    }

    /// The guard that refuses what is decided at the close of bar `t`.
    pub(super) fn blocks(&self, t: usize) -> Option<Reason> {
        let guard = (0..GUARDS.len()).find(|&guard| self.until[guard] > t);
        self.standing.blocks().or_else(|| Some(GUARDS[guard?].0))
    }

    /// The guard that refuses what is filled on bar `t`: one that tripped at a close before it.
    pub(super) fn blocks_before(&self, t: usize) -> Option<Reason> {
        self.blocks(t.saturating_sub(1))
    }

    /// One more order, read at the close of bar `t`.
    pub(super) fn count_order(&mut self, t: usize) {
        if !self.ends.is_empty() {
            let day = self.ends.partition_point(|&end| end <= t);
            let (last, count) = self.orders;
            self.orders = (day, if day == last { count + 1 } else { 1 });
        }
    }

    /// How many orders the trading day of the last one had.
    pub(super) fn orders_today(&self) -> usize {
        self.orders.1
    }
}

/// How much `equity` is below what it was, as a fraction of that.
fn fall(equity: f64, from: f64) -> f64 {
    if from > 0.0 { 1.0 - equity / from } else { 0.0 }
}

/// Whether the account could come to be worth nothing: what is owned outright cannot do that, but what
/// was owed may have cost more than there was.
pub(super) fn can_be_ruined(settings: &Settings, ledger: &Ledger) -> bool {
    // What rounding leaves of the cash that was spent is no debt.
    let lacks_cash = ledger.cash < -1e-9 * settings.capital;
    !settings.pins.survives_ruin && (settings.trading.leverage > 1.0 || ledger.owes() || lacks_cash)
}

/// The equity below which the positions are liquidated.
fn needed(scene: &Scene<'_>, ledger: &Ledger, t: usize) -> f64 {
    let maintenance = scene.settings.trading.maintenance;
    if maintenance == 0.0 {
        return 0.0;
    }
    let (long, short) = ledger.exposure(scene.frame, scene.settings, t, Moment::Close);
    maintenance * (long + short)
}

impl Walk {
    /// The guards look at the account at the close of bar `t`.
    pub(super) fn look_at_account(&mut self, scene: &Scene<'_>, t: usize) {
        self.guard.looked = t + 1;
        if !self.guard.watches(scene, &self.ledger) {
            return;
        }
        let equity = self.equity(scene, At { bar: t, moment: Moment::Close });
        self.guard.see(scene.frame, t, equity);
        if equity <= 0.0 && can_be_ruined(scene.settings, &self.ledger) {
            self.ruin(scene, t);
            return;
        }
        let needed = needed(scene, &self.ledger, t);
        let leaving = (0..self.books.len())
            .all(|symbol| self.ledger.side(symbol).is_none() || self.books[symbol].exit.is_some());
        // Without a maintenance an account that survives its ruin is not closed.
        if needed > 0.0 && equity < needed && !leaving {
            self.outcome.liquidations += 1;
            self.tell(t, None, What::Liquidated { equity, needed });
            self.flatten(scene, t, ClosedBy::Liquidation);
        }
        while let Some((guard, breaker, value)) = self.guard.trips(t, equity, &self.ledger) {
            self.trip(scene, t, guard, breaker, value);
        }
        self.turn(scene, t, self.guard.close(equity));
        self.guard.last = equity;
    }

    fn trip(&mut self, scene: &Scene<'_>, t: usize, guard: usize, breaker: Breaker, value: f64) {
        let (reason, closed_by) = GUARDS[guard];
        self.outcome.tripped.add(reason);
        let Breaker { limit, action, cooldown } = breaker;
        self.tell(t, None, What::Tripped { guard: reason, action, value, limit });
        let own_time = if guard == DAILY { self.guard.day.1 } else { NEVER };
        self.guard.until[guard] = match cooldown {
            None => own_time,
            Some(Span::Bars(bars)) => t + bars.max(1),
            Some(Span::Time(time)) => {
                let until = scene.frame.time[t] + time;
                scene.frame.time.partition_point(|&time| time < until).max(t + 1)
            }
        };
        if guard == LOSSES {
            self.ledger.losses = 0;
        }
        self.refuse_waiting(t, reason);
        if action == Action::Flatten {
            self.flatten(scene, t, closed_by);
        }
    }

    /// The account is worth nothing: everything is closed at this close, and it is over.
    fn ruin(&mut self, scene: &Scene<'_>, t: usize) {
        for symbol in 0..self.books.len() {
            let reference = scene.bars(symbol).close[t];
            let basis = Basis::AccountClose;
            let taken = Taken { reference, basis, slips: true, rests: false };
            let leaving = Leaving { closed_by: ClosedBy::Liquidation, decided: t, order: None };
            let at = At { bar: t, moment: Moment::Close };
            self.close_out(scene, symbol, at, taken, leaving);
            let book = &mut self.books[symbol];
            let orders = [book.exit.take().map(|o| o.order), book.entry.take().map(|o| o.order)];
            for order in orders.into_iter().flatten() {
                self.cancel(t, symbol, order, Cause::Ruined);
            }
        }
        self.outcome.liquidations += 1;
        self.outcome.ruined = Some(t);
        if scene.settings.pins.ruin_forgiven {
            self.pay(t, None, Booking::Forgiven, self.ledger.cash);
        }
    }

    /// Book money for holding.
    pub(super) fn pay(&mut self, t: usize, symbol: Option<usize>, for_what: Booking, paid: f64) {
        if paid != 0.0 {
            self.ledger.cash -= paid;
            self.outcome.paid[for_what as usize] += paid;
            self.tell(t, symbol, What::Booked { for_what, paid });
        }
    }
}
