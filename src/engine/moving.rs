//! Stops that are moved by the bar that they meet: with `trailing_from = "extreme_same_bar"`.
//!
//! Which of a bar's extremes came first decides where such a stop stood when the price came back, so
//! both orders are looked at, the one that the session reads and the other one. Where they end the
//! entry in different ways the exit is ambiguous, and finer bars are asked.

use super::frame::Aligned;
use super::protect::{Hit, Levels, in_detail};
use super::reading::Reading;
use super::trade::{Basis, ClosedBy};

impl Levels {
    /// Whether bar `t`, which moves the stop, ends the entry; the stop is left where the bar brought it.
    pub(super) fn moving_hit(
        &mut self,
        bars: &Aligned,
        reading: Reading<'_>,
        t: usize,
    ) -> Option<Hit> {
        let whole = [bars.open[t], bars.high[t], bars.low[t], bars.close[t]];
        if whole[0].is_nan() {
            return None;
        }
        let at_open = *self;
        let hit = self.read_both(t, reading, self.signed(&whole))?;
        let finer = bars.detail.as_ref().filter(|_| hit.ambiguous).map(|detail| detail.of(t));
        match finer.filter(|finer| covers(finer, whole)) {
            None => Some(hit),
            Some(finer) => {
                // The finer bars tell the way, and the stop goes along.
                *self = at_open;
                finer.iter().find_map(|bar| self.read_both(t, reading, self.signed(bar)))
            }
            .map(in_detail),
        }
    }

    /// What a bar of these signed prices does as it is read; ambiguous where its extremes in the other
    /// order do something else.
    fn read_both(&mut self, t: usize, reading: Reading<'_>, bar: [f64; 4]) -> Option<Hit> {
        let mut other = *self;
        let (hit, otherwise) = match reading.best_comes_last(self.side, bar) {
            true => (self.hit_before_best(t, reading, bar), other.hit_after_best(t, reading, bar)),
            false => (self.hit_after_best(t, reading, bar), other.hit_before_best(t, reading, bar)),
        };
        let hit = hit?;
        let same = |other: Hit| (other.price, other.closed_by) == (hit.price, hit.closed_by);
        Some(Hit { ambiguous: hit.ambiguous || !otherwise.is_some_and(same), ..hit })
    }

    /// What a bar does whose better extreme comes first: the stop that it brings nearer meets the worse
    /// one.
    fn hit_after_best(&mut self, t: usize, reading: Reading<'_>, bar: [f64; 4]) -> Option<Hit> {
        let [open, best, worst, _] = bar;
        let before = self.nearer_stop();
        let stays = reading.pins.stopped_bar_trails_not && worst <= before.0;
        if !stays {
            self.follow(best);
        }
        let now = self.nearer_stop();
        if worst > now.0 && !self.reaches(best, reading) {
            return None;
        }
        let hit = self.hit(t, reading, bar, before, now);
        let lifted = now.0 > before.0 && hit.closed_by == ClosedBy::TrailingStop;
        let price = match reading.pins.entry_bar_trails_to_worst && t == self.since && lifted {
            true => self.side.sign() * self.stop_behind(open, before.0).max(worst),
            false => hit.price,
        };
        Some(Hit { price, ..hit })
    }

    /// What a bar does whose worse extreme comes first: only its close can come back to the stop that
    /// its better extreme has brought nearer.
    fn hit_before_best(&mut self, t: usize, reading: Reading<'_>, bar: [f64; 4]) -> Option<Hit> {
        let [open, best, worst, close] = bar;
        let before = self.nearer_stop();
        // The open is the first price of the way.
        if open > before.0 {
            self.follow(open);
        }
        let stop = self.nearer_stop();
        if worst <= stop.0 || self.reaches(best, reading) {
            return Some(self.hit(t, reading, bar, before, stop));
        }
        self.follow(best);
        let (stop, closed_by) = self.nearer_stop();
        (close <= stop).then_some(Hit {
            bar: t,
            price: self.side.sign() * stop,
            basis: Basis::Stop,
            closed_by,
            at_open: false,
            ambiguous: false,
            rests: false,
        })
    }
}

/// Whether finer bars go as far up and down as the bar that they lie in: else some are missing.
fn covers(finer: &[[f64; 4]], [_, high, low, _]: [f64; 4]) -> bool {
    finer.iter().any(|bar| bar[1] >= high) && finer.iter().any(|bar| bar[2] <= low)
}
