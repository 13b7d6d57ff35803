//! Reports: a project may have its own, mistakes in them are shown, and no text of a manifest becomes
//! markup.

use crate::project::{Project, repository, session, sweep, words_only};
use std::collections::BTreeMap;
use std::fs;

fn project() -> Project {
    Project::new().bars(120).manifest("a.toml", &session("one"))
}

#[test]
fn a_template_of_the_project_stands_for_the_built_in_one() {
    let own = "<p>{{ run.id }}: {{ sessions | length }}</p>";
    let project = project().file("templates/reports/report.html.jinja", own);
    let _ = project.run(["run", "a.toml"]).success();
    let run = project.newest();
    assert_eq!(run.text("report.html").trim(), format!("<p>{}: 1</p>", run.id()));
    assert!(run.text("report.md").contains("one"), "the other one is still built in");
}

#[test]
fn a_report_is_rendered_again_from_the_store() {
    let project = project();
    let _ = project.run(["run", "a.toml"]).success();
    let run = project.newest();
    let (html, json) = (run.text("report.html"), run.json());
    fs::remove_file(run.path.join("report.html")).unwrap();
    fs::remove_file(project.path("a.toml")).unwrap();
    let _ = project.run(["report", "latest"]).success().stderr("report.html");
    assert_eq!(run.text("report.html"), html);
    assert_eq!(run.json(), json);
}

#[test]
fn a_template_that_cannot_be_read_is_shown_before_anything_runs() {
    let own = "line 1\n{{ run.id }\n";
    let project = project().file("templates/reports/report.html.jinja", own);
    let outcome = project.run(["run", "a.toml"]).code(2);
    assert!(!project.path("output").exists());
    let _words = words_only();
    insta::assert_snapshot!(outcome.stderr, @r"
    error: [project]/templates/reports/report.html.jinja:2: syntax error, unexpected `}`, expected end of variable block; correct the template's syntax
    ");
}

#[test]
fn a_name_that_a_template_does_not_know_is_shown_with_its_line() {
    let own = "line 1\nline 2\n{{ run.idd }}\n";
    let project = project().file("templates/reports/report.html.jinja", own);
    let outcome = project.run(["run", "a.toml"]).code(74).stdout("one");
    let said = "report.html.jinja:3: undefined value, `run.idd` is undefined; `papertape report \
                --context` shows what there is\n";
    let _ = outcome.stderr("the results are complete, but not their report: ").stderr(said);
    let run = project.newest();
    assert_eq!(run.json()["status"], "completed");
    assert_eq!(run.result("one")["status"], "completed");
}

#[test]
fn a_report_that_is_not_there_is_a_mistake_before_anything_runs() {
    let project = project();
    project.edit("a.toml", "schema = 1\n", "schema = 1\n[run]\nreport = [\"report.pdf\"]\n");
    let outcome = project.run(["run", "a.toml"]).code(2);
    assert!(!project.path("output").exists());
    insta::assert_snapshot!(outcome.stderr, @r"
    error: there is no report `report.pdf`; there are report.html, report.md
    ");
}

#[test]
fn details_that_were_damaged_are_named_by_whoever_reads_them() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let sessions = project.newest().path.join("sessions");
    let kept = fs::read_dir(sessions).unwrap().map(|entry| entry.unwrap().path());
    let path = kept.filter(|path| path.join("result.json").exists()).min().unwrap();
    let trades = fs::read_to_string(path.join("trades.csv")).unwrap();
    let session = path.file_name().unwrap().to_str().unwrap().rsplit_once('-').unwrap().0;
    let damaged = [
        (trades[..trades.len() / 2].to_owned(), "is not whole"),
        (format!("{trades}1,2\n"), "is not what"),
    ];
    for (text, told) in damaged {
        fs::write(path.join("trades.csv"), text).unwrap();
        for command in [&["report", "latest"][..], &["sessions", "show", session, "--trades"]] {
            let _ = project.run(command).code(74).stderr(&format!("trades.csv: {told}"));
        }
    }
}

#[test]
fn no_report_is_rendered_where_none_is_wanted() {
    let project = project();
    let outcome = project.run(["run", "a.toml", "--no-report"]).success();
    assert!(!project.newest().path.join("report.html").exists());
    assert!(!outcome.stderr.contains("report"));
}

#[test]
fn texts_of_a_manifest_stay_texts() {
    let hostile = r#"</p></script><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;{{ 7 * 191 }}"#;
    let project = Project::new().bars(120).manifest(
        "a.toml",
        &format!(
            "
name = '''{hostile}'''

[session.one]
description = '''{hostile}'''
notes = '''{hostile}'''
tags = ['''{hostile}''']
env = '''{hostile}'''
strategy = \"sma-cross\"
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}
"
        ),
    );
    let _ = project.run(["run", "a.toml"]).success();
    let html = project.newest().text("report.html");
    assert!(html.contains("alert("), "the description is there");
    for markup in ["<script>alert", "<img src=x", "</p></script>", "1337"] {
        assert!(!html.contains(markup), "{markup}");
    }
    let _ = project.run(["sessions", "show", "one"]).success().stdout("<script>alert");
}

#[test]
fn an_empty_registry_has_a_report_of_zeros_and_dashes() {
    let project = Project::new();
    let outcome = project.run(["sessions", "report", "--summary-only", "--stdout"]).success();
    let _words = words_only();
    insta::assert_snapshot!(outcome.stdout.replace(" UTC", "Z"), @r"
    # Sessions

    [time]

    | | |
    | :-- | --: |
    | sessions | 0 |
    | completed | 0 |
    | failed | 0 |
    | aborted | 0 |
    | refused | 0 |
    | backtest | 0 |
    | paper | 0 |
    | realized profit | 0.00 |
    | average drawdown | – |
    | first | – |
    | last | – |
    ");
    let html = ["sessions", "report", "--format", "html", "--stdout"];
    let _ = project.run(html).success().stdout("No session is in the registry.");
    assert!(!project.path("output").exists(), "standard output leaves no file");
}

#[test]
fn the_registry_is_written_as_pages_and_texts_with_a_stamp() {
    let project = Project::new().bars(120).manifest("a.toml", &(session("one") + &session("two")));
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let names = |directory: &str| {
        let entries = fs::read_dir(project.path(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            names.map(|name| name.split_once('_').unwrap().1.into()).collect();
        names.sort();
        names
    };
    let outcome = project.run(["sessions", "report"]).success();
    assert_eq!(names("output/reports"), ["sessions_report.html", "sessions_report.md"]);
    let written: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(written.len(), 2);
    let text = fs::read_to_string(project.path(written[0])).unwrap();
    assert_eq!(text.matches("\n## ").count(), 2, "a section a session\n{text}");
    for part in [
        "\n## two\n\n**completed**",
        "### Metrics",
        "### Configuration\n\n```toml\n",
        "papertape run a.toml",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let elsewhere = ["--output", "elsewhere", "--summary-only", "--format", "html"];
    let arguments = [&["--output", "output", "sessions", "report"][..], &elsewhere].concat();
    let _ = project.run(arguments).success();
    assert_eq!(names("elsewhere"), ["sessions_summary.html"]);
    let _ = project.run([&["sessions", "report"][..], &elsewhere].concat()).success();
    let limited = ["sessions", "report", "--stdout", "--limit", "1"];
    let limited = project.run(limited).success().stdout("| sessions | 1 |").stdout;
    assert!(limited.contains("## two") && !limited.contains("## one"));
    let _ = project
        .run(["sessions", "report", "--stdout", "--format", "both"])
        .code(2)
        .stderr("say `--format markdown` or `--format html`");
}

#[test]
fn the_index_lists_every_run_with_its_page() {
    let project = project();
    let _ = project.run(["run", "a.toml"]).success();
    let _ = project.run(["run", "a.toml", "--set", "params.fast=3"]).success();
    let page = fs::read_to_string(project.path("output/index.html")).unwrap();
    for run in project.runs() {
        let id = run.id();
        assert!(
            page.contains(&format!("<a href=\"runs&#x2f;{id}&#x2f;report.html\">a.toml</a>")),
            "{page}"
        );
    }
    assert_eq!(page.matches("✓ completed").count(), 2);
}

#[test]
fn the_index_lists_paper_accounts_with_what_they_are_worth() {
    let paper = session("night") + "mode = \"paper\"\n";
    let project = Project::new().bars(120).manifest("a.toml", &paper);
    let _ = project.run(["run", "a.toml"]).success();
    let page = fs::read_to_string(project.path("output/index.html")).unwrap();
    let account = fs::read_to_string(project.path("output/paper/night/account.json")).unwrap();
    let account: serde_json::Value = serde_json::from_str(&account).unwrap();
    assert!(page.contains(">night</a>"), "{page}");
    let equity = account["equity"].as_f64().unwrap();
    assert!(page.contains(&format!("data-v=\"{equity}\"")), "{equity} is not in\n{page}");
}

#[test]
fn a_page_says_what_the_results_say_and_how_to_make_them_again() {
    let project = Project::new().bars(200).manifest("a.toml", &sweep("grid", 2, 2));
    let _ = project.run(["run", "a.toml"]).success();
    let run = project.newest();
    let results = run.results();
    let best = results.iter().max_by(|a, b| {
        let sharpe = |row: &crate::project::Row| row["sharpe"].parse::<f64>().unwrap_or(f64::MIN);
        sharpe(a).total_cmp(&sharpe(b))
    });
    let best = best.unwrap();
    let id = &best["identity"][..16];
    let html = run.text(&format!("pages/grid-{id}.html"));
    let mut compared = 0;
    for cell in html.split("data-metric=\"").skip(1) {
        let (name, rest) = cell.split_once("\" data-v=\"").unwrap();
        let shown = rest.split('"').next().unwrap();
        let stored = &best[name];
        let same = match (shown.parse::<f64>(), stored.parse::<f64>()) {
            (Ok(shown), Ok(stored)) => shown == stored,
            _ => stored.is_empty(),
        };
        assert!(same, "{name}: {shown} on the page, {stored} in the results");
        compared += 1;
    }
    assert!(compared > 50, "{compared} metrics");
    let command = html.split("<dt>Again</dt><dd><code>").nth(1).unwrap();
    let command = command.split("</code>").next().unwrap().replace("&#x27;", "'");
    let (words, filter) = command.split_once(" --filter '").unwrap();
    let filter = filter.trim_end_matches('\'').replace("&quot;", "\"");
    let mut words: Vec<&str> = words.split(' ').skip(1).collect();
    words.extend(["--filter", &filter]);
    let _ = project.run(words).success();
    let again = project.newest().results();
    assert_eq!((again.len(), &again[0]["identity"]), (1, &best["identity"]));
    assert!(html.contains("a.toml:"), "settings say where they come from");
}

/// The templates with what each is given: how it is printed, its schema, and a name that it has to have.
const CONTEXTS: [(&str, &[&str], &str, &str); 8] = [
    ("report.html", &["report", "latest", "--context"], "report", "run"),
    ("report.md", &["report", "latest", "--context", "report"], "report", "rows"),
    ("session.html", &["report", "--context", "session"], "session-page", "session"),
    ("sweep.html", &["report", "--context", "sweep"], "sweep-page", "data"),
    ("index.html", &["report", "--context", "index"], "index", "runs"),
    ("sessions_report.html", &["sessions", "report", "--context"], "registry", "summary"),
    ("sessions_summary.md", &["sessions", "report", "--context"], "registry", "summary"),
    (
        "comparison.html",
        &["compare", "one", "two", "--report", "context.json"],
        "comparison",
        "rows",
    ),
];

/// A project of two sessions and a sweep, with a split, that ran.
fn contexts() -> Project {
    let split = "split = { at = 2020-03-01 }\n";
    let two = session("two") + "params = { fast = 3, slow = 8 }\n";
    let manifest = [session("one"), split.into(), two, sweep("grid", 2, 2)].concat();
    let project = Project::new().bars(90).manifest("a.toml", &manifest);
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project
}

#[test]
fn what_templates_see_is_printed_and_is_what_its_schema_says() {
    let project = contexts();
    for (template, command, schema, name) in CONTEXTS {
        let outcome = project.run(command).success();
        let context = match project.path("context.json").exists() {
            true => serde_json::from_slice(&std::fs::read(project.path("context.json")).unwrap()),
            false => serde_json::from_str(&outcome.stdout),
        };
        let context: serde_json::Value = context.unwrap();
        let schema = project.run(["schema", schema]).success().json();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mistakes: Vec<String> =
            validator.iter_errors(&context).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, [""; 0], "{template}");
        let mut broken = context.clone();
        broken.as_object_mut().unwrap().remove(name).unwrap();
        assert!(!validator.is_valid(&broken), "{template}");
        // All that a template needs is in what is printed.
        let templates = papertape::report::Templates::new(None).unwrap();
        assert!(templates.page(template, &context).unwrap().len() > 200, "{template}");
    }
    let other = Project::new().bars(90).manifest("a.toml", &session("one"));
    let _ = other.run(["run", "a.toml", "--no-report"]).success();
    let _ = other.run(["report", "--context", "sweep"]).code(2).stderr("has no sweep");
}

#[test]
fn every_context_has_an_example_that_its_schema_allows_and_its_template_renders() {
    let templates = papertape::report::Templates::new(None).unwrap();
    for (template, _, schema, _) in CONTEXTS {
        let read = |path: String| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(repository().join(path)).unwrap()).unwrap()
        };
        let context = read(format!("docs/context/{schema}.json"));
        let validator = jsonschema::validator_for(&read(format!("docs/schema/{schema}.json")));
        let validator = validator.unwrap();
        let mistakes: Vec<String> =
            validator.iter_errors(&context).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, [""; 0], "docs/context/{schema}.json");
        assert!(templates.page(template, &context).is_ok(), "{template}");
    }
}

/// The colours of a page by their names: on a screen, on a dark one, and on paper.
fn palettes() -> Vec<BTreeMap<String, [f64; 3]>> {
    let css = include_str!("../templates/reports/_style.css");
    let blocks = css.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
    let color = |hex: &str| {
        let digits: Vec<char> = hex.chars().collect();
        let wide = digits.len() == 3;
        [0, 1, 2].map(|at| {
            let pair = if wide { [digits[at]; 2] } else { [digits[2 * at], digits[2 * at + 1]] };
            f64::from(u8::from_str_radix(&String::from_iter(pair), 16).unwrap())
        })
    };
    let of = |block: &str| {
        let named = block.split("--").filter_map(|part| part.split_once(": #"));
        named
            .map(|(name, rest)| (name.to_owned(), color(rest.split(';').next().unwrap())))
            .collect()
    };
    blocks.map(of).collect()
}

/// The contrast of two colours as WCAG 2 computes it, 1 to 21.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |color: [f64; 3]| {
        let linear = color.map(|part| {
            let part = part / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
    };
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

#[test]
fn text_and_lines_have_the_contrast_that_readers_need() {
    // What WCAG 2 AA asks for: text 4.5, shapes that mean something 3.
    assert!((contrast([0.0; 3], [255.0; 3]) - 21.0).abs() < 1e-9);
    let palettes = palettes();
    assert_eq!(palettes.len(), 3);
    for colors in &palettes {
        let of = |name: &str| colors[name];
        let mix = |name: &str, share: f64| {
            let (color, page) = (of(name), of("page"));
            [0, 1, 2].map(|at| color[at] * share + page[at] * (1.0 - share))
        };
        for name in
            ["ink", "soft", "link", "good", "bad", "s0", "s1", "s2", "s3", "s4", "s5", "grey"]
        {
            let found = contrast(of(name), of("page"));
            assert!(found >= 4.5, "{name} on the page: {found:.2}");
        }
        for name in ["ink", "soft", "link"] {
            let found = contrast(of(name), of("wash"));
            assert!(found >= 4.5, "{name} on a wash: {found:.2}");
        }
        // The darkest cells of the heat maps of months and of parameters.
        for (name, share) in [("good", 0.36), ("bad", 0.36), ("s0", 0.48)] {
            let found = contrast(of("ink"), mix(name, share));
            assert!(found >= 4.5, "text on {name}: {found:.2}");
        }
        let bar = contrast(mix("s0", 0.7), of("page"));
        assert!(bar >= 3.0, "a bar: {bar:.2}");
    }
    let css = include_str!("../templates/reports/_style.css");
    let script = include_str!("../templates/reports/_sweep.js");
    assert!(css.contains("var(--good) 36%") && script.contains("rank * 48"));
}
