//! The table of keys as a page for people: `docs/manifest.md`.

use super::check::words;
use super::keys::{CHECK, Key, Kind, MANIFEST, RUN, SESSION, STRATEGY, is_same};

/// What stands before the tables.
const INTRO: &str = r#"# The keys of a manifest

A manifest is a TOML file that declares sessions: one strategy on one slice of data with one set of
parameters each. A template (`templates/sessions/NAME.toml`) holds keys that sessions inherit; a strategy
(`templates/strategies/NAME.toml`) holds parameters and rules. This page lists every key of the three. It is
written by `papertape schema reference`; `papertape schema manifest` says the same to an editor.

```toml
schema = 1

[defaults]
template = "us-equity-daily"
capital = 10_000

[session.goog-trend]
strategy = "sma-cross"
symbols = ["GOOG"]
range = { from = 2004-08-19, to = 2013-03-01 }
params = { fast = 10, slow = 30 }
risk = { stop_loss = 0.08 }
```

**Values.** Rates, shares and thresholds are fractions: 0.05 is 5 %. `bps` is the only other unit, a
ten-thousandth. Money is in the account's currency. Durations are `"30m"`, `"4h"`, `"5d"`, or a whole number of
bars. A key that is not listed here is a mistake, and so is a value out of its bounds; `papertape help CODE`
explains what a mistake means.

**Layers.** What a session is made of, later ones winning: the templates of `[defaults]`, `[defaults]` itself, the
session that it `extends` with what lies below that one, its own templates, the session, every `[[override]]` that
matches it, the `[profile.NAME]` chosen with `--profile`, a sweep's values, and `--set PATH=VALUE` on the command
line. A template stands directly below the table that names it, with its own templates below it. `unset` removes keys of the layers below, before
the layer's own keys are laid on. A layer that names another `strategy` drops the `params` below it.

**Merging.** Tables merge key by key; everything else replaces what was there, arrays too. Tables that hold one
choice are replaced whole: `sizing`, `costs.slippage`, `range`, an inline `strategy`, an axis of a sweep. What is
said of one key by its path (`--set`, an axis, `[[override]]`) leaves the others of its table as they are, except for
those that it excludes: `sizing.cash` takes the place of `sizing.equity`, and `sizing.max_entries` stays. A value that
is a table merges like any other layer's.

**Paths.** A relative path counts from the project: the nearest directory at or above the manifest that holds
`templates/` or `papertape.toml`, else the manifest's own. Templates and strategies are looked up in the project,
then in the user's configuration directory, then among those that are built in.

**Dates.** A range is a set of whole days in the data's time zone, both ends included. A day is `2013-03-01`, a
month `"2013-05"`, a year `2013`; `"today"`, `"yesterday"` and `"-90d"` (or `w`, `m`, `y`) count from `--now`, which
is the clock's day if it is not given.

**Sweeps.** `sweep.axes` names keys by their path and gives each a list, `{ from, to, step }`, or
`{ from, to, count, scale }`, both ends included, `to` where a step meets it; steps are counted in decimals, so that 0.1 three times is 0.3.
`sweep.zip` moves several keys together. The sessions are the product of all, the last one fastest, minus the points
that break a `where` condition or that `exclude` names. `method = "random"` draws `count` of them, the same ones
for the same `seed`; `method = "list"` takes the points of `rows`. A row leaves keys that it does not name as the
session has them, and may name a strategy with parameters that others lack: `rows = [{ strategy = "sma-cross",
"params.fast" = 5 }, { strategy = "rsi-reversion", "params.length" = 14 }]`. A swept strategy takes those of the
session's parameters that it has.
"#;

/// A table of the page.
struct Section {
    title: &'static str,
    about: &'static str,
    /// What stands before its keys in a path.
    path: &'static str,
    keys: &'static [Key],
}

const fn section(
    title: &'static str,
    about: &'static str,
    path: &'static str,
    keys: &'static [Key],
) -> Section {
    Section { title, about, path, keys }
}

/// The page.
pub fn markdown() -> String {
    let sections = sections();
    let mut text = INTRO.to_owned();
    for section in &sections {
        text.push_str(&format!("\n## {}\n\n{}\n\n", section.title, section.about));
        text.push_str("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        rows(section.keys, section.path, &sections, &mut text);
    }
    text
}

fn sections() -> Vec<Section> {
    let mut sections = vec![
        section("Manifest", "The top level of a manifest.", "", MANIFEST),
        section("Run", "`[run]`: what concerns the run and changes no result.", "run.", RUN),
        section(
            "Session",
            "`[session.NAME]`, and every layer of one: `[defaults]`, a profile's `session`, a template. \
             The `set` of an override and `--set` name these keys by their path.",
            "",
            SESSION,
        ),
    ];
    for (title, about, path) in [
        ("Data", "`[session.NAME.data]`: the bars, and how to read them.", "data."),
        ("Sizing", "`sizing`: how large an entry is; exactly one key is given.", "sizing."),
        ("Costs", "`[session.NAME.costs]`: what trading costs.", "costs."),
        (
            "Execution",
            "`[session.NAME.execution]`: how orders are filled. A model sets all of them, and each can be \
             set by itself.",
            "execution.",
        ),
        ("Risk", "`[session.NAME.risk]`: what protects positions and the account.", "risk."),
        ("Sweep", "`[session.NAME.sweep]`: many sessions out of one.", "sweep."),
        (
            "Paper",
            "`[session.NAME.paper]`: when a session begins, pauses and ends by itself; in backtests too. These \
             rules are read at each close and may use `equity`, `drawdown`, `daily_loss`, `positions`, \
             `error_rate` (the share of the orders so far that were refused), `time` (the local time of day at \
             which the bar closes, in hours: 15.5 is 15:30) and `market_open` (whether it opens inside the \
             session of the calendar) beside the strategy's names. Columns are those of the first symbol.",
            "paper.",
        ),
    ] {
        let key = SESSION.iter().find(|key| path.strip_suffix('.') == Some(key.name));
        if let Some(Kind::Table(keys) | Kind::Choice(keys)) = key.map(|key| key.kind) {
            sections.push(section(title, about, path, keys));
        }
    }
    let about = "`[check]`: what `papertape check` compares with, and how closely. See [check.md](check.md).";
    sections.push(section("Check", about, "check.", CHECK));
    let about = "A file of `templates/strategies/`, or the table `strategy` of a session.";
    sections.push(section("Strategy", about, "", STRATEGY));
    sections
}

/// Write a row for each of `keys`. Tables without a section of their own are written out where they
/// stand.
fn rows(keys: &[Key], path: &str, sections: &[Section], text: &mut String) {
    for key in keys {
        let at = format!("{path}{}", key.name);
        let (name, kind) = match key.kind {
            Kind::Names(inner) if inner_keys(inner).is_some() => (format!("{at}.NAME"), *inner),
            kind => (at, kind),
        };
        let inner = inner_keys(&kind);
        let own = inner.and_then(|inner| sections.iter().find(|s| is_same(s.keys, inner)));
        let value = match (own, inner, &kind) {
            (Some(own), ..) if matches!(kind, Kind::Either(_)) => {
                format!(
                    "a string, or a table: see [{0}](#{1})",
                    own.title,
                    own.title.to_lowercase()
                )
            }
            (Some(own), ..) => {
                format!("a table: see [{}](#{})", own.title, own.title.to_lowercase())
            }
            (None, Some(_), Kind::List(_)) => "an array of tables".to_owned(),
            _ => words(&kind),
        };
        let default = if key.default.is_empty() { String::new() } else { cell(key.default) };
        text.push_str(&format!("| `{name}` | {value} | {default} | {} |\n", key.about));
        if let (Some(inner), None) = (inner, own) {
            rows(inner, &format!("{name}."), sections, text);
        }
    }
}

/// The table that stands at a key, if one does.
fn inner_keys(kind: &Kind) -> Option<&'static [Key]> {
    match kind {
        Kind::Table(keys) | Kind::Open(keys, _) | Kind::Choice(keys) => Some(keys),
        Kind::List(Kind::Table(keys)) => Some(keys),
        Kind::Either(kinds) => kinds.iter().find_map(inner_keys),
        _ => None,
    }
}

/// A default: as code where it is a value, in words where it is not.
fn cell(default: &str) -> String {
    let is_value = toml::from_str::<toml::Table>(&format!("value = {default}")).is_ok();
    if is_value { format!("`{default}`") } else { default.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::keys;
    use std::path::Path;

    const ROOT: &str = env!("CARGO_MANIFEST_DIR");

    #[test]
    fn the_file_in_docs_is_what_the_program_prints() {
        let path = "docs/manifest.md";
        let written = std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_default();
        assert!(written == markdown(), "write it again: papertape schema reference > {path}");
    }

    #[test]
    fn every_key_says_what_it_means_in_one_cell() {
        fn walk(keys: &[Key]) {
            for key in keys {
                assert!(!key.about.is_empty(), "{}", key.name);
                for text in [key.about, key.default] {
                    assert!(!text.contains(['|', '\n']), "{}: {text}", key.name);
                }
                if let Some(inner) = inner_keys(&key.kind) {
                    walk(inner);
                }
            }
        }
        walk(MANIFEST);
    }

    #[test]
    fn every_key_of_a_session_stands_on_the_page() {
        let page = markdown();
        for path in keys::session_paths() {
            assert!(page.contains(&format!("`{path}")), "{path}");
        }
    }

    /// A row of a table of the contract: its keys as paths, and what it says of type and default.
    fn contract_rows(text: &str) -> Vec<(&str, Vec<String>, &str)> {
        let mut section = "";
        let mut found = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.trim_start_matches('#').strip_prefix(' ')
                && line.starts_with("##")
            {
                section = title;
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", names, kind, .., ""] = cells.as_slice() else { continue };
            if *names == "key" || names.starts_with("---") {
                continue;
            }
            let names: Vec<&str> = names.split([',', '/']).map(str::trim).collect();
            let prefix = names[0].rsplit_once('.').map_or("", |(prefix, _)| prefix);
            let paths = names.iter().map(|name| match name.strip_prefix('.') {
                Some(name) => format!("{prefix}.{name}"),
                None if name.contains('.') || prefix.is_empty() => (*name).to_owned(),
                None => format!("{prefix}.{name}"),
            });
            found.push((section, paths.collect(), *kind));
        }
        found
    }

    /// The key at `path` below `keys`; a part in capitals stands for a name of the user's.
    fn find(keys: &[Key], path: &str) -> Option<Key> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let key = keys.iter().find(|key| key.name == first)?;
        let Some(rest) = rest else { return Some(*key) };
        if rest.chars().all(|c| c.is_ascii_uppercase()) {
            return Some(*key);
        }
        find(inner_keys(&key.kind)?, rest)
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn the_contract_and_the_keys_agree_on_names_and_defaults() {
        let shared = Path::new(ROOT).join("../shared");
        if !shared.is_dir() {
            assert!(
                std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(),
                "skipped: ../shared is not here, and it is required"
            );
            println!("skipped: ../shared/reference/manifest.md is not here");
            return;
        }
        let text = std::fs::read_to_string(shared.join("reference/manifest.md")).unwrap();
        let rows = contract_rows(&text);
        assert!(rows.len() > 90, "{} rows", rows.len());
        let mut differences = Vec::new();
        for (section, paths, said) in &rows {
            let keys = match *section {
                "Top level (M)" => MANIFEST,
                "Run (R)" => RUN,
                "Check" => MANIFEST,
                _ => SESSION,
            };
            for path in paths {
                let Some(key) = find(keys, path) else {
                    differences.push(format!("`{path}` is not a key"));
                    continue;
                };
                // `[]` goes without saying.
                let is_value = cell(key.default).starts_with('`') && key.default != "[]";
                let bare = key.default.trim_matches('"');
                if is_value && !said.contains(bare) {
                    differences.push(format!("`{path}` is {} here and {said} there", key.default));
                }
            }
        }
        assert_eq!(differences, [""; 0]);
    }
}
