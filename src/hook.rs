//! Hooks: commands of the user's that are told what happens, beside the work and never in its way.
//!
//! This process calls none of them. It starts another papertape (`papertape hook`, see [`supervise`])
//! in a process group of its own, with the event as a file at its standard input, and goes on. That
//! one starts the command, waits for it, and ends its whole group when its time is over. So a
//! command that sleeps, floods, fails or forks costs a run the start of a process, and what went
//! wrong with it stands in the store's log of hooks.

use crate::manifest::{Hook, Moment};
use crate::store::{Event, EventKind, JournalReader, Store, StoreError, append_event};
use chrono::Utc;
use std::env;
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many commands may be at work at a time; what happens beyond is not told, but logged.
const AT_ONCE: usize = 16;
/// How often a command is asked whether it has ended.
const TICK: Duration = Duration::from_millis(20);

/// The commands of a run.
#[derive(Debug)]
pub struct Hooks<'a> {
    hooks: &'a [Hook],
    directory: &'a Path,
    log: PathBuf,
    /// Those that may still be at work; an ended one is buried at the next occasion.
    running: Mutex<Vec<Child>>,
}

impl<'a> Hooks<'a> {
    /// The commands `hooks`, called in the project's `directory`.
    pub fn new(hooks: &'a [Hook], directory: &'a Path, store: &Store) -> Self {
        Self { hooks, directory, log: store.hook_log(), running: Mutex::default() }
    }

    /// The programs that are not there, each in a sentence.
    pub fn missing(&self) -> Vec<String> {
        let is_there = |program: &str| match program.contains('/') {
            true => self.directory.join(program).exists(),
            false => env::var_os("PATH").is_some_and(|path| {
                env::split_paths(&path).any(|folder| folder.join(program).is_file())
            }),
        };
        let missing = self.hooks.iter().filter(|hook| !is_there(&hook.command[0]));
        let told = |hook: &Hook| {
            format!(
                "the hook `{}` calls `{}`, and there is none",
                hook.moment.word(),
                hook.command[0]
            )
        };
        missing.map(told).collect()
    }

    /// Tell those that wait for this moment of `event`. It never fails, and never takes long.
    pub fn tell(&self, moment: Moment, event: &Event) {
        for hook in self.hooks.iter().filter(|hook| hook.moment == moment) {
            let mut running = self.running.lock().expect("nobody panics while holding it");
            running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            let started = match running.len() {
                0..AT_ONCE => self.start(hook, event),
                _ => Err(io::Error::other(format!("{AT_ONCE} commands are at work already"))),
            };
            match started {
                Ok(child) => running.push(child),
                Err(error) => log(&self.log, moment.word(), &hook.command, &error.to_string()),
            }
        }
    }

    /// Whether somebody waits for one of these moments.
    pub fn waits_for(&self, moments: &[Moment]) -> bool {
        self.hooks.iter().any(|hook| moments.contains(&hook.moment))
    }

    /// Tell what an account has written into its journal since it was read last.
    pub fn tell_of_account(&self, journal: &mut JournalReader) {
        for event in journal.read().0 {
            match event.kind {
                EventKind::Fill => self.tell(Moment::OnTrade, &event),
                EventKind::State => self.tell(Moment::OnState, &event),
                _ => {}
            }
        }
    }

    fn start(&self, hook: &Hook, event: &Event) -> io::Result<Child> {
        // A file, because a pipe that nobody reads would fill up.
        let mut input = tempfile::tempfile()?;
        serde_json::to_writer(&mut input, event)?;
        input.write_all(b"\n")?;
        input.rewind()?;
        Command::new(env::current_exe()?)
            .args(["hook", "--name", hook.moment.word()])
            .args(["--milliseconds", &hook.timeout.as_millis().to_string()])
            .arg("--log")
            .arg(&self.log)
            .arg("--")
            .args(&hook.command)
            .env("PAPERTAPE_HOOK", hook.moment.word())
            .current_dir(self.directory)
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    }
}

/// Call `command` for the hook `name`, end it after `timeout`, and log what went wrong.
pub fn supervise(name: &str, command: &[String], timeout: Duration, log_path: &Path) {
    let fact = match call(command, timeout) {
        Ok(Some(status)) if status.success() => return,
        Ok(Some(status)) => format!("ended with {status}"),
        Ok(None) => format!("was ended after {} s", timeout.as_secs_f64()),
        Err(error) => format!("cannot be started, {error}"),
    };
    log(log_path, name, command, &fact);
}

/// How `command` ended; `None` if its time was over.
fn call(command: &[String], timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    let mut child = Command::new(&command[0]).args(&command[1..]).process_group(0).spawn()?;
    while began.elapsed() < timeout {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(TICK);
    }
    // The shell's own `kill` reaches the group: what the command started has to end too.
    let group = child.id().to_string();
    let _ = Command::new("/bin/sh").args(["-c", "kill -s KILL -- -$0", &group]).status();
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// A log that cannot be written is nobody's business but its own.
fn log(path: &Path, name: &str, command: &[String], fact: &str) {
    let message = format!("the hook `{name}`, `{}`: {fact}", command.join(" "));
    let event = Event::new(Utc::now(), EventKind::Warning, message).phase("hook");
    let _: Result<(), StoreError> = append_event(path, &event);
}
