//! One report with every text hostile and every number odd, and the templates of a project.

use super::context::*;
use super::language::ENDING;
use super::templates::{FOLDER, Templates};
use std::fs;

const DAY: i64 = 86_400_000_000;
pub(super) const EVIL: &str =
    "<script>alert(1)</script>\"' onload='x' | a\r\n# `b` {{ title }} &amp; [l](x) -->";

fn column(name: &str, unit: Unit, text: &str) -> Column {
    Column {
        name: name.to_owned(),
        title: text.to_owned(),
        unit,
        definition: text.to_owned(),
        sense: Some(Sense::Higher),
    }
}

fn session(text: &str, index: usize, days: i64, value: f64) -> Session {
    let all = || vec![text.to_owned(), text.to_owned()];
    let setting = || vec![Setting { path: text.to_owned(), value: text.to_owned() }];
    let equity: Vec<f64> =
        (0..days).map(|day| 10_000.0 + ((day * 7_919) % 1_009) as f64 + day as f64).collect();
    let trade = |day: i64| TradeRow {
        symbol: text.to_owned(),
        side: "long".to_owned(),
        units: 12.5,
        entry_time: day * DAY,
        entry_price: 101.25,
        exit_time: (day > 0).then_some((day + 3) * DAY + DAY / 2),
        exit_price: 99.5,
        profit: value,
        profit_fraction: Some(value),
        closed_by: (day > 0).then(|| text.to_owned()),
        ..TradeRow::default()
    };
    Session {
        key: text.to_owned(),
        id: "9f3a1c00bd".to_owned(),
        anchor: format!("session-{index}"),
        sweep: None,
        description: Some(text.to_owned()),
        notes: Some(text.to_owned()),
        suspicions: vec![Suspicion { name: text.to_owned(), fact: text.to_owned() }],
        page: Some(text.to_owned()),
        tags: all(),
        strategy: text.to_owned(),
        strategy_description: Some(text.to_owned()),
        mode: "paper".to_owned(),
        symbols: all(),
        from: text.to_owned(),
        to: text.to_owned(),
        bars: 2_148,
        capital: 10_000.0,
        currency: Some(text.to_owned()),
        model: text.to_owned(),
        model_axes: setting(),
        costs: text.to_owned(),
        metrics: vec![Metric {
            name: "sharpe".to_owned(),
            title: text.to_owned(),
            unit: Unit::Ratio,
            definition: text.to_owned(),
            sense: Some(Sense::Higher),
            value: Some(value),
        }],
        split: None,
        readings: vec![Reading {
            intrabar: text.to_owned(),
            metrics: vec![Metric {
                name: "sharpe".to_owned(),
                title: text.to_owned(),
                unit: Unit::Ratio,
                definition: text.to_owned(),
                sense: None,
                value: Some(value),
            }],
        }],
        backtesting_py: setting(),
        equity: Some(Curve {
            time: (0..days).map(|day| day * DAY).collect(),
            drawdown: equity.iter().map(|value| 1.0 - value / 20_000.0).collect(),
            benchmark: Some(equity.clone()),
            equity,
        }),
        trades: Trades {
            total: 137,
            rows: (0..50).map(trade).collect(),
            place: Some(text.to_owned()),
        },
        settings: text.repeat(3),
        data: Data { files: all(), digest: text.to_owned(), rows: 2_148, checks: all() },
        identity: setting(),
    }
}

/// A run with one of everything, in which every text is `text` and every metric `value`.
fn report(text: &str, value: f64) -> RunReport {
    let row = |rank: usize, status: Status, sweep: Option<&str>| Row {
        rank: (status == Status::Completed).then_some(rank),
        key: text.to_owned(),
        id: "9f3a1c00bd".to_owned(),
        name: text.to_owned(),
        sweep: sweep.map(str::to_owned),
        strategy: text.to_owned(),
        mode: "paper".to_owned(),
        symbols: vec![text.to_owned()],
        status,
        error: (status != Status::Completed).then(|| text.to_owned()),
        axes: vec![Setting { path: text.to_owned(), value: text.to_owned() }],
        metrics: ["sharpe", "cagr"]
            .into_iter()
            .map(|name| Cell { name: name.to_owned(), value: Some(value), best: rank == 1 })
            .collect(),
        split: None,
        spark: Some(vec![1.0, value, 3.0]),
        anchor: sweep.is_none().then(|| "session-0".to_owned()),
    };
    let counts = Counts { selected: 5, completed: 2, failed: 1, refused: 1, aborted: 1, cached: 1 };
    RunReport {
        title: text.to_owned(),
        manifests: vec![text.to_owned(), text.to_owned()],
        run: Run {
            id: text.to_owned(),
            started: text.to_owned(),
            finished: Some(text.to_owned()),
            wall_seconds: Some(value),
            version: text.to_owned(),
            command: text.to_owned(),
            threads: 2,
            status: RunStatus::Failed,
            host: Some(text.to_owned()),
        },
        counts,
        objective: Objective {
            metric: "sharpe".to_owned(),
            title: text.to_owned(),
            unit: Unit::Ratio,
            goal: Goal::Maximize,
        },
        columns: vec![column("sharpe", Unit::Ratio, text), column("cagr", Unit::Fraction, text)],
        rows: vec![
            row(1, Status::Completed, None),
            row(2, Status::Completed, Some(text)),
            row(3, Status::Failed, None),
            row(4, Status::Refused, None),
            row(5, Status::Aborted, None),
        ],
        omitted: Some(Omitted { rows: 240, place: text.to_owned() }),
        sweeps: vec![Sweep {
            name: text.to_owned(),
            points: 250,
            counts,
            axes: vec![Axis { path: text.to_owned(), values: vec![text.to_owned(); 30] }],
            objective: vec![0.5, value, 1.5],
            best: Some(text.to_owned()),
            page: text.to_owned(),
            quartiles: Some([0.5, value, 1.5]),
        }],
        sessions: vec![session(text, 0, 400, value), session(text, 1, 300, value)],
    }
}

fn empty() -> RunReport {
    let mut report = report("nothing", 1.0);
    report.rows.clear();
    report.sweeps.clear();
    report.sessions.clear();
    report.omitted = None;
    report.run.finished = None;
    report.run.wall_seconds = None;
    report.run.host = None;
    report
}

pub(super) fn built_in() -> Templates {
    Templates::new(None).expect("the built-in templates compile")
}

fn render(name: &str, context: &RunReport) -> String {
    built_in().render(name, context).expect("a built-in template renders")
}

/// The tags of a page with their attributes' names, without any text or attribute's value.
pub(super) fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let (mut tag, mut quoted) = (None::<String>, false);
    for c in page.chars() {
        match (&mut tag, c) {
            (None, '<') => tag = Some(String::new()),
            (Some(_), '"') => quoted = !quoted,
            (Some(_), '>') if !quoted => tags.extend(tag.take()),
            (Some(tag), _) if !quoted => tag.push(c),
            _ => {}
        }
    }
    tags
}

#[test]
fn no_text_becomes_markup_on_the_page() {
    let plain = render("report.html", &report("plain", 1.25));
    let evil = render("report.html", &report(EVIL, 1.25));
    assert!(plain.contains("plain") && evil.contains("&lt;script&gt;alert(1)"));
    assert_eq!(tags(&plain), tags(&evil));
    assert_eq!(evil.matches("<script").count(), 1);
    assert!(!evil.contains("{{ title }} &amp; ["), "an ampersand is escaped");
}

#[test]
fn no_text_becomes_markup_in_markdown() {
    let plain = render("report.md", &report("plain", 1.25));
    let evil = render("report.md", &report(EVIL, 1.25));
    assert!(evil.contains("&lt;script&gt;alert(1)"));
    assert!(!evil.contains('<') && !evil.contains("[l](x)"));
    let bars = |line: &str| line.matches('|').count();
    assert_eq!(
        plain.lines().map(bars).collect::<Vec<_>>(),
        evil.lines().map(bars).collect::<Vec<_>>()
    );
    let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings(&plain), headings(&evil));
    for line in evil.lines().filter(|line| line.starts_with('|')) {
        assert!(line.ends_with('|'), "{line}");
    }
}

#[test]
fn nothing_prints_as_a_number_that_is_none() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        let context = report("x", value);
        for name in ["report.html", "report.md"] {
            let text = render(name, &context);
            let body = text.rsplit("</style>").next().expect("a text has an end");
            let body = body.split("<script>").next().expect("a text has a start");
            let body = body.replace("preserveAspectRatio=\"none\"", "");
            let words = body.split(|c: char| !c.is_alphanumeric());
            for word in words {
                let word = word.to_ascii_lowercase();
                assert!(
                    word != "nan" && word != "inf" && word != "none",
                    "{name}, {value}: {word}"
                );
            }
        }
    }
}

#[test]
fn an_undefined_metric_is_a_dash() {
    let mut context = report("x", 1.0);
    for cell in context.rows.iter_mut().flat_map(|row| &mut row.metrics) {
        cell.value = None;
    }
    assert!(render("report.md", &context).contains("| **–** | **–** |"));
    assert!(render("report.html", &context).contains("data-v=\"–\">–</td>"));
}

#[test]
fn a_run_of_nothing_has_a_report() {
    assert!(render("report.html", &empty()).contains("No session has a row."));
    for status in [RunStatus::Completed, RunStatus::Incomplete, RunStatus::Running] {
        let mut context = empty();
        context.run.status = status;
        assert!(!render("report.html", &context).is_empty());
    }
    assert!(render("report.md", &empty()).starts_with("# nothing\n"));
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere() {
    let page = render("report.html", &report("plain", 1.25));
    for request in ["://", "src=", "url(", "@import", "<link", "<img"] {
        assert!(!page.contains(request), "{request}");
    }
}

#[test]
fn the_best_is_marked_by_a_sign_and_not_by_weight_alone() {
    let page = render("report.html", &report("plain", 1.25));
    assert!(page.contains("<td class=\"n best\" data-v=\"1.25\">★ "));
    assert!(render("report.md", &report("plain", 1.25)).contains("**1.25** | **125.0 %** |"));
}

#[test]
fn a_sessions_section_stays_small() {
    let mut context = empty();
    let before = render("report.html", &context).len();
    context.sessions.push(session("a-session-of-eight-years", 0, 2_000, 1.25));
    let bytes = render("report.html", &context).len() - before;
    assert!(bytes < 100_000, "{bytes} bytes");
}

/// A project directory with `files` in its folder of templates.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a temporary directory");
    let folder = project.path().join(FOLDER);
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
    project
}

#[test]
fn a_file_of_the_project_replaces_the_built_in_one() {
    let files = [
        ("report.md.jinja", "mine: {% include '_part.md.jinja' %}"),
        ("_part.md.jinja", "{{ title }}"),
        ("short.txt.jinja", "{{ counts.selected }} {{ title }}"),
        ("README.md", "{{ no template"),
    ];
    let project = project(&files);
    let templates = Templates::new(Some(project.path())).expect("they compile");
    assert_eq!(templates.names().collect::<Vec<_>>(), ["report.html", "report.md", "short.txt"]);
    let context = report("a|b", 1.0);
    assert_eq!(templates.render("report.md", &context).expect("renders"), "mine: a&#124;b");
    assert_eq!(templates.render("short.txt", &context).expect("renders"), "5 a|b");
    assert!(templates.render("report.html", &context).is_ok());
}

#[test]
fn a_project_without_templates_has_the_built_in_ones() {
    let nowhere = tempfile::tempdir().expect("a temporary directory");
    let templates = Templates::new(Some(nowhere.path())).expect("they compile");
    assert_eq!(templates.names().collect::<Vec<_>>(), ["report.html", "report.md"]);
}

#[test]
fn a_part_that_does_not_say_what_it_is_for_is_escaped() {
    let files = [("own.html.jinja", "{% include '_part.jinja' %}"), ("_part.jinja", "{{ title }}")];
    let project = project(&files);
    let templates = Templates::new(Some(project.path())).expect("they compile");
    assert_eq!(templates.render("own.html", &report("<b>", 1.0)).expect("renders"), "&lt;b&gt;");
}

#[test]
fn an_unknown_name_is_told_with_its_template_and_line() {
    for expression in [
        "row.shapre",
        "row.shapre|fraction",
        "row.shapre|date",
        "row.shapre|md",
        "row.shapre|spark",
    ] {
        let text = format!("{{% for row in rows %}}\n\n{{{{ {expression} }}}}{{% endfor %}}");
        for name in ["own.html.jinja", "own.md.jinja"] {
            let project = project(&[(name, &text)]);
            let templates = Templates::new(Some(project.path())).expect("it compiles");
            let own = name.strip_suffix(ENDING).expect("it ends so");
            let error = templates.render(own, &report("x", 1.0)).expect_err("unknown");
            let message = error.to_string();
            assert!(message.contains(&format!("{name}:3: ")), "{message}");
            assert!(message.contains("shapre"), "{message}");
        }
    }
}

#[test]
fn a_mistake_in_a_part_is_told_at_its_own_place() {
    let files = [
        ("own.html.jinja", "{% include '_part.html.jinja' %}"),
        ("_part.html.jinja", "\n{{ titel }}"),
    ];
    let project = project(&files);
    let templates = Templates::new(Some(project.path())).expect("they compile");
    let error = templates.render("own.html", &report("x", 1.0)).expect_err("unknown");
    let message = error.to_string();
    assert!(message.contains("_part.html.jinja:2: "), "{message}");
    assert!(message.contains("titel"), "{message}");
}

#[test]
fn broken_syntax_is_told_before_anything_is_rendered() {
    let project = project(&[("report.html.jinja", "a\n{% if %}")]);
    let error = Templates::new(Some(project.path())).expect_err("it does not compile");
    assert!(error.to_string().contains("report.html.jinja:2: "), "{error}");
}

#[test]
fn an_unknown_report_is_told_with_those_there_are() {
    let error = built_in().render("report.pdf", &report("x", 1.0)).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "unknown report `report.pdf`; there are `report.html`, `report.md`"
    );
}
