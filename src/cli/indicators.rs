//! `papertape indicators`: the functions of the rule language, from their registry.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Facts, Format, Kind, Records};
use crate::diag::closest;
use crate::expr::Function;
use anyhow::Result;

/// List the functions that rules can call, or show one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape indicators
  papertape indicators sma")]
pub(super) struct Indicators {
    /// Show this function alone, with its formula
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
            Some(name) => match Function::named(&name) {
                Some(function) => facts(function).print(self.format),
                None => Err(unknown(&name).into()),
            },
        }
    }
}

/// Every function, by group.
fn list() -> Records {
    let columns = [("group", Kind::Text), ("signature", Kind::Text), ("about", Kind::Text)];
    let mut list = Records::new(columns);
    for function in Function::all() {
        let (group, about) = (function.group.into(), function.about.into());
        list.push(vec![group, function.signature().into(), about]);
    }
    list
}

fn facts(function: &Function) -> Facts {
    Facts::default()
        .with("name", Kind::Text, function.name)
        .with("signature", Kind::Text, function.signature())
        .with("group", Kind::Text, function.group)
        .with("returns", Kind::Text, function.returns.word())
        .with("about", Kind::Text, function.about)
        .with("formula", Kind::Text, function.formula)
        .with("warm_up", Kind::Text, function.warm_up)
        .with("source", Kind::Text, function.source)
        .with("example", Kind::Text, function.example)
}

fn unknown(name: &str) -> Usage {
    let known: Vec<&str> = Function::all().map(|function| function.name).collect();
    let remedy = match closest(name, &known) {
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
        assert_eq!(list.lines().count(), 1 + Function::all().count());
        for function in Function::all() {
            let text = facts(function).text(Format::Table);
            assert!(text.contains(function.example), "{text}");
        }
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
    }
}
