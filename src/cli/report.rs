//! `papertape report`: render again what the store holds.

use super::context::Context;
use super::exit::Exit;
use super::output;
use crate::manifest::project::shown;
use crate::report::load::Loader;
use crate::report::registry::Index;
use crate::report::{SESSION, SWEEP, Templates};
use crate::store::{Holder, Run, Store, file_name};
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
    /// Print what the templates see instead, as JSON
    #[arg(long, conflicts_with = "template")]
    context: bool,
}

impl Report {
    /// Do it.
    pub fn run(self, context: &Context) -> Result<Exit> {
        let store = context.store();
        let templates = Templates::new(Some(&context.project().root))?;
        let command_line: Vec<String> = std::env::args().collect();
        let run =
            store.resume_run(&self.run, &Holder::this_process("this machine", &command_line))?;
        let reader = run.reader();
        let loader = Loader::new(reader)?;
        let report = loader.report()?;
        if self.context {
            let text = serde_json::to_string_pretty(&report)?;
            return output::write(format!("{text}\n").as_bytes());
        }
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
