//! What is made of files that can be read, and what is said of those that cannot.

use super::*;

#[test]
fn a_plain_file_is_one_symbol_named_after_it() {
    let data = one("2020-01-01,1,2,0.5,1.5,10\n2020-01-02,1.5,2,1,2,\n").unwrap();
    assert_eq!(data.symbols(), ["x"]);
    let bars = &data.bars[0];
    assert_eq!((bars.len(), bars.clock.timeframe), (2, DAY));
    assert_eq!(&bars.close[..], [1.5, 2.0]);
    assert!(bars.volume[1].is_nan(), "an empty volume is missing, and no mistake");
}

#[test]
fn a_symbol_column_makes_several_symbols_and_so_do_several_files() {
    let rows = "date,symbol,o,h,l,c,vol\n2020-01-01,A,1,1,1,1,1\n2020-01-01,B,2,2,2,2,1\n2020-01-02,A,1,1,1,1,1\n2020-01-02,B,2,3,2,3,1\n";
    let files = Files::new(&[
        ("all.csv", rows),
        ("C.csv", &format!("{HEADER}2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n")),
    ]);
    let data = files.load(&["all.csv", "C.csv"]).unwrap();
    assert_eq!(data.symbols(), ["A", "B", "C"]);
    assert_eq!(&data.symbol("B").unwrap().close[..], [2.0, 3.0]);
    assert_eq!(files.load(&["*.csv"]).unwrap().symbols(), ["C", "A", "B"]);
    let twice = files.load(&["C.csv", "C.csv"]).unwrap_err();
    assert_eq!(twice, "the file is named twice");
}

#[test]
fn a_file_that_is_absent_empty_or_of_other_columns_says_so() {
    let files =
        Files::new(&[("goog.csv", ""), ("odd.csv", "when,open,high,low,close\n1,1,1,1,1\n")]);
    assert_eq!(
        files.load(&["gogo.csv"]).unwrap_err(),
        "there is no such file; did you mean `goog.csv`?"
    );
    assert_eq!(
        files.load(&["goog.csv"]).unwrap_err(),
        "the file is empty; write bars into it or name another file"
    );
    let odd = files.load(&["odd.csv"]).unwrap_err();
    assert!(odd.starts_with("no column looks like `time`; the file has when, open"), "{odd}");
    let files_told = |text: &str| Files::new(&[("x.csv", text)]).load(&["x.csv"]).unwrap_err();
    let told = files_told("date,open,high,low,close,close\n2020-01-01,1,1,1,1,1\n");
    assert_eq!(told, "two columns are called `close`; rename one of them");
    let told = files_told("2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n");
    assert!(told.starts_with("the first line is no header, it has 2020-01-01, 1, 1"), "{told}");
    let told = files_told("# of somebody\ndate,open,high,low,close\n2020-01-01,1,1,1,1\n");
    assert!(told.starts_with("its first line is `# of somebody` and no header"), "{told}");
    let mut settings = files.settings(&["odd.csv"]);
    settings.columns = vec![("time".into(), "wehn".into())];
    let told = load(&settings).unwrap_err().fact;
    assert!(told.starts_with("there is no column `wehn` for `time`"), "{told}");
    assert_eq!(files.load(&["*.parquet"]).unwrap_err(), "no file matches");
    // A result that tells why it is none is the same on every machine: it names no place of one.
    let told = files.load(&["far/away.csv"]).unwrap_err();
    assert_eq!(told, "there is no such file; paths of manifests are relative to the project");
}

#[test]
fn further_columns_of_numbers_and_booleans_are_kept() {
    let text = "time,open,high,low,close,score,hot,name\n1577836800,1,1,1,1,0.5,true,a\n1577923200,1,1,1,1,,false,b\n";
    let data = Files::new(&[("x.csv", text)]).load(&["x.csv"]).unwrap();
    assert_eq!(data.extra(), [("score".to_owned(), false), ("hot".to_owned(), true)]);
    let extra = &data.bars[0].extra;
    assert!(extra[0].values[1].is_nan());
    assert_eq!(&extra[1].values[..], [1.0, 0.0]);
    assert_eq!(data.bars[0].time[0], 1_577_836_800_000_000);
}

#[test]
fn parquet_and_csv_of_the_same_bars_are_the_same_bars() {
    use polars::prelude::*;
    let files = Files::new(&[(
        "x.csv",
        &format!("{HEADER}2020-01-01,1,2,0.5,1.5,10\n2020-01-02,1.5,2,1,2,20\n"),
    )]);
    let days = Series::new("timestamp".into(), [18_262_i32, 18_263]).cast(&DataType::Date).unwrap();
    let floats = |name: &str, values: [f64; 2]| Column::from(Series::new(name.into(), values));
    let columns = vec![
        Column::from(days),
        floats("open", [1.0, 1.5]),
        floats("high", [2.0, 2.0]),
        floats("low", [0.5, 1.0]),
        floats("close", [1.5, 2.0]),
        floats("volume", [10.0, 20.0]),
    ];
    let mut frame = DataFrame::new(2, columns).unwrap();
    let file = std::fs::File::create(files.0.path().join("x.parquet")).unwrap();
    ParquetWriter::new(file).finish(&mut frame).unwrap();
    let (csv, parquet) = (files.load(&["x.csv"]).unwrap(), files.load(&["x.parquet"]).unwrap());
    assert_eq!(format!("{:?}", csv.bars), format!("{:?}", parquet.bars));
}

#[test]
fn a_label_at_the_close_is_moved_to_the_open() {
    let files = Files::new(&[(
        "x.csv",
        &format!("{HEADER}2020-01-01T01:00:00Z,1,1,1,1,1\n2020-01-01T02:00:00Z,1,1,1,1,1\n"),
    )]);
    let mut settings = files.settings(&["x.csv"]);
    settings.label_close = true;
    let data = load(&settings).unwrap();
    assert_eq!(data.bars[0].time[0], 1_577_836_800_000_000);
}

#[test]
fn both_labels_tell_the_same_bars_in_nights_on_which_clocks_are_moved() {
    // Four hours of New York, as they are told there and in UTC, by when each opens and by when it closes.
    for (walls, first) in [
        // At 2 o'clock it was 3: there was no bar that opened at 2.
        (["2020-03-08T00:00", "2020-03-08T01:00", "2020-03-08T03:00", "2020-03-08T04:00"], 5),
        // At 2 o'clock it was 1 again.
        (["2020-11-01T00:00", "2020-11-01T01:00", "2020-11-01T01:00", "2020-11-01T02:00"], 4),
    ] {
        let day = &walls[0][..10];
        let last = ["2020-03-08T05:00", "2020-11-01T03:00"][usize::from(first == 4)];
        let utc: Vec<String> = (first..first + 5).map(|at| format!("{day}T0{at}:00:00Z")).collect();
        let walls: Vec<String> = walls.into_iter().chain([last]).map(str::to_owned).collect();
        let bars = |stamps: &[String], close: bool| {
            let row = |(at, stamp): (usize, &String)| format!("{stamp},1,1,1,1,{}\n", at + 1);
            let rows: String = stamps.iter().enumerate().map(row).collect();
            let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
            let mut settings = files.settings(&["x.csv"]);
            settings.timezone = chrono_tz::America::New_York;
            settings.label_close = close;
            let data = usable(load(&settings)).unwrap();
            (data.bars[0].time.to_vec(), data.bars[0].volume.to_vec())
        };
        let opened = bars(&walls[..4], false);
        assert_eq!(bars(&utc[..4], false), opened, "{day}");
        assert_eq!(bars(&walls[1..], true), opened, "{day}");
        assert_eq!(bars(&utc[1..], true), opened, "{day}");
    }
    // A day is over at midnight, however long it was.
    let rows = ["2020-03-08T05:00:00Z", "2020-03-09T04:00:00Z", "2020-03-10T04:00:00Z"];
    let rows = rows.map(|stamp| format!("{stamp},1,1,1,1,1\n")).concat();
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let mut settings = files.settings(&["x.csv"]);
    settings.timezone = chrono_tz::America::New_York;
    settings.label_close = true;
    let data = usable(load(&settings)).unwrap();
    assert_eq!(data.bars[0].days(0..3).collect::<Vec<_>>(), [18_328, 18_329, 18_330]);
    let clock = &data.bars[0].clock;
    assert_eq!(clock.close(data.bars[0].time[1]), 1_583_726_400_000_000, "the day of 23 hours");
}

#[test]
fn further_files_of_a_symbol_go_on_with_it() {
    let files = Files::new(&[
        ("2020.csv", "time,symbol,o,h,l,c,score\n2020-12-30,A,1,1,1,1,7\n2020-12-31,A,1,1,1,1,8\n"),
        ("2021.csv", "time,symbol,o,h,l,c\n2021-01-01,A,1,1,1,2\n2021-01-02,A,1,1,1,0\n"),
    ]);
    let told = files.load(&["2020.csv", "2021.csv"]).unwrap_err();
    assert!(told.contains("row 2 (2021-01-02T00:00:00Z): `close` is 0"), "{told}");
    let mut settings = files.settings(&["*.csv"]);
    settings.checks =
        settings.checks.with(Check::Prices, Policy::Drop).with(Check::Range, Policy::Drop);
    let data = load(&settings).unwrap();
    assert_eq!(data.symbols(), ["A"]);
    assert_eq!(data.files.len(), 2);
    assert!(data.bars[0].extra[0].values[1] == 8.0);
}

#[test]
fn a_file_that_has_no_rows_yet_adds_nothing_to_others() {
    let header = "time,o,h,l,c\n";
    let rows = format!("{header}2020-12-30,1,1,1,1\n2020-12-31,1,1,1,1\n");
    let files = Files::new(&[("NEW.csv", header), ("OLD.csv", &rows)]);
    let data = files.load(&["*.csv"]).unwrap();
    assert_eq!(data.symbols(), ["OLD"]);
    assert_eq!(data.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [0, 2]);
    let told = files.load(&["NEW.csv"]).unwrap_err();
    assert!(told.contains("the file has a header and no rows; write bars"), "{told}");
}

#[test]
fn packed_files_other_separators_and_told_formats_are_read() {
    use std::io::Write as _;
    let files = Files::new(&[(
        "x.csv",
        "Date;Open;High;Low;Close;Adj Close;Vol.\n31.12.2019;1;2;0.5;1.5;1.5;3\n01.01.2020;1;2;0.5;1.5;1.5;3\n",
    )]);
    let mut settings = files.settings(&["x.csv"]);
    settings.time_format = Some("%d.%m.%Y".into());
    let plain = load(&settings).unwrap();
    let packed = std::fs::File::create(files.0.path().join("x.csv.gz")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packer.write_all(&std::fs::read(files.0.path().join("x.csv")).unwrap()).unwrap();
    packer.finish().unwrap();
    settings.paths = vec![files.0.path().join("x.csv.gz")];
    let unpacked = load(&settings).unwrap();
    assert_eq!(format!("{:?}", plain.bars), format!("{:?}", unpacked.bars));
    assert_eq!(plain.symbols(), ["x"]);
    assert!(plain.verdicts[0].naive);
}

#[test]
fn what_is_cut_short_or_no_table_of_prices_says_so() {
    use std::io::Write as _;
    let rows: String =
        (1..=9).map(|day| format!("2020-01-0{day},1,2,0.5,1.5,{}\n", day * 1_000)).collect();
    let text = format!("{HEADER}{rows}");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let files = Files::new(&[]);
    let told = |name: &str, bytes: &[u8]| {
        std::fs::write(files.0.path().join(name), bytes).unwrap();
        files.load(&[name]).map(|data| data.bars[0].len()).unwrap_err()
    };
    for cut in [packed.len() / 2, packed.len() - 1] {
        let told = told("x.csv.gz", &packed[..cut]);
        assert!(told.starts_with("the compressed file is cut short"), "{told}");
    }
    assert!(
        told("x.csv.gz", &[&packed[..], b"and something else"].concat()).contains("is damaged")
    );
    assert!(told("x.parquet", b"PAR1 and then").starts_with("the Parquet file is cut short"));
    assert!(told("x.parquet", text.as_bytes()).starts_with("it is no Parquet file"));
    assert!(told("x.csv", b"PK\x03\x04...").starts_with("it is a zip archive"));
    assert!(told("x.csv", b"\xff\xfed\0").contains("save it in UTF-8"));
    let latin = format!("{},name\n2020-01-01,1,1,1,1,1,Z", HEADER.trim_end());
    let latin = [latin.as_bytes(), b"\xfcrich\n"].concat();
    assert_eq!(told("x.csv", &latin), "line 2 is no text in UTF-8; save the file in UTF-8");
    let wide = format!("{HEADER}2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1,7,8\n");
    let wide = told("x.csv", wide.as_bytes());
    assert_eq!(wide, "row 2 has 8 cells, and there are 6 columns; mend it or take it out");
    // Names do not matter where the bytes tell.
    std::fs::write(files.0.path().join("y.csv"), &packed).unwrap();
    std::fs::write(files.0.path().join("z.csv.gz"), &text).unwrap();
    assert_eq!(files.load(&["y.csv"]).unwrap().bars[0].len(), 9);
    assert_eq!(files.load(&["z.csv.gz"]).unwrap().bars[0].len(), 9);
}

#[test]
fn a_last_line_without_an_end_is_no_row_like_any_other() {
    let rows = "2020-01-01,1,2,1,1.5,10\n2020-01-02,1,2,1,1.5,10\n2020-01-03,1,2,1,1.5,105";
    let last = one(rows).unwrap();
    let warned: Vec<String> = last.verdicts[0].warnings().collect();
    assert_eq!(last.bars[0].len(), 3);
    assert!(warned[0].ends_with(
        "`x` has 1 last line without an end (kept): row 3 (2020-01-03T00:00:00Z): the file ends without the end of a line: it may be cut short"
    ), "{warned:?}");
    let short = one(rows.strip_suffix(",105").unwrap()).unwrap_err();
    assert!(short.contains(
        "row 3 (2020-01-03T00:00:00Z): the file ends within the line, after 5 of 6 cells; is it still being written?"
    ), "{short}");
    let hardly = one(rows.strip_suffix("20-01-03,1,2,1,1.5,105").unwrap()).unwrap_err();
    assert!(
        hardly.contains("row 3: the file ends within the line, after 1 of 6 cells"),
        "{hardly}"
    );
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    for (policy, bars, found) in [(Policy::Drop, 2, 1), (Policy::Off, 3, 0), (Policy::Fail, 3, 1)] {
        let mut settings = files.settings(&["x.csv"]);
        settings.checks = settings.checks.with(Check::Torn, policy);
        let data = load(&settings).unwrap();
        assert_eq!((data.bars[0].len(), data.verdicts[0].findings.len()), (bars, found));
        assert_eq!(data.verdicts[0].refuses(), policy == Policy::Fail);
    }
}

#[test]
fn a_file_is_read_in_whatever_way_a_program_writes_it() {
    let usual =
        one("2020-01-01,1001,2002.5,1000.5,1500,12345\n2020-01-13,1,2,0.5,1.5,10\n").unwrap();
    for (what, text) in [
        (
            "decimal commas",
            "Date;Open;High;Low;Close;Volume\n\
             01.01.2020;1.001,0;2.002,5;1.000,5;1.500;12.345\n13.01.2020;1;2;0,5;1,5;10\n",
        ),
        (
            "commas between thousands",
            "Date,Open,High,Low,Close,Volume\n\
             01/01/2020,\"1,001\",\"2,002.5\",\"1,000.5\",\"1,500\",\"12,345\"\n\
             13/01/2020,1,2,0.5,1.5,10\n",
        ),
        (
            "lines that end with a carriage return, and bars between cells",
            "Date|Open|High|Low|Close|Volume\r\
             2020/01/01|1001|2002.5|1000.5|1500|12345\r2020/01/13|1|2|0.5|1.5|10\r",
        ),
        (
            "blank lines, and blanks around cells",
            "Date, Open, High, Low, Close, Volume\n\n\
             2020-01-01, 1001, 2002.5, 1000.5, 1500, 12345\n\n2020-01-13, 1, 2, 0.5, 1.5, 10\n\n\n",
        ),
        (
            "a mark before the header, and quotes",
            "\u{feff}\"Date\",\"Open\",\"High\",\"Low\",\"Close\",\"Volume\"\r\n\
             \"1-Jan-2020\",\"1001\",\"2002.5\",\"1000.5\",\"1500\",\"12345\"\r\n\
             \"13-Jan-2020\",\"1\",\"2\",\"0.5\",\"1.5\",\"10\"\r\n",
        ),
    ] {
        let data = Files::new(&[("x.csv", text)]).load(&["x.csv"]);
        let data = data.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(format!("{:?}", data.bars), format!("{:?}", usual.bars), "{what}");
    }
}

#[test]
fn days_and_times_of_day_may_stand_in_two_columns() {
    let text = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>\n\
                2024.01.02\t09:30\t1\t2\t1\t1.5\t10\n2024.01.02\t09:31\t1\t2\t1\t1.5\t10\n";
    let data = Files::new(&[("x.csv", text)]).load(&["x.csv"]).unwrap();
    assert_eq!(stamp(data.bars[0].time[1]), "2024-01-02T09:31:00Z");
    assert_eq!(data.bars[0].clock.timeframe, 60_000_000);
}
