//! The whole screen of a terminal: of one account how it is, what it holds and waits for, of several a
//! line each, and what happened last.
//!
//! A [`Canvas`] draws it. The first drawing moves what stood there up and away. Each begins at the corner
//! and clears what it leaves over, so that a terminal that was made smaller or larger is right again with
//! the next one, and nothing has to be restored at the end, however that comes.

use super::show::{at, totals};
use crate::paper::follow::Sight;
use crate::report::format::{decimal, number};
use crate::store::{ACCOUNT_FILE, AccountReader, Event, EventKind, JournalReader, Store};
use chrono::{DateTime, Utc};
use console::{Term, measure_text_width, pad_str, truncate_str};
use serde_json::Value;

/// So many of the last events are kept: no screen shows more.
const KEPT: usize = 200;
/// So many positions, and orders, are shown.
const LISTED: usize = 8;
/// What clears the rest of a line, and of the screen.
const TO_END_OF_LINE: &str = "\x1b[K";
const TO_END_OF_SCREEN: &str = "\x1b[J";
const CORNER: &str = "\x1b[H";

/// Whether a terminal can be drawn on.
pub(super) fn can_draw(terminal: &Term) -> bool {
    terminal.is_term() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

/// A terminal that is drawn on again and again.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    is_drawn: bool,
}

impl Canvas {
    /// What to write to a terminal of `height` lines, so that it shows `lines` and no more.
    pub(super) fn draw(&mut self, lines: &[String], height: usize) -> String {
        let is_first = !std::mem::replace(&mut self.is_drawn, true);
        let away = if is_first { "\n".repeat(height) } else { String::new() };
        format!("{away}{CORNER}{}", lines_over(lines))
    }
}

/// What is drawn of accounts.
pub(super) struct Screen {
    accounts: Vec<(AccountReader, JournalReader)>,
    events: Vec<Event>,
    canvas: Canvas,
}

impl Screen {
    /// The screen of the accounts `names`.
    pub(super) fn of(store: &Store, names: &[String]) -> Self {
        let account = |name: &String| (store.account(name), store.account_journal(name));
        let accounts = names.iter().map(account).collect();
        Self { accounts, events: Vec::new(), canvas: Canvas::default() }
    }

    /// What to write to a terminal of `size`, lines and columns, of the accounts that are `shown`.
    pub(super) fn draw(
        &mut self,
        shown: &[(&str, &Sight)],
        size: (usize, usize),
        now: DateTime<Utc>,
    ) -> String {
        let journals = self.accounts.iter_mut().map(|(_, journal)| journal);
        let news = journals.flat_map(|journal| journal.read().0).filter(is_news);
        let news: Vec<Event> = news.collect();
        self.events.extend(news);
        self.events.sort_by_key(|event| event.time);
        let old = self.events.len().saturating_sub(KEPT);
        self.events.drain(..old);
        let lines = match (&self.accounts[..], shown) {
            ([(account, _)], [(name, sight)]) => {
                let view = account.view(ACCOUNT_FILE).ok().flatten().unwrap_or_default();
                let view: Value = serde_json::from_slice(&view).unwrap_or_default();
                one(name, sight, &view, &self.events, size, now)
            }
            (accounts, shown) => several(shown, accounts.len(), &self.events, size, now),
        };
        self.canvas.draw(&lines, size.0)
    }
}

/// `lines` over whatever stands there. Each place is cleared before it is written to: where a line has
/// come to the last column, a terminal would clear the end of it.
fn lines_over(lines: &[String]) -> String {
    let last = lines.len().saturating_sub(1);
    let over = lines.iter().enumerate().map(|(number, line)| {
        let clear = if number == last { TO_END_OF_SCREEN } else { TO_END_OF_LINE };
        format!("{clear}{line}")
    });
    over.collect::<Vec<_>>().join("\n")
}

/// What a person wants to see go by.
fn is_news(event: &Event) -> bool {
    use EventKind::*;
    matches!(event.kind, Fill | Order | Risk | State | Command | Warning | Error | Retry | Signal)
}

/// The lines of a screen of `size` for one account, none longer and no more than that.
fn one(
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
            sight.latency.map_or(String::new(), |it| format!("   decided in {:.0} ms", it * 1e3)),
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
    with_events(lines, events, |_| String::new(), (height, width))
}

/// The lines of a screen of `size` for several accounts of `all`, none longer and no more than that.
fn several(
    shown: &[(&str, &Sight)],
    all: usize,
    events: &[Event],
    (height, width): (usize, usize),
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut lines =
        vec![between(&totals(shown, all), &now.format("%F %TZ").to_string(), width), String::new()];
    let cells = |(name, sight): &(&str, &Sight)| {
        let profit = decimal(sight.profit, 2);
        let trades = format!("{} trades", sight.trades);
        [
            (*name).to_owned(),
            sight.state.to_string(),
            decimal(sight.equity, 2),
            profit,
            trades,
            at(sight),
        ]
    };
    let rows: Vec<[String; 6]> = shown.iter().map(cells).collect();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default()
    });
    // Some lines are left to what happened last.
    let fits = height.saturating_sub(lines.len() + 1) * 2 / 3;
    let room = if rows.len() <= fits { fits } else { fits.saturating_sub(1) };
    lines.extend(rows.iter().take(room).map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            use console::Alignment::{Left, Right};
            let side = if (2..5).contains(&column) { Right } else { Left };
            pad_str(cell, widths[column], side, None).into_owned()
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }));
    if rows.len() > room {
        lines.push(format!("and {} more", rows.len() - room));
    }
    let whose = |event: &Event| format!("{} ", event.session.as_deref().unwrap_or_default());
    with_events(lines, events, whose, (height, width))
}

/// `lines`, and below them as many of the last events as there is room for, each with a `prefix`.
fn with_events(
    mut lines: Vec<String>,
    events: &[Event],
    prefix: impl Fn(&Event) -> String,
    (height, width): (usize, usize),
) -> Vec<String> {
    lines.push(String::new());
    let room = height.saturating_sub(lines.len());
    let last = &events[events.len().saturating_sub(room)..];
    lines.extend(last.iter().map(|event| {
        let (time, kind) = (event.time.format("%T"), event.kind.word());
        format!("{time} {}{kind:7} {}", prefix(event), event.message)
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
    let time = sight.last_bar.and_then(DateTime::from_timestamp_micros);
    let ago =
        time.map(|time| format!("last bar {}, {} ago", at(sight), super::status::ago(now, time)));
    ago.unwrap_or_else(|| at(sight))
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

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_242_660, 0).unwrap()
    }

    fn sight() -> Sight {
        Sight {
            state: State::Active,
            last_bar: Some(1_795_242_600_000_000),
            bars: 1_234,
            equity: 10_234.5,
            profit: 234.5,
            trades: 3,
            wins: 2,
            losses: 1,
            latency: Some(0.004),
        }
    }

    fn drawn(height: usize, width: usize) -> Vec<String> {
        let view = json!({
            "drawdown": 0.012, "exposure": 0.5,
            "positions": [{ "symbol": "BTC", "side": "long", "units": 0.5, "entry_price": 100.0, "price": 101.0, "profit": 0.5 }],
            "orders": [{ "number": 12, "symbol": "ETH", "intent": "open long", "kind": "limit", "limit": 50.0, "status": "waits for approval" }],
        });
        let told = |n: usize| Event::new(now(), EventKind::Fill, format!("bought {n} BTC at 100"));
        let events: Vec<Event> = (0..50).map(told).collect();
        one("btc-paper", &sight(), &view, &events, (height, width), now())
    }

    #[test]
    fn a_screen_holds_what_fits() {
        let screen = drawn(15, 72).join("\n");
        insta::assert_snapshot!(screen, @r"
        btc-paper  active                                   2026-11-21 06:31:00Z

        equity 10,234.50   profit 234.50   drawdown 1.2 %   exposure 50.0 %
        3 trades (2 won, 1 lost)   1234 bars   decided in 4 ms
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

    fn drawn_of_ten(height: usize, width: usize) -> Vec<String> {
        let names: Vec<String> = (0..10).map(|number| format!("account-{number}")).collect();
        let paused = Sight { state: State::Paused, equity: 9_999.0, profit: -1.0, ..sight() };
        let sights: Vec<Sight> =
            (0..9).map(|number| if number == 3 { paused.clone() } else { sight() }).collect();
        let shown = names.iter().map(String::as_str).zip(&sights);
        let event = Event::new(now(), EventKind::Error, "its own bars are gone");
        several(
            &shown.collect::<Vec<_>>(),
            names.len(),
            &[event.session("account-9")],
            (height, width),
            now(),
        )
    }

    #[test]
    fn several_accounts_have_a_line_each_and_their_events_a_name() {
        insta::assert_snapshot!(drawn_of_ten(24, 88).join("\n"), @r"
        9 of 10 accounts, equity 91,875.00, profit 1,875.00                 2026-11-21 06:31:00Z

        account-0  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-1  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-2  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-3  paused   9,999.00   −1.00  3 trades  2026-11-21 06:30
        account-4  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-5  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-6  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-7  active  10,234.50  234.50  3 trades  2026-11-21 06:30
        account-8  active  10,234.50  234.50  3 trades  2026-11-21 06:30

        06:31:00 account-9 error   its own bars are gone
        ");
        let few = drawn_of_ten(10, 72);
        assert_eq!((few.len(), few[5].as_str()), (8, "and 6 more"));
    }

    #[test]
    fn no_line_is_wider_and_no_screen_higher_than_the_terminal() {
        for (height, width) in [(24, 80), (5, 20), (1, 1), (60, 200)] {
            for lines in [drawn(height, width), drawn_of_ten(height, width)] {
                assert!(lines.len() <= height);
                assert!(lines.iter().all(|line| measure_text_width(line) <= width), "{width}");
            }
        }
    }
}
