//! `papertape schema`: what may stand in a file, for editors and for people.

use super::exit::Exit;
use super::output;
use crate::expr;
use crate::manifest::{reference, schema};
use crate::report::comparison::Comparison;
use crate::report::context::{self, RunReport};
use crate::report::registry::{Index, Sessions};
use crate::store::Event;
use anyhow::Result;
use schemars::schema_for;

/// Print the JSON Schema of a kind of file, or the reference of all keys or of the rule language
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape schema manifest > docs/schema/manifest.json
  papertape schema reference > docs/manifest.md
  papertape schema language > docs/language.md

A file whose first line is `#:schema PATH` is checked and completed by editors that know TOML schemas.")]
pub(super) struct Schema {
    /// What is described
    #[arg(value_enum)]
    of: Described,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Described {
    /// A manifest, as JSON Schema
    Manifest,
    /// A strategy file, as JSON Schema
    Strategy,
    /// A session template, as JSON Schema
    Template,
    /// Every key of all three, as Markdown
    Reference,
    /// The rule language with all its functions, as Markdown
    Language,
    /// A line of a journal, as JSON Schema
    Event,
    /// What a template of a run's report sees, as JSON Schema
    Report,
    /// What the template of a session's page sees, as JSON Schema
    SessionPage,
    /// What the template of a sweep's page sees, as JSON Schema
    SweepPage,
    /// What the templates of a comparison see, as JSON Schema
    Comparison,
    /// What the templates of a report of the registry see, as JSON Schema
    Registry,
    /// What the template of the index of all runs and paper accounts sees, as JSON Schema
    Index,
}

impl Schema {
    /// Do it.
    pub(super) fn run(self) -> Result<Exit> {
        output::write(self.of.text().as_bytes())
    }
}

impl Described {
    fn text(self) -> String {
        let json = match self {
            Self::Manifest => schema::manifest(),
            Self::Strategy => schema::strategy(),
            Self::Template => schema::template(),
            Self::Reference => return reference::markdown(),
            Self::Language => return expr::reference::markdown(),
            Self::Event => schema_for!(Event).to_value(),
            Self::Report => schema_for!(RunReport).to_value(),
            Self::SessionPage => schema_for!(context::SessionPage).to_value(),
            Self::SweepPage => schema_for!(context::SweepPage).to_value(),
            Self::Comparison => schema_for!(Comparison).to_value(),
            Self::Registry => schema_for!(Sessions).to_value(),
            Self::Index => schema_for!(Index).to_value(),
        };
        format!("{json:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_what_templates_see_are_up_to_date() {
        for (name, of) in [
            ("report", Described::Report),
            ("session-page", Described::SessionPage),
            ("sweep-page", Described::SweepPage),
            ("comparison", Described::Comparison),
            ("registry", Described::Registry),
            ("index", Described::Index),
        ] {
            let path = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            let command = format!("papertape schema {name} > docs/schema/{name}.json");
            assert!(written == of.text(), "run `{command}`");
        }
    }
}
