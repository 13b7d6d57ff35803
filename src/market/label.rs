//! What the timestamps of a file seem to label, where it does not say.

use crate::bars::{Bars, DAY};
use std::cmp::Ordering;

/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;

/// What a timestamp of a bar tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// When it opens.
    Open,
    /// When it closes.
    Close,
    /// One is as likely as the other.
    Unknown,
}

impl Label {
    /// What the times of `bars` look like: sessions begin at rounder times than they have after a bar.
    pub fn guess(bars: &Bars) -> Self {
        let timeframe = bars.clock.timeframe;
        if timeframe >= DAY {
            return Self::Open;
        }
        let (mut open, mut close, mut before) = (0, 0, None);
        for local in bars.local(0..bars.len()) {
            if before.is_none_or(|before| local - before > timeframe) {
                let (here, earlier) = (roundness(local), roundness(local - timeframe));
                open += usize::from(here > earlier);
                close += usize::from(here < earlier);
            }
            before = Some(local);
        }
        match open.cmp(&close) {
            Ordering::Greater => Self::Open,
            Ordering::Less => Self::Close,
            Ordering::Equal => Self::Unknown,
        }
    }

    /// Its word in a manifest; `unknown` is none.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Unknown => "unknown",
        }
    }
}

/// The largest of the usual lengths of time that divides a time of day. All full hours are as round:
/// currencies begin their week at any of them.
fn roundness(local: i64) -> i64 {
    const LENGTHS: [i64; 5] = [60, 30, 15, 5, 1];
    LENGTHS.into_iter().find(|minutes| local % (minutes * MINUTE) == 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_begins_at_a_round_time() {
        let at = |hour: i64, minute: i64| roundness((hour * 60 + minute) * MINUTE);
        assert!(at(9, 30) > at(9, 29) && at(9, 31) < at(9, 30));
        assert!(at(0, 1) < at(0, 0));
        assert_eq!((at(13, 30), at(21, 0)), (at(12, 30), at(20, 0)));
    }
}
