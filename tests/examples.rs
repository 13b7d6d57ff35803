//! What the repository shows works: the quickstart, every manifest and strategy, and the README.

use crate::project::{Outcome, Project, repository};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

/// The quickstart, and what it said.
static QUICKSTART: LazyLock<(Project, Outcome)> = LazyLock::new(|| {
    let project = Project::of_the_repository();
    let outcome = project.run(["run", "sessions/quickstart.toml"]);
    (project, outcome)
});

#[test]
fn the_quickstart_runs_strategies_and_a_sweep_and_renders_reports() {
    let (project, outcome) = &*QUICKSTART;
    let outcome = outcome.clone().success();
    let run = project.newest();
    let results = run.results();
    let (points, named): (Vec<_>, Vec<_>) =
        results.iter().partition(|row| !row["params.fast"].is_empty());
    let strategies: BTreeSet<_> = named.iter().map(|row| &row["strategy"]).collect();
    assert!(strategies.len() >= 3, "{strategies:?}");
    assert!(points.len() >= 200, "{} points", points.len());
    assert!(results.iter().all(|row| row["status"] == "completed"));

    let outcome = outcome.stdout("session").stdout("goog-trend").stdout("sharpe");
    for report in ["report.html", "report.md"] {
        let path = format!("output/runs/{}/{report}", run.id());
        assert!(outcome.stderr.contains(&format!("report: {path}\n")), "{}", outcome.stderr);
        assert!(!run.file(report).is_empty());
    }
    assert!(!outcome.stdout.contains("report"), "what is said is not mixed with the data");
}

#[test]
fn the_report_loads_nothing_from_anywhere() {
    let run = QUICKSTART.0.newest();
    let html = run.text("report.html");
    let pages: Vec<String> = loaded(&html)
        .into_iter()
        .filter(|value| value.starts_with("pages"))
        .map(|value| value.replace("&#x2f;", "/"))
        .collect();
    assert!(pages.len() > 3, "the report leads to the pages of its sessions");
    for page in std::iter::once("report.html").chain(pages.iter().map(String::as_str)) {
        let html = run.text(page);
        for value in loaded(&html) {
            let is_inside = value.starts_with('#') || value.starts_with("data:");
            let is_beside = value.starts_with("pages&#x2f;") || value == "../report.html";
            assert!(is_inside || is_beside, "a browser would load `{value}`");
        }
        for way in ["@import", "<link", "<iframe", "<script src", "fetch(", "XMLHttpRequest"] {
            assert!(!html.contains(way), "{way}");
        }
        assert_eq!(html.matches("<html").count(), 1);
        assert!(html.len() < 1_000_000, "{page} has {} bytes", html.len());
    }
}

/// The doubts that the page of each session of a run tells, by the session's name.
fn doubts(project: &Project) -> BTreeMap<String, BTreeSet<String>> {
    let run = project.newest();
    let mut doubts = BTreeMap::new();
    for entry in fs::read_dir(run.path.join("pages")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some((session, _)) = name.rsplit_once('-').filter(|_| name.len() > 22) else {
            continue;
        };
        let html = run.text(&format!("pages/{name}"));
        let told = html.split("data-doubt=\"").skip(1);
        let told = told.map(|rest| rest.split('"').next().unwrap().to_owned());
        doubts.entry(session.to_owned()).or_insert_with(BTreeSet::new).extend(told);
    }
    doubts
}

#[test]
fn each_doubt_is_shown_by_one_shipped_session_and_not_by_another() {
    let project = Project::of_the_repository();
    let _ = project.run(["run", "sessions/doubts.toml"]).success();
    let told = doubts(&project);
    for (session, doubt) in [
        ("few-trades", "few_trades"),
        ("one-trade", "one_trade_makes_the_profit"),
        ("one-year", "profit_in_one_year_only"),
        ("fees", "fees_above_gross_profit"),
        ("inside-a-bar", "ambiguous_exits"),
        ("open-at-the-end", "open_at_the_end"),
        ("same-close", "fills_on_the_deciding_close"),
        ("damaged-data", "data"),
        ("stale-data", "stale_data"),
        ("edge", "best_at_the_edge"),
    ] {
        assert!(told[session].contains(doubt), "{session}: {:?}", told[session]);
    }
    assert!(told["no-doubt"].is_empty(), "{:?}", told["no-doubt"]);
}

/// The values of everything in a page that a browser loads by itself or when it is clicked.
fn loaded(html: &str) -> Vec<&str> {
    let mut values = Vec::new();
    for (opening, closing) in [("src=", None), ("href=", None), ("url(", Some(')'))] {
        for (place, _) in html.match_indices(opening) {
            let rest = &html[place + opening.len()..];
            let rest = rest.trim_start_matches(['"', '\'']);
            let end = rest.find(|c: char| matches!(c, '"' | '\'' | '>') || Some(c) == closing);
            values.push(&rest[..end.unwrap_or(rest.len())]);
        }
    }
    values
}

#[test]
fn what_a_browser_loads_is_found() {
    let html =
        r#"<a href="https://a"></a><img src='b.png'><p style="background: url(c)"><a href="'#d'">"#;
    assert_eq!(loaded(html), ["b.png", "https://a", "#d", "c"]);
}

#[test]
fn every_manifest_of_the_repository_plans() {
    let project = Project::of_the_repository();
    let manifests = names("sessions");
    assert!(!manifests.is_empty());
    for manifest in manifests {
        let _ = project.run(["plan", &format!("sessions/{manifest}.toml")]).success();
    }
    assert!(!project.path("output").exists(), "to plan leaves nothing behind");
}

#[test]
fn every_strategy_of_the_repository_is_listed_and_runs_with_its_defaults() {
    let project = Project::new().data("btcusdt-daily.csv").data("us-equities-daily.csv");
    let listed = project.run(["strategies", "list", "--format", "csv"]).success();
    let listed: Vec<String> = listed.rows().into_iter().map(|row| row["name"].clone()).collect();
    assert_eq!(listed, names("templates/strategies"));
    let mut manifest = String::from("\n[defaults]\ntemplate = \"crypto-daily\"\n");
    for name in &listed {
        manifest.push_str(&format!("[session.{name}]\nstrategy = \"{name}\"\n"));
        manifest.push_str(match name.as_str() {
            "dual-momentum" => "template = \"us-equity-daily\"\n",
            "pair-spread" => {
                "template = \"us-equity-daily\"\nlegs = { y = \"GOOG\", x = \"AAPL\" }\nsizing.equity = 0.5\n"
            }
            "dca" => "sizing = { cash = 100, max_entries = 1000 }\n",
            _ => "",
        });
        let _ = project.run(["strategies", "show", name]).success().stdout(name);
    }
    project.write_manifest("all.toml", &manifest);
    let _ = project.run(["run", "all.toml"]).success();
    let run = project.newest();
    for name in &listed {
        let row = run.result(name);
        assert_eq!(row["status"], "completed");
        let trades: f64 = row["trades"].parse().unwrap();
        let holds = ["buy-and-hold", "dca"].contains(&name.as_str());
        assert!(trades > 0.0 || holds, "{name} never traded");
        assert!(!row["total_return"].is_empty());
    }
}

#[test]
fn every_session_template_of_the_repository_plans_alone_and_with_approval() {
    let files = ["btcusdt-daily.csv", "us-equities-daily.csv", "eurusd-1h.csv", "spy-1m.csv"];
    let project = files.into_iter().fold(Project::new(), Project::data);
    let mut manifest = String::from("\n[defaults]\nstrategy = \"sma-cross\"\nmode = \"paper\"\n");
    let templates = names("templates/sessions");
    for name in &templates {
        let data = match name.as_str() {
            "regular-hours" | "extended-hours" => "data.path = \"data/spy-1m.csv\"\n",
            "round-the-clock" | "approval" => "data.path = \"data/btcusdt-daily.csv\"\n",
            _ => "",
        };
        manifest.push_str(&format!("[session.{name}]\ntemplate = \"{name}\"\n{data}"));
        let both = format!("[\"{name}\", \"approval\"]");
        manifest.push_str(&format!("[session.{name}-asks]\ntemplate = {both}\n{data}"));
    }
    project.write_manifest("all.toml", &manifest);
    let planned = project.run(["plan", "all.toml", "--format", "json"]).success();
    let planned = planned.json().to_string();
    for name in &templates {
        assert!(planned.contains(&format!("\"{name}\"")), "{name}");
        let key = "paper.approval";
        let asks = format!("{name}-asks");
        let arguments = ["plan", "all.toml", "--session", &asks, "--explain", key];
        let _ = project.run(arguments).success().stdout("template approval");
    }
}

/// The stems of the TOML files in a folder of the repository, sorted.
fn names(folder: &str) -> Vec<String> {
    let files = fs::read_dir(repository().join(folder)).unwrap().map(|file| file.unwrap().path());
    let toml = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<String> =
        toml.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_commands_of_the_readme_work_in_their_order() {
    let project = Project::of_the_repository();
    // A coarser grid: the shipped one is run elsewhere.
    project.edit("sessions/quickstart.toml", "to = 30, step = 2", "to = 30, step = 7");
    project.edit("sessions/quickstart.toml", "to = 150, step = 10", "to = 150, step = 35");
    let binaries = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_papertape"), binaries.path().join("papertape"))
        .unwrap();
    let mut ran = 0;
    for block in readme_blocks("sh") {
        for line in block.lines() {
            let line = line.replace("cargo run --release -- ", "papertape ");
            if !line.starts_with("papertape ") {
                assert_eq!(line, "cargo test", "this line of the README is not tried");
                continue;
            }
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &line]).current_dir(project.path(""));
            shell.env_clear().env("PATH", binaries.path());
            let output = shell.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}");
            ran += 1;
        }
    }
    assert!(ran >= 8, "{ran} commands");
}

#[test]
fn the_manifest_of_the_readme_plans_and_its_strategy_runs() {
    let blocks = readme_blocks("toml");
    let [manifest, strategy] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let project = Project::of_the_repository()
        .file("sessions/readme.toml", manifest)
        .file("templates/strategies/readme.toml", strategy)
        .manifest(
            "sessions/strategy.toml",
            "
[session.readme]
template = \"crypto-daily\"
strategy = \"readme\"
",
        );
    let _ = project.run(["plan", "sessions/readme.toml"]).success();
    let _ = project.run(["run", "sessions/strategy.toml"]).success();
    assert_ne!(project.newest().result("readme")["trades"], "0.0");
}

/// The blocks of the README in this language.
fn readme_blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let opening = format!("```{language}\n");
    let blocks = readme.split(&opening).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}
