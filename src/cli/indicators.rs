//! `papertape indicators`: the functions of the rule language, from their registry, and its words.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Facts, Format, Kind, Records};
use crate::diag::closest;
use crate::expr::{Function, WORDS, Word};
use anyhow::Result;

/// List the functions that rules can call and the words and signs of the language, or show one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape indicators
  papertape indicators sma
  papertape indicators at")]
pub(super) struct Indicators {
    /// Show this function, word or sign alone: with its formula, warm-up, source and an example
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Indicators {
    /// Do it.
    pub(super) fn run(self, _context: &Context) -> Result<Exit> {
        match self.name {
            None => list().print(self.format),
            Some(name) => match (Function::named(&name), Word::named(&name)) {
                (Some(function), _) => facts(function).print(self.format),
                (None, Some(word)) => facts_of_word(word).print(self.format),
                (None, None) => Err(unknown(&name).into()),
            },
        }
    }
}

/// Every function, by group, then the words and signs.
fn list() -> Records {
    let columns = [("group", Kind::Text), ("signature", Kind::Text), ("about", Kind::Text)];
    let mut list = Records::new(columns);
    for function in Function::all() {
        let (group, about) = (function.group.into(), function.about.into());
        list.push(vec![group, function.signature().into(), about]);
    }
    for word in WORDS {
        list.push(vec!["language".into(), word.form.into(), word.about.into()]);
    }
    list
}

fn facts_of_word(word: &Word) -> Facts {
    Facts::default()
        .with("name", Kind::Text, word.name)
        .with("form", Kind::Text, word.form)
        .with("group", Kind::Text, "language")
        .with("about", Kind::Text, word.about)
        .with("example", Kind::Text, word.example)
}

fn facts(function: &Function) -> Facts {
    Facts::default()
        .with("name", Kind::Text, function.name)
        .with("signature", Kind::Text, function.signature())
        .with("group", Kind::Text, function.group)
        .with("returns", Kind::Text, function.returns.word())
        .with("about", Kind::Text, function.about)
        .with("formula", Kind::Text, function.formula)
        .with("warm_up", Kind::Text, function.warm_up_text())
        .with("source", Kind::Text, function.source)
        .with("example", Kind::Text, function.example)
}

fn unknown(name: &str) -> Usage {
    let functions = Function::all().map(|function| function.name);
    let known: Vec<&str> = functions.chain(WORDS.iter().map(|word| word.name)).collect();
    let meant = Function::meant(name).map(|function| function.name);
    let remedy = match meant.or_else(|| closest(name, &known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`papertape indicators` lists all".to_owned(),
    };
    Usage(format!("there is no indicator `{name}`; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_listed_and_can_be_shown() {
        let list = list().text(Format::Csv);
        assert_eq!(list.lines().count(), 1 + Function::all().count() + WORDS.len());
        for function in Function::all() {
            let text = facts(function).text(Format::Table);
            assert!(text.contains(function.example), "{text}");
        }
        let at = facts_of_word(Word::named("at").unwrap()).text(Format::Table);
        assert!(at.contains("at(timeframe, x)"), "{at}");
    }

    #[test]
    fn the_functions_of_a_group_stand_together() {
        let mut groups: Vec<_> = Function::all().map(|function| function.group).collect();
        groups.dedup();
        let count = groups.len();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups.len(), count);
    }

    #[test]
    fn an_unknown_name_is_told_what_was_meant() {
        let error = unknown("smaa").to_string();
        assert_eq!(error, "there is no indicator `smaa`; did you mean `sma`?");
        let error = unknown("mean").to_string();
        assert_eq!(error, "there is no indicator `mean`; did you mean `sma`?");
    }
}
