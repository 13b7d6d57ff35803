//! History as if it arrived now: bars become known one after the other, at a pace.

use crate::manifest::Session;
use crate::market::{self, DataSet};
use std::time::{Duration, Instant};

/// History that is played again.
#[derive(Debug)]
pub struct Replay {
    /// The instants at which bars become known, ascending, microseconds since 1970.
    instants: Vec<i64>,
    next: usize,
    /// How many times faster than it happened; `None` for as fast as it can be taken.
    pace: Option<f64>,
    /// The longest pause in history that is waited for: nobody waits for a weekend.
    longest: i64,
    due: Instant,
}

impl Replay {
    /// The bars of `data` that are complete by the session's clock, from the first in its range, after the
    /// one that opened at `last`.
    pub fn new(session: &Session, data: &DataSet, last: Option<i64>, pace: Option<f64>) -> Self {
        let mut instants = Vec::new();
        let mut longest = 0;
        for bars in &data.bars {
            let traded = session.symbols.as_ref().is_none_or(|names| names.contains(&bars.symbol));
            if !traded {
                continue;
            }
            longest = longest.max(bars.clock.timeframe);
            let from = session.range.from.map_or(i32::MIN, |day| day.to_epoch_days());
            let to = session.range.to.map_or(i32::MAX, |day| day.to_epoch_days());
            let days = bars.days(0..bars.len());
            let wanted = bars.time.iter().zip(days).filter(|(open, day)| {
                last.is_none_or(|last| **open > last) && (from..=to).contains(day)
            });
            instants.extend(wanted.map(|(&open, _)| {
                market::complete(&session.data, &data.calendar, &bars.clock, open)
            }));
        }
        // What is not complete by the clock is no history, whatever the checks say of it.
        instants.retain(|instant| *instant <= session.data.now);
        instants.sort_unstable();
        instants.dedup();
        Self { instants, next: 0, pace, longest, due: Instant::now() }
    }

    /// The instant that history has come to, if the next bar is due.
    pub fn step(&mut self) -> Option<i64> {
        let now = *self.instants.get(self.next)?;
        if Instant::now() < self.due {
            return None;
        }
        self.next += 1;
        if let (Some(pace), Some(then)) = (self.pace, self.instants.get(self.next)) {
            let pause = (then - now).min(self.longest) as f64 / 1e6 / pace;
            self.due += Duration::from_secs_f64(pause);
        }
        Some(now)
    }

    /// How long until the next bar is due; `None` when all is played.
    pub fn wait(&self) -> Option<Duration> {
        let more = self.next < self.instants.len();
        more.then(|| self.due.saturating_duration_since(Instant::now()))
    }
}

/// The slowest pace: slower, a pause of history is longer than anybody can wait for.
const SLOWEST: f64 = 0.001;

/// A pace such as `60x` or `max`.
pub fn pace(text: &str) -> Result<Option<f64>, String> {
    let number = || text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
    match text {
        "max" => Ok(None),
        _ => match number().filter(|pace| pace.is_finite() && *pace >= SLOWEST) {
            Some(pace) => Ok(Some(pace)),
            None => Err(format!(
                "a pace is `60x`, sixty times as fast as it happened, `{SLOWEST}x` at least, or `max`"
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_factor_or_max() {
        assert_eq!(pace("60x"), Ok(Some(60.0)));
        assert_eq!(pace("0.5"), Ok(Some(0.5)));
        assert_eq!(pace("max"), Ok(None));
        for wrong in ["0x", "-1", "fast", "infx", "1e-300x"] {
            assert!(pace(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pauses_of_history_are_shortened_to_a_bar() {
        let minute = 60_000_000;
        let instants = vec![minute, 2 * minute, 5_000 * minute];
        let due = Instant::now();
        let pace = Some(60.0);
        let mut replay = Replay { instants, next: 0, pace, longest: minute, due };
        assert_eq!(replay.step(), Some(minute));
        assert_eq!(replay.step(), None, "a minute is a second here");
        replay.due = due;
        assert_eq!(replay.step(), Some(2 * minute));
        assert_eq!(replay.due, due + Duration::from_secs(1), "a weekend is no longer");
        replay.due = due;
        assert_eq!((replay.step(), replay.wait()), (Some(5_000 * minute), None));
    }
}
