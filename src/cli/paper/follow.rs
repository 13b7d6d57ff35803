//! `papertape paper follow`: accounts in the foreground, bar by bar.

use super::screen::Screen;
use super::show::Show;
use super::spool::Spool;
use crate::cli::context::{Context, Usage, host};
use crate::cli::exit::Exit;
use crate::cli::planning::{Planned, Planning};
use crate::cli::signals::Signals;
use crate::diag::{Mistakes, counted};
use crate::hook::Hooks;
use crate::manifest::{Mode, Moment};
use crate::market::Growing;
use crate::paper::follow::{End, Feed, Follower};
use crate::paper::{Account, Clock, Refused, replay};
use crate::plan::{Plan, Prepared};
use crate::store::{Holder, Level, Store};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::ScopedJoinHandle;

/// Follow paper sessions in the foreground: fill as bars complete, until they are told to stop
///
/// What is named are sessions, which are looked for in the manifests of `sessions/`, or manifests,
/// whose paper sessions are all followed. If nothing is named it is the only manifest of `sessions/` that
/// has some.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper follow btc-paper
  papertape paper follow sessions/nightly.toml --session btc-paper --replay 60x
  feed-of-mine | papertape paper follow btc-paper --stdin")]
pub(super) struct Follow {
    #[command(flatten)]
    planning: Planning,
    /// Read lines of CSV (the first names the columns) or JSON from standard input, instead of files
    #[arg(long, conflicts_with = "replay")]
    stdin: bool,
    /// Play the history of the session's files again, so many times faster: `60x`, or `max`
    #[arg(long, value_name = "PACE", value_parser = pace)]
    replay: Option<Pace>,
    /// Show the accounts on the whole screen instead of in a line
    #[arg(long)]
    screen: bool,
    /// Move the clock by the seconds in this file, for tests
    #[arg(long, value_name = "FILE", hide = true)]
    clock_moved_by: Option<PathBuf>,
}

/// A pace of history; `None` for as fast as it can be taken.
#[derive(Debug, Clone, Copy)]
struct Pace(Option<f64>);

fn pace(text: &str) -> Result<Pace, String> {
    replay::pace(text).map(Pace)
}

impl Follow {
    pub(super) fn run(mut self, context: &Context) -> Result<Exit> {
        let signals = Signals::listen(context, "its next start goes on where it was")?;
        self.planning.advances = true;
        self.planning.find_paper(context);
        self.planning.find_sessions(context)?;
        let mut backtests = 0;
        let only_paper = |mut plan: Plan| {
            let (bases, all) = (&plan.bases, plan.points.len());
            plan.points.retain(|point| bases[point.base].session.mode == Mode::Paper);
            backtests = all - plan.points.len();
            plan
        };
        let planned = match self.planning.plan_with(context, only_paper)? {
            Ok(planned) => planned,
            Err(Exit::Nothing) if backtests > 0 => {
                let those = counted(backtests, "backtest");
                context.say(&format!(
                    "{those} left out: `mode = \"paper\"` gives a session an account"
                ));
                return Ok(Exit::Nothing);
            }
            Err(exit) => return Ok(exit),
        };
        signals.begin();
        let Planned { mut plan, prepared, store, .. } = planned;
        let names: Vec<String> = plan.points.iter().map(|it| plan.base(it).key(it)).collect();
        let is_one = names.len() == 1;
        if !is_one && self.stdin {
            let fact = format!("`--stdin` is for one session; choose it: {}", names.join(", "));
            return Err(Usage(fact).into());
        }
        let (commands, root) = (plan.run.hooks.clone(), plan.project().root.clone());
        let hooks = Hooks::new(&commands, &root, &store);
        hooks.missing().iter().for_each(|missing| context.warn(missing));
        let screen = self.screen.then(|| Screen::of(&store, &names));
        let command_line: Vec<String> = std::env::args().collect();
        let mut desk = Desk {
            signals: &signals,
            store: &store,
            holder: Holder::this_process(host(), &command_line),
            hooks: &hooks,
            replay: self.replay,
            clock_moved_by: self.clock_moved_by,
            ended: Arc::default(),
            show: Mutex::new(Show::new(context, screen, names)),
        };
        if is_one && self.stdin {
            let Some(spool) = desk.lines(&mut plan, context)? else {
                if signals.exit().is_none() {
                    context.say("standard input has ended, and no line came");
                }
                return Ok(signals.exit().unwrap_or(Exit::Success));
            };
            desk.ended = spool.ended();
            let exit = desk.follow(0, &plan, prepared)?;
            return spool.conclude(context).map(|()| exit);
        }
        if is_one {
            return desk.follow(0, &plan, prepared);
        }
        // Each account has data of its own, and a thread that only sleeps while nothing happens.
        drop(prepared);
        let plans = plan.points.iter().map(|it| Plan { points: vec![*it], ..plan.clone() });
        let plans: Vec<Plan> = plans.collect();
        let follow = |number: usize, plan: &Plan| {
            let prepared = Prepared::new(plan, &mut Mistakes::default());
            let followed = desk.follow(number, plan, prepared);
            followed.unwrap_or_else(|error| {
                desk.show().say(number, &format!("error: {error:#}"), Level::Error);
                crate::cli::exit_of(&error)
            })
        };
        let exits = std::thread::scope(|scope| {
            let threads: Vec<_> = plans
                .iter()
                .enumerate()
                .map(|(number, plan)| scope.spawn(move || follow(number, plan)))
                .collect();
            let exit = |thread: ScopedJoinHandle<'_, Exit>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(exit).collect::<Vec<_>>()
        });
        Ok(Exit::gravest(exits))
    }
}

/// What the accounts that one process follows have in common.
struct Desk<'a> {
    signals: &'a Signals,
    store: &'a Store,
    holder: Holder,
    hooks: &'a Hooks<'a>,
    replay: Option<Pace>,
    clock_moved_by: Option<PathBuf>,
    /// Standard input has come to its end.
    ended: Arc<AtomicBool>,
    show: Mutex<Show<'a>>,
}

impl<'a> Desk<'a> {
    /// Follow the account of the only session of `plan`, which is number `number` of those that are
    /// shown, until it ends.
    fn follow(&self, number: usize, plan: &Plan, mut prepared: Prepared) -> Result<Exit> {
        let base = plan.base(&plan.points[0]);
        let name = &base.session.name;
        let mut account = Account::open_soon(self.store, name, &self.holder)?;
        let is_told = self.hooks.waits_for(&[Moment::OnTrade, Moment::OnState]);
        // What stands there was told before.
        let mut journal = self.store.account_journal(name).from_now();
        let followed = loop {
            let data = account.terms().map(|terms| terms.reads(&base.session.data));
            let data = data.unwrap_or_else(|| (*base.session.data).clone());
            let feed = match self.replay {
                None => Feed::Files(Growing::new(&data)),
                Some(Pace(pace)) => {
                    Feed::Replay { files: Growing::history(&data), history: None, pace }
                }
            };
            let begun = Follower::begin(account, plan, prepared, 0, feed);
            let followed = begun.and_then(|mut follower| {
                follower.exhausted_when(self.ended.clone());
                follower.judge_by(Clock::new(self.clock_moved_by.clone()));
                let end = follower.follow(
                    || self.signals.exit().is_some(),
                    |sight, news| {
                        if is_told {
                            self.hooks.tell_of_account(&mut journal);
                        }
                        self.show().see(number, sight, news);
                    },
                )?;
                Ok((end, follower))
            });
            match followed {
                Ok((End::Restart(restart), follower)) => {
                    if is_told {
                        self.hooks.tell_of_account(&mut journal);
                    }
                    let old;
                    (old, prepared) = follower.into_parts();
                    account = old.anew(&restart, self.store, &self.holder)?;
                    journal = self.store.account_journal(name);
                    self.show().say(number, &format!("begun anew by {}", restart.by), Level::Info);
                }
                Ok((end, _)) => break Ok(end),
                Err(refused) => break Err(refused),
            }
        };
        if is_told {
            self.hooks.tell_of_account(&mut journal);
        }
        self.show().end(number);
        match followed {
            Ok(End::Told | End::Restart(_)) => Ok(self.signals.exit().unwrap_or(Exit::Success)),
            Ok(End::Closed) => {
                self.show().say(number, "the account is closed", Level::Info);
                Ok(Exit::Success)
            }
            Ok(End::Unfit(fact)) => {
                self.show().say(number, &format!("suspended: {fact}"), Level::Error);
                Ok(Exit::Failed)
            }
            Ok(End::Exhausted) => Ok(Exit::Success),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(refused) => {
                self.show().say(number, &format!("refused: {refused}"), Level::Error);
                Ok(Exit::Failed)
            }
        }
    }

    fn show(&self) -> MutexGuard<'_, Show<'a>> {
        self.show.lock().expect("nobody panics while it draws")
    }

    /// Wait for the first line of standard input, and let the only session of `plan` follow the file in
    /// which it is kept; `None` if none comes.
    fn lines(&self, plan: &mut Plan, context: &Context) -> Result<Option<Spool>> {
        let session = &mut plan.bases[plan.points[0].base].session;
        let symbol = session.symbols.as_ref().and_then(|it| it.first()).unwrap_or(&session.name);
        let account = self.store.account(&session.name);
        // Who has the account has its feed, too.
        drop(Account::open_soon(self.store, &session.name, &self.holder)?);
        let stop = || self.signals.exit().is_some();
        let Some(spool) = Spool::open(&account.feed(symbol), &session.data, stop, context)? else {
            return Ok(None);
        };
        let data = Arc::make_mut(&mut session.data);
        data.written = vec![spool.path().display().to_string()];
        data.paths = vec![spool.path().to_owned()];
        Ok(Some(spool))
    }
}
