//! Results that were accepted: a number that moves needs another engine.

use crate::project::{Project, repository};
use papertape::engine::ENGINE;
use std::fmt::Write as _;

/// Every strategy on real bars, with each way of sizing, protecting and filling.
const MANIFEST: &str = r#"
schema = 1

[defaults]
template = ["crypto-daily"]
range = { from = 2018, to = 2020 }

[session.buy-and-hold]
strategy = "buy-and-hold"
[session.sma-cross]
strategy = "sma-cross"
params = { short = true }
[session.ema-cross]
strategy = "ema-cross"
sizing = { cash = 5_000 }
[session.macd-trend]
strategy = "macd-trend"
risk = { stop_loss = 0.05, take_profit = 0.1 }
[session.rsi-reversion]
strategy = "rsi-reversion"
risk = { stop_loss = 0.1 }
execution = { stop_base = "signal_close", intrabar = "target_first" }
[session.bollinger-reversion]
strategy = "bollinger-reversion"
sizing = { units = 0.5 }
[session.donchian-breakout]
strategy = "donchian-breakout"
risk = { trailing_stop = 0.15 }
[session.keltner-breakout]
strategy = "keltner-breakout"
execution = { fill = "close" }
[session.supertrend]
strategy = "supertrend"
execution = { units = "integer", at_end = "close_at_last_close" }
capital = 100_000
[session.momentum]
strategy = "momentum"
costs = { commission = { per_unit = 2.5 } }
"#;

/// The fills of every session and its metrics, to the last digit.
fn results() -> String {
    let project = Project::of_the_repository();
    project.write("sessions/golden.toml", MANIFEST);
    let _ = project.run(["run", "sessions/golden.toml", "--no-report", "--no-cache"]).success();
    let mut text = format!("engine {ENGINE}\n");
    for row in project.newest().results() {
        writeln!(text, "\n{}", row["key"]).expect("a String takes any text");
        let names = ["fills", "trades", "final_equity", "sharpe", "sortino", "max_drawdown"];
        let further = ["ulcer_index", "psr", "mae", "turnover", "alpha"];
        for name in names.into_iter().chain(further) {
            writeln!(text, "  {name} {}", row[name]).expect("a String takes any text");
        }
    }
    text
}

#[test]
fn no_number_moves_unless_the_engine_does() {
    let path = repository().join("tests/fixtures/golden.txt");
    let now = results();
    if std::env::var_os("PAPERTAPE_GOLDEN").is_some() {
        std::fs::write(&path, &now).expect("the golden results are written");
    }
    let accepted = std::fs::read_to_string(&path).expect("the golden results are there");
    let moved = now.lines().zip(accepted.lines()).find(|(now, accepted)| now != accepted);
    assert!(
        now == accepted,
        "a number moved: {moved:?}; if that is meant, raise ENGINE in src/engine/mod.rs and write \
         the accepted results again: PAPERTAPE_GOLDEN=write cargo test golden"
    );
    assert!(accepted.starts_with(&format!("engine {ENGINE}\n")));
}
