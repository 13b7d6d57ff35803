//! Stops, targets and trailing stops: the first bar on which one of them ends an entry, and at what
//! price.

use super::frame::Aligned;
use super::ledger::NEVER;
use super::model::{GapStop, LimitGap, LimitTrigger, TrailingFrom};
use super::reading::Reading;
use super::settings::nearest_tick;
use super::trade::{Basis, ClosedBy, Side};
use super::trail::Trail;

/// The levels that protect one entry.
///
/// Prices are multiplied by the sign of the entry, so that for long and short alike a stop lies below
/// and a target above: there is one comparison for both, not two that could differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Levels {
    pub(super) side: Side,
    stop: (f64, ClosedBy),
    target: (f64, ClosedBy),
    /// The signed price that a bar must have for the target: mostly the target itself.
    reach: f64,
    trailing: Option<Trailing>,
    /// The bar of the entry.
    pub(super) since: usize,
    /// The bar on which the target took the place of another.
    stepped: usize,
}

/// Where a target fills, and the price that a bar must have for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub price: f64,
    pub reach: f64,
}

impl Aim {
    /// A target that is filled where it is reached.
    pub(super) fn at(price: f64) -> Self {
        Self { price, reach: price }
    }
}

/// A stop that follows the price.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trailing {
    /// The best signed price seen so far.
    extreme: f64,
    /// What it was at first.
    first: f64,
    distance: Away,
    /// Its prices are multiples of it.
    tick: Option<f64>,
}

impl Trailing {
    /// The signed price at which it stands behind the best price so far.
    fn level(&self, sign: f64) -> f64 {
        self.behind(self.extreme, sign)
    }

    /// The signed price at which it stands behind `signed`.
    fn behind(&self, signed: f64, sign: f64) -> f64 {
        let level = self.distance.below(signed, sign);
        self.tick.map_or(level, |tick| nearest_tick(level, tick))
    }
}

/// How far away a level is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Away {
    /// A fraction of the price it is away from.
    Fraction(f64),
    /// Money.
    Money(f64),
}

impl Away {
    /// The signed price so far below `signed`, whose sign is `sign`.
    pub(super) fn below(self, signed: f64, sign: f64) -> f64 {
        match self {
            Self::Fraction(fraction) => signed * (1.0 - sign * fraction),
            Self::Money(money) => signed - money,
        }
    }

    /// The signed price so far above `signed`.
    pub(super) fn above(self, signed: f64, sign: f64) -> f64 {
        match self {
            Self::Fraction(fraction) => signed * (1.0 + sign * fraction),
            Self::Money(money) => signed + money,
        }
    }
}

/// How an entry ends inside a bar or at its open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub bar: usize,
    /// The price before slippage.
    pub price: f64,
    pub basis: Basis,
    pub closed_by: ClosedBy,
    /// The bar opened beyond the level: it happens at the open, before the orders.
    pub at_open: bool,
    /// The other reading of the bar's inside gives another answer.
    pub ambiguous: bool,
    /// It is a limit order: it does not slip, and pays what resting orders pay.
    pub rests: bool,
}

/// How an entry came about on the bar whose rest may end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    /// At the open: all of the bar comes after it.
    AtOpen,
    /// On the way to a limit: the worse extreme comes after it.
    Limit,
    /// On the way beyond a trigger: the better extreme comes after it.
    Trigger,
}

impl Levels {
    /// No levels yet.
    pub(super) fn none(side: Side) -> Self {
        Self {
            side,
            stop: (f64::NEG_INFINITY, ClosedBy::StopLoss),
            target: (f64::INFINITY, ClosedBy::TakeProfit),
            reach: f64::INFINITY,
            trailing: None,
            since: 0,
            stepped: NEVER,
        }
    }

    /// With the bar of the entry.
    pub(super) fn since(mut self, bar: usize) -> Self {
        self.since = bar;
        self
    }

    /// With a stop so far behind `base`. Of two stops the nearer one holds.
    pub(super) fn stop(self, base: f64, away: Away) -> Self {
        let sign = self.side.sign();
        self.stop_at(sign * away.below(sign * base, sign), ClosedBy::StopLoss)
    }

    /// With a stop at a price.
    pub(super) fn stop_at(mut self, price: f64, by: ClosedBy) -> Self {
        let signed = self.side.sign() * price;
        if signed > self.stop.0 {
            self.stop = (signed, by);
        }
        self
    }

    /// With a target at a price. Of two targets the nearer one holds.
    pub(super) fn target_at(mut self, aim: Aim, by: ClosedBy) -> Self {
        let signed = self.side.sign() * aim.price;
        if signed < self.target.0 {
            (self.target, self.reach) = ((signed, by), self.side.sign() * aim.reach);
        }
        self
    }

    /// With another target from bar `bar` on, unless the rule's is nearer.
    pub(super) fn retarget(mut self, aim: Aim, bar: usize) -> Self {
        let signed = self.side.sign() * aim.price;
        if self.target.1 != ClosedBy::Target || signed < self.target.0 {
            self.target = (signed, ClosedBy::TakeProfit);
            (self.reach, self.stepped) = (self.side.sign() * aim.reach, bar);
        }
        self
    }

    /// With a stop that follows the best price since `base` so far behind.
    pub(super) fn trailing(mut self, base: f64, away: Away) -> Self {
        let first = self.side.sign() * base;
        self.trailing = Some(Trailing { extreme: first, first, distance: away, tick: None });
        self
    }

    /// These levels, or `None` if they are none.
    pub(super) fn if_any(self) -> Option<Self> {
        (self != Self::none(self.side)).then_some(self)
    }

    /// The levels on prices that are a `ratio`th of what they were.
    pub(super) fn split(&mut self, ratio: f64) {
        self.stop.0 /= ratio;
        self.target.0 /= ratio;
        self.reach /= ratio;
        if let Some(trailing) = &mut self.trailing {
            trailing.extreme /= ratio;
            trailing.first /= ratio;
            if let Away::Money(money) = &mut trailing.distance {
                *money /= ratio;
            }
        }
    }

    /// Bring the stop nearer to `price` by a fraction of its distance, and let a trailing stop follow
    /// more closely by as much.
    pub(super) fn tighten(&mut self, fraction: f64, price: f64) {
        let price = self.side.sign() * price;
        if self.stop.0.is_finite() && self.stop.0 < price {
            self.stop.0 += fraction * (price - self.stop.0);
        }
        if let Some(trailing) = &mut self.trailing {
            let (Away::Fraction(distance) | Away::Money(distance)) = &mut trailing.distance;
            *distance *= 1.0 - fraction;
        }
    }

    /// These levels on a grid of prices.
    pub(super) fn on_grid(mut self, tick: f64) -> Self {
        for level in [&mut self.stop.0, &mut self.target.0, &mut self.reach] {
            *level = if level.is_finite() { nearest_tick(*level, tick) } else { *level };
        }
        if let Some(trailing) = &mut self.trailing {
            trailing.tick = Some(tick);
        }
        self
    }

    /// The price of the stop now, if there is one.
    pub(super) fn stop_price(&self) -> Option<f64> {
        let (stop, _) = self.nearer_stop();
        stop.is_finite().then(|| self.side.sign() * stop)
    }

    /// Every level there is now, as a price, and how it would end the entry.
    pub(super) fn prices(&self) -> impl Iterator<Item = (ClosedBy, f64)> {
        let sign = self.side.sign();
        let trailing = self.trailing.map(|trailing| (trailing.level(sign), ClosedBy::TrailingStop));
        let all = [Some(self.stop), trailing, Some(self.target)].into_iter().flatten();
        let real = all.filter(|(signed, _)| signed.is_finite());
        real.map(move |(signed, by)| (by, sign * signed))
    }

    /// The prices of the stop and the target that do not follow the price.
    pub(super) fn fixed(&self) -> [Option<f64>; 2] {
        let price = |(signed, _): (f64, ClosedBy)| self.side.sign() * signed;
        [self.stop, self.target].map(|level| Some(price(level)).filter(|price| price.is_finite()))
    }

    /// How its trailing stop went, if it has one.
    pub(super) fn trail(&self) -> Option<Trail> {
        let Trailing { first, distance, tick, .. } = self.trailing?;
        Some(Trail { side: self.side, first, distance, tick })
    }

    /// The first of the bars `from..until` that ends the entry; with `peek`, on bar `until` its open
    /// is looked at too, because what was decided before it happens there.
    ///
    /// The trailing level is that of the bars before each bar, and is left where the search ends.
    pub(super) fn first_hit(
        &mut self,
        bars: &Aligned,
        reading: Reading<'_>,
        from: usize,
        until: usize,
        peek: bool,
    ) -> Option<Hit> {
        let sign = self.side.sign();
        let (best, worst) = match self.side {
            Side::Long => (&bars.high, &bars.low),
            Side::Short => (&bars.low, &bars.high),
        };
        let (open, best, worst): (&[f64], &[f64], &[f64]) = (&bars.open, best, worst);
        let close: &[f64] = &bars.close;
        let follow = reading.axes.trailing_from;
        let followed = if follow == TrailingFrom::Close { close } else { best };
        let end = until.min(open.len());
        let moves = follow == TrailingFrom::ExtremeSameBar && self.trailing.is_some();
        for t in from..end {
            if moves {
                if let Some(hit) = self.moving_hit(bars, reading, t) {
                    return Some(hit);
                }
                continue;
            }
            let stop = self.nearer_stop();
            // A bar that the symbol does not have is NaN and touches nothing.
            if sign * worst[t] <= stop.0 || self.reaches(sign * best[t], reading) {
                let bar = [open[t], best[t], worst[t], close[t]].map(|price| sign * price);
                let hit = self.hit(t, reading, bar, stop, stop);
                return Some(self.in_detail(bars, reading, hit, stop));
            }
            self.follow(sign * followed[t]);
        }
        // Where the search had come further before, that open reached nothing, and the stop now stands
        // where later bars have brought it.
        if !peek || until >= open.len() || from > until {
            return None;
        }
        let stop = self.nearer_stop();
        let opens = sign * open[until];
        (opens <= stop.0 || self.reaches(opens, reading)).then(|| {
            let bar = [open[until], best[until], worst[until], close[until]];
            self.hit(until, reading, bar.map(|price| sign * price), stop, stop)
        })
    }

    /// Whether bar `t`, inside which the entry was filled at `price`, ends it too.
    pub(super) fn entry_bar_hit(
        &self,
        bars: &Aligned,
        reading: Reading<'_>,
        t: usize,
        entered: Entered,
        price: f64,
    ) -> Option<Hit> {
        let whole = self.signed(&[bars.open[t], bars.high[t], bars.low[t], bars.close[t]]);
        let stop = self.nearer_stop();
        if entered == Entered::AtOpen {
            let hit = self.touches(&whole, stop, reading).then(|| {
                let hit = self.hit(t, reading, whole, stop, stop);
                self.in_detail(bars, reading, hit, stop)
            });
            return hit;
        }
        let (hit, ambiguous) = self.rest_hit(t, reading, entered, whole, stop);
        let detail = bars.detail.as_ref().filter(|_| ambiguous);
        let found = detail.and_then(|detail| {
            let signed = self.side.sign() * price;
            self.rest_in_detail(detail.of(t), t, reading, entered, signed)
        });
        found.unwrap_or(hit)
    }

    /// What bar `t` does, all of which counts, to an entry that was filled inside it at `price`.
    pub(super) fn whole_bar_hit(
        &mut self,
        bars: &Aligned,
        reading: Reading<'_>,
        t: usize,
        price: f64,
    ) -> Option<Hit> {
        let sign = self.side.sign();
        let [open, close] = [bars.open[t], bars.close[t]].map(|price| sign * price);
        let reach = self.reach;
        // On the way from the open down through the entry to the close there was no price above it.
        if t == self.since && sign * price < open && close < open && close < self.target.0 {
            self.reach = f64::INFINITY;
        }
        let hit = self.first_hit(bars, reading, t, t + 1, false);
        self.reach = reach;
        hit
    }

    /// What the rest of a bar does to an entry inside it, and whether that depends on the reading:
    /// one extreme comes after the entry, the other one may.
    fn rest_hit(
        &self,
        t: usize,
        reading: Reading<'_>,
        entered: Entered,
        whole: [f64; 4],
        stop: (f64, ClosedBy),
    ) -> (Option<Hit>, bool) {
        let [open, best, worst, close] = whole;
        let best_is_past = reading.best_first(self.side, whole);
        let rest = match entered {
            Entered::Limit if best_is_past => [open, close, worst, close],
            Entered::Trigger if !best_is_past => [open, best, close, close],
            Entered::AtOpen | Entered::Limit | Entered::Trigger => whole,
        };
        let (stopped, reached) = (worst <= stop.0, self.reaches(best, reading));
        let ambiguous = match entered {
            Entered::AtOpen => stopped && reached,
            Entered::Limit => reached && (stopped || !self.reaches(close, reading)),
            Entered::Trigger => stopped && (reached || close > stop.0),
        };
        // Of the bar's open an entry inside it knows nothing.
        let hit = || self.hit_from(f64::NAN, t, reading, rest, stop, stop);
        let hit = self.touches(&rest, stop, reading).then(hit);
        (hit.map(|hit| Hit { ambiguous, ..hit }), ambiguous)
    }

    /// What the finer bars of bar `t` say of an entry inside it at the signed `price`: what ends it
    /// there, if anything does. `None` where no finer bar reaches that price.
    fn rest_in_detail(
        &self,
        finer: &[[f64; 4]],
        t: usize,
        reading: Reading<'_>,
        entered: Entered,
        price: f64,
    ) -> Option<Option<Hit>> {
        let mut finer = finer.iter().map(|bar| self.signed(bar));
        let enters = |[_, best, worst, _]: &[f64; 4]| match (entered, reading.axes.limit_trigger) {
            (Entered::Trigger, _) => *best >= price,
            (_, LimitTrigger::Touch) => *worst <= price,
            (_, LimitTrigger::Through) => *worst < price,
        };
        let first = finer.by_ref().find(enters)?;
        let entered = match (entered, first[0]) {
            (Entered::Trigger, open) if open >= price => Entered::AtOpen,
            (Entered::Limit, open) if open <= price => Entered::AtOpen,
            _ => entered,
        };
        let stop = self.nearer_stop();
        let (own, _) = self.rest_hit(t, reading, entered, first, stop);
        Some(own.map(in_detail).or_else(|| self.first_in_detail(finer, t, reading, stop)))
    }

    /// What the finer bars of a bar say of an exit that depends on its inside: which level the first of
    /// them reaches that reaches one. Without such a bar the exit stays as it was read.
    fn in_detail(
        &self,
        bars: &Aligned,
        reading: Reading<'_>,
        hit: Hit,
        stop: (f64, ClosedBy),
    ) -> Hit {
        let Some(detail) = bars.detail.as_ref().filter(|_| hit.ambiguous) else { return hit };
        let finer = detail.of(hit.bar).iter().map(|bar| self.signed(bar));
        self.first_in_detail(finer, hit.bar, reading, stop).unwrap_or(hit)
    }

    /// What the first of these finer bars of bar `t` does that reaches a level.
    fn first_in_detail(
        &self,
        mut finer: impl Iterator<Item = [f64; 4]>,
        t: usize,
        reading: Reading<'_>,
        stop: (f64, ClosedBy),
    ) -> Option<Hit> {
        let bar = finer.find(|bar| self.touches(bar, stop, reading))?;
        Some(in_detail(self.hit(t, reading, bar, stop, stop)))
    }

    /// Open, high, low and close as the signed open, better extreme, worse extreme and close.
    pub(super) fn signed(&self, bar: &[f64; 4]) -> [f64; 4] {
        let [open, high, low, close] = bar.map(|price| self.side.sign() * price);
        [open, high.max(low), high.min(low), close]
    }

    /// Whether a bar of these signed prices reaches a level.
    fn touches(&self, bar: &[f64; 4], stop: (f64, ClosedBy), reading: Reading<'_>) -> bool {
        bar[2] <= stop.0 || self.reaches(bar[1], reading)
    }

    /// A trailing stop follows a signed price.
    pub(super) fn follow(&mut self, signed: f64) {
        if let Some(trailing) = &mut self.trailing
            && signed > trailing.extreme
        {
            trailing.extreme = signed;
        }
    }

    /// Go on after bar `t`, which ended only a part of the entry.
    pub(super) fn outlive(&mut self, bars: &Aligned, reading: Reading<'_>, t: usize) {
        let followed = match (reading.axes.trailing_from, self.side) {
            (TrailingFrom::Close, _) => bars.close[t],
            (_, Side::Long) => bars.high[t],
            (_, Side::Short) => bars.low[t],
        };
        self.follow(self.side.sign() * followed);
    }

    /// Whether bar `t` reaches the stop.
    pub(super) fn is_stopped(&self, bars: &Aligned, t: usize) -> bool {
        let worst = match self.side {
            Side::Long => bars.low[t],
            Side::Short => -bars.high[t],
        };
        worst <= self.nearer_stop().0
    }

    pub(super) fn reaches(&self, signed: f64, reading: Reading<'_>) -> bool {
        match reading.axes.limit_trigger {
            LimitTrigger::Touch => signed >= self.reach,
            LimitTrigger::Through => signed > self.reach,
        }
    }

    /// The nearer of the two stops, and which it is.
    pub(super) fn nearer_stop(&self) -> (f64, ClosedBy) {
        match self.trailing {
            Some(trailing) => {
                let trailing = trailing.level(self.side.sign());
                if trailing > self.stop.0 { (trailing, ClosedBy::TrailingStop) } else { self.stop }
            }
            None => self.stop,
        }
    }

    /// Where the nearer stop would stand if the trailing one were behind the signed price `open`;
    /// `before` where none trails.
    pub(super) fn stop_behind(&self, open: f64, before: f64) -> f64 {
        let trailing = self.trailing.map(|trailing| trailing.behind(open, self.side.sign()));
        trailing.map_or(before, |level| level.max(self.stop.0))
    }

    /// Whether a trailing stop has left the place where it began.
    fn has_trailed(&self) -> bool {
        self.trailing.is_some_and(|trailing| trailing.extreme > trailing.first)
    }

    /// What a bar of these signed prices does that reaches a level; `before` is the stop at its open.
    pub(super) fn hit(
        &self,
        bar: usize,
        reading: Reading<'_>,
        prices: [f64; 4],
        before: (f64, ClosedBy),
        stop: (f64, ClosedBy),
    ) -> Hit {
        self.hit_from(prices[0], bar, reading, prices, before, stop)
    }

    /// The same, where the first price that matters is `open`; NaN for none.
    fn hit_from(
        &self,
        open: f64,
        bar: usize,
        reading: Reading<'_>,
        prices: [f64; 4],
        before: (f64, ClosedBy),
        stop: (f64, ClosedBy),
    ) -> Hit {
        let [_, best, worst, _] = prices;
        let axes = reading.axes;
        let sign = self.side.sign();
        let reached = self.reaches(best, reading);
        // A stop that this bar's better extreme has moved is met after that extreme, and so after a
        // target on the way there: what may come before the target is the stop of the open.
        let trails = reading.pins.target_before_trailing && self.has_trailed();
        let contested = reached && worst <= before.0 && !trails;
        let gap_stop = open <= before.0 && !(trails && reached);
        let contested_first = contested && reading.stop_first(self.side, prices);
        let gap_target =
            self.reaches(open, reading) && !(reading.pins.stop_always_first && contested_first);
        // At the open there is nothing to guess: what it opened beyond is what happened.
        let ambiguous = contested && !gap_stop && !gap_target;
        let stop_first = gap_stop || !gap_target && (!reached || contested_first);
        let (signed, basis, closed_by) = if gap_stop {
            let (price, basis) = gapped_stop(axes.gap_stop, before.0, open, best);
            (price, basis, before.1)
        } else if stop_first && reached {
            (before.0, Basis::StopFirst, before.1)
        } else if stop_first {
            (stop.0, Basis::Stop, stop.1)
        } else {
            let (target, by) = self.target;
            let (price, basis) = match (gap_target, axes.limit_gap) {
                (true, LimitGap::Improve) => (open, Basis::LimitGapOpen),
                (true, LimitGap::Level)
                    if reading.pins.new_targets_at_open && bar == self.stepped =>
                {
                    (open, Basis::LimitGapOpen)
                }
                (true, LimitGap::Level) => (target, Basis::LimitGapLevel),
                (false, _) if ambiguous => (target, Basis::TargetFirst),
                (false, _) => (target, Basis::Limit),
            };
            let price = match reading.pins.targets_inside {
                true => price.max(worst).min(best),
                false => price,
            };
            (price, basis, by)
        };
        Hit {
            bar,
            price: sign * signed,
            basis,
            closed_by,
            at_open: gap_stop || gap_target,
            ambiguous,
            rests: !stop_first,
        }
    }
}

/// An exit inside a bar that was found on its finer bars.
pub(super) fn in_detail(hit: Hit) -> Hit {
    let basis = match hit.basis {
        basis if hit.ambiguous || hit.at_open => basis,
        _ if hit.rests => Basis::TargetDetail,
        _ => Basis::StopDetail,
    };
    Hit { at_open: false, basis, ..hit }
}

/// Where a stop at the signed price `stop` fills on a bar that opened beyond it and came back to
/// `best` at most.
pub(super) fn gapped_stop(axis: GapStop, stop: f64, open: f64, best: f64) -> (f64, Basis) {
    match axis {
        GapStop::Open => (open, Basis::StopGapOpen),
        GapStop::Level => (stop, Basis::StopGapLevel),
        GapStop::LevelIfInside if best >= stop => (stop, Basis::StopGapInside),
        GapStop::LevelIfInside => (open, Basis::StopGapOpen),
    }
}
