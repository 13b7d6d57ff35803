//! Every paper account of a plan, moved forward by the bars that are new.
//!
//! Accounts are locked first. Their bars are taken before the batch begins, which then runs their
//! sessions like all others; each is settled as it ends. What keeps one account from going on is a
//! reason of its session, and the others go on.

use super::account::{Account, Refused};
use super::life::{Cause, State};
use super::obey::Heard;
use crate::batch::Failure;
use crate::batch::kept::Kept;
use crate::diag::counted;
use crate::manifest::Mode;
use crate::plan::{Base, Job, Plan, Prepared};
use crate::store::{Holder, Store, StoreError};
use std::collections::BTreeMap;

/// The paper accounts of a plan, by the index of their session.
#[derive(Debug, Default)]
pub struct Night {
    accounts: BTreeMap<usize, Entry>,
    /// The sessions that were left to the processes which hold their accounts.
    left_out: Vec<String>,
}

/// An account on its night.
#[derive(Debug)]
struct Entry {
    account: Account,
    /// How many commands it obeyed that others had left for it.
    obeyed: usize,
    /// What of that is to be told.
    refused: Vec<String>,
    /// How many bars it took, or why it did not.
    taken: Result<usize, String>,
}

impl Entry {
    fn new(account: Account, heard: Vec<Heard>) -> Self {
        let mut entry = Self { account, obeyed: 0, refused: Vec::new(), taken: Ok(0) };
        for heard in heard {
            match heard {
                Heard::Obeyed(_) | Heard::Restart(_) => entry.obeyed += 1,
                Heard::Refused(fact) | Heard::Garbage(fact) => entry.refused.push(fact),
            }
        }
        entry
    }
}

impl Night {
    /// Lock the accounts of `plan` with `open`, which may wait. Sessions whose account it leaves to the
    /// process that holds it are taken out of the plan, and one whose account cannot be opened cannot be
    /// run. A session that cannot be run has an account all the same, which says why. What others left in
    /// its control directory is done first.
    pub fn begin(
        plan: &mut Plan,
        prepared: &mut Prepared,
        store: &Store,
        holder: &Holder,
        mut open: impl FnMut(&str) -> Result<Option<Account>, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut night = Self::default();
        if plan.bases.iter().all(|base| base.session.mode != Mode::Paper) {
            return Ok(night);
        }
        let (points, jobs) = (std::mem::take(&mut plan.points), std::mem::take(&mut prepared.jobs));
        for (point, mut job) in points.into_iter().zip(jobs) {
            let (index, session) = (plan.points.len(), &plan.bases[point.base].session);
            if session.mode == Mode::Paper {
                let opened = open(&session.name);
                let obey = |account: Account| account.obey_all(store, holder);
                match opened.and_then(|account| account.map(obey).transpose()) {
                    Ok(Some((account, heard))) => {
                        night.accounts.insert(index, Entry::new(account, heard));
                    }
                    Ok(None) => {
                        night.left_out.push(session.name.clone());
                        continue;
                    }
                    Err(locked @ StoreError::Locked { .. }) => return Err(locked),
                    Err(error) => {
                        let fact = store.account(&session.name).words(&error);
                        // Its journal is told, if that can be read and written at least.
                        if let Ok(Some(mut account)) = open(&session.name) {
                            account.stop_for(&Refused::Store(error), &fact);
                        }
                        job.work = Err(fact);
                    }
                };
            }
            plan.points.push(point);
            prepared.jobs.push(Job { index, ..job });
        }
        Ok(night)
    }

    /// The sessions that were left to the processes which hold their accounts.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Take the bars that are new for every account, and let the sessions of `prepared` run on the bars
    /// of their accounts. An account that may not go on makes its session one that cannot be run.
    pub fn take(&mut self, plan: &Plan, prepared: &mut Prepared) {
        for (&index, Entry { account, taken, .. }) in &mut self.accounts {
            let base = plan.base(&plan.points[index]);
            *taken = advance(account, index, base, prepared).map_err(|refused| {
                let reason = stopped(account, &refused);
                if let Some(job) = prepared.jobs.iter_mut().find(|job| job.index == index) {
                    job.work = Err(reason.clone());
                }
                reason
            });
        }
    }

    /// What the journals of the accounts warn of since this was asked last, each with its account.
    pub fn warnings(&mut self) -> Vec<String> {
        let of_account = |Entry { account, refused, .. }: &mut Entry| {
            let name = account.name().to_owned();
            let all = std::mem::take(refused).into_iter().chain(account.unsaid());
            all.map(move |warning| format!("{name}: {warning}"))
        };
        self.accounts.values_mut().flat_map(of_account).collect()
    }

    /// Settle the account of a session that ran: what is to be said of it beside its result, or why it
    /// failed. `None` if the session has no account.
    pub fn settle(&mut self, kept: &Kept<'_>) -> Option<Result<String, Failure>> {
        let Entry { account, obeyed, taken, .. } = self.accounts.get_mut(&kept.job.index)?;
        let taken = taken.as_ref().copied().unwrap_or(0);
        Some(match account.settle(kept) {
            Ok(settled) => {
                let obeyed = match *obeyed {
                    0 => String::new(),
                    count => format!("{} obeyed, ", counted(count, "command")),
                };
                let waits = match settled.waiting.len() {
                    0 => String::new(),
                    count => format!(", {} to approve", counted(count, "new order")),
                };
                let symbols: Vec<&str> =
                    account.waits().iter().map(|(symbol, _)| symbol.as_str()).collect();
                let behind = match symbols[..] {
                    [] => String::new(),
                    _ => format!(", waits for {}", symbols.join(", ")),
                };
                Ok(format!(
                    "{}, {obeyed}{} taken, {}{waits}{behind}",
                    settled.state.word(),
                    counted(taken, "bar"),
                    counted(settled.fills, "new fill"),
                ))
            }
            Err(refused) => Err(Failure {
                kind: if matches!(refused, Refused::Store(_)) { "store" } else { "data" },
                error: stopped(account, &refused),
            }),
        })
    }
}

/// Why an account does not go on, without a path of this machine: its journal is told too.
fn stopped(account: &mut Account, refused: &Refused) -> String {
    let fact = match refused {
        Refused::Store(error) => account.directory().reader().words(error),
        refused => refused.to_string(),
    };
    account.stop_for(refused, &fact);
    fact
}

/// The bars that an account took.
fn advance(
    account: &mut Account,
    index: usize,
    base: &Base,
    prepared: &mut Prepared,
) -> Result<usize, Refused> {
    let job = prepared.jobs.iter().find(|job| job.index == index);
    let (work, is_ready) = (job.map(|job| job.work.as_ref()), job.is_some_and(Prepared::is_ready));
    if let Some(fact) = account.wrong() {
        return Err(Refused::Damaged(fact));
    }
    let source = prepared.source(&base.session.data).map_err(|fact| Refused::Unfit(fact.into()))?;
    let own_source = account.own_source(&base.session.data, source)?;
    // It goes on with the symbols that there were when it was opened, whatever others there are now.
    let has_own = base.session.symbols.is_none() && account.terms().is_some();
    if let Some(Err(reason)) = work.filter(|_| !has_own && own_source.is_none()) {
        return Err(Refused::Unfit(reason.clone()));
    }
    account.may_go_on(base)?;
    // Beside a long sweep it has given back what it is opened and compared with.
    let is_put = has_own || own_source.is_some() || !is_ready;
    let source = own_source.unwrap_or_else(|| source.clone());
    if is_put {
        let session = match has_own {
            true => account.session(base).map_err(Refused::Changed)?,
            false => base.session.clone(),
        };
        prepared.put(index, session, source.clone(), &[]).map_err(Refused::Unfit)?;
    }
    let job = prepared.jobs.iter().find(|job| job.index == index);
    let work = job.and_then(|job| job.work.as_ref().ok());
    let taken = account.take(base, &source, work, base.session.data.now)?;
    if account.state() == Some(State::Suspended) {
        account.turn(Cause::Open, "its data can be used")?;
    }
    let _ = account.tell_waits()?;
    account.put(prepared, index, base).map_err(Refused::Changed)?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Project;
    use crate::plan::AT_ONCE;
    use chrono::NaiveDate;

    /// An account, and a sweep that is too long for all its sessions to hold their rules.
    const MANIFEST: &str = r#"
schema = 1
[session.account]
mode = "paper"
strategy = "buy-and-hold"
data = { path = "x.csv", timeframe = "1d" }
[session.long]
strategy = "buy-and-hold"
data = { path = "x.csv", timeframe = "1d" }
[session.long.sweep.axes]
"risk.stop_loss" = { from = 0.01, to = 0.2, count = 50 }
"#;

    #[test]
    fn an_account_is_opened_beside_a_sweep_that_runs_in_parts() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let rows = ["2020-01-01,2,2,2,2,1", "2020-01-02,2,2,2,2,1", ""].join("\n");
        std::fs::write(root.join("x.csv"), format!("date,open,high,low,close,volume\n{rows}"))
            .unwrap();
        let path = root.join("x.toml");
        std::fs::write(&path, MANIFEST).unwrap();
        let (layers, selection, mut mistakes) = Default::default();
        let project = Project::of(&path, Some(root), NaiveDate::from_ymd_opt(2020, 1, 9).unwrap());
        let read = Plan::read(&[path], vec![project], &layers, &selection, &mut mistakes);
        let mut plan = read.unwrap();
        let mut prepared = Prepared::new(&plan, &mut mistakes);
        assert!(plan.points.len() > AT_ONCE && !prepared.jobs.iter().any(Prepared::is_ready));

        let (store, holder) = (Store::at(root.join("output")), Holder::this_process("here", &[]));
        let open = |session: &str| Account::open(&store, session, &holder).map(Some);
        let mut night = Night::begin(&mut plan, &mut prepared, &store, &holder, open).unwrap();
        night.take(&plan, &mut prepared);
        assert_eq!(night.accounts[&0].taken, Ok(2));
        assert!(Prepared::is_ready(&prepared.jobs[0]) && prepared.jobs[0].work.is_ok());
    }
}
