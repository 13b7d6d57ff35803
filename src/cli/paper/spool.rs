//! Standard input as a feed: its lines are written to a file of the account as they come, and the account
//! follows the file.

use crate::cli::context::Context;
use crate::store::{FeedFile, StoreError};
use anyhow::Result;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often it is asked whether to wait on.
const TICK: Duration = Duration::from_millis(100);

/// What is to be known of lines that come.
enum Came {
    /// The first one, which is in this file.
    First(PathBuf),
    /// One that has no end, and is the last.
    Torn,
    /// One that could not be written.
    Failed(StoreError),
}

/// Lines that come, and go into a file.
pub(super) struct Spool {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    came: Receiver<Came>,
}

impl Spool {
    /// Wait for the first line of standard input, unless `stop` says so before; `None` if none comes. The
    /// file is called `name`, with an ending that says what its lines are.
    pub(super) fn open(
        name: &Path,
        stop: impl Fn() -> bool,
        context: &Context,
    ) -> Result<Option<Self>> {
        let (sender, came) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let (name, has_ended) = (name.to_owned(), ended.clone());
        std::thread::spawn(move || {
            if let Err(error) = keep(&name, &sender) {
                let _ = sender.send(Came::Failed(error));
            }
            // After what there is to say of the end.
            has_ended.store(true, Ordering::Relaxed);
        });
        loop {
            match came.recv_timeout(TICK) {
                Ok(Came::First(path)) => return Ok(Some(Self { path, ended, came })),
                Ok(Came::Torn) => context.warn(TORN),
                Ok(Came::Failed(error)) => return Err(error.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if stop() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Set when no more lines will come.
    pub(super) fn ended(&self) -> Arc<AtomicBool> {
        self.ended.clone()
    }

    /// Say how standard input ended, if it did: why its lines could not be kept.
    pub(super) fn conclude(self, context: &Context) -> Result<()> {
        match self.came.try_recv() {
            Ok(Came::Torn) => context.warn(TORN),
            Ok(Came::Failed(error)) => return Err(error.into()),
            Ok(Came::First(_)) | Err(_) => {}
        }
        Ok(())
    }
}

const TORN: &str = "standard input ended within a line, which is left out";

/// Write every line of standard input to the file.
fn keep(name: &Path, sender: &Sender<Came>) -> Result<(), StoreError> {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    let mut file: Option<FeedFile> = None;
    // What cannot be read any more has ended.
    while input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        if !line.ends_with(b"\n") {
            let _ = sender.send(Came::Torn);
            break;
        }
        match &mut file {
            Some(file) => file.add(&line)?,
            None => {
                let ending = if line.first() == Some(&b'{') { "jsonl" } else { "csv" };
                let mut opened = FeedFile::open(format!("{}.{ending}", name.display()).into())?;
                opened.add(&line)?;
                let _ = sender.send(Came::First(opened.path().to_owned()));
                file = Some(opened);
            }
        }
        line.clear();
    }
    Ok(())
}
