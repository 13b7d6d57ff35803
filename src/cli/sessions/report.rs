//! `papertape sessions report`: the registry as pages and texts.

use super::select::Select;
use crate::cli::context::{Context, Usage};
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::manifest::project::shown;
use crate::report::Templates;
use crate::report::registry::Sessions;
use crate::store::{Record, Store};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What is made of which sessions.
#[derive(Debug, clap::Args)]
pub(super) struct SessionsReport {
    #[command(flatten)]
    select: Select,
    /// Only the newest so many of them
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// How it is written [default: both, or markdown on standard output]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Leave out the sections of the sessions
    #[arg(long)]
    summary_only: bool,
    // Of two values of one name clap keeps the last, so the store's is looked up where it was typed.
    /// The directory that takes the files [default: `reports` in the directory of results, which
    /// `papertape --output DIR sessions report` changes]
    #[arg(long, value_name = "DIR", conflicts_with = "stdout")]
    output: Option<PathBuf>,
    /// Write it to standard output and make no file
    #[arg(long)]
    stdout: bool,
    /// Print what the templates see instead, as JSON
    #[arg(long, conflicts_with_all = ["stdout", "output", "format", "summary_only"])]
    context: bool,
}

/// What a report of the registry is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A text
    Markdown,
    /// A page
    Html,
    /// Both
    Both,
}

impl Format {
    /// The endings of the templates.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Markdown => &["md"],
            Self::Html => &["html"],
            Self::Both => &["md", "html"],
        }
    }
}

impl SessionsReport {
    /// The store whose registry it is about.
    pub(super) fn store(&self, context: &Context) -> Store {
        match (&self.output, before_command(std::env::args_os())) {
            (None, _) => context.store(),
            (Some(_), Some(store)) => Store::at(store),
            (Some(_), None) => Context { output: None, ..context.clone() }.store(),
        }
    }

    /// Do it.
    pub(super) fn run(
        self,
        records: Vec<Record>,
        store: &Store,
        context: &Context,
    ) -> Result<Exit> {
        let format =
            self.format.unwrap_or(if self.stdout { Format::Markdown } else { Format::Both });
        if self.stdout && format == Format::Both {
            let fact = "standard output takes one text; say `--format markdown` or `--format html`";
            return Err(Usage(fact.into()).into());
        }
        let now = Utc::now();
        let sessions = self.sessions(records, store, now, context)?;
        if self.context {
            return output::write_json(&sessions);
        }
        let templates = Templates::new(Some(&context.project().root))?;
        let kind = if self.summary_only { "sessions_summary" } else { "sessions_report" };
        for ending in format.endings() {
            let name = format!("{kind}.{ending}");
            let text = templates.page(&name, &sessions)?;
            if self.stdout {
                output::write(text.as_bytes())?;
                continue;
            }
            let name = format!("{}_{name}", now.format("%Y%m%dT%H%M%SZ"));
            let path = store.write_view(self.output.as_deref(), &name, &text)?;
            output::write(format!("{}\n", shown(&path)).as_bytes())?;
        }
        Ok(Exit::Success)
    }

    fn sessions(
        &self,
        records: Vec<Record>,
        store: &Store,
        now: DateTime<Utc>,
        context: &Context,
    ) -> Result<Sessions, Usage> {
        let found = self.select.apply(records, now, context.color)?;
        let newest = found.len() - self.limit.unwrap_or(usize::MAX).min(found.len());
        let mut selection = self.select.given(now)?;
        selection.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        Ok(Sessions::of(&found[newest..], &selection, store, now))
    }
}

/// What `--output` says in front of the command: where the results are.
fn before_command(arguments: impl IntoIterator<Item = OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "sessions");
    while let Some(argument) = arguments.next() {
        if argument == "--output" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix("--output=")) {
            return Some(OsStr::new(value).into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_front_of_the_command_output_is_the_store() {
        let found = |words: &str| before_command(words.split(' ').map(OsString::from));
        assert_eq!(found("papertape --output a sessions report --output b"), Some("a".into()));
        assert_eq!(found("papertape -q --output=a sessions report"), Some("a".into()));
        assert_eq!(found("papertape sessions report --output b"), None);
    }
}
