//! An account goes back: what came after a checkpoint is taken out of its files and kept aside.
//!
//! What is to be done is written down first, and done then; each step can be done twice. So a process
//! that is killed in between leaves an account whose next opening does the rest.
//!
//! ```text
//! restoring.json                what is to be done; removed when it is done
//! undone/<stamp>/               what came later: batches of bars, checkpoints, views
//! ```

use super::account::{AccountDirectory, Layout};
use super::atomic;
use super::error::StoreError;
use super::event::Event;
use super::journal::{Journal, read_events};
use super::own_bars;
use super::parquet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Views that tell of what is undone.
const VIEWS: [&str; 4] = ["account.json", "summary.json", "trades.csv", "equity.csv"];

/// How far an account goes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// The name of the directory in which what is undone is kept.
    pub stamp: String,
    /// The number of the checkpoint: later ones go.
    pub checkpoint: u64,
    /// The opening time of the last bar that stays, microseconds since 1970; `None` if none does.
    pub last: Option<i64>,
    /// What the journal tells of it; the fact `aside` of each is the stamp.
    pub events: Vec<Event>,
    /// The texts of the views that are known of that time, by their names; the next walk makes the others.
    /// `None` leaves all views as they are.
    #[serde(default)]
    pub views: Option<BTreeMap<String, String>>,
}

impl AccountDirectory {
    /// Go back; the directory in which what is undone is kept.
    pub fn restore(self, restore: &Restore) -> Result<String, StoreError> {
        let layout = &self.reader().layout;
        let text = serde_json::to_vec_pretty(restore)
            .map_err(|error| StoreError::damaged(&layout.restoring(), error))?;
        atomic::write(&layout.restoring(), &text)?;
        finish(layout)?;
        Ok(layout.undone(&restore.stamp).display().to_string())
    }
}

/// Do what is left to do of going back, if anything is. Whoever calls holds the account's lock.
pub(super) fn finish(layout: &Layout) -> Result<(), StoreError> {
    let path = layout.restoring();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let restore: Restore =
        serde_json::from_slice(&text).map_err(|error| StoreError::damaged(&path, error))?;
    let aside = layout.undone(&restore.stamp);
    let (bars, checkpoints) = (aside.join("bars"), aside.join("checkpoints"));
    for directory in [&bars, &checkpoints] {
        atomic::create_directories(directory)?;
    }
    for name in atomic::entries(&layout.bars())? {
        cut(&layout.bars().join(&name), &bars.join(&name), restore.last)?;
    }
    for (number, path) in layout.checkpoint_files()? {
        if number > restore.checkpoint {
            move_aside(&path, &checkpoints)?;
        }
    }
    tell(layout, &aside, &restore)?;
    let views = restore.views.iter().flat_map(|texts| VIEWS.map(|view| (view, texts.get(view))));
    for (view, text) in views {
        let path = layout.directory.join(view);
        // Whoever was killed here may have written the one of that time already.
        if !aside.join(view).exists() {
            move_aside(&path, &aside)?;
        }
        if let Some(text) = text {
            atomic::write(&path, text.as_bytes())?;
        }
    }
    atomic::remove(&path)
}

/// Leave the bars until `last` in the batch at `path`; the whole of it is in `aside` if any goes.
fn cut(path: &Path, aside: &Path, last: Option<i64>) -> Result<(), StoreError> {
    let mut seen = Vec::new();
    let read = parquet::read(path, None).ok();
    let read = read.is_some_and(|table| own_bars::append(&mut seen, &table).is_ok());
    let until = |time: &i64| last.is_some_and(|last| *time <= last);
    let rows = seen.iter().map(|bars| bars.time.partition_point(until));
    let rows: Vec<usize> = rows.collect();
    let stays: usize = rows.iter().sum();
    if !read || stays == 0 {
        return move_to(path, aside);
    }
    if stays == seen.iter().map(|bars| bars.len()).sum::<usize>() {
        return Ok(());
    }
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    // Once it is cut it is not copied again.
    atomic::create(aside, &bytes)?;
    let bars = seen.iter().zip(rows).map(|(bars, rows)| bars.part(0..rows));
    let bars: Vec<_> = bars.filter(|bars| !bars.is_empty()).collect();
    parquet::write(path, &own_bars::table(&bars))
}

/// Tell the journal, once; lines that cannot be read are left in a copy beside what is undone.
fn tell(layout: &Layout, aside: &Path, restore: &Restore) -> Result<(), StoreError> {
    let path = layout.journal();
    let (events, damaged) = read_events(&path);
    if !damaged.is_empty() {
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        atomic::create(&aside.join("journal.jsonl"), &bytes)?;
        let line = |event: &Event| serde_json::to_string(event).map(|line| line + "\n");
        let lines: Result<String, _> = events.iter().map(line).collect();
        let lines = lines.map_err(|error| StoreError::damaged(&path, error))?;
        atomic::write(&path, lines.as_bytes())?;
    }
    let is_told = |event: &&Event| event.facts.get("aside").is_some_and(|it| *it == restore.stamp);
    let told = events.iter().filter(is_told).count();
    let mut journal = Journal::open(&path)?;
    journal.append_all(restore.events.get(told..).unwrap_or_default())?;
    journal.sync()
}

/// Move a file into the directory `aside`, if it is there.
fn move_aside(path: &Path, aside: &Path) -> Result<(), StoreError> {
    match path.file_name() {
        Some(name) if path.exists() => move_to(path, &aside.join(name)),
        _ => Ok(()),
    }
}

fn move_to(path: &Path, place: &Path) -> Result<(), StoreError> {
    atomic::rename(path, place)?;
    path.parent().map_or(Ok(()), atomic::sync_directory)
}
