//! What stands on standard error while accounts are followed: lines that stay, and on a terminal one
//! that is drawn again and again, or a whole screen.

use super::screen::{Screen, can_draw};
use crate::cli::context::Context;
use crate::diag::counted;
use crate::paper::State;
use crate::paper::follow::{News, Sight};
use crate::report::format::decimal;
use crate::store::Level;
use chrono::{DateTime, Utc};
use console::{Term, truncate_str};
use std::io::Write;
use std::time::{Duration, Instant};

/// What a person sees while accounts are followed.
pub(super) struct Show<'a> {
    context: &'a Context,
    names: Vec<String>,
    /// How each of them was last; `None` before, and when it has ended.
    sights: Vec<Option<Sight>>,
    terminal: Option<Term>,
    screen: Option<Screen>,
    drawn: Option<Instant>,
    /// What went wrong behind the screen.
    unsaid: Vec<String>,
}

/// How often a line or screen is drawn again.
const REDRAW: Duration = Duration::from_millis(500);

impl<'a> Show<'a> {
    /// Nothing is shown yet; `screen` fills the terminal, if there is one.
    pub(super) fn new(context: &'a Context, screen: Option<Screen>, names: Vec<String>) -> Self {
        let sights = names.iter().map(|_| None).collect();
        let terminal = Some(Term::stderr()).filter(|it| can_draw(it) && !context.quiet);
        let screen = screen.filter(|_| terminal.is_some());
        Self { context, names, sights, screen, terminal, drawn: None, unsaid: Vec::new() }
    }

    /// Take note of account number `number`.
    pub(super) fn see(&mut self, number: usize, sight: &Sight, news: News) {
        match news {
            News::None => {}
            News::Warning(text) => self.say(number, &text, Level::Warning),
            News::State(state, fact) => self.say(number, &format!("{state}: {fact}"), Level::Info),
            News::Told(said) => self.say(number, &said, Level::Info),
            News::Settled(settled) => {
                if settled.fills > 0 {
                    let fills = counted(settled.fills, "new fill");
                    let line = format!("{}, equity {:.2}, {fills}", at(sight), sight.equity);
                    self.say(number, &line, Level::Info);
                }
                for order in settled.waiting {
                    self.say(number, &format!("order {order} waits for approval"), Level::Info);
                }
            }
        }
        self.sights[number] = Some(sight.clone());
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw();
        }
    }

    /// Write a line that stays. On a screen the account's journal tells it, and what went wrong is told
    /// when the screen is gone.
    pub(super) fn say(&mut self, number: usize, line: &str, level: Level) {
        let line = format!("{}: {line}", self.names[number]);
        match (&self.screen, level) {
            (Some(_), Level::Error) => return self.unsaid.push(line),
            (Some(_), _) => return,
            (None, _) => {}
        }
        if self.terminal.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
        match level {
            Level::Error => self.context.complain(&line),
            Level::Warning => self.context.warn(&line),
            Level::Info => self.context.say(&line),
        }
    }

    fn draw(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        self.drawn = Some(Instant::now());
        let (height, width) = terminal.size();
        let size = (usize::from(height), usize::from(width));
        let shown = self.names.iter().zip(&self.sights);
        let shown: Vec<(&str, &Sight)> =
            shown.filter_map(|(name, sight)| Some((name.as_str(), sight.as_ref()?))).collect();
        if shown.is_empty() {
            return;
        }
        let text = match &mut self.screen {
            Some(screen) => screen.draw(&shown, size, Utc::now()),
            None => {
                let line = status_line(&shown, self.names.len());
                format!("\r\x1b[K{}", truncate_str(&line, size.1.saturating_sub(1), "…"))
            }
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Account number `number` is followed no more.
    pub(super) fn end(&mut self, number: usize) {
        self.sights[number] = None;
        if self.sights.iter().all(Option::is_none) {
            self.leave();
        }
    }

    /// Leave what was drawn as it is, and go on below it.
    fn leave(&mut self) {
        if self.terminal.take().is_some() && self.drawn.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\n");
        }
        self.screen = None;
        self.unsaid.drain(..).for_each(|line| self.context.complain(&line));
    }
}

impl Drop for Show<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Accounts on one line: one with all that there is to say, of several those that do not trade.
fn status_line(shown: &[(&str, &Sight)], all: usize) -> String {
    if let (1, [(name, sight)]) = (all, shown) {
        let Sight { state, equity, profit, trades, wins, losses, .. } = sight;
        let latency =
            sight.latency.map_or(String::new(), |it| format!(", decided in {:.0} ms", it * 1e3));
        let trades = format!("{trades} trades ({wins} won, {losses} lost)");
        let at = at(sight);
        return format!(
            "{name} {state}, {at}, equity {equity:.2}, profit {profit:+.2}, {trades}{latency}"
        );
    }
    let others = shown.iter().filter(|(_, sight)| sight.state != State::Active);
    let others: Vec<String> =
        others.map(|(name, sight)| format!("{name} {}", sight.state)).collect();
    let others = if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
    format!("{}{others}", totals(shown, all))
}

/// What several accounts are together.
pub(super) fn totals(shown: &[(&str, &Sight)], all: usize) -> String {
    let of = |value: fn(&Sight) -> f64| shown.iter().map(|(_, sight)| value(sight)).sum();
    let (equity, profit) = (of(|it| it.equity), of(|it| it.profit));
    let (equity, profit) = (decimal(equity, 2), decimal(profit, 2));
    let some = if shown.len() < all { format!("{} of ", shown.len()) } else { String::new() };
    format!("{some}{all} accounts, equity {equity}, profit {profit}")
}

/// The last bar, for people.
pub(super) fn at(sight: &Sight) -> String {
    let time = sight.last_bar.and_then(DateTime::from_timestamp_micros);
    let shown = |time: DateTime<Utc>| {
        let is_whole = time.timestamp() % 60 == 0;
        time.format(if is_whole { "%F %R" } else { "%F %T" }).to_string()
    };
    time.map_or("no bar yet".into(), shown)
}
