//! The whole screen of a terminal for one account: how it is, what it holds and waits for, and what
//! happened last.
//!
//! Each drawing begins at the corner and clears what it leaves over, so that a terminal that was made
//! smaller or larger is right again with the next one, and nothing has to be restored at the end.

use crate::paper::follow::Sight;
use crate::report::format::{decimal, number};
use crate::store::{ACCOUNT_FILE, AccountReader, Event, EventKind, JournalReader, Store};
use chrono::{DateTime, Utc};
use console::{measure_text_width, truncate_str};
use serde_json::Value;

/// So many of the last events are kept: no screen shows more.
const KEPT: usize = 200;
/// So many positions, and orders, are shown.
const LISTED: usize = 8;
/// What clears the rest of a line, and of the screen.
const TO_END_OF_LINE: &str = "\x1b[K";
const TO_END_OF_SCREEN: &str = "\x1b[J";
const CORNER: &str = "\x1b[H";
const CLEAR: &str = "\x1b[2J";

/// What is drawn of an account.
pub(super) struct Screen {
    account: AccountReader,
    journal: JournalReader,
    events: Vec<Event>,
    is_drawn: bool,
}

impl Screen {
    /// The screen of the account `name`.
    pub(super) fn of(store: &Store, name: &str) -> Self {
        let (account, journal) = (store.account(name), store.account_journal(name));
        Self { account, journal, events: Vec::new(), is_drawn: false }
    }

    /// What to write to a terminal of `size`, lines and columns.
    pub(super) fn draw(
        &mut self,
        sight: &Sight,
        size: (usize, usize),
        now: DateTime<Utc>,
    ) -> String {
        self.events.extend(self.journal.read().0.into_iter().filter(is_news));
        let old = self.events.len().saturating_sub(KEPT);
        self.events.drain(..old);
        let view = self.account.view(ACCOUNT_FILE).ok().flatten().unwrap_or_default();
        let view: Value = serde_json::from_slice(&view).unwrap_or_default();
        let lines = lines(self.account.name(), sight, &view, &self.events, size, now);
        let clear = if std::mem::replace(&mut self.is_drawn, true) { "" } else { CLEAR };
        let text = lines.join(&format!("{TO_END_OF_LINE}\n"));
        format!("{clear}{CORNER}{text}{TO_END_OF_LINE}{TO_END_OF_SCREEN}")
    }
}

/// What a person wants to see go by.
fn is_news(event: &Event) -> bool {
    use EventKind::*;
    matches!(event.kind, Fill | Order | Risk | State | Command | Warning | Error | Retry | Signal)
}

/// The lines of a screen of `size`, none longer and no more than that.
fn lines(
    name: &str,
    sight: &Sight,
    view: &Value,
    events: &[Event],
    (height, width): (usize, usize),
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut lines = vec![
        between(&format!("{name}  {}", sight.state), &now.format("%F %TZ").to_string(), width),
        String::new(),
        format!(
            "equity {}   profit {}   drawdown {}   exposure {}",
            decimal(sight.equity, 2),
            decimal(sight.profit, 2),
            percent(&view["drawdown"]),
            percent(&view["exposure"]),
        ),
        format!(
            "{} trades ({} won, {} lost)   {} bars{}",
            sight.trades,
            sight.wins,
            sight.losses,
            sight.bars,
            sight.latency.map_or(String::new(), |it| format!("   {:.0} ms", it * 1e3)),
        ),
        last_bar(sight, now),
    ];
    lines.extend(listed("positions", &view["positions"], |it| {
        let price = |name: &str| number(it[name].as_f64());
        let (symbol, side) = (text(&it["symbol"]), text(&it["side"]));
        let (units, entry, now) = (price("units"), price("entry_price"), price("price"));
        let profit = decimal(it["profit"].as_f64().unwrap_or_default(), 2);
        format!("{symbol} {side} {units} at {entry}, now {now}, profit {profit}")
    }));
    lines.extend(listed("orders", &view["orders"], |it| {
        let price = it["limit"].as_f64().or(it["trigger"].as_f64());
        let price = price.map_or(String::new(), |price| format!(" at {}", number(Some(price))));
        let [symbol, intent, kind, status] =
            ["symbol", "intent", "kind", "status"].map(|name| text(&it[name]));
        format!("{} {intent} {symbol}, {kind}{price}: {status}", it["number"])
    }));
    lines.push(String::new());
    let room = height.saturating_sub(lines.len());
    let last = &events[events.len().saturating_sub(room)..];
    lines.extend(last.iter().map(|event| {
        format!("{} {:7} {}", event.time.format("%T"), event.kind.word(), event.message)
    }));
    lines.truncate(height);
    lines.into_iter().map(|line| truncate_str(&line, width, "…").into_owned()).collect()
}

/// A list under a title, if there is anything in it.
fn listed(title: &str, all: &Value, line: impl Fn(&Value) -> String) -> Vec<String> {
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), title.to_owned()];
    lines.extend(all.iter().take(LISTED).map(|it| format!("  {}", line(it))));
    if all.len() > LISTED {
        lines.push(format!("  and {} more", all.len() - LISTED));
    }
    lines
}

/// Two texts at both ends of a line.
fn between(left: &str, right: &str, width: usize) -> String {
    let gap = width.saturating_sub(measure_text_width(left) + measure_text_width(right));
    format!("{left}{}{right}", " ".repeat(gap.max(1)))
}

fn last_bar(sight: &Sight, now: DateTime<Utc>) -> String {
    match sight.last_bar.and_then(DateTime::from_timestamp_micros) {
        None => "no bar yet".to_owned(),
        Some(time) => {
            let ago = super::status::ago(now, time);
            format!("last bar {}, {ago} ago", time.format("%F %R"))
        }
    }
}

fn percent(value: &Value) -> String {
    format!("{} %", decimal(value.as_f64().unwrap_or_default() * 100.0, 1))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::State;
    use serde_json::json;

    fn drawn(height: usize, width: usize) -> Vec<String> {
        let now = DateTime::from_timestamp(1_795_242_660, 0).unwrap();
        let sight = Sight {
            state: State::Active,
            last_bar: Some(1_795_242_600_000_000),
            bars: 1_234,
            equity: 10_234.5,
            profit: 234.5,
            trades: 3,
            wins: 2,
            losses: 1,
            latency: Some(0.004),
        };
        let view = json!({
            "drawdown": 0.012, "exposure": 0.5,
            "positions": [{ "symbol": "BTC", "side": "long", "units": 0.5, "entry_price": 100.0, "price": 101.0, "profit": 0.5 }],
            "orders": [{ "number": 12, "symbol": "ETH", "intent": "open long", "kind": "limit", "limit": 50.0, "status": "waits for approval" }],
        });
        let told = |n: usize| Event::new(now, EventKind::Fill, format!("bought {n} BTC at 100"));
        let events: Vec<Event> = (0..50).map(told).collect();
        lines("btc-paper", &sight, &view, &events, (height, width), now)
    }

    #[test]
    fn a_screen_holds_what_fits() {
        let screen = drawn(15, 72).join("\n");
        insta::assert_snapshot!(screen, @r"
        btc-paper  active                                   2026-11-21 06:31:00Z

        equity 10,234.50   profit 234.50   drawdown 1.2 %   exposure 50.0 %
        3 trades (2 won, 1 lost)   1234 bars   4 ms
        last bar 2026-11-21 06:30, 1m 0s ago

        positions
          BTC long 0.5 at 100, now 101, profit 0.50

        orders
          12 open long ETH, limit at 50: waits for approval

        06:31:00 fill    bought 47 BTC at 100
        06:31:00 fill    bought 48 BTC at 100
        06:31:00 fill    bought 49 BTC at 100
        ");
    }

    #[test]
    fn no_line_is_wider_and_no_screen_higher_than_the_terminal() {
        for (height, width) in [(24, 80), (5, 20), (1, 1), (60, 200)] {
            let lines = drawn(height, width);
            assert!(lines.len() <= height);
            assert!(lines.iter().all(|line| measure_text_width(line) <= width), "{width}");
        }
    }
}
