//! The files of a session while somebody writes them: looked at again and again, read when they grow.
//!
//! Of CSV and JSON lines only what is new is read, and whole lines only ([`Lines`]). A text that became
//! shorter, or that does not begin any more with what was read of it, is begun again. Parquet and packed files are read whole when they change.

use super::{Csv, DataError, DataSet, Garbage, Gathered, Lines, data_set, files, read};
use crate::manifest::data::Check;
use crate::manifest::{Adjust, DataSettings, Policy, project::shown};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The files of some data settings, as they were seen last.
#[derive(Debug)]
pub struct Growing {
    settings: DataSettings,
    files: Vec<Watched>,
    /// Something changed of which no bars were made yet.
    changed: bool,
    /// Why no bars could be made of what there is.
    wrong: Option<DataError>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    print: Option<Print>,
    text: Option<Text>,
}

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    len: u64,
    modified: Option<SystemTime>,
    /// The number of the file and when anything was done to it, which no writer sets as it likes.
    file: u64,
    touched: (i64, i64),
}

impl Print {
    fn of(path: &Path) -> Result<Self, DataError> {
        let meta = fs::metadata(path).map_err(|error| DataError::new(path, error.to_string()))?;
        let (file, touched) = node(&meta);
        Ok(Self { len: meta.len(), modified: meta.modified().ok(), file, touched })
    }

    /// Whether it may have been written to again, and look the same.
    fn is_of_this_moment(&self) -> bool {
        let age = self.modified.and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age < MOMENT)
    }
}

/// How long after a write another one may have the same time.
const MOMENT: Duration = Duration::from_millis(50);

/// The number of a file, which another one of the same name does not have, and when it was touched last.
#[cfg(unix)]
fn node(meta: &Metadata) -> (u64, (i64, i64)) {
    use std::os::unix::fs::MetadataExt;
    (meta.ino(), (meta.ctime(), meta.ctime_nsec()))
}

#[cfg(not(unix))]
fn node(_meta: &Metadata) -> (u64, (i64, i64)) {
    (0, (0, 0))
}

/// What was read of a text that grows.
#[derive(Debug)]
struct Text {
    lines: Lines,
    /// Why they are none with a header.
    wrong: Option<DataError>,
    /// Up to which byte it was read, and the digest of them all.
    read: u64,
    digest: blake3::Hasher,
    /// It was written to since what was read was compared with what stands there.
    doubted: bool,
    /// When that was compared last, and how long it took.
    compared: (Instant, Duration),
}

/// Comparing what was read with what stands there takes one part in so many of the time: a short text is
/// compared whenever it was written to, a long one that grows all the time now and then.
const SHARE: u32 = 50;

impl Text {
    fn new(path: &Path, settings: &DataSettings) -> Self {
        Self {
            lines: Lines::new(path, settings),
            wrong: None,
            read: 0,
            digest: blake3::Hasher::new(),
            doubted: false,
            compared: (Instant::now(), Duration::ZERO),
        }
    }

    /// Whether it is time to compare what was read with what stands there.
    fn is_due(&self) -> bool {
        let (when, took) = self.compared;
        self.doubted && when.elapsed() >= took * SHARE
    }

    /// Whether what was read still stands at the beginning of the file, as far as it is time to ask.
    fn stands(&mut self, path: &Path, is_renamed: bool) -> io::Result<bool> {
        if !is_renamed && !self.is_due() {
            return Ok(true);
        }
        let began = Instant::now();
        let mut digest = blake3::Hasher::new();
        let there = io::copy(&mut File::open(path)?.take(self.read), &mut digest)?;
        (self.doubted, self.compared) = (false, (Instant::now(), began.elapsed()));
        Ok(there == self.read && digest.finalize() == self.digest.finalize())
    }

    /// Read on from where it was read to.
    fn read_on(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        self.read += bytes.len() as u64;
        self.digest.update(&bytes);
        self.wrong = self.lines.push(&bytes).err().or_else(|| self.lines.refused());
        Ok(())
    }
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
        Self { settings, files: Vec::new(), changed: false, wrong: None }
    }

    /// Nothing seen yet of bars that are history: what is not complete by the clock is told of as
    /// `data.checks.unfinished` says.
    pub fn history(settings: &DataSettings) -> Self {
        let checks = settings.checks.with(Check::Stale, Policy::Off);
        Self {
            settings: DataSettings { checks, ..settings.clone() },
            files: Vec::new(),
            changed: false,
            wrong: None,
        }
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
        self.changed |= gone;
        for file in &mut self.files {
            self.changed |= file.look(&self.settings)?;
        }
        if std::mem::take(&mut self.changed) {
            let grown = self.gather();
            self.wrong = grown.as_ref().err().cloned();
            return grown;
        }
        self.wrong.clone().map_or(Ok(None), Err)
    }

    /// Let go of all lines but the last `keep`, whose bars are kept elsewhere. Where bars are made of
    /// several rows, or of what later rows tell, all of them are needed.
    pub fn forget(&mut self, keep: usize) {
        if self.settings.resample.is_none() && self.settings.adjust == Adjust::None {
            let texts = self.files.iter_mut().filter_map(|file| file.text.as_mut());
            texts.for_each(|text| text.lines.forget(keep));
        }
    }

    fn gather(&mut self) -> Result<Option<Grown>, DataError> {
        let began = Instant::now();
        let (mut gathered, mut garbage) = (Gathered::default(), Vec::new());
        for file in &mut self.files {
            match &mut file.text {
                None => gathered.take(read::file(&file.path, &self.settings)?)?,
                Some(Text { lines, .. }) => match lines.csv() {
                    Some(csv) => {
                        let name = shown(&file.path);
                        let told = lines.garbage().into_iter().map(|line| (name.clone(), line));
                        garbage.extend(told);
                        let format = lines.time_format().map(str::to_owned);
                        let time_format = format.or_else(|| self.settings.time_format.clone());
                        let settings = DataSettings { time_format, ..self.settings.clone() };
                        let Csv { text, numbers } = csv;
                        gathered.take(read::text(&file.path, text, Some(numbers), &settings)?)?;
                    }
                    // What is wrong with all of its lines is said in one sentence.
                    None if lines.has_garbage() => {
                        gathered.take(read::file(&file.path, &self.settings)?)?;
                    }
                    None => {}
                },
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
        let is_touched = self.print != Some(print);
        let is_packed = is_touched && !self.is_text()?;
        let before = self.print.replace(print);
        if is_packed {
            self.text = None;
            return Ok(true);
        }
        let mut is_other = false;
        if is_touched || self.text.as_ref().is_some_and(Text::is_due) {
            let goes_on = |text: &Text| text.wrong.is_none() && text.read <= print.len;
            let mut known = self.text.take().filter(goes_on);
            if let Some(text) = &mut known {
                text.doubted |= is_touched;
            }
            // Some write the whole text anew each time, beside the old one.
            let is_renamed = before.is_some_and(|before| before.file != print.file);
            let (mut text, is_new) = self.read(known, is_renamed, settings).map_err(|error| {
                // It is read again, whether it changes or not.
                self.print = None;
                DataError::new(&self.path, error.to_string())
            })?;
            text.doubted |= print.is_of_this_moment();
            (self.text, is_other) = (Some(text), is_new);
        }
        let wrong = self.text.as_ref().and_then(|text| text.wrong.clone());
        wrong.map_or(Ok(is_touched || is_other), Err)
    }

    /// What is `known` of the text and what came to it, or all of it anew if that does not stand there
    /// any more; whether it was begun anew.
    fn read(
        &self,
        known: Option<Text>,
        is_renamed: bool,
        settings: &DataSettings,
    ) -> io::Result<(Text, bool)> {
        let known = match known {
            None => None,
            Some(mut text) => text.stands(&self.path, is_renamed)?.then_some(text),
        };
        let is_new = known.is_none();
        let mut text = known.unwrap_or_else(|| Text::new(&self.path, settings));
        text.read_on(&self.path)?;
        Ok((text, is_new))
    }

    /// Whether it is read line by line.
    fn is_text(&self) -> Result<bool, DataError> {
        let is_parquet = self.path.extension().is_some_and(|ending| ending == "parquet");
        Ok(!is_parquet && !files::is_packed(&self.path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
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
            settings.checks = settings.checks.of_arrivals();
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
        feed.add("garbage\n");
        assert_eq!(feed.growing.look().unwrap().unwrap().garbage.len(), 1);
        let text = fs::read_to_string(feed.path()).unwrap();
        let other = feed.directory.path().join("other");
        fs::write(&other, text + &bar(6)).unwrap();
        fs::rename(other, feed.path()).unwrap();
        let grown = feed.growing.look().unwrap().unwrap();
        assert_eq!(grown.data.bars[0].close.to_vec(), [4.0, 5.0, 6.0]);
        assert!(grown.garbage.is_empty(), "it goes on where the one before ended");
        fs::remove_file(feed.path()).unwrap();
        assert!(feed.growing.look().is_err());
        fs::write(feed.path(), format!("{HEADER}{}", bar(6))).unwrap();
        assert_eq!(feed.look(), Some(vec![6.0]));
    }

    #[test]
    fn what_was_read_and_is_written_over_is_read_again() {
        let mut feed = Feed::new(&format!("{HEADER}{}{}", bar(1), bar(2)));
        assert_eq!(feed.look(), Some(vec![1.0, 2.0]));
        let write_over = |feed: &Feed, text: String| {
            let before = Print::of(&feed.path()).unwrap();
            let mut file = fs::OpenOptions::new().write(true).open(feed.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(Print::of(&feed.path()).unwrap().file, before.file);
        };
        write_over(&feed, format!("{HEADER}{}{}", bar(1), bar(3)));
        assert_eq!(feed.look(), Some(vec![1.0, 3.0]), "it is as long as it was");
        write_over(&feed, format!("{HEADER}{}{}{}", bar(2), bar(3), bar(4)));
        assert_eq!(feed.look(), Some(vec![2.0, 3.0, 4.0]), "it is longer than it was");
        assert_eq!(feed.look(), None);
    }

    #[test]
    fn a_long_text_that_was_read_is_compared_after_a_while() {
        let mut feed = Feed::new(&format!("{HEADER}{}", bar(1)));
        let _ = feed.look();
        let compared = |feed: &mut Feed, took: Duration| {
            let text = feed.growing.files[0].text.as_mut().unwrap();
            text.compared = (Instant::now(), took);
        };
        compared(&mut feed, Duration::from_secs(60));
        fs::write(feed.path(), format!("{HEADER}{}{}", bar(2), bar(3))).unwrap();
        assert_eq!(feed.look(), Some(vec![1.0, 3.0]), "it was compared a moment ago");
        assert_eq!(feed.look(), None);
        compared(&mut feed, Duration::ZERO);
        assert_eq!(
            feed.look(),
            Some(vec![2.0, 3.0]),
            "nothing came to it, and it is doubted still"
        );
        assert_eq!(feed.look(), None);
    }

    #[test]
    fn what_is_wrong_is_wrong_until_it_changes() {
        let mut feed = Feed::new("<html>");
        let wrong = |feed: &mut Feed| feed.growing.look().unwrap_err().to_string();
        assert_eq!(feed.look(), None);
        feed.add("\n");
        assert_eq!(wrong(&mut feed), wrong(&mut feed));
        fs::write(feed.path(), format!("{HEADER}{}", bar(1))).unwrap();
        assert_eq!(feed.look(), Some(vec![1.0]));
        let packed = feed.directory.path().join("packed");
        fs::write(&packed, [0x1f, 0x8b]).unwrap();
        feed.growing.settings.paths = vec![feed.directory.path().to_owned()];
        fs::rename(&packed, feed.directory.path().join("Y.csv.gz")).unwrap();
        assert_eq!(wrong(&mut feed), wrong(&mut feed));
        fs::remove_file(feed.directory.path().join("Y.csv.gz")).unwrap();
        assert_eq!(feed.look(), Some(vec![1.0]));
    }

    #[test]
    fn a_packed_file_may_have_any_name() {
        let mut feed = Feed::new("");
        let pack = |text: String| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            packed.finish().unwrap()
        };
        for closes in [vec![1.0], vec![1.0, 2.0]] {
            let rows: String = (1..=closes.len() as u32).map(bar).collect();
            fs::write(feed.path(), pack(format!("{HEADER}{rows}"))).unwrap();
            assert_eq!(feed.look(), Some(closes));
            assert_eq!(feed.look(), None);
        }
        fs::write(feed.path(), format!("{HEADER}{}", bar(3))).unwrap();
        assert_eq!(feed.look(), Some(vec![3.0]), "it is a text now");
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

    #[test]
    fn a_row_has_the_number_that_it_has_in_the_file_whatever_is_let_go() {
        let mut feed = Feed::new(&format!("{HEADER}{}garbage\n{}", bar(1), bar(2)));
        let _ = feed.look();
        feed.growing.forget(1);
        feed.add(&bar(3));
        feed.add("2024-01-04,1,1,5,1,10\n");
        let grown = feed.growing.look().unwrap().unwrap();
        let error = grown.data.verdict("X").unwrap().error().unwrap().to_string();
        assert!(error.contains("row 5 (2024-01-04T"), "line 6 of the file: {error}");
    }

    #[test]
    fn what_is_wrong_with_all_lines_is_one_fact() {
        let mut feed = Feed::new(&format!("{HEADER}1st of May,1,2,0.5,1,10\n"));
        let error = feed.growing.look().unwrap_err().to_string();
        assert!(error.contains("row 1 is `1st of May`; say how they are written"), "{error}");
        feed.add(&bar(1));
        let grown = feed.growing.look().unwrap().unwrap();
        assert_eq!((grown.data.bars[0].len(), grown.garbage.len()), (1, 1));
    }

    #[test]
    fn garbage_is_refused_until_it_is_mended_where_the_settings_say_so() {
        let mut feed = Feed::new(&format!("{HEADER}{}garbage\n", bar(1)));
        let settings = &mut feed.growing.settings;
        settings.checks = settings.checks.with(Check::Prices, Policy::Fail);
        for day in [2, 3] {
            let error = feed.growing.look().unwrap_err().to_string();
            assert!(
                error.ends_with(
                    "line 3: it has 1 cell, and there are 6 columns; mend the line or take it out"
                ),
                "{error}"
            );
            feed.add(&bar(day));
        }
        fs::write(feed.path(), format!("{HEADER}{}{}", bar(1), bar(2))).unwrap();
        assert_eq!(feed.look(), Some(vec![1.0, 2.0]));
    }
}
