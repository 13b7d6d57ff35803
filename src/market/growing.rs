//! The files of a session while somebody writes them: looked at again and again, read when they grow.
//!
//! Of CSV and JSON lines only what is new is read, and whole lines only ([`Lines`]). A file that became
//! shorter, or is another one under the same name, is begun again. Parquet and packed files are read
//! whole when they change.

use super::{DataError, DataSet, Garbage, Gathered, Lines, data_set, files, read};
use crate::manifest::data::Check;
use crate::manifest::{Adjust, DataSettings, Policy, project::shown};
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// The files of some data settings, as they were seen last.
#[derive(Debug)]
pub struct Growing {
    settings: DataSettings,
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    print: Option<Print>,
    /// What was read of a text, up to which byte.
    text: Option<(Lines, u64)>,
}

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    len: u64,
    modified: Option<SystemTime>,
    file: u64,
}

impl Print {
    fn of(path: &Path) -> Result<Self, DataError> {
        let meta = fs::metadata(path).map_err(|error| DataError::new(path, error.to_string()))?;
        Ok(Self { len: meta.len(), modified: meta.modified().ok(), file: number(&meta) })
    }
}

/// The number of a file, which another one of the same name does not have.
#[cfg(unix)]
fn number(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn number(_meta: &Metadata) -> u64 {
    0
}

/// What a look at the files found.
#[derive(Debug)]
pub struct Grown {
    /// All bars of the files, those included that are not over yet.
    pub data: DataSet,
    /// Lines that are no bars, each with the file in which it stands.
    pub garbage: Vec<(String, Garbage)>,
}

impl Growing {
    /// Nothing seen yet. Bars that are not over, and a last bar that is old, are left to whoever takes
    /// the bars and has a clock.
    pub fn new(settings: &DataSettings) -> Self {
        let checks = settings.checks;
        let checks = checks.with(Check::Unfinished, Policy::Off).with(Check::Stale, Policy::Off);
        let settings = DataSettings { checks, now: i64::MAX, ..settings.clone() };
        Self { settings, files: Vec::new() }
    }

    /// Nothing seen yet of bars that are history: one that is not complete by the clock is none of it,
    /// unless `data.checks.unfinished` says so.
    pub fn history(settings: &DataSettings) -> Self {
        let checks = settings.checks.with(Check::Stale, Policy::Off);
        Self { settings: DataSettings { checks, ..settings.clone() }, files: Vec::new() }
    }

    /// Look at the files; `None` if there is nothing new in them, or no bar at all.
    pub fn look(&mut self) -> Result<Option<Grown>, DataError> {
        let mut paths = Vec::new();
        for (pattern, written) in self.settings.paths.iter().zip(&self.settings.written) {
            paths.extend(files::expand(pattern, written)?);
        }
        let gone = self.files.iter().any(|file| !paths.contains(&file.path));
        self.files.retain(|file| paths.contains(&file.path));
        for path in paths {
            if !self.files.iter().any(|file| file.path == path) {
                self.files.push(Watched { path, print: None, text: None });
            }
        }
        let mut changed = gone;
        for file in &mut self.files {
            changed |= file.look(&self.settings)?;
        }
        if changed { self.gather() } else { Ok(None) }
    }

    /// Let go of all lines but the last `keep`, whose bars are kept elsewhere. Where bars are made of
    /// several rows, or of what later rows tell, all of them are needed.
    pub fn forget(&mut self, keep: usize) {
        if self.settings.resample.is_none() && self.settings.adjust == Adjust::None {
            let texts = self.files.iter_mut().filter_map(|file| file.text.as_mut());
            texts.for_each(|(lines, _)| lines.forget(keep));
        }
    }

    fn gather(&mut self) -> Result<Option<Grown>, DataError> {
        let began = Instant::now();
        let (mut gathered, mut garbage) = (Gathered::default(), Vec::new());
        for file in &mut self.files {
            match &mut file.text {
                None => gathered.take(read::file(&file.path, &self.settings)?)?,
                Some((lines, _)) => {
                    let name = shown(&file.path);
                    garbage.extend(lines.garbage().into_iter().map(|line| (name.clone(), line)));
                    if let Some(csv) = lines.csv() {
                        gathered.take(read::text(&file.path, csv, &self.settings)?)?;
                    }
                }
            }
        }
        if gathered.files.is_empty() && garbage.is_empty() {
            return Ok(None);
        }
        let data = data_set(gathered, &self.settings, began)?;
        Ok(Some(Grown { data, garbage }))
    }
}

impl Watched {
    /// Whether it changed since it was looked at last.
    fn look(&mut self, settings: &DataSettings) -> Result<bool, DataError> {
        let print = Print::of(&self.path)?;
        if self.print == Some(print) {
            return Ok(false);
        }
        let name = self.path.to_string_lossy();
        if name.ends_with(".csv") || name.ends_with(".jsonl") {
            let is_other = self.print.is_some_and(|old| old.file != print.file);
            let known = self.text.take().filter(|(_, read)| !is_other && *read <= print.len);
            let (mut lines, from) = known.unwrap_or_else(|| (Lines::new(&self.path, settings), 0));
            let bytes = from_byte(&self.path, from)
                .map_err(|error| DataError::new(&self.path, error.to_string()))?;
            let pushed = lines.push(&bytes);
            // What is no text with a header is looked at again when it changes.
            self.print = Some(print);
            let _ = pushed?;
            self.text = Some((lines, from + bytes.len() as u64));
        }
        self.print = Some(print);
        Ok(true)
    }
}

fn from_byte(path: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = "timestamp,open,high,low,close,volume\n";

    fn bar(day: u32) -> String {
        format!("2024-01-{day:02},1,2,0.5,{day},10\n")
    }

    struct Feed {
        directory: tempfile::TempDir,
        growing: Growing,
    }

    impl Feed {
        fn new(text: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("X.csv");
            fs::write(&path, text).unwrap();
            let mut settings = DataSettings::of(vec![path], vec!["X.csv".into()], 0);
            settings.timeframe = Some(crate::bars::DAY);
            Self { growing: Growing::new(&settings), directory }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("X.csv")
        }

        fn add(&self, text: &str) {
            let mut file = fs::OpenOptions::new().append(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        /// The closes, if anything changed.
        fn look(&mut self) -> Option<Vec<f64>> {
            let grown = self.growing.look().unwrap()?;
            let bars = grown.data.bars.first();
            Some(bars.map(|bars| bars.close.to_vec()).unwrap_or_default())
        }
    }

    #[test]
    fn what_is_appended_is_seen_when_its_line_is_whole() {
        let mut feed = Feed::new(&format!("{HEADER}{}", bar(1)));
        assert_eq!(feed.look(), Some(vec![1.0]));
        assert_eq!(feed.look(), None);
        let (torn, rest) = (&bar(2)[..9], &bar(2)[9..]);
        feed.add(torn);
        assert_eq!(feed.look(), Some(vec![1.0]));
        feed.add(rest);
        assert_eq!(feed.look(), Some(vec![1.0, 2.0]));
    }

    #[test]
    fn a_file_that_is_begun_again_is_read_again() {
        let mut feed = Feed::new(&format!("{HEADER}{}{}", bar(1), bar(2)));
        assert_eq!(feed.look(), Some(vec![1.0, 2.0]));
        fs::write(feed.path(), format!("{HEADER}{}", bar(3))).unwrap();
        assert_eq!(feed.look(), Some(vec![3.0]), "it is shorter than it was");
        let other = feed.directory.path().join("other");
        fs::write(&other, format!("{HEADER}{}{}", bar(4), bar(5))).unwrap();
        fs::rename(other, feed.path()).unwrap();
        assert_eq!(feed.look(), Some(vec![4.0, 5.0]), "it is another file");
        fs::remove_file(feed.path()).unwrap();
        assert!(feed.growing.look().is_err());
        fs::write(feed.path(), format!("{HEADER}{}", bar(6))).unwrap();
        assert_eq!(feed.look(), Some(vec![6.0]));
    }

    #[test]
    fn an_empty_file_is_waited_for() {
        let mut feed = Feed::new("");
        assert_eq!(feed.look(), None);
        feed.add(HEADER);
        assert_eq!(feed.look(), None);
        feed.add(&bar(1));
        assert_eq!(feed.look(), Some(vec![1.0]));
    }

    #[test]
    fn garbage_is_named_with_its_file() {
        let mut feed = Feed::new(&format!("{HEADER}{}", bar(1)));
        let _ = feed.look();
        feed.add("garbage\n");
        feed.add(&bar(2));
        let grown = feed.growing.look().unwrap().unwrap();
        assert_eq!(grown.data.bars[0].len(), 2);
        let [(file, garbage)] = &grown.garbage[..] else { panic!("{:?}", grown.garbage) };
        assert!(file.ends_with("X.csv") && garbage.line == 3, "{file}: {garbage:?}");
    }
}
