//! `papertape baseline`: what was accepted, what waits, and the decision about it.

use super::check::baseline_name;
use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Format, Kind, Records};
use crate::compare::baseline::Entry;
use crate::compare::{Baseline, Baselines, Checked, Lack, Standing, judge};
use crate::diag::{closest, counted};
use crate::manifest::{Check, Table, glob_matches};
use crate::metrics::Metric;
use crate::report::check as written;
use anyhow::Result;

/// Look at the accepted results, and accept or reject those that wait
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape baseline review
  papertape baseline accept --reason \"fees of the new broker\"
  papertape baseline accept --session goog-sma --metric sharpe --reason \"ddof 1\"
  papertape baseline reject")]
pub(super) struct BaselineCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the sessions that have a baseline, or a result that waits
    #[command(after_help = "Example:\n  papertape baseline list --format csv")]
    List {
        #[command(flatten)]
        select: Select,
        /// How the list is written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show what differs between the results that wait and those that were accepted
    #[command(after_help = "Example:\n  papertape baseline review --session 'goog-*'")]
    Review {
        #[command(flatten)]
        select: Select,
    },
    /// Take the results that wait over
    #[command(after_help = "\
Examples:
  papertape baseline accept --reason \"fees of the new broker\"
  papertape baseline accept --session 'goog-*' --metric sharpe --reason \"ddof 1\"")]
    Accept {
        #[command(flatten)]
        select: Select,
        /// Take the value of this metric over and nothing else; may be repeated
        #[arg(long, value_name = "NAME", value_parser = metric)]
        metric: Vec<Metric>,
        /// Why; it is kept in the baseline
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Remove the results that wait
    #[command(after_help = "Example:\n  papertape baseline reject --session goog-sma")]
    Reject {
        #[command(flatten)]
        select: Select,
    },
    /// Remove the baselines of sessions that are gone: whose manifest is not there, or declares them
    /// no more
    #[command(after_help = "Example:\n  papertape baseline prune --dry-run")]
    Prune {
        #[command(flatten)]
        select: Select,
        /// Only say which
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which baselines are meant.
#[derive(Debug, clap::Args)]
struct Select {
    /// The baselines, below `baselines/`
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = baseline_name)]
    baseline: String,
    /// Only sessions whose key or name matches this glob; may be repeated
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
}

/// The metric of that name on the command line.
pub(super) fn metric(text: &str) -> Result<Metric, String> {
    Metric::from_name(text).ok_or_else(|| {
        let known: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        match closest(text, &known) {
            Some(near) => format!("there is no such metric; did you mean `{near}`?"),
            None => "there is no such metric".into(),
        }
    })
}

impl Select {
    fn baselines(&self, context: &Context) -> Baselines {
        Baselines::at(&context.project().root, &self.baseline)
    }

    fn entries(&self, context: &Context) -> Result<Vec<Entry>> {
        let takes = |entry: &Entry| {
            let key = entry.key();
            // A key's brackets mean nothing in a glob.
            let name = key.split('[').next().unwrap_or_default().to_owned();
            self.session.is_empty()
                || self.session.iter().any(|glob| {
                    *glob == key || glob_matches(glob, &key) || glob_matches(glob, &name)
                })
        };
        Ok(self.baselines(context).all()?.into_iter().filter(takes).collect())
    }

    /// Those of the entries of which something waits, each with it; what cannot be read is told.
    fn waiting(&self, context: &Context) -> Result<(Vec<Entry>, Exit)> {
        let mut exit = Exit::Success;
        let mut waiting = Vec::new();
        for entry in self.entries(context)?.into_iter().filter(Entry::waits) {
            match &entry.new {
                Ok(_) => waiting.push(entry),
                Err(lack) => {
                    context.complain(&format!("{}: {lack}", entry.key()));
                    exit = Exit::Baseline;
                }
            }
        }
        if waiting.is_empty() && exit == Exit::Success {
            let name = &self.baseline;
            context.say(&format!("nothing waits to be accepted into `{name}`"));
            exit = Exit::Nothing;
        }
        Ok((waiting, exit))
    }
}

impl BaselineCommand {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        match self.command {
            Command::List { select, format } => list(&select, format, context),
            Command::Review { select } => review(&select, context),
            Command::Accept { select, metric, reason } => {
                accept(&select, &metric, &reason, context)
            }
            Command::Reject { select } => {
                let entries: Vec<Entry> =
                    select.entries(context)?.into_iter().filter(Entry::waits).collect();
                entries.iter().try_for_each(Entry::reject)?;
                context.say(&format!("{} rejected", counted(entries.len(), "result")));
                Ok(if entries.is_empty() { Exit::Nothing } else { Exit::Success })
            }
            Command::Prune { select, dry_run } => prune(&select, dry_run, context),
        }
    }
}

fn list(select: &Select, format: Format, context: &Context) -> Result<Exit> {
    let columns = ["session", "state", "from", "to", "manifest", "reason"];
    let mut records = Records::new(columns.map(|name| (name, Kind::Text)));
    let mut exit = Exit::Success;
    for entry in select.entries(context)? {
        let state = match (&entry.accepted, entry.waits()) {
            (Ok(_), false) => "accepted",
            (Ok(_), true) => "accepted, another waits",
            (Err(Lack::Missing(_)), _) => "waits",
            (Err(lack), _) => {
                context.complain(&lack.to_string());
                exit = Exit::Baseline;
                "unreadable"
            }
        };
        let known = entry.accepted.as_ref().or(entry.new.as_ref()).ok();
        let of = |fact: fn(&Baseline) -> String| Cell::from(known.map(fact));
        records.push(vec![
            entry.key().into(),
            state.into(),
            of(|baseline| baseline.snapshot.range.from.to_string()),
            of(|baseline| baseline.snapshot.range.to.to_string()),
            of(|baseline| baseline.source.manifest.clone()),
            of(|baseline| baseline.accepted.reason.clone()),
        ]);
    }
    if records.is_empty() && exit == Exit::Success {
        context.say(&format!(
            "there are no baselines in {}",
            select.baselines(context).path().display()
        ));
        return Ok(Exit::Nothing);
    }
    records.print(format)?;
    Ok(exit)
}

fn review(select: &Select, context: &Context) -> Result<Exit> {
    let (waiting, exit) = select.waiting(context)?;
    let gates = Check::default().gates("", &Table::default());
    let mut text = String::new();
    for entry in &waiting {
        let Ok(new) = &entry.new else { continue };
        text += &format!("{}\n", entry.key());
        match &entry.accepted {
            Ok(old) => {
                let checked = Checked {
                    key: entry.key(),
                    session: new.snapshot.session.clone(),
                    manifest: new.source.manifest.clone(),
                    place: None,
                    standing: Standing::Changed,
                    verdict: judge(&old.snapshot, &new.snapshot, &gates),
                    beyond: None,
                    metrics: new.snapshot.measured(),
                    seconds: None,
                };
                for line in written::lines(&checked) {
                    text += &format!("  {line}\n");
                }
            }
            Err(Lack::Missing(_)) => text += "  there is no baseline yet\n",
            Err(lack) => text += &format!("  {lack}\n"),
        }
        text += &new.given_up().map_or(String::new(), |fact| format!("  {fact}\n"));
        if let Some(reason) = refusal(entry, new) {
            text += &format!("  cannot be accepted: {reason}\n");
        }
    }
    super::output::write(text.as_bytes())?;
    Ok(exit)
}

/// Why a result that waits must not become a baseline.
fn refusal(entry: &Entry, new: &Baseline) -> Option<String> {
    let (source, key) = (&new.source, entry.key());
    let again = format!("papertape check {}", source.manifest);
    if !source.complete {
        return Some(format!(
            "{key}: a session of its check failed, so the results are not complete; mend it and do `{again}` once more"
        ));
    }
    if !source.filtered.is_empty() {
        let options = source.filtered.join(" ");
        return Some(format!(
            "{key}: its check was filtered or changed by `{options}`; do `{again}` without that, and choose here with --session"
        ));
    }
    let old = entry.accepted.as_ref().ok()?;
    if (&old.source.manifest, &old.source.profile) != (&source.manifest, &source.profile) {
        let of = |baseline: &Baseline| match &baseline.source.profile {
            Some(profile) => format!("{} with profile {profile}", baseline.source.manifest),
            None => baseline.source.manifest.clone(),
        };
        return Some(format!(
            "{key}: it is of {} and the baseline of {}; keep one of the two under another --baseline, or remove the old one first",
            of(new),
            of(old)
        ));
    }
    None
}

fn accept(select: &Select, metrics: &[Metric], reason: &str, context: &Context) -> Result<Exit> {
    if reason.trim().is_empty() {
        return Err(
            Usage("`--reason` says why, for those who read the baseline later".into()).into()
        );
    }
    let (waiting, exit) = select.waiting(context)?;
    if exit != Exit::Success {
        return Ok(exit);
    }
    let refused: Vec<String> =
        waiting.iter().filter_map(|entry| refusal(entry, entry.new.as_ref().ok()?)).collect();
    if !refused.is_empty() {
        return Err(Usage(format!("nothing was accepted\n  {}", refused.join("\n  "))).into());
    }
    for entry in &waiting {
        if let Some(fact) = entry.new.as_ref().ok().and_then(Baseline::given_up) {
            context.say(&format!("{}: {fact}", entry.key()));
        }
        match (metrics, &entry.accepted) {
            ([], _) => entry.accept(reason)?,
            (metrics, Ok(_)) => entry.accept_metrics(metrics, reason)?,
            (_, Err(_)) => {
                let fact = "has no baseline to which one metric could be added; accept all of it";
                return Err(Usage(format!("{} {fact}", entry.key())).into());
            }
        }
    }
    let what = if metrics.is_empty() { "result" } else { "result in part" };
    context.say(&format!("{} accepted", counted(waiting.len(), what)));
    Ok(Exit::Success)
}

fn prune(select: &Select, dry_run: bool, context: &Context) -> Result<Exit> {
    let root = context.project().root;
    let mut pruned = 0;
    for entry in select.entries(context)? {
        let Ok(accepted) = &entry.accepted else { continue };
        let manifest = root.join(&accepted.source.manifest);
        let why = match std::fs::read_to_string(&manifest) {
            Err(_) => "its manifest is gone",
            Ok(text) if !declares(&text, &accepted.snapshot.session) => "it is declared no more",
            Ok(_) => continue,
        };
        pruned += 1;
        context.say(&format!("{}: {why}", entry.key()));
        if !dry_run {
            entry.prune()?;
        }
    }
    let word = if dry_run { "would be removed" } else { "removed" };
    context.say(&format!("{} {word}", counted(pruned, "baseline")));
    Ok(if pruned == 0 { Exit::Nothing } else { Exit::Success })
}

/// Whether the text of a manifest declares the session `name`.
fn declares(text: &str, name: &str) -> bool {
    let source = crate::diag::Source::new("manifest", text);
    let table = Table::parse(&source, &mut crate::diag::Mistakes::default());
    let sessions = table.get("session").and_then(|node| node.table().cloned());
    sessions.is_some_and(|sessions| sessions.get(name).is_some())
}
