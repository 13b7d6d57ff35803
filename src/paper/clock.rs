//! The clock by which a follower judges which bars are complete.
//!
//! What it says is believed, and that it jumped is told. A test moves it while a follower runs, by as
//! many seconds as stand in a file.

use chrono::Utc;
use std::path::PathBuf;
use std::time::Instant;

/// How far the clock may be off what passed before it is said to have jumped, in seconds.
const JUMP: f64 = 5.0;

/// The machine's clock, and where it stood.
#[derive(Debug)]
pub struct Clock {
    moved_by: Option<PathBuf>,
    last: Option<(Instant, i64)>,
}

impl Clock {
    /// The machine's clock, moved by the seconds in the file `moved_by`, if there is one.
    pub fn new(moved_by: Option<PathBuf>) -> Self {
        Self { moved_by, last: None }
    }

    /// What it says, in microseconds since 1970, and by how many seconds it jumped since it was asked
    /// last, if it did.
    pub(super) fn now(&mut self) -> (i64, Option<f64>) {
        let (instant, now) = (Instant::now(), Utc::now().timestamp_micros() + self.moved());
        let since = |(then, said): (Instant, i64)| {
            (now - said) as f64 / 1e6 - (instant - then).as_secs_f64()
        };
        let jump = self.last.replace((instant, now)).map(since);
        (now, jump.filter(|jump| jump.abs() > JUMP))
    }

    fn moved(&self) -> i64 {
        let file = self.moved_by.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        file.and_then(|text| text.trim().parse::<i64>().ok()).map_or(0, |it| it * 1_000_000)
    }
}
