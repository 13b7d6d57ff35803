//! Commands to an account: given at once where nobody follows it, else through its control directory.

use super::which;
use crate::cli::context::{Context, Usage, host};
use crate::cli::exit::Exit;
use crate::paper::follow::Sent;
use crate::paper::{self, Command};
use crate::store::{Control, Holder, Store, StoreError};
use anyhow::Result;
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
    #[arg(long, value_name = "FACTOR")]
    size: Option<f64>,
    /// Bring stops nearer by this fraction of their distance
    #[arg(long, value_name = "FRACTION")]
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

/// What became of a command.
enum Answer {
    Accepted,
    Refused(String),
    /// Nobody answered.
    None(String),
}

impl Account {
    fn name(&self, store: &Store) -> Result<String> {
        Ok(which(store, self.session.as_deref())?.map_err(Usage)?)
    }

    /// Tell the account `command`, and say what it answers.
    pub(super) fn tell(&self, command: Command, context: &Context) -> Result<Exit> {
        let store = context.store();
        let name = self.name(&store)?;
        let said = command.to_string();
        match give(&store, &name, command)? {
            Answer::Accepted => {
                context.say(&format!("{name}: {said}"));
                Ok(Exit::Success)
            }
            Answer::Refused(fact) => Err(Usage(format!("{name}: {fact}")).into()),
            Answer::None(holder) => {
                context.complain(&format!(
                    "error: {name}: {holder} holds the account and does not answer; the command was taken back"
                ));
                Ok(Exit::Locked)
            }
        }
    }

    /// Put the account aside.
    pub(super) fn restart(&self, context: &Context) -> Result<Exit> {
        let store = context.store();
        let name = self.name(&store)?;
        let account = paper::Account::open(&store, &name, &this_process())?;
        let stamp = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let aside = account.put_aside(&who(), &stamp)?;
        context.say(&format!("{name}: put aside as `{aside}`; the next run opens a new account"));
        Ok(Exit::Success)
    }
}

pub(super) fn this_process() -> Holder {
    let command_line: Vec<String> = std::env::args().collect();
    Holder::this_process(host(), &command_line)
}

/// Who gives a command: a user on a machine.
pub(super) fn who() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    format!("{}@{}", user.unwrap_or_else(|| "somebody".into()), host())
}

/// Give a command to the account itself if nobody holds it; else leave it in its control directory
/// until it is answered in the journal.
fn give(store: &Store, name: &str, command: Command) -> Result<Answer, StoreError> {
    let (began, by) = (Instant::now(), who());
    let mut sent: Option<(Control, String)> = None;
    loop {
        match paper::Account::open(store, name, &this_process()) {
            Ok(mut account) => {
                if let Some((control, id)) = &sent {
                    if let Some(answer) = answered(store, name, id) {
                        return Ok(answer);
                    }
                    control.remove(id)?;
                }
                let id = uuid::Uuid::now_v7().to_string();
                return Ok(match account.give(&by, &id, command)? {
                    Ok(()) => Answer::Accepted,
                    Err(fact) => Answer::Refused(fact),
                });
            }
            Err(StoreError::Locked { holder, .. }) => {
                let (control, id) = match &sent {
                    Some(sent) => sent,
                    None => {
                        let control = Control::open(store.account(name).control())?;
                        let command = command.clone();
                        let id = control.send(&Sent { by: by.clone(), command })?;
                        sent.insert((control, id))
                    }
                };
                if let Some(answer) = answered(store, name, id) {
                    return Ok(answer);
                }
                if began.elapsed() > PATIENCE {
                    control.remove(id)?;
                    return Ok(Answer::None(holder));
                }
            }
            Err(error) => return Err(error),
        }
        std::thread::sleep(PAUSE);
    }
}

/// What the journal says of the command `id`.
fn answered(store: &Store, name: &str, id: &str) -> Option<Answer> {
    let (events, _) = store.account(name).journal();
    let event =
        events.iter().rev().find(|event| event.facts.get("id").is_some_and(|it| it == id))?;
    Some(match event.facts.get("refused").and_then(Value::as_str) {
        Some(fact) => Answer::Refused(fact.to_owned()),
        None => Answer::Accepted,
    })
}
