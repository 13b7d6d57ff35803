//! Which sessions run: names, tags, filters over what is planned, an order and a cut.

use crate::project::{Outcome, Project, bars, session, sweep};

/// A sweep of `fast` 1 to 5 and `slow` 51 to 54, a tagged session, and one that sweeps nothing.
fn project() -> Project {
    let tagged = [&session("tagged"), "tags = [\"ci\"]\n"].concat();
    Project::new()
        .bars(60)
        .manifest("a.toml", &[sweep("grid", 5, 4), session("plain"), tagged].concat())
}

/// The keys of the sessions that run, in the order of the plan.
#[track_caller]
fn ran(project: &Project, options: &[&str]) -> Vec<String> {
    let _ =
        project.run([&["run", "a.toml", "--no-report", "--no-cache"], options].concat()).success();
    project.newest().results().into_iter().map(|row| row["key"].clone()).collect()
}

fn refused(project: &Project, options: &[&str]) -> Outcome {
    project.run([&["plan", "a.toml"], options].concat())
}

#[test]
fn a_filter_chooses_among_the_points_of_a_sweep() {
    let project = project();
    let all = ran(&project, &[]);
    assert_eq!(all.len(), 22);
    let of_filter = |filter: &str| ran(&project, &["--filter", filter]);
    assert_eq!(
        of_filter("fast == 3 and slow > 52"),
        ["grid[fast=3,slow=53]", "grid[fast=3,slow=54]"]
    );
    assert_eq!(of_filter("tag(\"ci\") or session == \"plain\""), ["plain", "tagged"]);
    assert_eq!(
        of_filter("params.fast * 20 >= slow").len(),
        all.len() - of_filter("fast * 20 < slow").len()
    );
    assert_eq!(of_filter("strategy == \"sma-cross\" and mode == \"backtest\""), all);
}

#[test]
fn an_order_and_a_cut_choose_the_first_of_a_plan() {
    let project = project();
    let in_sweep = ["--session", "grid"];
    let first = ran(&project, &[&in_sweep[..], &["--limit", "3"]].concat());
    assert_eq!(first, ["grid[fast=1,slow=51]", "grid[fast=1,slow=52]", "grid[fast=1,slow=53]"]);
    let largest = ran(&project, &[&in_sweep[..], &["--sort", "-fast", "--limit", "2"]].concat());
    assert_eq!(largest, ["grid[fast=5,slow=51]", "grid[fast=5,slow=52]"]);
    let next = ran(&project, &[&in_sweep[..], &["--limit", "2", "--offset", "2"]].concat());
    assert_eq!(next, ["grid[fast=1,slow=53]", "grid[fast=1,slow=54]"]);
    assert_eq!(project.records().last().unwrap()["sweep"]["points"], 2);
    let _ = refused(&project, &["--offset", "22"]).code(4);
    let _ = refused(&project, &["--filter", "fast > 99"]).code(4);
}

#[test]
fn a_part_of_a_plan_says_that_it_is_one_and_goes_on_as_one() {
    let project = project();
    let _ = ran(&project, &[]);
    assert_eq!(project.newest().json()["partial"], false);
    for options in [&["--filter", "fast < 4"][..], &["--limit", "2"], &["--session", "plain"]] {
        let keys = ran(&project, options);
        assert_eq!(project.newest().json()["partial"], true, "{keys:?}");
    }
    let plan = ["plan", "a.toml", "--filter", "fast == 3", "--out", "p.jsonl"];
    let _ = project.run(plan).success();
    let _ = project.run(["run", "--plan", "p.jsonl", "--no-report"]).success();
    let newest = project.newest();
    assert_eq!((newest.count("selected"), &newest.json()["partial"]), (4, &true.into()));
}

#[test]
fn what_only_a_run_can_tell_does_not_choose_what_runs() {
    let project = project();
    for options in [["--filter", "metrics.sharpe > 1"], ["--sort", "-sharpe"], ["--sort", "status"]]
    {
        let outcome = refused(&project, &options).code(2);
        assert!(
            outcome.stderr.contains("is known only when the sessions have run"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("papertape runs show latest --sessions"));
    }
    let outcome = refused(&project, &["--filter", "fats < 4"]).code(2);
    assert!(outcome.stderr.contains("did you mean `fast`?"), "{}", outcome.stderr);
    let outcome = refused(&project, &["--sort", "slwo"]).code(2);
    assert!(outcome.stderr.contains("did you mean `slow`?"), "{}", outcome.stderr);
}

#[test]
fn the_sessions_of_a_run_are_listed_by_parameters_metrics_and_tags() {
    let project = project();
    let _ = ran(&project, &[]);
    let keys = |options: &[&str]| -> Vec<String> {
        let command = ["runs", "show", "latest", "--sessions", "--format", "csv"];
        let outcome = project.run([&command[..], options].concat()).success();
        outcome.rows().into_iter().map(|row| row["key"].clone()).collect()
    };
    assert_eq!(keys(&[]).len(), 22);
    assert_eq!(keys(&["--filter", "tag(\"ci\")"]), ["tagged"]);
    assert_eq!(keys(&["--filter", "params.slow == 51 and fast in [2, 3]"]).len(), 2);
    let by_metric = keys(&["--sort", "-total_return", "--limit", "4"]);
    let mut results = project.newest().results();
    let number = |text: &str| text.parse::<f64>().unwrap();
    results.sort_by(|a, b| number(&b["total_return"]).total_cmp(&number(&a["total_return"])));
    let best: Vec<&str> = results[..4].iter().map(|row| row["key"].as_str()).collect();
    assert_eq!(by_metric, best);
    let none = ["runs", "show", "latest", "--sessions", "--filter", "status == \"failed\""];
    let _ = project.run(none).code(4);
}

#[test]
fn the_registry_is_asked_for_parameters() {
    let project = project();
    let _ = ran(&project, &[]);
    let sessions = |filter: &str| -> Vec<String> {
        let command = ["sessions", "list", "--format", "csv", "--filter", filter];
        let rows = project.run(command).success().rows();
        rows.into_iter().map(|row| row["session"].clone()).collect()
    };
    let grid = project.records().into_iter().find(|record| record["session"] == "grid").unwrap();
    let best = grid["params"]["params.slow"].as_u64().unwrap();
    assert!(grid["sweep"]["best_key"].as_str().unwrap().ends_with(&format!("slow={best}]")));
    assert!(sessions(&format!("slow == {best}")).contains(&"grid".to_owned()));
    assert_eq!(sessions("params.fast > 0").len(), 3);
}

#[test]
fn a_remark_stays_with_its_run() {
    let project = project();
    let _ = ran(&project, &["--limit", "1"]);
    let id = project.newest().id();
    let _ = project.run(["runs", "note", "latest", "the feed was late"]).success().stderr(&id);
    let _ = project.run(["runs", "note", &id, "and again"]).success();
    let notes = project.newest().json()["notes"].clone();
    let texts: Vec<&str> =
        notes.as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["the feed was late", "and again"]);
    let _ = project.run(["runs", "show", "latest"]).success().stdout("the feed was late");
    let _ = project.run(["runs", "note", "latest", ""]).code(2);
    let _ = project.run(["runs", "note", "20200101T000000Z-000000", "x"]).code(2);
}

#[test]
fn a_run_that_was_killed_is_not_said_to_be_running() {
    let project = Project::new().bars(300).manifest("a.toml", &sweep("grid", 50, 100));
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    running.wait_until(|| !project.runs().is_empty());
    let listed = || project.run(["runs", "list", "--format", "csv"]).success().rows();
    assert_eq!(listed()[0]["status"], "running");
    running.child().kill().unwrap();
    running.child().wait().unwrap();
    assert_eq!(listed()[0]["status"], "incomplete");
}

#[test]
fn a_plan_shows_what_varies_along_a_sweep() {
    let manifest = "
[session.s]
data.path = \"data/*.csv\"
[session.s.sweep.axes]
strategy = [\"sma-cross\", \"rsi-reversion\"]
symbols = [[\"a\"], [\"b\"], [\"c\"], [\"d\"]]
\"range.from\" = [2020-01-20, 2020-01-10]
";
    let mut project = Project::new().manifest("s.toml", manifest);
    for name in ["a", "b", "c", "d"] {
        project = project.file(&format!("data/{name}.csv"), bars(120));
    }
    let plan = project.run(["plan", "s.toml", "--format", "csv"]).success();
    let row = &plan.rows()[0];
    let told = ["strategy", "symbols", "from", "sessions"].map(|name| row[name].as_str());
    assert_eq!(told, ["sma-cross, rsi-reversion", "a and 3 more", "2020-01-10", "16"]);
}

#[test]
fn the_rows_of_a_list_may_each_have_a_strategy_with_its_own_parameters() {
    let sweep = "
params = { fast = 4 }
[session.all.sweep]
method = \"list\"
rows = [
    { \"params.slow\" = 20 },
    { strategy = \"rsi-reversion\", \"params.length\" = 5 },
    { strategy = \"rsi-reversion\", params = { length = 9 } },
]
";
    let alone = "
[session.alone]
strategy = \"rsi-reversion\"
data = { path = \"data/x.csv\", timeframe = \"1d\" }
params = { length = 9 }
";
    let manifest = [&session("all"), sweep.trim_start(), alone].concat();
    let project = Project::new().bars(120).manifest("a.toml", &manifest);
    let keys = [
        "all[slow=20,strategy=sma-cross]",
        "all[strategy=rsi-reversion,length=5]",
        "all[strategy=rsi-reversion,length=9]",
        "alone",
    ];
    assert_eq!(ran(&project, &[]), keys);
    let run = project.newest();
    let (row, alone) = (run.result(keys[2]), run.result("alone"));
    assert_eq!(row["identity"], alone["identity"], "it is the same session");
    assert_eq!(
        (&*row["params.slow"], &*row["params.length"], &*row["strategy"]),
        ("", "9", "rsi-reversion")
    );
    assert_eq!(ran(&project, &["--filter", "length == 5 or slow == 20"]), keys[..2]);
    assert_eq!(ran(&project, &["--filter", "strategy == \"sma-cross\" and fast == 4"]), keys[..1]);
    // A frozen plan knows what each of them is.
    let _ = project.run(["plan", "a.toml", "--out", "plan.jsonl"]).success();
    let _ = project.run(["run", "--plan", "plan.jsonl"]).success();
    assert_eq!(project.newest().results(), run.results());
}

#[test]
fn a_parameter_that_only_axes_have_a_value_for_needs_no_other() {
    let strategy = "{ params = { n = { type = \"int\" } }, rules = { enter_long = \"close > sma(close, n)\" } }";
    let text = format!(
        "\n[session.a]\nstrategy = {strategy}\ndata = {{ path = \"data/x.csv\", timeframe = \"1d\" }}\nsweep.axes.\"params.n\" = {{ from = 3, to = 5, step = 1 }}\n"
    );
    let project = Project::new().bars(60).manifest("a.toml", &text);
    assert_eq!(ran(&project, &[]), ["a[n=3]", "a[n=4]", "a[n=5]"]);
    let run = project.newest();
    let _ = project.run(["plan", "a.toml", "--out", "plan.jsonl"]).success();
    let _ = project.run(["run", "--plan", "plan.jsonl", "--no-report"]).success();
    assert_eq!(project.newest().results(), run.results());
}

#[test]
fn a_program_is_told_of_all_points_and_a_person_of_the_best_ten() {
    let project = project();
    let rows =
        |format: &str| project.run(["run", "a.toml", "--no-report", "--format", format]).success();
    assert_eq!(rows("csv").rows().len(), 22);
    assert_eq!(rows("json").json().as_array().unwrap().len(), 22);
    let table = rows("table").stdout("and 10 more in results.csv");
    assert_eq!(table.stdout.lines().count(), 1 + 12 + 1);
}

#[test]
fn of_several_manifests_the_first_says_what_concerns_the_run() {
    let run = |keys: &str, name: &str| format!("\n[run]\n{keys}\n{}", session(name));
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &run("keep = \"none\"", "one"))
        .manifest("b.toml", &run("keep = \"all\"", "two"))
        .manifest("c.toml", &run("keep = \"none\"", "three"));
    let outcome = project.run(["run", "a.toml", "b.toml", "c.toml", "--no-report"]).success();
    let outcome = outcome.stderr("`[run]` of a.toml holds for the whole run").stderr("b.toml:2:2");
    assert!(!outcome.stderr.contains("c.toml"), "{}", outcome.stderr);
    assert_eq!(project.newest().json()["keep"], "none");
}
