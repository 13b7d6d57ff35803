//! `papertape report`: render again what the store holds.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output;
use crate::manifest::project::shown;
use crate::report::load::Loader;
use crate::report::registry::Index;
use crate::report::{SESSION, SWEEP, Templates};
use crate::store::{Holder, Run, RunReader, Store, file_name};
use anyhow::Result;

/// Render the reports of a run again, from what the store holds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape report latest
  papertape report 9f3a1c --template report.html
  papertape report latest --context | less")]
pub struct Report {
    /// The run: `latest`, its id, or a part of it
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Only this report; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    template: Vec<String>,
    /// Print what templates see instead, as JSON: those of the run's reports, or that of the page of its
    /// best session, of its first sweep, or of the index
    #[arg(
        long,
        value_enum,
        value_name = "PAGE",
        num_args = 0..=1,
        default_missing_value = "report",
        conflicts_with = "template"
    )]
    context: Option<Page>,
}

/// A kind of page, by its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Page {
    /// A report of the run
    Report,
    /// The page of a session
    Session,
    /// The page of a sweep
    Sweep,
    /// The index of all runs and paper accounts
    Index,
}

impl Report {
    /// Do it.
    pub fn run(self, context: &Context) -> Result<Exit> {
        let store = context.store();
        if let Some(page) = self.context {
            return page.print_context(&store, &self.run);
        }
        let templates = Templates::new(Some(&context.project().root))?;
        let command_line: Vec<String> = std::env::args().collect();
        let run =
            store.resume_run(&self.run, &Holder::this_process("this machine", &command_line))?;
        let reader = run.reader();
        let loader = Loader::new(reader)?;
        let report = loader.report()?;
        let all: Vec<String> = templates.names().map(str::to_owned).collect();
        for name in if self.template.is_empty() { all } else { self.template } {
            let text = templates.render(&name, &report)?;
            run.write_report(&name, &text)?;
            context.say(&format!("report: {}", shown(&reader.report(&name))));
        }
        write_pages(&run, &loader, &templates)?;
        write_index(&store, &templates)?;
        Ok(Exit::Success)
    }
}

impl Page {
    /// Print what its template sees of the run `which` of `store`.
    fn print_context(self, store: &Store, which: &str) -> Result<Exit> {
        if self == Self::Index {
            return output::write_json(&Index::of(&store.run_files().0, store));
        }
        let reader = store.open_run(which)?;
        let loader = Loader::new(&reader)?;
        match self {
            Self::Session => match loader.pages().next() {
                Some(page) => output::write_json(&page?.1),
                None => Err(none(&reader, "kept the details of no session")),
            },
            Self::Sweep => match loader.sweep_pages().next() {
                Some((_, page)) => output::write_json(&page),
                None => Err(none(&reader, "has no sweep")),
            },
            Self::Report | Self::Index => output::write_json(&loader.report()?),
        }
    }
}

fn none(reader: &RunReader, fact: &str) -> anyhow::Error {
    Usage(format!("run {} {fact}; name another run", reader.id())).into()
}

/// Make the index of all runs of `store` anew. A run that cannot be read is told by `runs list`.
pub(super) fn write_index(store: &Store, templates: &Templates) -> Result<()> {
    let (files, _) = store.run_files();
    store.write_index(&templates.page("index.html", &Index::of(&files, store))?)?;
    Ok(())
}

/// Write the page of every session that has a section in the report, and of every sweep.
pub(super) fn write_pages(run: &Run, loader: &Loader<'_>, templates: &Templates) -> Result<()> {
    for page in loader.pages() {
        let (dir, page) = page?;
        run.write_page(&dir, &templates.page(SESSION, &page)?)?;
    }
    for (name, page) in loader.sweep_pages() {
        run.write_page(&file_name(&name), &templates.page(SWEEP, &page)?)?;
    }
    Ok(())
}
