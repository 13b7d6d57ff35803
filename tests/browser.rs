//! The pages in a real browser: sorting, searching and choosing are done by a script that is added to a
//! copy of the page, and what the page shows then is read back.
//!
//! Chromium is looked for where systems install it. Where it is absent these tests are skipped, and
//! say so, unless `PAPERTAPE_BROWSER_REQUIRED` is set.

use crate::project::{Project, repository};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

const NAMES: [&str; 4] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

static BROWSER: LazyLock<Option<&str>> = LazyLock::new(|| {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found = NAMES.into_iter().find(runs);
    assert!(
        found.is_some() || std::env::var_os("PAPERTAPE_BROWSER_REQUIRED").is_none(),
        "no browser is here, and one is required: install chromium"
    );
    found
});

/// The width of a desk's window and of a phone's.
const DESK: usize = 1_280;
const PHONE: usize = 390;

/// What `script` returns after the page at `path` was loaded; `None`, with a message, without a browser.
fn ask(path: &Path, script: &str) -> Option<Value> {
    ask_at(DESK, path, script)
}

/// The same in a window of that width.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn ask_at(width: usize, path: &Path, script: &str) -> Option<Value> {
    let Some(browser) = *BROWSER else {
        eprintln!("skipped: no chromium is installed");
        return None;
    };
    let html = std::fs::read_to_string(path).unwrap();
    let asked = format!(
        "<pre id=\"answer\"></pre><script>document.getElementById(\"answer\").textContent = \
         JSON.stringify((() => {{ {script} }})())</script></body>"
    );
    let copy = path.with_extension(format!("{width}.asked.html"));
    std::fs::write(&copy, html.replace("</body>", &asked)).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", copy.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer =
        dom.split("<pre id=\"answer\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let answer = answer.unwrap_or_default().replace("&amp;", "&").replace("&lt;", "<");
    let answer = answer.replace("&gt;", ">");
    Some(serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {dom}")))
}

/// The quickstart of the repository, run once.
static QUICKSTART: LazyLock<Project> = LazyLock::new(|| {
    let project = Project::of_the_repository();
    let _ = project.run(["run", "sessions/quickstart.toml"]).success();
    project
});

fn page(name: &str) -> std::path::PathBuf {
    let run = QUICKSTART.newest();
    let pages = run.path.join("pages");
    let mut names = std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &std::path::PathBuf| {
        let file = path.file_name().unwrap().to_str().unwrap();
        file.starts_with(name) && !file.contains("asked")
    };
    names.find(is_it).unwrap()
}

#[test]
fn a_click_sorts_the_trades_and_a_word_searches_them() {
    let script = r##"
        const table = document.getElementById("trades-table");
        const column = (at) => [...table.tBodies[0].rows].map((row) => Number(row.cells[at].dataset.v));
        const head = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith("Profit"));
        table.tHead.rows[0].cells[head].querySelector("button").click();
        const down = column(head);
        table.tHead.rows[0].cells[head].querySelector("button").click();
        const up = column(head);
        const field = document.querySelector("input[type=search]");
        field.value = "stop_loss";
        field.dispatchEvent(new Event("input"));
        const left = [...table.tBodies[0].rows].filter((row) => !row.hidden);
        return { down, up, left: left.length, all: up.length,
            match: left.every((row) => row.textContent.includes("stop_loss")) };
    "##;
    let Some(told) = ask(&page("goog-trend"), script) else { return };
    let numbers = |name: &str| -> Vec<f64> {
        told[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    assert!(numbers("down").len() > 20 && numbers("down").is_sorted_by(|a, b| a >= b));
    assert!(numbers("up").is_sorted());
    let (left, all) = (told["left"].as_u64().unwrap(), told["all"].as_u64().unwrap());
    assert!(told["match"] == true && 0 < left && left < all, "{left} of {all}");
}

#[test]
fn a_chosen_metric_and_parameter_are_drawn_with_the_numbers_of_the_results() {
    let script = r##"
        const choose = (name, value) => {
            const field = document.getElementById(name);
            field.value = [...field.options].find((option) => option.textContent === value).value;
            field.dispatchEvent(new Event("change"));
        };
        choose("metric", "Trades");
        choose("x", "fast");
        choose("y", "slow");
        const map = document.querySelector("#heat table");
        const across = [...map.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
        const cells = [];
        for (const row of map.tBodies[0].rows) {
            [...row.cells].slice(1).forEach((cell, at) => {
                if (cell.textContent) cells.push([across[at], row.cells[0].textContent, cell.textContent]);
            });
        }
        const lines = document.querySelectorAll("#parallel polyline").length;
        return { cells, lines };
    "##;
    let Some(told) = ask(&page("goog-grid.html"), script) else { return };
    let results = QUICKSTART.newest().results();
    let cells = told["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 201);
    for cell in cells {
        let [fast, slow, shown] = [0, 1, 2].map(|at| cell[at].as_str().unwrap());
        let row = results.iter().find(|r| r["params.fast"] == fast && r["params.slow"] == slow);
        let shown = shown.trim_start_matches("\u{2605} ").parse::<f64>().unwrap();
        let stored: f64 = row.unwrap()["trades"].parse().unwrap();
        assert!((shown - stored).abs() < 0.006 * stored.max(1.0), "{fast}, {slow}: {shown}");
    }
    assert_eq!(told["lines"], 202, "every point, and the best once more");
}

#[test]
fn no_page_asks_for_anything() {
    let script = r##"
        const loads = performance.getEntriesByType("resource").map((entry) => entry.name);
        return { loads, title: document.title };
    "##;
    for name in ["goog-trend", "goog-grid.html"] {
        let Some(told) = ask(&page(name), script) else { return };
        assert_eq!(told["loads"], Value::Array(Vec::new()), "{name}");
        assert!(told["title"].as_str().unwrap().starts_with("goog-"));
    }
}

/// Text that would be a script, an image or an attribute if it became markup.
const EVIL: &str = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>\\\"&";

/// A run in which every text that is free says [`EVIL`], a sweep and a session that failed among it;
/// with a comparison of two sessions and a report of the registry.
static HOSTILE: LazyLock<Project> = LazyLock::new(|| {
    let symbol = "<script>window.hit=1</script>";
    let mut bars = "timestamp,symbol,open,high,low,close,volume\n".to_owned();
    for day in 0..200 {
        let price = 100 + (day * 7) % 13;
        let date = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(day);
        let (high, low) = (price + 2, price - 2);
        bars += &format!("{date},{symbol},{price},{high},{low},{price},1000\n");
    }
    let manifest = format!(
        r#"
name = "{EVIL}"
[defaults]
description = "{EVIL}"
notes = "{EVIL}"
tags = ["{EVIL}"]
env = "{EVIL}"
currency = "<script>window.hit=1</script>"
strategy = "sma-cross"
params = {{ fast = 2, slow = 5 }}
data = {{ path = "data/bars.csv", timeframe = "1d" }}
split = {{ at = 2020-05-01 }}
[session.one]
[session.two]
params = {{ fast = 3, slow = 8 }}
[session.bad]
data = {{ path = "data/<script>window.hit=1</script>.csv" }}
[session.grid.sweep.axes]
"params.fast" = [2, 3, 4]
"params.slow" = [5, 8]
"#
    );
    let project = Project::new().file("data/bars.csv", bars).manifest("a.toml", &manifest);
    let _ = project.run(["run", "a.toml"]).code(3);
    let _ =
        project.run(["sessions", "report", "--format", "html", "--output", "registry"]).success();
    let compare = ["compare", "a.toml", "--session", "one", "--variant", "params.fast=3"];
    let outcome = project.run([&compare[..], &["--report", "compared.html"]].concat());
    assert!(project.path("compared.html").exists(), "{}", outcome.stderr);
    project
});

/// A function of a page's script: clicks each heading of each table twice, and names those after which the
/// table is not sorted by it, upwards once and downwards once, with what has no value last.
const SORTING: &str = r##"
    const unsorted = () => {
        const wrong = [];
        for (const table of document.querySelectorAll("table.sortable")) {
            const heads = [...table.tHead.rows[0].cells];
            heads.forEach((head, place) => {
                const button = head.querySelector("button");
                if (!button) return;
                const seen = [1, 2].map(() => {
                    button.click();
                    const cells = [...table.tBodies[0].rows].map((row) => row.cells[place]).filter(Boolean);
                    const values = cells.map((cell) => "v" in cell.dataset
                        ? (cell.dataset.v === "\u2013" ? null : Number(cell.dataset.v))
                        : cell.textContent.trim().toLowerCase() || null);
                    const known = values.filter((value) => value !== null && !Number.isNaN(value));
                    const sign = head.getAttribute("aria-sort") === "ascending" ? 1 : -1;
                    const sorted = known.every((value, at) => at === 0 || sign * (value > known[at - 1] ? 1 : value < known[at - 1] ? -1 : 0) >= 0);
                    const last = values.slice(0, known.length).every((value) => value !== null && !Number.isNaN(value));
                    if (!sorted || !last) wrong.push(head.textContent);
                    return sign;
                });
                if (seen[0] === seen[1]) wrong.push(head.textContent + " twice");
            });
        }
        return wrong;
    };
"##;

/// Every page of the hostile project.
fn hostile_pages() -> Vec<std::path::PathBuf> {
    let run = HOSTILE.newest();
    let mut pages = vec![run.path.join("report.html")];
    pages.extend(["output/index.html", "compared.html"].map(|name| HOSTILE.path(name)));
    for folder in [run.path.join("pages"), HOSTILE.path("registry")] {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(files.filter(|path| !path.to_string_lossy().contains("asked")));
    }
    pages.sort();
    pages
}

#[test]
fn text_stays_text_and_no_page_is_wider_than_a_phone() {
    let script = r##"
        const names = [...document.querySelectorAll("svg title, td, th, dd")];
        return {
            hit: window.hit === undefined,
            images: document.images.length,
            inner: document.querySelectorAll("svg script, table script, dl script, li script, p script").length,
            asked: performance.getEntriesByType("resource").length,
            wide: document.documentElement.scrollWidth - window.innerWidth,
            names: names.length,
            unsorted: unsorted(),
        };
    "##;
    let script = &[SORTING, script].concat();
    if BROWSER.is_none() {
        let _ = ask(Path::new("nowhere"), script);
        return;
    }
    let pages = hostile_pages();
    assert!(pages.len() >= 7, "{pages:?}");
    for page in pages {
        let Some(told) = ask_at(PHONE, &page, script) else { return };
        let page = page.display();
        assert_eq!(told["hit"], true, "{page} ran a text");
        for none in ["images", "inner", "asked"] {
            assert_eq!(told[none], 0, "{none} of {page}");
        }
        assert!(told["wide"].as_i64().unwrap() <= 0, "{page} is {} px too wide", told["wide"]);
        assert!(told["names"].as_u64().unwrap() > 3, "{page} is empty");
        assert_eq!(told["unsorted"], serde_json::json!([]), "tables of {page}");
    }
}

#[test]
fn the_numbers_on_a_page_are_those_of_the_results() {
    let script = r##"
        const rows = [...document.querySelectorAll("[data-metric]")];
        const heads = [...document.querySelectorAll("dl.headline div")];
        return {
            all: rows.map((cell) => [cell.dataset.metric, cell.dataset.v, cell.textContent]),
            head: heads.map((pair) => [pair.children[0].textContent, pair.children[1].textContent]),
        };
    "##;
    let Some(told) = ask(&page("goog-trend"), script) else { return };
    let path = QUICKSTART.newest().path.join("results.parquet");
    let results = papertape::store::read_results(&path).unwrap();
    let (_, row) = results.iter().find(|(label, _)| label.key == "goog-trend").unwrap();
    let cells = |name: &str| told[name].as_array().unwrap().clone();
    let text = |cell: &Value, at: usize| cell[at].as_str().unwrap().to_owned();
    let mut shown = std::collections::BTreeMap::new();
    for cell in cells("all") {
        let metric = papertape::metrics::Metric::from_name(&text(&cell, 0)).unwrap();
        let value = row.metrics.get(metric);
        assert_eq!(text(&cell, 1).parse().ok(), value, "{}", metric.name());
        let unit = papertape::report::load::unit(metric);
        assert_eq!(text(&cell, 2), papertape::report::format::metric(value, unit, None));
        shown.insert(papertape::report::load::title(metric), text(&cell, 2));
    }
    assert_eq!(shown.len(), papertape::metrics::Metric::ALL.len());
    let head = cells("head");
    assert!(head.len() >= 10, "{} headline numbers", head.len());
    for cell in head {
        assert_eq!(text(&cell, 1), shown[&text(&cell, 0)], "{}", text(&cell, 0));
    }
}

#[test]
fn the_tables_of_a_run_and_of_a_sweep_show_the_results() {
    let script = r##"
        const rows = [...document.querySelectorAll("table.sortable")].pop().tBodies[0].rows;
        return [...rows].map((row) => [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent.trim()));
    "##;
    let Some(told) = ask(&page("goog-grid.html"), script) else { return };
    let run = QUICKSTART.newest();
    let results = papertape::store::read_results(&run.path.join("results.parquet")).unwrap();
    let number = |cell: &Value| cell.as_str().unwrap().parse::<f64>().ok();
    let found = |key: &str| {
        let known = results.iter().find(|(label, _)| &*label.key == key);
        known.unwrap_or_else(|| panic!("{key} is not in the results")).1.metrics
    };
    use papertape::metrics::Metric::*;
    let metrics =
        [Sharpe, TotalReturn, Cagr, Sortino, MaxDrawdown, Trades, WinRate, BenchmarkReturn];
    let rows = told.as_array().unwrap();
    assert_eq!(rows.len(), 201);
    for row in rows {
        let cells = row.as_array().unwrap();
        let [fast, slow] = [1, 2].map(|at| cells[at].as_str().unwrap());
        let known = found(&format!("goog-grid[fast={fast},slow={slow}]"));
        let shown: Vec<Option<f64>> = cells[3..].iter().map(number).collect();
        assert_eq!(shown, metrics.map(|metric| known.get(metric)), "{row}");
    }
    let script = r##"
        const rows = document.querySelector("table.sortable").tBodies[0].rows;
        return [...rows].map((row) => [row.cells[1].firstElementChild.textContent,
            ...[...row.cells].slice(3).map((cell) => cell.dataset.v)]);
    "##;
    let Some(told) = ask(&run.path.join("report.html"), script) else { return };
    let rows = told.as_array().unwrap();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for row in rows {
        let cells = row.as_array().unwrap();
        let known = found(cells[0].as_str().unwrap());
        let shown: Vec<Option<f64>> = cells[1..].iter().map(number).collect();
        assert_eq!(shown, metrics.map(|metric| known.get(metric)), "{row}");
    }
}

#[test]
fn the_page_of_a_thousand_points_is_small_and_opens_at_once() {
    let path = repository().join("docs/context/sweep-page.json");
    let mut context: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let again = |list: &Value| -> Value {
        list.as_array().unwrap().iter().cycle().take(1_000).cloned().collect()
    };
    context["rows"] = again(&context["rows"]);
    for list in ["at", "values"] {
        context["data"][list] = again(&context["data"][list]);
    }
    let templates = papertape::report::Templates::new(None).unwrap();
    let html = templates.page("sweep.html", &context).unwrap();
    assert!(html.len() < 6_000_000, "{} bytes", html.len());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sweep.html");
    std::fs::write(&file, html).unwrap();
    // What stands before the script is laid out when its height is asked for.
    let script = r##"
        const height = document.body.scrollHeight;
        return { height, lines: document.querySelectorAll("#parallel polyline").length };
    "##;
    let began = std::time::Instant::now();
    let Some(told) = ask(&file, script) else { return };
    // The browser's own start is in this, and other tests run beside it: a page that takes seconds to
    // draw would still show.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    assert!(told["height"].as_u64().unwrap() > 20_000, "{told}");
    assert_eq!(told["lines"], 1_001);
}

#[test]
fn what_has_the_focus_is_outlined() {
    let script = r##"
        const outlined = (element) => {
            element.focus();
            return getComputedStyle(element).outlineStyle !== "none" && document.activeElement === element;
        };
        const kinds = ["th button", "a[href]", "input[type=search]", "summary", "#trades ~ .scroll"];
        return kinds.map((kind) => outlined(document.querySelector(kind)));
    "##;
    let Some(told) = ask(&page("goog-trend"), script) else { return };
    assert_eq!(told, serde_json::json!([true, true, true, true, true]));
}
