//! The door to polars: a [`Table`] as the bytes of a Parquet file and back.
//!
//! The same table gives the same bytes: nothing in them is a time or a version of this program. One
//! thread does the work, so that polars' own pool stays asleep.
//!
//! A Parquet decoder trusts what it reads, and given damaged pages it may ask for any amount of
//! memory and take the process with it. So each file carries, in its footer, the digest of all its
//! other bytes ([`SEAL`]), and polars sees none whose digest is not right. To other programs it is
//! one more entry of the file's metadata.

use super::atomic;
use super::error::StoreError;
use super::table::{Cells, Table};
use blake3::{Hash, Hasher};
use chrono::NaiveDate;
use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, KeyValueMetadata, NamedFrom, ParallelStrategy,
    ParquetReader, ParquetWriter, PolarsError, PolarsResult, SerReader, Series, TimeUnit, TimeZone,
};
use std::borrow::Borrow;
use std::fs;
use std::io::{self, BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

/// The metadata key under which a file holds the digest of its other bytes.
const SEAL: &str = "papertape.blake3";
/// What stands for the digest while it is computed.
const UNSEALED: [u8; 64] = [b'0'; 64];

/// Writes `table` to `path`, replacing what is there.
pub(super) fn write(path: &Path, table: &Table) -> Result<(), StoreError> {
    atomic::write(path, &to_bytes(table))
}

/// Writes tables of the same columns, at least one, to `path`, one below the other.
pub(super) fn write_in_pieces(
    path: &Path,
    tables: impl Iterator<Item = Table>,
) -> Result<(), StoreError> {
    atomic::write_by(path, |file| encode(tables, file))
}

/// The table in the file `path`: all columns, or those named.
pub(super) fn read(path: &Path, columns: Option<&[&str]>) -> Result<Table, StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    from_bytes(bytes, columns).map_err(|fact| StoreError::damaged(path, fact))
}

/// Shows `each` all columns in the file `path`, some [`ROWS`] rows at a time, at least once: a table of
/// many rows takes several times the memory of what is made of them. An error of `each` is one of the
/// file.
pub(super) fn read_in_pieces(
    path: &Path,
    each: impl FnMut(Table) -> Result<(), String>,
) -> Result<(), StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    decode(&bytes, None, ROWS, each).map_err(|fact| StoreError::damaged(path, fact))
}

/// How many rows are decoded at a time.
const ROWS: usize = 8_192;

/// The bytes of `table` as a sealed Parquet file.
pub(super) fn to_bytes(table: &Table) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    encode(std::iter::once(table), &mut file).expect("memory takes what is written to it");
    file.into_inner()
}

/// Writes `tables` to `file`, which is empty, and seals it.
fn encode<F: Read + Write + Seek>(
    tables: impl Iterator<Item = impl Borrow<Table>>,
    file: &mut F,
) -> io::Result<()> {
    let unsealed = String::from_utf8_lossy(&UNSEALED).into_owned();
    let metadata = KeyValueMetadata::from_static(vec![(SEAL.into(), unsealed)]);
    let mut frames = tables.map(|table| to_frame(table.borrow())).peekable();
    let schema = frames.peek().expect("there is a table").schema().clone();
    let mut buffer = BufWriter::new(&mut *file);
    ParquetWriter::new(&mut buffer)
        .with_key_value_metadata(Some(metadata))
        .set_parallel(false)
        .batched(&schema)
        .and_then(|mut writer| {
            frames.try_for_each(|frame| writer.write_batch(&frame))?;
            writer.finish()
        })
        .map_err(|error| match error {
            PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
            error => system_error(&error.to_string()),
        })?;
    buffer.flush()?;
    drop(buffer);
    // With the seal unsealed, the file is what its digest is of.
    file.rewind()?;
    let mut hasher = Hasher::new();
    io::copy(file, &mut hasher)?;
    let mut length = [0; 4];
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut length)?;
    let mut footer = vec![0; u32::from_le_bytes(length) as usize];
    let start = file.seek(SeekFrom::End(-8 - footer.len() as i64))?;
    file.read_exact(&mut footer)?;
    let seal = seal(&footer).expect("the seal was just written");
    file.seek(SeekFrom::Start(start + seal.start as u64))?;
    file.write_all(hasher.finalize().to_hex().as_bytes())
}

/// What the system said: the writer wraps it into a text that names its number.
fn system_error(text: &str) -> io::Error {
    let number = text.rsplit_once("(os error ").and_then(|(_, rest)| rest.split(')').next());
    let number = number.and_then(|number| number.parse().ok());
    number.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error)
}

/// The table in `bytes`; what is wrong with them otherwise.
pub(super) fn from_bytes(bytes: Vec<u8>, columns: Option<&[&str]>) -> Result<Table, String> {
    let mut whole = None;
    decode(&bytes, columns, usize::MAX, |table| {
        whole = Some(table);
        Ok(())
    })?;
    Ok(whole.expect("a table is shown once at least"))
}

/// Show `each` what is in `bytes`, at most `rows` rows at a time.
fn decode(
    bytes: &[u8],
    columns: Option<&[&str]>,
    rows: usize,
    mut each: impl FnMut(Table) -> Result<(), String>,
) -> Result<(), String> {
    if seal(bytes).is_none() {
        return Err("is not a whole Parquet file written by papertape".to_owned());
    }
    if !is_sealed(bytes) {
        return Err("is not what was written, the digest differs".to_owned());
    }
    let told = |error: PolarsError| error.to_string();
    let all = ParquetReader::new(Cursor::new(bytes)).num_rows().map_err(told)?;
    let mut next = 0;
    loop {
        let names = columns.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let frame = ParquetReader::new(Cursor::new(bytes))
            .with_columns(names)
            .with_slice(Some((next, rows)))
            .read_parallel(ParallelStrategy::None)
            .finish()
            .map_err(told)?;
        let mut table = Table::default();
        for column in frame.columns() {
            let series = column.as_materialized_series();
            table.add(series.name().to_string(), to_cells(series).map_err(told)?);
        }
        each(table)?;
        next = next.saturating_add(rows);
        if next >= all {
            return Ok(());
        }
    }
}

/// Whether `bytes` are a file that was written here, whole and as it was.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    seal(bytes).is_some_and(|seal| {
        Hash::from_hex(&bytes[seal.clone()]).ok() == Some(digest_around(bytes, &seal))
    })
}

/// Where the digest stands: behind its key and two bytes, the kind and length of a text of 64.
fn seal(bytes: &[u8]) -> Option<Range<usize>> {
    let key = bytes.windows(SEAL.len()).rposition(|window| window == SEAL.as_bytes())?;
    let start = key + SEAL.len() + 2;
    let end = start + UNSEALED.len();
    (end <= bytes.len()).then_some(start..end)
}

fn digest_around(bytes: &[u8], seal: &Range<usize>) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&bytes[..seal.start]).update(&UNSEALED).update(&bytes[seal.end..]);
    hasher.finalize()
}

fn to_frame(table: &Table) -> DataFrame {
    let columns = table.columns.iter().map(|(name, cells)| to_column(name, cells)).collect();
    DataFrame::new(table.len(), columns).expect("the names and lengths are right")
}

fn to_column(name: &str, cells: &Cells) -> Column {
    let name = name.into();
    match cells {
        Cells::Int(values) => Series::new(name, values),
        Cells::Float(values) => Series::new(name, values),
        Cells::Bool(values) => Series::new(name, values),
        Cells::Text(values) => Series::new(name, values),
        Cells::Json(values) => {
            let bytes: Vec<_> =
                values.iter().map(|value| value.as_deref().map(str::as_bytes)).collect();
            Series::new(name, bytes)
        }
        Cells::Date(values) => {
            let days: Vec<_> =
                values.iter().map(|value| value.map(|date| date.to_epoch_days())).collect();
            Series::new(name, days).into_date()
        }
        Cells::Time(values) => {
            Series::new(name, values).into_datetime(TimeUnit::Microseconds, None)
        }
        Cells::Instant(values) => {
            Series::new(name, values).into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
        }
    }
    .into_column()
}

fn to_cells(series: &Series) -> PolarsResult<Cells> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(match series.dtype() {
        DataType::Float64 => Cells::Float(series.f64()?.iter().collect()),
        DataType::Boolean => Cells::Bool(series.bool()?.iter().collect()),
        DataType::String => Cells::Text(series.str()?.iter().map(owned).collect()),
        DataType::Binary => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Cells::Json(series.binary()?.iter().map(|bytes| bytes.map(text)).collect())
        }
        DataType::Date => {
            Cells::Date(series.date()?.phys.iter().map(|day| day.and_then(date)).collect())
        }
        DataType::Datetime(_, zone) => {
            let times = series.datetime()?.phys.iter().collect();
            if zone.is_some() { Cells::Instant(times) } else { Cells::Time(times) }
        }
        _ => Cells::Int(series.i64()?.iter().collect()),
    })
}

/// The day that is `days` after 1970-01-01.
fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize) -> Table {
        let mut table = Table::default();
        let every = |n: usize| move |row: usize| row.is_multiple_of(n);
        table.add_ints("int", (0..rows).map(|row| every(3)(row).then_some(row as i64 - 5)));
        table.add_floats("float", (0..rows).map(|row| every(2)(row).then_some(row as f64 / 3.0)));
        let flags = (0..rows).map(|row| every(5)(row).then_some(every(2)(row))).collect();
        table.add("bool".into(), Cells::Bool(flags));
        table.add_texts("text", (0..rows).map(|row| every(4)(row).then(|| format!("é {row}"))));
        table.add_texts("empty", (0..rows).map(|_| None));
        table.add_dates("date", (0..rows).map(|row| date(row as i32 - 10)));
        table.add_times("time", (0..rows).map(|row| row as i64 * 86_400_000_000));
        let instants = (0..rows).map(|row| every(2)(row).then_some(row as i64)).collect();
        table.add("instant".into(), Cells::Instant(instants));
        let json = (0..rows).map(|row| every(3)(row).then(|| row.to_string())).collect();
        table.add("json".into(), Cells::Json(json));
        table
    }

    #[test]
    fn a_table_comes_back_as_it_was() {
        for rows in [0, 1, 7, 1_000] {
            assert_eq!(from_bytes(to_bytes(&table(rows)), None), Ok(table(rows)), "{rows} rows");
        }
    }

    #[test]
    fn the_same_table_gives_the_same_bytes() {
        let bytes = to_bytes(&table(3_000));
        assert_eq!(bytes, to_bytes(&table(3_000)));
        let elsewhere = std::thread::spawn(|| to_bytes(&table(3_000))).join().unwrap();
        assert_eq!(bytes, elsewhere);
        assert_ne!(bytes, to_bytes(&table(2_999)));
    }

    #[test]
    fn a_table_comes_in_pieces() {
        for (rows, lengths) in [(0, &[0][..]), (6, &[6]), (7, &[7]), (16, &[7, 7, 2])] {
            let (bytes, mut pieces) = (to_bytes(&table(rows)), Vec::new());
            let take = |piece: Table| -> Result<(), String> {
                pieces.push(piece);
                Ok(())
            };
            decode(&bytes, None, 7, take).unwrap();
            assert_eq!(pieces.iter().map(Table::len).collect::<Vec<_>>(), lengths);
            let ints = |table: &Table| table.ints("int").unwrap().to_vec();
            let found: Vec<_> = pieces.iter().flat_map(ints).collect();
            assert_eq!(found, ints(&table(rows)), "{rows} rows");
        }
        let refused = decode(&to_bytes(&table(5)), None, 7, |_| Err("no".to_owned()));
        assert_eq!(refused, Err("no".to_owned()));
    }

    #[test]
    fn columns_can_be_read_alone() {
        let read = from_bytes(to_bytes(&table(50)), Some(&["text", "int"])).unwrap();
        assert_eq!(read.columns.len(), 2);
        assert_eq!(read.texts("text"), table(50).texts("text"));
        assert_eq!(read.ints("int"), table(50).ints("int"));
        assert!(from_bytes(to_bytes(&table(5)), Some(&["absent"])).is_err());
    }

    #[test]
    fn damage_anywhere_is_seen() {
        let bytes = to_bytes(&table(40));
        for at in 0..bytes.len() {
            assert!(from_bytes(bytes[..at].to_vec(), None).is_err(), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x55;
            assert!(from_bytes(flipped, None).is_err(), "flipped at {at}");
        }
        assert!(from_bytes([&bytes[..], b"more"].concat(), None).is_err());
    }

    #[test]
    fn a_text_that_looks_like_the_seal_does_no_harm() {
        let mut table = Table::default();
        table.add_texts(SEAL, [format!("{SEAL}\u{18}@{}", "0".repeat(64)), SEAL.to_owned()]);
        assert_eq!(from_bytes(to_bytes(&table), None), Ok(table));
    }
}
