//! How far a batch is: a bar on a terminal, a line now and then in a log, nothing when quiet.

use super::context::Context;
use crate::batch::execute::Progress;
use crate::diag::counted;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

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
            Progress::Begin { sessions, done, .. } => self.begin(sessions, done),
            Progress::Session { bars, completed } => {
                self.done += 1;
                self.failed += usize::from(!completed);
                self.bars += bars;
                self.step();
            }
            Progress::Writing => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
        }
    }

    fn begin(&mut self, sessions: usize, done: usize) {
        self.sessions = sessions;
        (self.began, self.line) = (Instant::now(), Instant::now());
        if self.context.quiet || sessions == 0 {
            return;
        }
        if std::io::stderr().is_terminal() {
            let style = "{bar:32} {pos}/{len} sessions  {msg}  {eta} left";
            let bar = ProgressBar::with_draw_target(
                Some(sessions as u64),
                ProgressDrawTarget::stderr_with_hz(10),
            );
            let style = ProgressStyle::with_template(style).expect("the template is well formed");
            self.bar = Some(bar.with_style(style));
        } else {
            let before =
                if done > 0 { format!(", {done} were there already") } else { String::new() };
            self.context.say(&format!("running {}{before}", counted(sessions, "session")));
        }
    }

    /// Millions of bars a second.
    fn rate(&self) -> f64 {
        self.bars as f64 / 1e6 / self.began.elapsed().as_secs_f64().max(1e-9)
    }

    fn step(&mut self) {
        let failed =
            if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{:.0} million bars/s{failed}", self.rate()));
            bar.inc(1);
        } else if !self.context.quiet && self.line.elapsed() >= LINE_EVERY {
            self.line = Instant::now();
            let left = self.began.elapsed().as_secs_f64() / self.done as f64
                * (self.sessions - self.done) as f64;
            self.context.say(&format!(
                "{} of {} sessions{failed}, {:.0} million bars/s, {left:.0} s left",
                self.done,
                self.sessions,
                self.rate(),
            ));
        }
    }
}
