//! What a session says of its own execution: why nothing was traded, what the reading of a bar's inside
//! decided, and that guards do the same on any number of threads.

use crate::project::Project;
use serde_json::Value;
use std::fs;

const BARS: &str = "\
timestamp,open,high,low,close,volume,signal
2024-01-01,100,101,99,100,100,1
2024-01-02,100,101,99,100,100,0
2024-01-03,102,115,90,104,100,0
2024-01-04,104,105,103,104,100,1
2024-01-05,104,105,103,104,100,0
";

/// Each session of these rules has no trade, and says why.
const IDLE: &[(&str, &str, &str)] = &[
    ("no-signal", "strategy.rules.enter_long = \"close > 1_000\"", "no entry rule was ever true"),
    (
        "last-bar",
        "strategy.rules.enter_long = \"bar_index == 4\"",
        "no order found its price, or was decided before the last bar",
    ),
    (
        "no-cash",
        "sizing.units = 1_000\nexecution.short_of_cash = \"cancel\"\n\
         strategy.rules.enter_long = \"signal == 1\"",
        "no cash: the account could not pay any of 2 entries",
    ),
    (
        "refused",
        "strategy.rules = { enter_long = \"signal == 1\", stop = \"sma(close, 1) + 1\" }",
        "every entry was refused: stop or target on the wrong side (2)",
    ),
    (
        "conflict",
        "strategy.rules = { enter_long = \"signal == 1\", enter_short = \"signal == 1\" }",
        "both entries were true on all 2 bars",
    ),
    (
        "no-stop",
        "strategy.rules = { enter_long = \"signal == 1\", stop = \"lag(close, 4) - 1\" }",
        "every entry was refused: stop or target without a value (2)",
    ),
    (
        "delayed",
        "execution.delay = 17\nstrategy.rules.enter_long = \"signal == 1\"",
        "an entry rule was true on 2 of 5 bars, and none came to an order",
    ),
    (
        "nothing-known",
        "strategy.rules.enter_long = \"sqrt(0 - close) > 0\"",
        "the rules had no value on any of 5 bars",
    ),
    ("weightless", "strategy.rules.weight = \"0 * close\"", "no weight was ever above or below 0"),
    (
        "no-rebalance",
        "execution.rebalance = { every = \"bar\", threshold = 0.5 }\nstrategy.rules.weight = \"0.3\"",
        "a weight was above or below 0 on 5 of 5 bars, none of them a rebalance",
    ),
    (
        "no-price",
        "strategy.rules = { enter_long = \"signal == 1\", limit = \"0.5 * close\" }",
        "no order found its price",
    ),
];

#[test]
fn a_session_without_trades_says_why() {
    let project = Project::new();
    project.write("data/x.csv", BARS);
    let mut manifest = "\n[defaults]\ndata.path = \"data/x.csv\"\n".to_owned();
    for (name, text, _) in IDLE {
        manifest.push_str(&format!("[session.{name}]\n{text}\n"));
    }
    manifest.push_str(
        "[session.no-bars]\nrange.from = 2025-01-01\nstrategy.rules.enter_long = \"signal == 1\"\n",
    );
    project.write_manifest("idle.toml", &manifest);
    let told = project.run(["run", "idle.toml", "--no-report"]).code(3);
    assert!(told.stderr.contains("no-bars: refused: `x` has no bars in the range"));
    assert!(told.stderr.contains("6 more sessions with such a note"), "{}", told.stderr);
    let run = project.newest();
    for (name, _, why) in IDLE {
        let note = &run.result(name)["note"];
        assert!(note.starts_with(&format!("no trades: {why}")), "{name}: {note}");
    }
}

#[test]
fn a_day_ends_by_its_calendar_and_a_night_that_was_held_over_is_told() {
    // The second day closes at 13:00; the third has no bar that lasts until 16:00.
    let days = [("2024-07-02", 7), ("2024-07-03", 4), ("2024-07-05", 6), ("2024-07-08", 7)];
    let mut bars = String::from("timestamp,open,high,low,close,volume\n");
    for (day, count) in days {
        for hour in 9..9 + count {
            bars += &format!("{day} {hour:02}:30,{hour}.1,{hour}.3,{hour}.1,{hour}.2,100\n");
        }
    }
    let project = Project::new().file("data/x.csv", bars).manifest(
        "x.toml",
        "
[session.x]
data = { path = \"data/x.csv\", calendar = \"us_equity\", timezone = \"America/New_York\" }
risk.overnight = false
strategy.rules.enter_long = \"hour == 9\"
",
    );
    let told = project.run(["run", "x.toml", "--no-report"]).success();
    assert!(told.stderr.contains("x: held over 1 night, because the bar"), "{}", told.stderr);
    let shown = project.run(["sessions", "show", "x", "--trades", "--format", "csv"]).success();
    let exits: Vec<(String, String, String)> = shown
        .rows()
        .into_iter()
        .map(|trade| {
            ["exit_time", "exit_price", "closed_by"].map(|name| trade[name].clone()).into()
        })
        .collect();
    let exit = |time: &str, price: &str| (time.into(), price.into(), "overnight".into());
    assert_eq!(
        exits,
        [
            exit("2024-07-02T19:30:00Z", "15.2"),
            exit("2024-07-03T16:30:00Z", "12.2"),
            exit("2024-07-08T13:30:00Z", "9.1"),
            exit("2024-07-08T19:30:00Z", "15.2"),
        ]
    );
}

#[test]
fn both_readings_of_an_ambiguous_exit_are_told() {
    let project = Project::new();
    project.write("data/x.csv", BARS);
    project.write_manifest(
        "both.toml",
        "\n[session.x]\n\
         data.path = \"data/x.csv\"\ncapital = 1_000\nsizing.units = 1\nambiguity = \"both\"\n\
         risk = { stop_loss = 0.05, take_profit = 0.1 }\n\
         strategy.rules.enter_long = \"signal == 1 and close == 100\"\n",
    );
    let _ = project.run(["run", "both.toml"]).success();
    let run = project.newest();
    let row = run.result("x");
    let directory = run.path.join("sessions").join(format!("x-{}", &row["identity"][..16]));
    let result: Value =
        serde_json::from_slice(&fs::read(directory.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["metrics"]["ambiguous_exits"], 1);
    assert_eq!(result["metrics"]["final_equity"], 995.0);
    assert_eq!(result["readings"]["stop_first"]["final_equity"], 995.0);
    assert_eq!(result["readings"]["target_first"]["final_equity"], 1_010.0);
    let _ = project.run(["sessions", "show", "latest"]).success().stdout("metrics_target_first");
    let report = fs::read_to_string(run.path.join("report.md")).unwrap();
    assert!(report.contains("| `target_first` |"), "{report}");
}

#[test]
fn a_trade_tells_its_rule_its_order_and_what_risk_did() {
    let project = Project::new();
    project.write("data/x.csv", BARS);
    project.write_manifest(
        "x.toml",
        "\n[session.x]\ndata.path = \"data/x.csv\"\ncapital = 1_000\n\
         risk = { stop_loss = 0.05, take_profit = 0.1, max_position = 0.5 }\n\
         strategy.rules.enter_long = \"signal == 1\"\n",
    );
    let _ = project.run(["run", "x.toml", "--no-report"]).success();
    let shown =
        project.run(["sessions", "show", "latest", "--trades", "--format", "csv"]).success();
    let trade = &shown.rows()[0];
    let told = ["decided", "rule", "kind", "wanted", "reduced_by", "units", "entry_from"];
    assert_eq!(
        told.map(|name| trade[name].as_str()),
        [
            "2024-01-01T00:00:00Z",
            "enter_long",
            "market",
            "10.0",
            "max_position",
            "5.0",
            "open (fill = next_open)"
        ]
    );
    assert_eq!(trade["exit_from"], "stop, before the target (intrabar)");
    // The bar of the fill shows the order of the bar before, with what risk did to it.
    let explain = ["explain", "x", "--at", "2024-01-02", "--format", "json"];
    let told: Value = serde_json::from_str(&project.run(explain).success().stdout).unwrap();
    let events = told["symbols"]["x"]["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["order", "fill"]);
    assert_eq!(
        ["time", "order", "wanted", "reduced_to", "reduced_by"]
            .map(|name| events[0][name].to_string()),
        ["\"2024-01-01T00:00:00Z\"", "0.0", "10.0", "5.0", "\"max_position\""]
    );
}

/// Every guard of the account, each with both actions, over bars that trip it.
const GUARDS: &str = r#"
[session.guards]
data = { path = "data/wave.csv", timeframe = "1h" }
sizing.equity = 0.9
strategy.rules = { enter_long = "close > lag(close, 1)", exit_long = "close < lag(close, 3)" }
[session.guards.risk]
daily_loss = { limit = 0.02 }
max_drawdown = { limit = 0.05, cooldown = "2d" }
max_consecutive_losses = { limit = 2, cooldown = 5 }
[session.guards.sweep.axes]
"risk.daily_loss.action" = ["block", "flatten"]
"risk.max_drawdown.action" = ["block", "flatten"]
"risk.max_consecutive_losses.action" = ["block", "flatten"]
"risk.max_drawdown.limit" = [0.03, 0.05, 0.08, 0.12]
"#;

#[test]
fn guards_do_the_same_on_any_number_of_threads() {
    let project = Project::new();
    let mut bars = "timestamp,open,high,low,close,volume\n".to_owned();
    for hour in 0..400 {
        let price = |hour: usize| 100.0 + (hour * 7 % 31) as f64 / 3.0 - hour as f64 / 20.0;
        let (open, close) = (price(hour), price(hour + 1));
        let (high, low) = (open.max(close) + 1.0, open.min(close) - 1.0);
        let (day, hour) = (1 + hour / 24, hour % 24);
        bars.push_str(&format!("2024-01-{day:02}T{hour:02}:00:00,{open},{high},{low},{close},1\n"));
    }
    project.write("data/wave.csv", bars);
    project.write_manifest("guards.toml", GUARDS);
    let tripped = |threads: &str| {
        let told = ["run", "guards.toml", "--no-report", "--no-cache", "-j", threads];
        let _ = project.run(told).success();
        let rows = project.newest().results();
        let facts = |name: &str| -> Vec<String> {
            rows.iter().map(|row| format!("{} {}", row["key"], row[name])).collect()
        };
        (facts("guard_trips"), facts("refusals"), facts("final_equity"), facts("fills"))
    };
    let one = tripped("1");
    assert_eq!(one.0.len(), 32);
    assert!(one.0.iter().all(|trips| !trips.ends_with(" 0")), "{:?}", one.0);
    assert_eq!(tripped("2"), one);
    assert_eq!(tripped("7"), one);
}

/// What could never be entered is an error when planned, with what would have to change.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("execution = { units = \"lot\", lot_size = 200 }", "one lot costs 18000 at the lowest price"),
    ("execution.min_units = 500", "`execution.min_units` costs 45000"),
    ("sizing.units = 2\nexecution = { units = \"lot\", lot_size = 5 }", "an entry has 180"),
    ("costs.commission.per_order = 20_000", "an order costs 20000 at the lowest price"),
    (
        "execution.units = \"integer\"\nrisk.max_position = 0.001",
        "one unit costs 90 at the lowest price of the range, 90, and `risk.max_position` leaves it 10",
    ),
    ("execution.min_volume = 101", "the largest volume of the range is 100"),
    (
        "execution = { min_units = 2, max_participation = 0.01 }",
        "`execution.min_units` is more than that of the largest volume, 100",
    ),
    ("strategy.rules.limit = \"80\"", "the limit of 80 is never met"),
    ("strategy.rules.trigger = \"120\"", "the trigger of 120 is never met"),
    ("strategy.rules.stop = \"120\"", "the stop of 120 lies on the wrong side"),
    ("strategy.rules.target = \"80\"", "the target of 80 lies on the wrong side"),
    ("strategy.rules.stop = \"1.02 * close\"", "the stop is never below the close"),
    (
        "strategy.rules.limit = \"0.98 * close\"\nstrategy.rules.stop = \"0.99 * close\"",
        "the stop is never below the limit",
    ),
];

#[test]
fn what_could_never_be_entered_is_an_error_when_planned() {
    let project = Project::new();
    project.write("data/x.csv", BARS);
    for (text, fact) in IMPOSSIBLE {
        let manifest = format!(
            "\n[session.x]\ndata.path = \"data/x.csv\"\n{text}\n\
             strategy.rules.enter_long = \"signal == 1\"\n"
        );
        project.write_manifest("x.toml", &manifest);
        let _ = project.run(["plan", "x.toml"]).code(2).stderr(fact);
    }
    // What some bar may let through, and what is wrong for one side, is a warning.
    for (rules, fact) in [
        ("stop = \"close + 2 * atr(2)\"", "no long is entered with this stop: it is never below"),
        ("target = \"lowest(low, 2)\"", "no long is entered with this target: it is never above"),
        (
            "enter_short = \"signal == 0\"\nstop = \"0.95 * close\"",
            "no short is entered with this stop: it is never above the close",
        ),
    ] {
        let manifest = format!(
            "\n[session.x]\ndata.path = \"data/x.csv\"\n\
             [session.x.strategy.rules]\nenter_long = \"signal == 1\"\n{rules}\n"
        );
        project.write_manifest("x.toml", &manifest);
        let _ = project.run(["plan", "x.toml"]).success().stderr(fact);
    }
    // A point of a sweep is refused, and the others go on.
    project.write_manifest(
        "x.toml",
        "\n[session.x]\ndata.path = \"data/x.csv\"\nexecution = { units = \"lot\", lot_size = 1 }\n\
         strategy.rules.enter_long = \"signal == 1\"\n\
         sweep.axes.\"execution.lot_size\" = [1, 200]\n",
    );
    let _ =
        project.run(["run", "x.toml", "--no-report"]).code(3).stderr("nothing could be entered");
}

#[test]
fn a_limit_of_a_group_limits_its_members_alone() {
    let session = |name: &str, groups: &str| {
        format!(
            "[session.{name}]\ngroups = {{ {groups} }}\nsizing.equity = 0.3\nrisk.max_group = 0.1\n\
             strategy.rules.enter_long = \"signal == 1\"\n"
        )
    };
    let sessions = session("one", "tech = [\"a\"]") + &session("none", "tech = [\"z\"]");
    let manifest = format!("\n[defaults]\ndata.path = \"data/*.csv\"\n{sessions}");
    let project = Project::new().file("data/a.csv", BARS).file("data/b.csv", BARS);
    let project = project.manifest("a.toml", &manifest);
    let _ = project
        .run(["run", "a.toml", "--no-report"])
        .success()
        .stderr("no symbol of the session is in `groups`: `risk.max_group` limits nothing");
    let units = |name: &str, symbol: &str| -> f64 {
        let shown =
            project.run(["sessions", "show", name, "--trades", "--format", "csv"]).success();
        let trades = shown.rows();
        let trade = trades.iter().find(|trade| trade["symbol"] == symbol).unwrap();
        trade["units"].parse().unwrap()
    };
    assert!(units("one", "b") > 2.5 * units("one", "a"));
    assert!((units("none", "a") / units("none", "b") - 1.0).abs() < 0.1);
}

#[test]
fn a_booked_split_changes_neither_excursions_nor_the_benchmark() {
    let name = "us-equities-2014-splits-dividends.csv";
    let mut manifest = format!(
        "\n[defaults]\nsymbols = [\"AAPL\", \"MSFT\"]\nsizing.cash = 1_000\n\
         data = {{ path = \"data/{name}\", timezone = \"America/New_York\", calendar = \"us_equity\" }}\n",
    );
    for (side, adjust) in
        ["long", "short"].iter().flat_map(|side| [(side, "none"), (side, "split")])
    {
        manifest += &format!(
            "[session.{side}-{adjust}]\ndata.adjust = \"{adjust}\"\n\
             strategy.rules.enter_{side} = \"month == 2\"\nstrategy.rules.exit_{side} = \"month == 9\"\n",
        );
    }
    let project = Project::new().data(name).manifest("x.toml", &manifest);
    let _ = project.run(["run", "x.toml", "--no-report"]).success();
    let run = project.newest();
    for side in ["long", "short"] {
        // Raw prices, whose split the account books, and prices without it.
        let both = ["none", "split"].map(|adjust| format!("{side}-{adjust}"));
        let near = |what: &str, [a, b]: [&str; 2]| {
            let [a, b] = [a, b].map(|text| text.parse::<f64>().unwrap());
            assert!((a - b).abs() < 1e-12, "{side}, {what}: {a} and {b}");
            a
        };
        let trades = both.each_ref().map(|name| {
            let shown = ["sessions", "show", name, "--trades", "--format", "csv"];
            project.run(shown).success().rows()
        });
        assert_eq!(trades.each_ref().map(Vec::len), [2, 2]);
        for (raw, split) in trades[0].iter().zip(&trades[1]) {
            let wide = ["mae", "mfe"].map(|what| near(what, [&raw[what], &split[what]]));
            assert!(wide.iter().all(|moved| (0.0..0.6).contains(moved)), "{side}: {wide:?}");
        }
        let rows = both.each_ref().map(|name| run.result(name));
        let same = |what: &str| near(what, [&rows[0][what], &rows[1][what]]);
        let [_, _, benchmark] = ["mae", "mfe", "benchmark_return"].map(same);
        // Half in each at its first open until its last close, with what they paid on the way.
        let apple = (7.0 * 110.38 + 3.05 + 3.29 + 7.0 * 0.94) / 555.68;
        let microsoft = (46.45 + 3.0 * 0.28 + 0.31) / 37.35;
        let held = (apple + microsoft) / 2.0 - 1.0;
        assert!((benchmark - held).abs() < 1e-12, "{side}: {benchmark} and {held}");
    }
}
