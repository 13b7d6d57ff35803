//! `papertape strategies`: what can be traded by, and what each takes.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::lint::Lint;
use super::output::{Cell, Facts, Format, Kind, Records};
use crate::diag::{Mistakes, Place, Source};
use crate::expr::Scalar;
use crate::manifest::{Folder, Project};
use crate::strategy::{Definition, ParamKind};
use anyhow::Result;
use std::sync::Arc;

/// Look at the strategies of the project and those that are built in
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape strategies list
  papertape strategies show sma-cross
  papertape strategies lint sessions/quickstart.toml")]
pub(super) struct Strategies {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the strategies, each with a sentence
    #[command(after_help = "\
Example:
  papertape strategies list --format json")]
    List {
        /// How the list is written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show one strategy: its parameters, named expressions and rules
    #[command(after_help = "\
Example:
  papertape strategies show sma-cross")]
    Show {
        /// The strategy
        #[arg(value_name = "NAME")]
        name: String,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    Lint(Lint),
}

impl Strategies {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let project = context.project();
        match self.command {
            Command::Lint(lint) => lint.run(context),
            Command::List { format } => {
                let columns = [("name", Kind::Text), ("description", Kind::Text)];
                let mut list = Records::new(columns);
                for name in project.names(Folder::Strategies) {
                    let (definition, mistakes) = read(&project, &name);
                    context.show(&mistakes);
                    let description =
                        definition.map(|definition| first_sentence(&definition.description));
                    list.push(vec![name.into(), description.into()]);
                }
                list.print(format)
            }
            Command::Show { name, format } => {
                let (definition, mistakes) = read(&project, &name);
                let Some(definition) = definition else {
                    let shown = mistakes.render(context.color);
                    return Err(Usage(format!("strategy `{name}` cannot be shown\n{shown}")).into());
                };
                context.show(&mistakes);
                facts(&definition, &project).print(format)
            }
        }
    }
}

/// The strategy called `name`, if there is one that can be read, and what is wrong with it.
fn read(project: &Project, name: &str) -> (Option<Arc<Definition>>, Mistakes) {
    let mut mistakes = Mistakes::default();
    let place = Place::whole(&Source::new("command line", name));
    (project.strategy(name, &place, &mut mistakes), mistakes)
}

/// The text up to the full stop that ends its first sentence.
fn first_sentence(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.find(". ") {
        Some(end) => words[..=end].to_owned(),
        None => words,
    }
}

fn facts(definition: &Definition, project: &Project) -> Facts {
    let source = project.find(Folder::Strategies, &definition.name);
    let mut params = Records::new(PARAMS);
    for param in &definition.params {
        let (word, bounds) = kind(&param.kind);
        params.push(vec![
            (&param.name).into(),
            word.into(),
            bounds.into(),
            param.default.as_ref().map_or(Cell::Absent, scalar),
            (&param.description).into(),
        ]);
    }
    let lets = definition.lets.iter().fold(Facts::default(), |facts, named| {
        facts.with(&named.name, Kind::Text, &named.written.text)
    });
    let rules = definition.rules.iter().fold(Facts::default(), |facts, text| {
        let key = match definition.legs.get(text.leg) {
            Some(leg) => format!("{}.{}", leg.name, text.rule.key()),
            None => text.rule.key().to_owned(),
        };
        facts.with(&key, Kind::Text, &text.written.text)
    });
    Facts::default()
        .with("name", Kind::Text, &definition.name)
        .with("description", Kind::Text, &definition.description)
        .with("modes", Kind::Text, definition.modes.clone())
        .with("source", Kind::Text, source.map(|source| source.name.clone()))
        .part("params", params)
        .part("let", lets)
        .part("rules", rules)
}

const PARAMS: [(&str, Kind); 5] = [
    ("name", Kind::Text),
    ("type", Kind::Text),
    ("bounds", Kind::Text),
    ("default", Kind::Text),
    ("description", Kind::Text),
];

/// The type as it is written in a strategy file, and which values are allowed.
fn kind(kind: &ParamKind) -> (&'static str, Option<String>) {
    let (word, min, max) = match kind {
        ParamKind::Int { min, max } => ("int", min, max),
        ParamKind::Float { min, max } => ("float", min, max),
        ParamKind::Bool => return ("bool", None),
        ParamKind::Choice(choices) => return ("choice", Some(choices.join(", "))),
        ParamKind::Symbol => return ("symbol", None),
    };
    let bounds = match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    };
    (word, bounds)
}

fn scalar(value: &Scalar) -> Cell {
    match value {
        Scalar::Number(number) => (*number).into(),
        Scalar::Bool(flag) => (*flag).into(),
        Scalar::Text(text) => (&**text).into(),
        Scalar::Missing => Cell::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn a_sentence_ends_with_its_full_stop() {
        assert_eq!(first_sentence("Long while\nit rises. Late out."), "Long while it rises.");
        assert_eq!(first_sentence("holds 1.5 lots"), "holds 1.5 lots");
        assert_eq!(first_sentence(""), "");
    }

    #[test]
    fn a_strategy_is_shown_with_its_parameters_and_rules() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("templates/strategies");
        std::fs::create_dir_all(&folder).unwrap();
        let text = "description = 'Buys.'\nmodes = ['paper']\n\
                    [params.n]\ntype = 'int'\nmin = 2\nmax = 9\ndefault = 5\ndescription = 'bars'\n\
                    [params.how]\ntype = 'choice'\nchoices = ['a', 'b']\ndefault = 'b'\n\
                    [let]\nma = 'sma(close, n)'\n[rules]\nenter_long = 'close > ma'\n";
        std::fs::write(folder.join("mine.toml"), text).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let project = Project::of(&directory.path().join("x"), None, today);
        let (definition, mistakes) = read(&project, "mine");
        assert!(mistakes.is_empty(), "{}", mistakes.render(false));
        let json = facts(&definition.unwrap(), &project).text(Format::Json);
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json.as_object_mut().unwrap().shift_remove("source");
        insta::assert_snapshot!(format!("{json:#}"), @r#"
        {
          "name": "mine",
          "description": "Buys.",
          "modes": [
            "paper"
          ],
          "params": [
            {
              "name": "n",
              "type": "int",
              "bounds": "2 to 9",
              "default": 5,
              "description": "bars"
            },
            {
              "name": "how",
              "type": "choice",
              "bounds": "a, b",
              "default": "b",
              "description": ""
            }
          ],
          "let": {
            "ma": "sma(close, n)"
          },
          "rules": {
            "enter_long": "close > ma"
          }
        }
        "#);
        let (definition, mistakes) = read(&project, "mien");
        assert!(definition.is_none());
        assert!(mistakes.render(false).contains("did you mean `mine`?"));
    }
}
