//! `papertape data check`: whether files of prices can be trusted.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::super::output::{Facts, Format, Kind, Records};
use super::{Reading, load_readable};
use crate::diag::Mistakes;
use crate::manifest::data::Check as Damage;
use crate::manifest::{Checks, DataSettings, Layers, Policy};
use crate::market::verdict::worst;
use crate::market::{DataSet, Finding, Verdict};
use crate::plan::{Plan, Selection};
use crate::store::stamp;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Look for damage in files of bars, or in the data of a manifest's sessions
///
/// Ends with 0 if nothing was found, with 1 if something was that a session would only warn of or
/// repair, and with 2 if a session would be refused or a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape data check data/spy-1m.csv --set data.timezone=America/New_York
  papertape data check 'prices/*' --template us-equity-daily --set data.checks.gaps=fail
  papertape data check sessions/nightly.toml")]
pub(super) struct Check {
    /// Files of bars, directories, globs, or manifests
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// How the verdict is written; CSV has the worst cases alone
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Check {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let (mut sets, mut unreadable) = (Vec::new(), 0);
        for file in &self.files {
            let all = match file.extension().is_some_and(|extension| extension == "toml") {
                true => self.manifest(file, context)?,
                false => vec![self.reading.settings(file, context)?],
            };
            for settings in all {
                let (data, lost) = load_readable(&settings, context);
                sets.extend(data.map(|data| (settings.checks, data)));
                unreadable += lost;
            }
        }
        if sets.is_empty() {
            return Ok(Exit::Usage);
        }
        match self.format {
            // A table of rows has room for one kind of row.
            Format::Csv => cases(&sets).print(Format::Csv)?,
            format => facts(&sets, format).print(format)?,
        };
        let verdicts = || sets.iter().flat_map(|(_, data)| &data.verdicts);
        Ok(match unreadable > 0 || verdicts().any(Verdict::refuses) {
            true => Exit::Usage,
            false if verdicts().any(|verdict| !verdict.findings.is_empty()) => Exit::Gate,
            false => Exit::Success,
        })
    }

    /// The different data of the sessions of a manifest.
    fn manifest(&self, path: &Path, context: &Context) -> Result<Vec<DataSettings>, Usage> {
        let project = self.reading.project(Some(path), context)?;
        let set = super::assignments("--set", &self.reading.set);
        let layers = Layers { set: &set, ..Layers::default() };
        let mut mistakes = Mistakes::default();
        let (paths, projects) = ([path.to_owned()], vec![project]);
        let selection = Selection::default();
        let plan = Plan::read(&paths, projects, &layers, &selection, &mut mistakes);
        match plan {
            Some(plan) if !mistakes.has_errors() => Ok(plan.data(&mut mistakes)),
            _ => Err(Usage(format!("no plan\n{}", mistakes.render(context.color)))),
        }
    }
}

/// Everything that was found in `data`, with the symbol that has it.
fn findings(data: &DataSet) -> impl Iterator<Item = (&str, &Finding)> {
    data.verdicts.iter().flat_map(|verdict| {
        verdict.findings.iter().map(|finding| (verdict.symbol.as_str(), finding))
    })
}

/// The worst cases of each kind, one by one.
fn cases(sets: &[(Checks, DataSet)]) -> Records {
    let mut cases = Records::new([
        ("check", Kind::Text),
        ("symbol", Kind::Text),
        ("file", Kind::Text),
        ("row", Kind::Count),
        ("time", Kind::Text),
        ("fact", Kind::Text),
    ]);
    let all = || sets.iter().flat_map(|(_, data)| findings(data));
    for check in Damage::ALL {
        for (symbol, case) in worst(all().filter(|(_, finding)| finding.check == check)) {
            cases.push(vec![
                check.word().into(),
                symbol.into(),
                (&*case.file).into(),
                case.row.into(),
                case.time.map(|time| stamp(time, false, false)).into(),
                case.fact.to_string().into(),
            ]);
        }
    }
    cases
}

/// Each kind of damage with its policies, and then the worst cases and what is to be noted.
fn facts(sets: &[(Checks, DataSet)], format: Format) -> Facts {
    let mut kinds = Records::new([
        ("check", Kind::Text),
        ("policy", Kind::Text),
        ("count", Kind::Count),
        ("symbols", Kind::Count),
        ("done", Kind::Text),
        ("worst", Kind::Text),
    ]);
    for check in Damage::ALL {
        for policy in policies(check, sets) {
            let of_kind = |(_, finding): &(&str, &Finding)| {
                finding.check == check && finding.policy == policy
            };
            let all = || sets.iter().flat_map(|(_, data)| findings(data)).filter(of_kind);
            let symbols: BTreeSet<&str> = all().map(|(symbol, _)| symbol).collect();
            let worst = worst(all()).into_iter().next();
            kinds.push(vec![
                check.word().into(),
                policy.word().into(),
                all().map(|(_, finding)| finding.count()).sum::<usize>().into(),
                symbols.len().into(),
                all().next().map(|(_, finding)| finding.done).into(),
                worst.map(|(_, case)| format!("{}: {case}", case.file)).into(),
            ]);
        }
    }
    let mut notes = Records::new([("symbol", Kind::Text), ("note", Kind::Text)]);
    for verdict in sets.iter().flat_map(|(_, data)| &data.verdicts) {
        for note in verdict.remarks() {
            notes.push(vec![(&verdict.symbol).into(), note.into()]);
        }
    }
    let symbols = sets.iter().map(|(_, data)| data.verdicts.len()).sum::<usize>();
    let rows = sets.iter().flat_map(|(_, data)| &data.verdicts).map(|verdict| verdict.rows);
    let facts = Facts::default()
        .with("symbols", Kind::Count, symbols)
        .with("rows", Kind::Count, rows.sum::<usize>())
        .part("checks", kinds);
    // Programs always find the parts, people only what is in them.
    let parts = [("cases", cases(sets)), ("notes", notes)].into_iter();
    let wanted = parts.filter(|(_, part)| !part.is_empty() || format == Format::Json);
    wanted.fold(facts, |facts, (name, part)| facts.part(name, part))
}

/// What is done about `check`, without repetition.
fn policies(check: Damage, sets: &[(Checks, DataSet)]) -> Vec<Policy> {
    let mut policies = Vec::new();
    for policy in sets.iter().map(|(checks, _)| checks.policy(check)) {
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    policies
}
