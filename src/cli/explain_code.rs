//! `papertape help TOPIC`: what a code of a mistake means, or how a command is used.
//!
//! The pages of the codes lie in `docs/codes/` and are part of the program.

use super::context::Usage;
use crate::diag::{closest, codes};
use clap::Command;

/// The page of `code`, such as `E0102` or `e0102`, as it is read on a terminal; `None` if there is no
/// such code.
pub(super) fn explain(code: &str) -> Option<String> {
    let (_, page) = codes::PAGES.iter().find(|(known, _)| known.0.eq_ignore_ascii_case(code))?;
    Some(plain(page))
}

/// The help about `topic`: a code, a command with its subcommands (`sessions list`), or, without
/// words, papertape itself.
pub(super) fn help(topic: &[String], root: Command) -> Result<String, Usage> {
    if let [code] = topic
        && let Some(page) = explain(code)
    {
        return Ok(page);
    }
    let mut root = root;
    // Only a built command knows its whole name and the options that it takes from those above.
    root.build();
    let mut command = &mut root;
    for word in topic {
        if command.find_subcommand(word).is_none() {
            return Err(unknown(word, command));
        }
        command = command.find_subcommand_mut(word).expect("it was found just now");
    }
    Ok(command.render_long_help().to_string())
}

fn unknown(word: &str, command: &Command) -> Usage {
    let codes = codes::CODES.iter().map(|(code, _)| code.0);
    let known: Vec<&str> = command.get_subcommands().map(Command::get_name).chain(codes).collect();
    let remedy = match closest(word, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a command, or a code such as E0102".to_owned(),
    };
    Usage(format!("there is no help about `{word}`; {remedy}"))
}

/// A page without the marks of Markdown: examples are indented, and a fence that names a file becomes
/// that name.
fn plain(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            inside = !inside;
            if let Some(file) = info.split_whitespace().nth(2) {
                text.push_str(&format!("  {file}:\n"));
            }
            continue;
        }
        let line = if inside { line } else { line.strip_prefix("# ").unwrap_or(line) };
        let indent = if inside && !line.is_empty() { "    " } else { "" };
        text.push_str(&format!("{indent}{line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Mistakes;
    use crate::manifest::{Assignment, Layers, Project};
    use crate::plan::{Plan, Prepared, Selection};
    use chrono::NaiveDate;
    use std::fs;
    use std::path::{Path, PathBuf};

    const MANIFEST: &str = "sessions/example.toml";

    /// A fenced example: `` ```toml wrong sessions/example.toml ``.
    struct Example<'a> {
        language: &'a str,
        /// `wrong`, `right`, or nothing where it goes with both.
        word: &'a str,
        file: &'a str,
        text: String,
    }

    fn examples(page: &str) -> Vec<Example<'_>> {
        let mut lines = page.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let mut words = info.split_whitespace();
            let mut word = || words.next().unwrap_or_default();
            let (language, kind, file) = (word(), word(), word());
            let text = lines.by_ref().take_while(|line| *line != "```");
            let text = text.map(|line| format!("{line}\n")).collect();
            let file = if file.is_empty() { MANIFEST } else { file };
            found.push(Example { language, word: kind, file, text });
        }
        found
    }

    /// The codes of what is wrong when the examples called `word` are a project that is planned.
    fn codes_of(page: &str, word: &str) -> Vec<&'static str> {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data/us-equities-daily.csv");
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::create_dir_all(directory.path().join("templates/sessions")).unwrap();
        fs::create_dir_all(directory.path().join("sessions")).unwrap();
        let first = NaiveDate::from_ymd_opt(2010, 2, 1).unwrap();
        let rows = first.iter_days().take(400).flat_map(|day| {
            ["AAPL", "GOOG"].map(|symbol| format!("{day},{symbol},10,12,9,11,100\n"))
        });
        let header = "timestamp,symbol,open,high,low,close,volume\n".to_owned();
        fs::write(data, header + &rows.collect::<String>()).unwrap();
        let mut paths = vec![MANIFEST.to_owned()];
        let mut set = Vec::new();
        for example in examples(page).iter().filter(|e| e.word.is_empty() || e.word == word) {
            if example.language == "toml" {
                fs::write(directory.path().join(example.file), &example.text).unwrap();
                continue;
            }
            let words: Vec<&str> = example.text.split_whitespace().collect();
            assert_eq!(words[..2], ["papertape", "plan"]);
            paths = words[2..].iter().filter(|w| w.ends_with(".toml")).map(|&w| w.into()).collect();
            let set_words = words.windows(2).filter(|pair| pair[0] == "--set");
            set = set_words.map(|w| Assignment { text: w[1].into(), argument: 4 }).collect();
        }
        let paths: Vec<PathBuf> = paths.iter().map(|path| directory.path().join(path)).collect();
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let project = |path: &PathBuf| Project::of(path, Some(directory.path()), today);
        let projects = paths.iter().map(project).collect();
        let layers = Layers { set: &set, ..Layers::default() };
        let mut mistakes = Mistakes::default();
        let plan = Plan::read(&paths, projects, &layers, &Selection::default(), &mut mistakes);
        if let Some(plan) = &plan {
            let prepared = Prepared::new(plan, &mut mistakes);
            for job in &prepared.jobs {
                assert!(job.work.is_ok(), "{:?}\n{page}", job.work.as_ref().err());
            }
        }
        let mut codes: Vec<&str> = mistakes.iter().map(|mistake| mistake.code.0).collect();
        codes.dedup();
        codes
    }

    #[test]
    fn every_code_has_a_page_with_its_meaning_and_both_examples() {
        for ((code, meaning), (paged, page)) in codes::CODES.iter().zip(codes::PAGES) {
            assert_eq!(code, paged);
            assert!(page.starts_with(&format!("# {}: {meaning}\n", code.0)), "{}", code.0);
            let has = |word: &str| examples(page).iter().any(|example| example.word == word);
            assert!(has("wrong") && has("right"), "{}", code.0);
        }
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes")).unwrap();
        assert_eq!(files.count(), codes::CODES.len(), "a page of a code that there is not");
    }

    #[test]
    fn what_a_page_calls_wrong_is_that_mistake_and_what_it_calls_right_is_none() {
        for (code, page) in codes::PAGES {
            let found = codes_of(page, "wrong");
            assert_eq!(found.first(), Some(&code.0), "the wrong example of {}: {found:?}", code.0);
            assert_eq!(codes_of(page, "right"), [""; 0], "the right example of {}", code.0);
        }
    }

    #[test]
    fn a_page_is_shown_without_the_marks_of_markdown() {
        let page = explain("e0402").unwrap();
        assert!(page.starts_with("E0402: Templates that inherit"), "{page}");
        assert!(page.contains("\n  templates/sessions/cheap.toml:\n    template = \"shares\"\n"));
        assert!(!page.contains("```"), "{page}");
        assert_eq!(explain("E9999"), None);
    }

    #[test]
    fn help_is_about_a_code_a_command_or_all() {
        let root = || {
            let list = Command::new("list").about("Lists them");
            Command::new("papertape").subcommand(Command::new("sessions").subcommand(list))
        };
        let told = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            help(&words, root()).map_err(|usage| usage.to_string())
        };
        assert!(told(&["E0102"]).unwrap().starts_with("E0102: "));
        assert!(told(&[]).unwrap().contains("Usage: papertape"));
        assert!(told(&["sessions", "list"]).unwrap().contains("Usage: papertape sessions list"));
        let wrong = "there is no help about `E01O2`; did you mean `E0102`?";
        assert_eq!(told(&["E01O2"]).unwrap_err(), wrong);
        let wrong = "there is no help about `sesions`; did you mean `sessions`?";
        assert_eq!(told(&["sesions"]).unwrap_err(), wrong);
    }
}
