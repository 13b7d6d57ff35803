//! The files that a manifest names, and whether they hold still while they are read.

use super::DataError;
use crate::manifest::glob_matches;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What the names of data files end in.
const ENDINGS: [&str; 4] = [".csv", ".csv.gz", ".jsonl", ".parquet"];

/// What a compressed file begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// What others begin with, and what to do with them.
const FOREIGN: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a zip archive (or a spreadsheet); unpack it, or save it as CSV"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd; unpack it, or compress it with gzip"),
    (b"BZh", "compressed with bzip2; unpack it, or compress it with gzip"),
    (&[0xff, 0xfe], "text in UTF-16; save it in UTF-8"),
    (&[0xfe, 0xff], "text in UTF-16; save it in UTF-8"),
];

/// How long is waited before a file that changed is read once more.
const PAUSE: Duration = Duration::from_millis(100);
/// Who wrote less than this ago, and not to the end of a line, may be in the middle of it.
const FRESH: Duration = Duration::from_secs(1);

/// The files that a path, a directory or a glob names, sorted. A directory stands for the data files in
/// it and in its own directories.
pub(super) fn expand(pattern: &Path, written: &str) -> Result<Vec<PathBuf>, DataError> {
    let wrong = |fact: String| DataError { file: written.to_owned(), fact };
    if pattern.is_file() {
        return Ok(vec![pattern.to_owned()]);
    }
    if pattern.is_dir() {
        let files = inside(pattern);
        let fact = || wrong(format!("the directory holds no {} file", ENDINGS.join(", ")));
        return if files.is_empty() { Err(fact()) } else { Ok(files) };
    }
    let is_glob = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?']);
    if !pattern.components().any(|part| is_glob(&part)) {
        return Err(wrong(absent(pattern)));
    }
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        found = match is_glob(&part) {
            false => found.into_iter().map(|path| path.join(part)).collect(),
            true => {
                let glob = part.as_os_str().to_string_lossy();
                let matches = |path: &PathBuf| name(path).is_some_and(|n| glob_matches(&glob, n));
                found.iter().flat_map(|path| entries(path)).filter(matches).collect()
            }
        };
    }
    let files = found.into_iter().flat_map(|path| match path.is_dir() {
        true => inside(&path),
        false => vec![path].into_iter().filter(|path| path.is_file()).collect(),
    });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files.dedup();
    if files.is_empty() { Err(wrong("no file matches".into())) } else { Ok(files) }
}

fn name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

/// What lies in a directory and is not hidden, sorted.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_shown = |path: &PathBuf| name(path).is_some_and(|name| !name.starts_with('.'));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_shown).collect();
    paths.sort();
    paths
}

fn inside(directory: &Path) -> Vec<PathBuf> {
    let is_data = |path: &PathBuf| {
        path.is_file() && name(path).is_some_and(|n| ENDINGS.iter().any(|end| n.ends_with(end)))
    };
    let entries = entries(directory);
    let deeper = entries.iter().filter(|path| path.is_dir()).flat_map(|path| self::entries(path));
    let mut files: Vec<PathBuf> = entries.iter().cloned().chain(deeper).filter(is_data).collect();
    files.sort();
    files
}

fn absent(path: &Path) -> String {
    let siblings = entries(path.parent().unwrap_or(Path::new(".")));
    let known: Vec<&str> = siblings.iter().filter_map(|path| name(path)).collect();
    match crate::diag::closest(name(path).unwrap_or_default(), &known) {
        Some(near) => format!("there is no such file; did you mean `{near}`?"),
        None => "there is no such file; paths of manifests are relative to the project".into(),
    }
}

/// The symbol that a file of one symbol is named after: its name without its ending, `%2F` and the
/// like decoded.
pub(super) fn stem(file: &Path) -> String {
    let name = name(file).unwrap_or("data");
    let ending = ENDINGS.iter().filter(|ending| name.ends_with(**ending)).map(|e| e.len()).max();
    let stem = match ending {
        Some(length) => &name[..name.len() - length],
        None => file.file_stem().and_then(|stem| stem.to_str()).unwrap_or(name),
    };
    percent_decoded(stem).unwrap_or_else(|| stem.to_owned())
}

/// `None` if a percent sign is not followed by two hexadecimal digits.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// What `read` makes of `file`, which must not change meanwhile: if it does, it is read once more. A file
/// that was written a moment ago and ends within a line is watched until that moment is over.
pub(super) fn steadily<T>(
    file: &Path,
    read: impl Fn() -> Result<T, DataError>,
) -> Result<T, DataError> {
    for attempt in [1, 2] {
        let before = fingerprint(file)?;
        let found = read();
        let age = before.1.and_then(|written| written.elapsed().ok());
        let rest = age.and_then(|age| FRESH.checked_sub(age));
        if let Some(rest) = rest.filter(|_| ends_within_a_line(file)) {
            std::thread::sleep(rest);
        }
        if fingerprint(file)? == before {
            return found;
        }
        if attempt == 1 {
            std::thread::sleep(PAUSE);
        }
    }
    let fact = "the file changes while it is read; run again when it is complete";
    Err(DataError::new(file, fact))
}

fn fingerprint(file: &Path) -> Result<(u64, Option<SystemTime>), DataError> {
    let meta = fs::metadata(file).map_err(|error| DataError::new(file, error.to_string()))?;
    Ok((meta.len(), meta.modified().ok()))
}

/// Whether the last line of a text has no end.
fn ends_within_a_line(file: &Path) -> bool {
    let last = || -> std::io::Result<u8> {
        let (mut open, mut byte) = (File::open(file)?, [0]);
        open.seek(SeekFrom::End(-1))?;
        open.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    let is_text = name(file).is_some_and(|it| it.ends_with(".csv") || it.ends_with(".jsonl"));
    is_text && last().is_ok_and(|byte| byte != b'\n')
}

/// The bytes of a file, unpacked if they are packed, whatever its name says.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>, DataError> {
    let wrong = |fact: String| DataError::new(file, fact);
    let bytes = fs::read(file).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    if let Some((_, what)) = FOREIGN.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(wrong(format!("it is {what}")));
    }
    if !bytes.starts_with(GZIP) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    match MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(wrong(
            "the compressed file is cut short; is it still being written? Copy it again".into(),
        )),
        Err(error) => Err(wrong(format!("the compressed file is damaged: {error}; copy it again"))),
    }
}

/// Whether a file is packed, whatever its name says; an empty one is what its name says.
pub(super) fn is_packed(file: &Path) -> Result<bool, DataError> {
    let mut start = Vec::new();
    let read = File::open(file).and_then(|it| it.take(GZIP.len() as u64).read_to_end(&mut start));
    read.map_err(|error| DataError::new(file, format!("it cannot be read: {error}")))?;
    let is_named_so = file.extension().is_some_and(|ending| ending == "gz");
    Ok(if start.is_empty() { is_named_so } else { start == GZIP })
}

/// Whether a file's name says that each of its lines is a JSON object.
pub(super) fn is_json_lines(file: &Path) -> bool {
    name(file).is_some_and(|name| name.ends_with(".jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_directory_stands_for_its_files_and_those_of_its_directories() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["A/2012.parquet", "A/2013.parquet", "B/2012.parquet", ".hidden/x.csv", "c.csv"]
        {
            fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            fs::write(dir.path().join(file), "").unwrap();
        }
        fs::write(dir.path().join("A/README.md"), "").unwrap();
        let names = |pattern: &str| -> Vec<String> {
            let files = expand(&dir.path().join(pattern), pattern).unwrap();
            let below =
                |file: &PathBuf| file.strip_prefix(dir.path()).unwrap().display().to_string();
            files.iter().map(below).collect()
        };
        let all = ["A/2012.parquet", "A/2013.parquet", "B/2012.parquet", "c.csv"];
        assert_eq!(names(""), all);
        assert_eq!(names("*"), all);
        assert_eq!(names("*/2012.parquet"), ["A/2012.parquet", "B/2012.parquet"]);
        assert_eq!(names("A"), all[..2]);
    }

    #[test]
    fn a_symbol_is_decoded_from_the_name_of_its_file() {
        for (file, symbol) in
            [("GOOG.csv", "GOOG"), ("BTC%2FUSDT.csv.gz", "BTC/USDT"), ("50%.parquet", "50%")]
        {
            assert_eq!(stem(Path::new(file)), symbol);
        }
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_then_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        fs::write(&path, "\n").unwrap();
        let reads = Cell::new(0);
        let read = |changes: usize| {
            reads.set(0);
            steadily(&path, || {
                reads.set(reads.get() + 1);
                if reads.get() <= changes {
                    let text = "\n".repeat(fs::metadata(&path).unwrap().len() as usize + 1);
                    fs::write(&path, text).unwrap();
                }
                Ok(reads.get())
            })
        };
        assert_eq!(read(0).unwrap(), 1);
        assert_eq!(read(1).unwrap(), 2);
        assert!(read(2).unwrap_err().fact.starts_with("the file changes while it is read"));
    }

    #[test]
    fn a_line_that_is_being_written_is_waited_for() {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        fs::write(&path, "2024-01-01,10\n2024-01-02,1").unwrap();
        let text = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(PAUSE);
                let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(b"1\n").unwrap();
            });
            steadily(&path, || Ok(fs::read_to_string(&path).unwrap())).unwrap()
        });
        assert!(text.ends_with("2024-01-02,11\n"), "{text}");
        // A file that ends so for longer was meant to.
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(text.len() as u64 - 1).unwrap();
        file.set_modified(SystemTime::now() - 2 * FRESH).unwrap();
        let began = std::time::Instant::now();
        assert!(steadily(&path, || Ok(())).is_ok() && began.elapsed() < FRESH);
    }
}
