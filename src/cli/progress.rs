//! How far a batch is: a bar on a terminal, a line now and then in a log, nothing when quiet.

use super::context::Context;
use crate::batch::execute::Progress;
use crate::diag::counted;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// When something can be said of the pace of what goes on.
const KNOWN_AFTER: Duration = Duration::from_millis(500);

/// Watches a run for a person.
pub struct Watcher<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    began: Instant,
    line: Instant,
    done: usize,
    failed: usize,
    sessions: usize,
    bars: u64,
}

impl<'a> Watcher<'a> {
    /// One that prints nothing yet.
    pub fn new(context: &'a Context) -> Self {
        let now = Instant::now();
        Self { context, bar: None, began: now, line: now, done: 0, failed: 0, sessions: 0, bars: 0 }
    }

    /// Take notice.
    pub fn see(&mut self, progress: Progress) {
        match progress {
            Progress::Begin { sessions, done, .. } => self.begin(sessions, Some(done)),
            Progress::Again { sessions } => self.begin(sessions, None),
            Progress::Session { bars, completed } => {
                self.done += 1;
                self.failed += usize::from(!completed);
                self.bars += bars;
                self.step();
            }
            Progress::Writing => self.clear(),
        }
    }

    /// Take the bar away.
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// So many sessions are to run beside those that were `done` before; `None` of the best that run again,
    /// of which nothing is said unless it takes long.
    fn begin(&mut self, sessions: usize, done: Option<usize>) {
        self.clear();
        self.sessions = sessions;
        (self.done, self.failed, self.bars) = (0, 0, 0);
        (self.began, self.line) = (Instant::now(), Instant::now());
        if self.context.quiet || sessions == 0 {
            return;
        }
        if std::io::stderr().is_terminal() {
            let style = "{bar:32} {pos}/{len} sessions{msg}";
            let bar = ProgressBar::with_draw_target(
                Some(sessions as u64),
                ProgressDrawTarget::stderr_with_hz(10),
            );
            let style = ProgressStyle::with_template(style).expect("the template is well formed");
            self.bar = Some(bar.with_style(style));
        } else if let Some(done) = done {
            let before = match done {
                0 => String::new(),
                1 => ", 1 was there already".to_owned(),
                _ => format!(", {done} were there already"),
            };
            self.context.say(&format!("running {}{before}", counted(sessions, "session")));
        }
    }

    fn step(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.pace());
            bar.inc(1);
        } else if !self.context.quiet && self.line.elapsed() >= LINE_EVERY {
            self.line = Instant::now();
            let (done, sessions, pace) = (self.done, self.sessions, self.pace());
            self.context.say(&format!("{done} of {sessions} sessions{pace}"));
        }
    }

    /// How many failed, bars a second and the time left, as far as they are known.
    fn pace(&self) -> String {
        let mut text = String::new();
        if self.failed > 0 {
            text += &format!(", {} failed", self.failed);
        }
        let elapsed = self.began.elapsed();
        if elapsed >= KNOWN_AFTER {
            let seconds = elapsed.as_secs_f64();
            if self.bars > 0 {
                text += &format!(", {}", speed(self.bars as f64 / seconds));
            }
            let left = seconds / self.done as f64 * (self.sessions - self.done) as f64;
            text += &format!(", {} left", span(left));
        }
        text
    }
}

/// A run that was stopped leaves no bar behind, which would take what is said of it along.
impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A number of bars a second.
fn speed(bars: f64) -> String {
    match bars {
        _ if bars >= 1e7 => format!("{:.0} million bars/s", bars / 1e6),
        _ if bars >= 1e5 => format!("{:.1} million bars/s", bars / 1e6),
        _ => format!("{bars:.0} bars/s"),
    }
}

/// A number of seconds.
fn span(seconds: f64) -> String {
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Do what may take long, and tell on a terminal that it does, once it does.
pub(super) fn telling<T>(context: &Context, what: &str, work: impl FnOnce() -> T) -> T {
    if context.quiet || !std::io::stderr().is_terminal() {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, waiting) = mpsc::channel::<()>();
        scope.spawn(move || {
            if waiting.recv_timeout(KNOWN_AFTER) == Err(mpsc::RecvTimeoutError::Timeout) {
                let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
                let bar = ProgressBar::new_spinner()
                    .with_style(style.expect("the template is well formed"))
                    .with_message(what.to_owned())
                    .with_elapsed(KNOWN_AFTER);
                bar.enable_steady_tick(Duration::from_millis(100));
                // Nothing is ever sent: the work is over when its end is gone.
                let _ = waiting.recv();
                bar.finish_and_clear();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_spans_are_told_in_the_unit_that_people_count_in() {
        let told = [5e8, 1.26e6, 53_000.4].map(speed);
        assert_eq!(told, ["500 million bars/s", "1.3 million bars/s", "53000 bars/s"]);
        assert_eq!([8.4, 119.0, 600.0, 9000.0].map(span), ["8 s", "119 s", "10 min", "2.5 h"]);
    }
}
