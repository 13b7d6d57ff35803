//! The lines that came to an account on standard input, in a file that it follows: what came once is not
//! lost when the account, or what feeds it, is started again.

use super::atomic::create_directories;
use super::error::StoreError;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How much of a file is read at a time, from its end.
const PIECE: u64 = 1 << 16;

/// A file of whole lines that is added to.
#[derive(Debug)]
pub struct FeedFile {
    path: PathBuf,
    file: File,
}

impl FeedFile {
    /// The file `path`, made if need be. A last line without an end is cut off: its writer was killed
    /// within it, and what comes next would go on in the middle of it.
    pub fn open(path: PathBuf) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            create_directories(directory)?;
        }
        let file = OpenOptions::new().create(true).read(true).append(true).open(&path);
        let cut = |mut file: File| {
            let whole = whole_lines(&mut file)?;
            file.set_len(whole).map(|()| file)
        };
        let file = file.and_then(cut).map_err(StoreError::io("opened", &path))?;
        Ok(Self { path, file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Add a line, its end included.
    pub fn add(&mut self, line: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(line).map_err(StoreError::io("written", &self.path))
    }
}

/// The length of the file up to the end of its last whole line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(start))?;
        let mut piece = Vec::new();
        let _ = file.take(end - start).read_to_end(&mut piece)?;
        if let Some(last) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_torn_is_no_beginning_of_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("feed/x.csv");
        let long = [&b"1,2\n"[..], &vec![b'3'; 3 * PIECE as usize]].concat();
        for (before, after) in [
            (&b""[..], &b"5\n"[..]),
            (b"1,2\n3,", b"1,2\n5\n"),
            (b"3,", b"5\n"),
            (&long, b"1,2\n5\n"),
        ] {
            let _ = FeedFile::open(path.clone()).unwrap();
            std::fs::write(&path, before).unwrap();
            let mut feed = FeedFile::open(path.clone()).unwrap();
            feed.add(b"5\n").unwrap();
            assert_eq!(std::fs::read(feed.path()).unwrap(), after);
        }
    }
}
