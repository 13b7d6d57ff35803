//! Commands to an account: left in its control directory, and obeyed at once where nobody holds it.

use super::reconcile::{how, manifest};
use super::which;
use crate::cli::context::{Context, Usage, host};
use crate::cli::exit::Exit;
use crate::cli::finding::store_with;
use crate::diag::{Mistakes, counted};
use crate::engine::OrderStatus;
use crate::hook::Hooks;
use crate::manifest::{Layers, Manifest, Project};
use crate::paper::obey::{Asked, Heard, Sent, is_exit};
use crate::paper::{self, Command};
use crate::store::{Control, Holder, JournalReader, Store, StoreError};
use anyhow::{Error, Result};
use chrono::Utc;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// The account that is told something.
#[derive(Debug, clap::Args)]
pub(super) struct Account {
    /// The name of its session [default: the only account there is]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
}

/// Change how an account trades: its size, its stops, its symbols, its parameters
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper adjust btc-paper --size 0.5
  papertape paper adjust btc-paper --param fast=12
  papertape paper adjust nightly --off TSLA")]
pub(super) struct Adjust {
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Multiply the size of later entries by this factor
    #[arg(long, value_name = "FACTOR", value_parser = number)]
    size: Option<f64>,
    /// Bring stops nearer by this fraction of their distance
    #[arg(long, value_name = "FRACTION", value_parser = number)]
    tighten: Option<f64>,
    /// Enter this symbol no more
    #[arg(long, value_name = "SYMBOL")]
    off: Option<String>,
    /// Enter this symbol again
    #[arg(long, value_name = "SYMBOL")]
    on: Option<String>,
    /// Another value for a parameter, within its bounds
    #[arg(long, value_name = "NAME=VALUE")]
    param: Option<String>,
}

/// A number on the command line; infinity is none.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "it is a number, such as 0.5".to_owned())
}

/// Orders that wait for approval.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper approve btc-paper 12
  papertape paper approve btc-paper --all
  papertape paper refuse btc-paper 12 13")]
pub(super) struct Orders {
    /// The name of its session [default: the only account there is], and the numbers of the orders, which
    /// `papertape paper status` shows
    #[arg(value_name = "[SESSION] ORDER", required_unless_present = "all")]
    words: Vec<String>,
    /// Every order that waits
    #[arg(long)]
    all: bool,
}

impl Orders {
    /// Tell the account `command` of each of the orders.
    pub(super) fn tell(
        self,
        command: impl Fn(Option<usize>) -> Command,
        context: &Context,
    ) -> Result<Exit> {
        let named = self.words.first().filter(|word| word.parse::<usize>().is_err());
        let store = store_with(named.map(String::as_str), context);
        let number = |word: &String| word.parse::<usize>().ok();
        let mut words = self.words;
        // A session may be called by a number too.
        let is_session = |word: &String| number(word).is_none() || store.account(word).exists();
        let session = words.first().is_some_and(is_session).then(|| words.remove(0));
        let account = Account { session };
        if let Some(wrong) = words.iter().find(|word| number(word).is_none()) {
            let fact = format!(
                "`{wrong}` is not the number of an order; `papertape paper status` shows them"
            );
            return Err(Usage(fact).into());
        }
        if words.is_empty() != self.all {
            let fact =
                "name the orders by their numbers, or `--all`; `papertape paper status` shows them";
            return Err(Usage(fact.into()).into());
        }
        let orders: Vec<Option<usize>> =
            if self.all { vec![None] } else { words.iter().map(number).collect() };
        let mut exit = Exit::Success;
        for order in orders {
            exit = account.tell(command(order), context)?;
            if exit != Exit::Success {
                break;
            }
        }
        Ok(exit)
    }
}

impl Adjust {
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let What { size, tighten, off, on, param } = self.what;
        let command = if let Some(factor) = size {
            Command::Size { factor }
        } else if let Some(fraction) = tighten {
            Command::Tighten { fraction }
        } else if let Some(symbol) = off {
            Command::Symbol { symbol, allowed: false }
        } else if let Some(symbol) = on {
            Command::Symbol { symbol, allowed: true }
        } else {
            let text = param.unwrap_or_default();
            let Some((name, value)) = text.split_once('=') else {
                let fact = format!("`--param {text}` is not NAME=VALUE, such as fast=12");
                return Err(Usage(fact).into());
            };
            // A number or a truth value is written as such; everything else is a text.
            let value = serde_json::from_str(value).ok().filter(|it: &Value| !it.is_null());
            let value = value.unwrap_or_else(|| text[name.len() + 1..].into());
            Command::Param { name: name.to_owned(), value }
        };
        self.account.tell(command, context)
    }
}

/// What became of what was asked of an account.
enum Answer {
    Accepted,
    Refused(String),
    /// It was put aside under this name, and what comes next.
    Aside(String, &'static str),
    /// Nobody answered.
    None(String),
}

impl Account {
    fn name(&self, store: &Store) -> Result<String> {
        Ok(which(store, self.session.as_deref())?.map_err(Usage)?)
    }

    /// Tell the account `command`, and say what it answers.
    pub(super) fn tell(&self, command: Command, context: &Context) -> Result<Exit> {
        let said = command.to_string();
        self.ask(Asked::Give(command), &said, context)
    }

    /// Put the account aside.
    pub(super) fn restart(&self, context: &Context) -> Result<Exit> {
        self.ask(Asked::Restart, "", context)
    }

    fn ask(&self, asked: Asked, said: &str, context: &Context) -> Result<Exit> {
        let store = store_with(self.session.as_deref(), context);
        let name = self.name(&store)?;
        let closes = asked == Asked::Give(Command::CloseAll);
        let cancels = asked == Asked::Give(Command::CancelOrders);
        let exits = if cancels { orders_that_wait(&store, &name, is_exit)? } else { 0 };
        let tightens = matches!(asked, Asked::Give(Command::Tighten { .. }));
        // What stands there was told before.
        let journal = store.account_journal(&name).from_now();
        let (answer, is_ours) = ask(&store, &name, asked)?;
        if is_ours {
            let now = match &answer {
                Answer::Aside(aside, _) => aside,
                _ => &name,
            };
            let mut journal = journal.moved(store.account_journal(now));
            tell_hooks(&store, now, &mut journal, context)?;
        }
        if closes && matches!(answer, Answer::Accepted) {
            let count = orders_that_wait(&store, &name, |intent| intent.starts_with("open"))?;
            if count > 0 {
                let orders = counted(count, "order to open");
                context.warn(format!("{name}: {orders} may still be filled; `papertape paper cancel-orders {name}` takes back what waits"));
            }
        }
        if exits > 0 && matches!(answer, Answer::Accepted) {
            let exits = counted(exits, "order to close");
            context.warn(format!("{name}: {exits} is taken back as well; what is held stays until it is decided again, or a stop or target is met"));
        }
        if tightens
            && matches!(answer, Answer::Accepted)
            && how(&store.account(&name))?["has_stops"] == false
        {
            context.warn(format!("{name}: it has no stops: neither `risk.stop_loss` nor `risk.trailing_stop`, nor a rule `stop`"));
        }
        answer.say(&name, said, context)
    }
}

impl Answer {
    /// Say what the account `name` answers; `said` is what it was told.
    fn say(self, name: &str, said: &str, context: &Context) -> Result<Exit> {
        match self {
            Self::Accepted => context.say(&format!("{name}: {said}")),
            Self::Aside(aside, then) => {
                context.say(&format!("{name}: put aside as `{aside}`; {then}"));
            }
            Self::Refused(fact) => return Err(Usage(format!("{name}: {fact}")).into()),
            Self::None(holder) => {
                context.complain(&format!(
                    "error: {name}: {holder} holds the account and does not answer; the command was taken back"
                ));
                return Ok(Exit::Locked);
            }
        }
        Ok(Exit::Success)
    }
}

pub(super) fn this_process() -> Holder {
    let command_line: Vec<String> = std::env::args().collect();
    Holder::this_process(host(), &command_line)
}

/// Who gives a command: a user on a machine. The environment is not asked, where anybody may write any
/// name.
pub(super) fn who() -> String {
    format!("{}@{}", owner(), host())
}

/// The user to whom this process belongs: the name, or else the number.
#[cfg(unix)]
fn owner() -> String {
    let number = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| number.to_string())
}

#[cfg(not(unix))]
fn owner() -> String {
    "somebody".into()
}

/// Tell the hooks of the manifest with which the account `name` was run last what its journal says since
/// it was read: nobody else does where nobody holds the account.
fn tell_hooks(
    store: &Store,
    name: &str,
    journal: &mut JournalReader,
    context: &Context,
) -> Result<()> {
    let Some(path) = manifest(&store.account(name), context)? else { return Ok(()) };
    let project = Project::of(&path, context.root.as_deref(), Utc::now().date_naive());
    let layers = Layers { profile: None, set: &[], unset: &[] };
    // Its mistakes are told by whoever runs it.
    if let Some(manifest) = Manifest::read(&path, &project, &layers, &mut Mistakes::default()) {
        Hooks::new(&manifest.run.hooks, &project.root, store).tell_of_account(journal);
    }
    Ok(())
}

/// Leave what is asked of the account `name` in its control directory until it is answered in the
/// journal, by whoever holds the account, or by this process if nobody does; and whether it was this one.
fn ask(store: &Store, name: &str, asked: Asked) -> Result<(Answer, bool)> {
    let mut is_ours = false;
    let (began, holder) = (Instant::now(), this_process());
    let mut journal = store.account_journal(name).from_now();
    let sent = Sent { by: who(), at: Some(Utc::now()), asked };
    let control = Control::open(store.account(name).control())?;
    let mut id = control.send(&sent)?;
    loop {
        // In this order: it is taken away once it is answered.
        let waits = control.waits(&id);
        if let Some(answer) = answered(&mut journal, &id) {
            return Ok((answer, is_ours));
        }
        // Whoever begins the account anew answers in a moment.
        if !waits && began.elapsed() < PATIENCE {
            std::thread::sleep(PAUSE);
            continue;
        }
        match paper::Account::open(store, name, &holder) {
            Ok(account) => {
                if !waits {
                    id = control.send(&sent)?;
                }
                is_ours = true;
                let aside = obey(account, &id, store, &holder);
                // Who is told that it failed tells it again: it must not be obeyed twice.
                let aside = aside.map_err(|error| match answered(&mut journal, &id) {
                    Some(_) => Error::new(error).context("the account was told, and that holds"),
                    None => control.remove(&id).err().unwrap_or(error).into(),
                })?;
                if let Some(aside) = aside {
                    return Ok((Answer::Aside(aside, "the next run opens a new account"), is_ours));
                }
            }
            Err(StoreError::Locked { holder, .. }) if began.elapsed() > PATIENCE => {
                control.remove(&id)?;
                let answer = answered(&mut journal, &id).unwrap_or(Answer::None(holder));
                return Ok((answer, is_ours));
            }
            Err(StoreError::Locked { .. }) => std::thread::sleep(PAUSE),
            Err(error) => {
                control.remove(&id)?;
                return Err(error.into());
            }
        }
    }
}

/// Do what waits for an account that nobody held; where that puts it aside as `id` asks, under which name.
fn obey(
    mut account: paper::Account,
    id: &str,
    store: &Store,
    holder: &Holder,
) -> Result<Option<String>, StoreError> {
    loop {
        match account.obey()?.last() {
            Some(Heard::Restart(own)) if own.id == id => return account.put_aside(id).map(Some),
            // Whoever asked for that may wait for an answer.
            Some(Heard::Restart(other)) => account = account.anew(other, store, holder)?,
            _ => return Ok(None),
        }
    }
}

/// How many orders with such an intent the account `name` has that wait, as far as its last walk tells.
fn orders_that_wait(store: &Store, name: &str, is_such: impl Fn(&str) -> bool) -> Result<usize> {
    let view = how(&store.account(name))?;
    let orders = view["orders"].as_array().into_iter().flatten();
    let is_such = |order: &&Value| order["intent"].as_str().is_some_and(&is_such);
    Ok(orders
        .filter(is_such)
        .filter(|order| order["status"] == OrderStatus::Pending.words())
        .count())
}

/// What the journal says of the command `id` since it was read last.
fn answered(journal: &mut JournalReader, id: &str) -> Option<Answer> {
    let (events, _) = journal.read();
    let event =
        events.iter().rev().find(|event| event.facts.get("id").is_some_and(|it| it == id))?;
    let fact = |name: &str| event.facts.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(match (fact("refused"), fact("aside")) {
        (Some(refused), _) => Answer::Refused(refused),
        (_, Some(aside)) => Answer::Aside(aside, "a new account takes its place"),
        _ => Answer::Accepted,
    })
}
