//! What is done about a lock that somebody else holds: the meaning of `--lock`.

use super::planning::duration;
use crate::store::StoreError;
use std::time::{Duration, Instant};

/// How long one pauses before asking again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is said of a lock where nobody said what to do about one.
const WAYS_OUT: &str =
    "`--lock wait` waits until it ends, `--lock skip` leaves to it what it holds and does the rest";

/// What to do about a lock that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockPolicy {
    /// End with 75.
    Fail,
    /// End well, with nothing done.
    Skip,
    /// Wait for it, at most so long.
    Wait(Option<Duration>),
}

impl LockPolicy {
    /// What is said of it on the command line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "wait" => Ok(Self::Wait(None)),
            _ => match text.strip_prefix("wait=") {
                Some(limit) => duration(limit).map(|limit| Self::Wait(Some(limit))),
                None => Err("it is one of fail, skip, wait, wait=DURATION".into()),
            },
        }
    }

    /// What `open` opens; `None` if that is locked and to be skipped.
    pub(super) fn open<T>(
        self,
        mut open: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let began = Instant::now();
        loop {
            match (open(), self) {
                (Err(StoreError::Locked { .. }), Self::Wait(limit))
                    if limit.is_none_or(|limit| began.elapsed() < limit) =>
                {
                    std::thread::sleep(PAUSE);
                }
                (Err(StoreError::Locked { .. }), Self::Skip) => return Ok(None),
                (Err(StoreError::Locked { path, holder, .. }), Self::Fail) => {
                    return Err(StoreError::Locked { path, holder, way_out: WAYS_OUT });
                }
                (opened, _) => return opened.map(Some),
            }
        }
    }
}
