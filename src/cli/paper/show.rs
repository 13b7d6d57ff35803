//! What stands on standard error while accounts are followed: lines that stay, and on a terminal one
//! that is drawn again and again, or a whole screen.

use super::screen::Screen;
use crate::cli::context::Context;
use crate::diag::counted;
use crate::paper::follow::{News, Sight};
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
}

/// How often a line or screen is drawn again.
const REDRAW: Duration = Duration::from_millis(500);

impl<'a> Show<'a> {
    /// Nothing is shown yet; `screen` fills the terminal, if there is one.
    pub(super) fn new(context: &'a Context, screen: Option<Screen>, names: Vec<String>) -> Self {
        let sights = names.iter().map(|_| None).collect();
        let terminal = Some(Term::stderr()).filter(|term| term.is_term() && !context.quiet);
        let screen = screen.filter(|_| terminal.is_some());
        Self { context, names, sights, screen, terminal, drawn: None }
    }

    /// Take note of account number `number`.
    pub(super) fn see(&mut self, number: usize, sight: &Sight, news: News) {
        match news {
            News::None => {}
            News::Warning(text) => self.say(number, &text, true),
            News::State(state, fact) => self.say(number, &format!("{state}: {fact}"), false),
            News::Told(said) => self.say(number, &said, false),
            News::Settled(settled) => {
                if settled.fills > 0 {
                    let fills = counted(settled.fills, "new fill");
                    let line = format!("{}, equity {:.2}, {fills}", at(sight), sight.equity);
                    self.say(number, &line, false);
                }
                for order in settled.waiting {
                    self.say(number, &format!("order {order} waits for approval"), false);
                }
            }
        }
        self.sights[number] = Some(sight.clone());
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw();
        }
    }

    /// Write a line that stays; on a screen the account's journal tells it.
    pub(super) fn say(&self, number: usize, line: &str, warns: bool) {
        if self.screen.is_some() {
            return;
        }
        if self.terminal.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
        let line = format!("{}: {line}", self.names[number]);
        if warns { self.context.warn(&line) } else { self.context.say(&line) }
    }

    fn draw(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        self.drawn = Some(Instant::now());
        let (height, width) = terminal.size();
        let size = (usize::from(height), usize::from(width));
        let shown = self.names.iter().zip(&self.sights);
        let shown: Vec<(&String, &Sight)> =
            shown.filter_map(|(name, sight)| Some((name, sight.as_ref()?))).collect();
        let text = match (&mut self.screen, &shown[..]) {
            (_, []) => return,
            (Some(screen), [(_, sight), ..]) => screen.draw(sight, size, Utc::now()),
            (None, shown) => {
                let line = status_line(shown);
                format!("\r\x1b[K{}", truncate_str(&line, size.1.saturating_sub(1), "…"))
            }
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Account number `number` is followed no more.
    pub(super) fn end(&mut self, number: usize) {
        self.sights[number] = None;
        if self.drawn.is_some() && self.sights.iter().all(Option::is_none) {
            let _ = std::io::stderr().lock().write_all(b"\n");
        }
    }
}

/// Accounts on one line: one with all that there is to say, several with their states.
fn status_line(shown: &[(&String, &Sight)]) -> String {
    if let [(name, sight)] = shown {
        let Sight { state, equity, profit, trades, wins, losses, .. } = sight;
        let latency = sight.latency.map_or(String::new(), |it| format!(", {:.0} ms", it * 1e3));
        let trades = format!("{trades} trades ({wins} won, {losses} lost)");
        let at = at(sight);
        return format!(
            "{name} {state}, {at}, equity {equity:.2}, profit {profit:+.2}, {trades}{latency}"
        );
    }
    let each =
        |(name, sight): &(&String, &Sight)| format!("{name} {} {:.2}", sight.state, sight.equity);
    shown.iter().map(each).collect::<Vec<_>>().join(" | ")
}

/// The last bar, for people.
fn at(sight: &Sight) -> String {
    let time = sight.last_bar.and_then(DateTime::from_timestamp_micros);
    time.map_or("no bar yet".into(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}
