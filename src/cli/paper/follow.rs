//! `papertape paper follow`: an account in the foreground, bar by bar.

use super::screen::Screen;
use crate::cli::context::{Context, Usage, host};
use crate::cli::exit::Exit;
use crate::cli::planning::{Planned, Planning};
use crate::cli::run::Signals;
use crate::diag::counted;
use crate::hook::Hooks;
use crate::manifest::{Mode, Moment};
use crate::market::Growing;
use crate::paper::follow::{End, Feed, Follower, News, Restart, Sight};
use crate::paper::{Account, Refused, replay};
use crate::plan::Plan;
use crate::store::{Holder, Store, StoreError};
use anyhow::Result;
use chrono::{DateTime, Utc};
use console::{Term, truncate_str};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Follow a paper session in the foreground: fill as bars complete, until it is told to stop
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
    /// Show the account on the whole screen instead of in a line
    #[arg(long)]
    screen: bool,
}

/// A pace of history; `None` for as fast as it can be taken.
#[derive(Debug, Clone, Copy)]
struct Pace(Option<f64>);

fn pace(text: &str) -> Result<Pace, String> {
    replay::pace(text).map(Pace)
}

impl Follow {
    pub(super) fn run(mut self, context: &Context) -> Result<Exit> {
        let signals = Signals::listen()?;
        self.planning.find_sessions(context)?;
        let planned = match self.planning.plan_with(context, only_paper)? {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        let Planned { mut plan, mut prepared, store, projects, .. } = planned;
        let names: Vec<String> = plan.points.iter().map(|it| plan.base(it).key(it)).collect();
        if names.len() != 1 {
            let fact = match names.len() {
                0 => "there is no session with `mode = \"paper\"` here".to_owned(),
                _ => format!("follow one at a time, with `--session`: {}", names.join(", ")),
            };
            return Err(Usage(fact).into());
        }
        let command_line: Vec<String> = std::env::args().collect();
        let holder = Holder::this_process(host(), &command_line);
        let mut account = Account::open(&store, &names[0], &holder)?;
        let ended = Arc::new(AtomicBool::new(false));
        if self.stdin {
            let spool = account.directory().reader().feed(&names[0]);
            let session = &mut plan.bases[plan.points[0].base].session;
            let symbol = session.symbols.as_ref().and_then(|it| it.first()).cloned();
            let spool = spool.with_file_name(symbol.unwrap_or_else(|| names[0].clone()));
            let Some(path) = spool_lines(spool, ended.clone(), &|| signals.exit().is_some())?
            else {
                return Ok(signals.exit().unwrap_or(Exit::Success));
            };
            session.data.written = vec![path.display().to_string()];
            session.data.paths = vec![path];
        }
        let base = plan.base(&plan.points[0]);
        let feed = || {
            let files = Growing::new(&base.session.data);
            match self.replay {
                None => Feed::Files(files),
                Some(Pace(pace)) => Feed::Replay { files, history: None, pace },
            }
        };
        let hooks = Hooks::new(&plan.run.hooks, &projects[0].root, &store);
        hooks.missing().iter().for_each(|missing| context.warn(missing));
        let is_told = hooks.waits_for(&[Moment::OnTrade, Moment::OnState]);
        let screen = self.screen.then(|| Screen::of(&store, &names[0]));
        let mut show = Show::new(context, screen, names[0].clone());
        let mut journal = store.account_journal(&names[0]);
        // What stands there was told before.
        let _ = journal.read();
        let followed = loop {
            let followed =
                Follower::begin(account, &plan, prepared, 0, feed()).and_then(|mut follower| {
                    follower.exhausted_when(ended.clone());
                    let end = follower.follow(
                        || signals.exit().is_some(),
                        |sight, news| {
                            if is_told {
                                hooks.tell_of_account(&mut journal);
                            }
                            show.see(sight, news);
                        },
                    )?;
                    Ok((end, follower))
                });
            match followed {
                Ok((End::Restart(restart), follower)) => {
                    let old;
                    (old, prepared) = follower.into_parts();
                    account = anew(old, &restart, &store, &holder)?;
                    journal = store.account_journal(&names[0]);
                    show.say(&format!("begun anew by {}", restart.by), false);
                }
                Ok((end, _)) => break Ok(end),
                Err(refused) => break Err(refused),
            }
        };
        if is_told {
            hooks.tell_of_account(&mut journal);
        }
        show.end();
        match followed {
            Ok(End::Told | End::Restart(_)) => Ok(signals.exit().unwrap_or(Exit::Success)),
            Ok(End::Closed) => {
                context.say(&format!("{}: the account is closed", names[0]));
                Ok(Exit::Success)
            }
            Ok(End::Exhausted) => Ok(Exit::Success),
            Err(Refused::Account(fact)) => {
                context.complain(&format!("{}: refused: {fact}", names[0]));
                Ok(Exit::Failed)
            }
            Err(Refused::Store(error)) => Err(error.into()),
        }
    }
}

/// How long somebody else may look at an account that is just being opened.
const GLANCE: Duration = Duration::from_secs(2);

/// Put an account aside and open a new one, which answers whoever asked for that.
fn anew(
    account: Account,
    restart: &Restart,
    store: &Store,
    holder: &Holder,
) -> Result<Account, StoreError> {
    let name = account.name().to_owned();
    let aside = account.put_aside(&restart.by, &super::command::stamp())?;
    let began = Instant::now();
    let mut account = loop {
        match Account::open(store, &name, holder) {
            Err(StoreError::Locked { .. }) if began.elapsed() < GLANCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => break opened?,
        }
    };
    account.begun_anew(&restart.by, &restart.id, &aside)?;
    Ok(account)
}

/// The paper sessions of a plan.
fn only_paper(mut plan: Plan, _: &[crate::manifest::Project]) -> Plan {
    let bases = &plan.bases;
    plan.points.retain(|point| bases[point.base].session.mode == Mode::Paper);
    plan
}

/// Write the lines of standard input to a file of the account, as they come: what came is not lost, and
/// the account follows the file. The file, once its first line is there; `None` if there is none.
fn spool_lines(
    spool: PathBuf,
    ended: Arc<AtomicBool>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<PathBuf>> {
    let (sender, receiver) = std::sync::mpsc::channel::<PathBuf>();
    if let Some(directory) = spool.parent() {
        crate::store::create_directories(directory)?;
    }
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lock();
        let mut line = Vec::new();
        let mut file = None;
        // Whoever cannot be written to any more is told by the silence of the feed.
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if file.is_none() {
                let ending = if line.first() == Some(&b'{') { "jsonl" } else { "csv" };
                let name = format!("{}.{ending}", spool.display());
                let path = PathBuf::from(name);
                file = std::fs::OpenOptions::new().create(true).append(true).open(&path).ok();
                let _ = sender.send(path);
            }
            let wrote = file.as_mut().is_some_and(|file| file.write_all(&line).is_ok());
            if !wrote {
                break;
            }
            line.clear();
        }
        ended.store(true, Ordering::Relaxed);
    });
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(path) => return Ok(Some(path)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) if stop() => return Ok(None),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

/// What a person sees while an account is followed.
struct Show<'a> {
    context: &'a Context,
    name: String,
    terminal: Option<Term>,
    screen: Option<Screen>,
    drawn: Option<Instant>,
}

/// How often a line or screen is drawn again.
const REDRAW: Duration = Duration::from_millis(500);

impl<'a> Show<'a> {
    fn new(context: &'a Context, screen: Option<Screen>, name: String) -> Self {
        let terminal = Some(Term::stderr()).filter(|term| term.is_term() && !context.quiet);
        Self { context, name, screen: screen.filter(|_| terminal.is_some()), terminal, drawn: None }
    }

    fn see(&mut self, sight: &Sight, news: News) {
        match news {
            News::None => {}
            News::Warning(text) => self.say(&text, true),
            News::State(state, fact) => self.say(&format!("{state}: {fact}"), false),
            News::Told(said) => self.say(&said, false),
            News::Settled(settled) if settled.fills > 0 => {
                let fills = counted(settled.fills, "new fill");
                self.say(&format!("{}, equity {:.2}, {fills}", at(sight), sight.equity), false);
            }
            News::Settled(_) => {}
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw(sight);
        }
    }

    /// Write a line that stays; on a screen the account's journal tells it.
    fn say(&self, line: &str, warns: bool) {
        if self.screen.is_some() {
            return;
        }
        if self.terminal.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
        let line = format!("{}: {line}", self.name);
        if warns { self.context.warn(&line) } else { self.context.say(&line) }
    }

    fn draw(&mut self, sight: &Sight) {
        let Some(terminal) = &self.terminal else { return };
        self.drawn = Some(Instant::now());
        let (height, width) = terminal.size();
        let size = (usize::from(height), usize::from(width));
        let text = match &mut self.screen {
            Some(screen) => screen.draw(sight, size, Utc::now()),
            None => {
                let line = status_line(&self.name, sight);
                format!("\r\x1b[K{}", truncate_str(&line, size.1.saturating_sub(1), "…"))
            }
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn end(&self) {
        if self.drawn.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\n");
        }
    }
}

/// An account on one line.
fn status_line(name: &str, sight: &Sight) -> String {
    let Sight { state, equity, profit, trades, wins, losses, .. } = sight;
    let latency = sight.latency.map_or(String::new(), |it| format!(", {:.0} ms", it * 1e3));
    let trades = format!("{trades} trades ({wins} won, {losses} lost)");
    let at = at(sight);
    format!("{name} {state}, {at}, equity {equity:.2}, profit {profit:+.2}, {trades}{latency}")
}

/// The last bar, for people.
fn at(sight: &Sight) -> String {
    let time = sight.last_bar.and_then(DateTime::from_timestamp_micros);
    time.map_or("no bar yet".into(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}
