//! Hooks: commands of the user's that are told what happens, beside the work and never in its way.
//!
//! This process calls none of them. It starts another papertape (`papertape hook`, see [`supervise`])
//! in a process group of its own, with the event as a file at its standard input, and goes on. That
//! one gives way to all others, starts the command, waits for it and for what it started, and ends them
//! all when their time is over or when they write without end. So a command that sleeps, floods, fails
//! or forks costs a run the start of a process, and what went wrong with it stands in the store's log of
//! hooks.

use crate::manifest::{Hook, Moment};
use crate::store::{Event, EventKind, JournalReader, Store, StoreError, append_event};
use chrono::Utc;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, nice, wait};
use std::env;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How many commands may be at work when a fill or a state is told, of which there may be any number; what
/// happens beyond is not told, but logged. What happens once in a run is always told.
const AT_ONCE: usize = 16;
/// How often a command is asked whether it has ended.
const TICK: Duration = Duration::from_millis(20);
/// The bytes that a command may write, which go nowhere: one that writes more has run wild.
const WORDS: u64 = 1 << 20;
/// The lowest priority: a command gets the processor when nobody else wants it.
const LOWEST: i32 = 19;
/// How often what cannot be ended is tried.
const ATTEMPTS: usize = 100;

/// The commands of a run.
#[derive(Debug)]
pub struct Hooks<'a> {
    hooks: &'a [Hook],
    directory: &'a Path,
    log: PathBuf,
    running: Mutex<Running>,
}

/// The commands that may still be at work; an ended one is buried at the next occasion.
#[derive(Debug, Default)]
struct Running {
    children: Vec<Child>,
    /// Something was not told, for they were too many, and nothing was told since.
    is_full: bool,
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
            let Running { children, is_full } = &mut *running;
            children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            let is_one_of_many = matches!(moment, Moment::OnTrade | Moment::OnState);
            let was_full = *is_full;
            *is_full = is_one_of_many && children.len() >= AT_ONCE;
            if *is_full {
                if !was_full {
                    let fact = format!(
                        "{AT_ONCE} commands are at work already; what happens until one ends is not told"
                    );
                    log(&self.log, moment.word(), &hook.command, &fact);
                }
                continue;
            }
            match self.start(hook, event) {
                Ok(child) => children.push(child),
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
        Command::new(this_program()?)
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

/// This program, even if another version has taken its place since it was started.
fn this_program() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    Ok(if cfg!(target_os = "linux") && !path.exists() { "/proc/self/exe".into() } else { path })
}

/// How a command ended.
enum End {
    /// By itself.
    Ended(ExitStatus),
    /// Its time was over.
    Late,
    /// It wrote too much.
    Flooded,
}

/// Call `command` for the hook `name`, end it after `timeout`, and log what went wrong.
pub fn supervise(name: &str, command: &[String], timeout: Duration, log_path: &Path) {
    let fact = match call(command, timeout) {
        Ok(End::Ended(status)) if status.success() => return,
        Ok(End::Ended(status)) => format!("ended with {status}"),
        Ok(End::Late) => format!("was ended after {} s", timeout.as_secs_f64()),
        Ok(End::Flooded) => format!("was ended: it wrote more than {} MB", WORDS >> 20),
        Err(error) => format!("cannot be started, {error}"),
    };
    log(log_path, name, command, &fact);
}

/// How `command` ended. When this returns nothing that it started is left: what outlives it has until
/// `timeout` too.
fn call(command: &[String], timeout: Duration) -> io::Result<End> {
    let began = Instant::now();
    // Where this is not allowed the command is called all the same.
    let _ = (nice(LOWEST), keep_to_one_processor(), adopt_orphans());
    let (reader, writer) = io::pipe()?;
    let child = Command::new(&command[0])
        .args(&command[1..])
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    let child = Pid::from_child(&child);
    // The pipe stays open, so that whoever floods it waits for its end instead of making one.
    let listen = move || {
        let heard = io::copy(&mut (&reader).take(WORDS), &mut io::sink());
        (heard.is_ok_and(|heard| heard == WORDS), reader)
    };
    let mut listens = Some(thread::spawn(listen));
    let mut ended = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((process, status))) if process == child => {
                ended = Some(End::Ended(ExitStatus::from_raw(status.as_raw())));
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                let heard = listens.take_if(|it| it.is_finished()).and_then(|it| it.join().ok());
                let has_flooded = heard.is_some_and(|(has_flooded, _)| has_flooded);
                let reason = match began.elapsed() < timeout {
                    true => has_flooded.then_some(End::Flooded),
                    false => Some(End::Late),
                };
                if let Some(reason) = reason {
                    end_all(ended.is_none().then_some(child));
                    return Ok(ended.unwrap_or(reason));
                }
                thread::sleep(TICK);
            }
            // There is no child any more.
            Err(_) => return Ok(ended.unwrap_or(End::Late)),
        }
    }
}

/// Leave all processors but one to others: a command that begins a session of its own has, on many
/// systems, as large a share of the processor as the whole session of who follows an account.
#[cfg(target_os = "linux")]
fn keep_to_one_processor() -> rustix::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&number| allowed.is_set(number));
    let mut one = CpuSet::new();
    last.into_iter().for_each(|number| one.set(number));
    sched_setaffinity(None, &one)
}

/// Let what a command leaves behind become children of this process, whatever group they are in.
#[cfg(target_os = "linux")]
fn adopt_orphans() -> rustix::io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
}

#[cfg(not(target_os = "linux"))]
fn keep_to_one_processor() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() -> rustix::io::Result<()> {
    Ok(())
}

/// End the group of the command, if that has not ended (its number may be another's then), and every
/// child of this process; their children become its own, and end too.
fn end_all(command: Option<Pid>) {
    let _ = command.map(|group| kill_process_group(group, Signal::KILL));
    for _ in 0..ATTEMPTS {
        for process in children() {
            let _ = kill_process(process, Signal::KILL);
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The children of this process, where the system lists them.
fn children() -> impl Iterator<Item = Pid> {
    let this = rustix::process::getpid().as_raw_nonzero().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(move |process| {
        let number = process.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // After the name, which may hold anything, come the state and the parent.
        let parent = line.rsplit(") ").next()?.split(' ').nth(1)?;
        (parent == this).then(|| Pid::from_raw(number)).flatten()
    })
}

/// A log that cannot be written is nobody's business but its own.
fn log(path: &Path, name: &str, command: &[String], fact: &str) {
    let message = format!("the hook `{name}`, `{}`: {fact}", command.join(" "));
    let event = Event::new(Utc::now(), EventKind::Warning, message).phase("hook");
    let _: Result<(), StoreError> = append_event(path, &event);
}
