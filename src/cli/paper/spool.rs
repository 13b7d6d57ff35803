//! Standard input as a feed: its lines are written to a file of the account as they come, and the account
//! follows the file.

use crate::cli::context::{Context, Usage};
use crate::manifest::DataSettings;
use crate::market::Lines;
use crate::store::FeedFile;
use anyhow::{Error, Result};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often it is asked whether to wait on.
const TICK: Duration = Duration::from_millis(100);

/// The longest line that is kept: of a longer one the beginning is, so that it can be named.
const LONGEST: u64 = 1 << 16;

/// What is to be known of lines that come.
enum Came {
    /// The first one, which is in this file.
    First(PathBuf),
    /// One that has no end, and is the last.
    Torn,
    /// One that cannot be the first, or could not be written.
    Failed(Error),
}

/// Lines that come, and go into a file.
pub(super) struct Spool {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    came: Receiver<Came>,
}

impl Spool {
    /// Wait for the first line of standard input, unless `stop` says so before; `None` if none comes. The
    /// file is called `name`, with an ending that says what its lines are, which `settings` read. An error if
    /// the first line names no columns, or others than the file has: nothing is kept then.
    pub(super) fn open(
        name: &Path,
        settings: &DataSettings,
        stop: impl Fn() -> bool,
        context: &Context,
    ) -> Result<Option<Self>> {
        let (sender, came) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let (name, settings, has_ended) = (name.to_owned(), settings.clone(), ended.clone());
        std::thread::spawn(move || {
            if let Err(error) = keep(&name, &settings, &sender) {
                let _ = sender.send(Came::Failed(error));
            }
            // After what there is to say of the end.
            has_ended.store(true, Ordering::Relaxed);
        });
        loop {
            match came.recv_timeout(TICK) {
                Ok(Came::First(path)) => return Ok(Some(Self { path, ended, came })),
                Ok(Came::Torn) => context.warn(TORN),
                Ok(Came::Failed(error)) => return Err(error),
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
            Ok(Came::Failed(error)) => return Err(error),
            Ok(Came::First(_)) | Err(_) => {}
        }
        Ok(())
    }
}

const TORN: &str = "standard input ended within a line, which is left out";

/// Write every line of standard input to the file.
fn keep(name: &Path, settings: &DataSettings, sender: &Sender<Came>) -> Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    let mut file: Option<FeedFile> = None;
    // What cannot be read any more has ended.
    while next(&mut input, &mut line).is_ok_and(|read| read) {
        if !line.ends_with(b"\n") {
            let _ = sender.send(Came::Torn);
            break;
        }
        if let Some(file) = &mut file {
            file.add(&line)?;
        } else if !line.trim_ascii().is_empty() {
            let ending = if line.first() == Some(&b'{') { "jsonl" } else { "csv" };
            let path = PathBuf::from(format!("{}.{ending}", name.display()));
            first(&path, &line, settings)?;
            let mut opened = FeedFile::open(path)?;
            opened.add(&line)?;
            let _ = sender.send(Came::First(opened.path().to_owned()));
            file = Some(opened);
        }
    }
    Ok(())
}

/// Read the next line, with its end if it has one; of one that is too long the beginning. Whether there is
/// one.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut piece = |piece: &mut Vec<u8>| {
        piece.clear();
        input.take(LONGEST).read_until(b'\n', piece)
    };
    piece(line)?;
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        let mut rest = Vec::new();
        while piece(&mut rest)? > 0 && !rest.ends_with(b"\n") {}
        line.truncate(80);
        line.extend_from_slice(if rest.is_empty() { b"" } else { b"...\n" });
    }
    Ok(!line.is_empty())
}

/// Whether `line` can be the first of a feed whose lines are kept in `path`: it names the columns, the same
/// as there are already, or it goes on where the feed before it ended.
fn first(path: &Path, line: &[u8], settings: &DataSettings) -> Result<()> {
    let names_columns = Lines::new(Path::new("standard input"), settings).push(line).map(|_| ());
    let before = std::fs::File::open(path).ok();
    let mut header = Vec::new();
    if let Some(before) = before {
        std::io::BufReader::new(before).take(LONGEST).read_until(b'\n', &mut header)?;
    }
    let is_json = line.first() == Some(&b'{');
    let text = |line: &[u8]| {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        String::from_utf8_lossy(line.trim_ascii()).into_owned()
    };
    let (before, now) = (text(&header), text(line));
    match names_columns {
        Err(error) if before.is_empty() => Err(Usage(error.to_string()).into()),
        Ok(()) if !before.is_empty() && !is_json && before != now => Err(Usage(format!(
            "standard input names the columns `{now}`, and the feed before it had `{before}`: send them as before, or take {} away, whose bars the account has as far as it has seen them",
            path.display()
        ))
        .into()),
        _ => Ok(()),
    }
}
