//! Every shipped manifest, template and strategy, damaged in every simple way: never a panic, never
//! taken for something else, always a place.

use papertape::diag::Mistakes;
use papertape::manifest::{Layers, Project};
use papertape::plan::{Plan, Selection};
use papertape::strategy::Strategy;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of the shipped sessions and templates.
struct Shipped {
    dir: tempfile::TempDir,
    manifests: Vec<PathBuf>,
}

impl Shipped {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["sessions", "templates/sessions", "templates/strategies"] {
            fs::create_dir_all(dir.path().join(folder)).expect("a folder");
            for file in toml_files(&root.join(folder)) {
                let name = file.file_name().expect("a file has a name");
                fs::copy(&file, dir.path().join(folder).join(name)).expect("a copy");
            }
        }
        let mut manifests = toml_files(&dir.path().join("sessions"));
        manifests.push(Self::uses_all(dir.path()));
        Self { dir, manifests }
    }

    /// A manifest that names every template and every strategy.
    fn uses_all(root: &Path) -> PathBuf {
        let name =
            |file: &PathBuf| file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        let mut text = "schema = 1\n[defaults]\ndata = { path = \"x.csv\" }\n".to_owned();
        for template in toml_files(&root.join("templates/sessions")).iter().filter_map(name) {
            text += &format!(
                "[session.t-{template}]\ntemplate = [\"{template}\"]\nstrategy = \"momentum\"\n"
            );
        }
        for file in toml_files(&root.join("templates/strategies")) {
            let strategy = name(&file).expect("a file has a name");
            text += &format!("[session.s-{strategy}]\nstrategy = \"{strategy}\"\n");
            if fs::read_to_string(&file).expect("a strategy").contains("\nlegs = ") {
                text += "legs = { y = \"A\", x = \"B\" }\n";
            }
        }
        let manifest = root.join("all.toml");
        fs::write(&manifest, text).expect("the manifest is written");
        manifest
    }

    fn files(&self) -> Vec<PathBuf> {
        let folders = ["sessions", "templates/sessions", "templates/strategies"];
        folders.iter().flat_map(|folder| toml_files(&self.dir.path().join(folder))).collect()
    }

    /// Plan every manifest and check every strategy; what is wrong, or how many sessions there are.
    fn plan(&self) -> Result<usize, Mistakes> {
        let mut mistakes = Mistakes::default();
        let mut sessions = 0;
        for manifest in &self.manifests {
            let paths = [manifest.clone()];
            let projects = vec![Project::of(manifest, None, chrono::NaiveDate::default())];
            let (layers, all) = (Layers::default(), Selection::default());
            let Some(plan) = Plan::read(&paths, projects, &layers, &all, &mut mistakes) else {
                continue;
            };
            for base in &plan.bases {
                Strategy::compile(&base.session.definition, &[], &[], &mut mistakes);
            }
            sessions += plan.points.len();
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(sessions) }
    }

    /// Plan with `file` holding `text`, and put it back.
    fn with(&self, file: &Path, text: &str) -> Result<usize, Mistakes> {
        let before = fs::read_to_string(file).expect("the file is there");
        fs::write(file, text).expect("the file is written");
        let planned = self.plan();
        fs::write(file, before).expect("the file is written back");
        planned
    }
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

/// The lines `key = value` of a text, and those that are continued.
fn assignments(lines: &[&str]) -> Vec<usize> {
    let mut quoted = false;
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let begins = !quoted && !line.starts_with(['#', '[', ' ']) && line.contains(" = ");
        let opens = line.matches("\"\"\"").count() % 2 == 1;
        if begins && !opens {
            found.push(number);
        }
        quoted ^= opens;
    }
    found
}

fn replaced(lines: &[&str], number: usize, by: &str) -> String {
    let mut lines: Vec<&str> = lines.to_vec();
    lines[number] = by;
    lines.join("\n")
}

#[track_caller]
fn is_refused_with_a_place(planned: Result<usize, Mistakes>, what: &str) {
    let mistakes = match planned {
        Ok(_) => panic!("{what} was accepted"),
        Err(mistakes) => mistakes,
    };
    for mistake in mistakes.iter() {
        assert!(mistake.place.is_some(), "{what}: no place: {}", mistake.title);
    }
    assert!(mistakes.render(false).contains("-->"), "{what}");
}

#[test]
fn a_key_that_is_renamed_retyped_or_doubled_is_refused_at_its_place() {
    let shipped = Shipped::new();
    assert!(shipped.plan().is_ok(), "as they are shipped they are in order");
    let mut tried = 0;
    for file in shipped.files() {
        let text = fs::read_to_string(&file).expect("the file is there");
        let lines: Vec<&str> = text.lines().collect();
        for number in assignments(&lines) {
            let (key, _) = lines[number].split_once(" = ").expect("an assignment");
            let renamed = match key.strip_suffix('"') {
                Some(open) => format!("{open}zzz\""),
                None => format!("{key}zzz"),
            };
            let renamed = lines[number].replacen(key, &renamed, 1);
            let doubled = format!("{0}\n{0}", lines[number]);
            for by in [renamed, format!("{key} = [[1]]"), doubled] {
                let what = format!("{}:{}: {by}", file.display(), number + 1);
                let planned = shipped.with(&file, &replaced(&lines, number, &by));
                // A let or template that nothing uses may be called anything.
                let is_unused_name =
                    by.contains("zzz") && planned.is_ok() && is_own_name(&lines, number);
                if !is_unused_name {
                    is_refused_with_a_place(planned, &what);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "only {tried} mutations were tried");
}

/// Whether the line gives a name of the user's own: a let.
fn is_own_name(lines: &[&str], number: usize) -> bool {
    let header = lines[..number].iter().rev().find(|line| line.starts_with('['));
    header.is_some_and(|header| *header == "[let]")
}

#[test]
fn a_line_that_is_dropped_or_a_file_that_is_cut_never_panics() {
    let shipped = Shipped::new();
    for file in shipped.files() {
        let text = fs::read_to_string(&file).expect("the file is there");
        let lines: Vec<&str> = text.lines().collect();
        for number in 0..lines.len() {
            for damaged in [replaced(&lines, number, ""), lines[..number].join("\n")] {
                if let Err(mistakes) = shipped.with(&file, &damaged) {
                    assert!(!mistakes.render(false).is_empty());
                }
            }
        }
    }
}

mod random {
    use papertape::diag::{Mistakes, Source};
    use papertape::manifest::{Layers, Manifest, Project, type_session};
    use proptest::prelude::*;
    use std::path::Path;

    /// Values of every TOML type, nested.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>()
                .prop_filter("TOML has no such float", |f| f.is_finite())
                .prop_map(|f| format!("{f:e}")),
            any::<bool>().prop_map(|b| b.to_string()),
            "[a-z0-9_.%-]{0,12}".prop_map(|text| format!("\"{text}\"")),
            Just("2013-03-01".to_owned()),
            Just("inf".to_owned()),
            Just("nan".to_owned()),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::btree_map(key(), inner, 0..4).prop_map(|entries| {
                    let entries: Vec<String> =
                        entries.iter().map(|(k, v)| format!("{k} = {v}")).collect();
                    format!("{{ {} }}", entries.join(", "))
                }),
            ]
        })
    }

    /// Keys that manifests have, mostly.
    fn key() -> impl Strategy<Value = String> {
        const KNOWN: &[&str] = &[
            "schema",
            "run",
            "defaults",
            "session",
            "override",
            "profile",
            "match",
            "set",
            "unset",
            "template",
            "strategy",
            "params",
            "symbols",
            "range",
            "from",
            "to",
            "capital",
            "data",
            "path",
            "columns",
            "warmup",
            "sizing",
            "equity",
            "cash",
            "costs",
            "commission",
            "rate",
            "slippage",
            "bps",
            "execution",
            "fill",
            "risk",
            "stop_loss",
            "sweep",
            "axes",
            "where",
            "zip",
            "exclude",
            "rows",
            "method",
            "count",
            "seed",
            "step",
            "max_sessions",
            "objective",
            "keep",
            "extends",
            "tags",
            "rules",
            "let",
            "enter_long",
            "type",
            "default",
        ];
        prop_oneof![8 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => "[a-z]{1,6}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the tree, the reader ends with sessions or with mistakes.
        #[test]
        fn the_reader_takes_any_tree(entries in prop::collection::btree_map(key(), value(), 0..6), session in prop::collection::btree_map(key(), value(), 0..8)) {
            let mut text = String::from("schema = 1\n");
            for (key, value) in entries.iter().filter(|(key, _)| *key != "schema" && *key != "session") {
                text.push_str(&format!("{key} = {value}\n"));
            }
            text.push_str("[session.a]\n");
            for (key, value) in &session {
                text.push_str(&format!("{key} = {value}\n"));
            }
            let mut mistakes = Mistakes::default();
            let project = Project::of(Path::new("/nowhere/a.toml"), None, chrono::NaiveDate::default());
            let source = Source::new("a.toml", text);
            let manifest = Manifest::parse("a", &source, &project, &Layers::default(), &mut mistakes);
            for declared in &manifest.sessions {
                let mut tree = declared.tree.clone();
                let sweep = tree.remove("sweep");
                let typed = type_session(&declared.name, &declared.place, &tree, &project, &mut mistakes);
                if let (Some(session), Some(sweep)) = (typed, sweep) {
                    papertape::plan::sweep::expand(&session, &tree, &sweep, &project, &mut mistakes);
                }
            }
            mistakes.render(false);
        }

        /// Whatever the text, an expression is read or refused, in bounded time.
        #[test]
        fn the_parser_takes_any_text(text in "[a-z0-9 ()+*/<>=.,@'\\[\\]-]{0,200}") {
            let _ = papertape::expr::parse(&text);
        }
    }
}
