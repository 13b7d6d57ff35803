//! What people and programs read on standard output.

use super::cell::one_line;
use super::*;
use crate::report::format::DASH;
use chrono::DateTime;
use console::measure_text_width;
use std::iter;

fn records() -> Records {
    let mut records = Records::new([
        ("session", Kind::Text),
        ("status", Kind::Text),
        ("sharpe", Kind::Ratio),
        ("max_drawdown", Kind::Fraction),
        ("trades", Kind::Count),
        ("started", Kind::Time),
    ]);
    let time = DateTime::from_timestamp(1_795_242_660, 123_456_000).unwrap();
    records.push(vec![
        "goog-sma".into(),
        "completed".into(),
        (0.1 + 0.2).into(),
        0.1187.into(),
        1204_u64.into(),
        time.into(),
    ]);
    records.push(vec![
        "a|b\n<i>\u{1b}[31m".into(),
        "failed".into(),
        (-1.5).into(),
        Cell::Absent,
        3_u64.into(),
        Cell::Absent,
    ]);
    records
}

#[test]
fn a_table_is_aligned_and_has_a_dash_for_what_is_absent() {
    insta::assert_snapshot!(records().render(Format::Table, None), @r#"
    session      status     sharpe  max_drawdown  trades  started
    goog-sma     completed    0.30        11.9 %   1,204  2026-11-21 06:31:00Z
    a|b <i>[31m  failed      −1.50             –       3  –
    "#);
}

#[test]
fn a_markdown_table_holds_any_text_in_its_cells() {
    let text = records().render(Format::Markdown, None);
    insta::assert_snapshot!(text, @r#"
    | session | status | sharpe | max\_drawdown | trades | started |
    | --- | --- | ---: | ---: | ---: | --- |
    | goog-sma | completed | 0.30 | 11.9 % | 1,204 | 2026-11-21 06:31:00Z |
    | a&#124;b &lt;i&gt;\[31m | failed | −1.50 | – | 3 | – |
    "#);
    assert!(text.lines().all(|line| line.matches('|').count() == 7), "{text}");
}

#[test]
fn csv_has_the_exact_values() {
    let csv = "session,status,sharpe,max_drawdown,trades,started\n\
               goog-sma,completed,0.30000000000000004,0.1187,1204,2026-11-21T06:31:00.123456Z\n\
               \"a|b\n<i>\u{1b}[31m\",failed,-1.5,,3,\n";
    assert_eq!(records().render(Format::Csv, None), csv);
}

#[test]
fn json_has_the_exact_values() {
    insta::assert_snapshot!(records().render(Format::Json, None), @r#"
    [
      {
        "session": "goog-sma",
        "status": "completed",
        "sharpe": 0.30000000000000004,
        "max_drawdown": 0.1187,
        "trades": 1204,
        "started": "2026-11-21T06:31:00.123456Z"
      },
      {
        "session": "a|b\n<i>\u001b[31m",
        "status": "failed",
        "sharpe": -1.5,
        "max_drawdown": null,
        "trades": 3,
        "started": null
      }
    ]
    "#);
}

#[test]
fn csv_and_json_numbers_read_back_to_the_same_bits() {
    for value in [0.1 + 0.2, 1.0 / 3.0, 5e-324, 1e300, -0.0, 1e22, f64::MAX] {
        let mut records = Records::new([("x", Kind::Ratio)]);
        records.push(vec![value.into()]);
        let csv = records.render(Format::Csv, None);
        let read: f64 = csv.lines().nth(1).unwrap().parse().unwrap();
        assert_eq!(read.to_bits(), value.to_bits());
        let json: Value = serde_json::from_str(&records.render(Format::Json, None)).unwrap();
        assert_eq!(json[0]["x"].as_f64().unwrap().to_bits(), value.to_bits());
    }
}

#[test]
fn a_number_that_is_not_finite_is_absent() {
    assert_eq!(Cell::from(f64::NAN), Cell::Absent);
    assert_eq!(Cell::from(Some(f64::INFINITY)), Cell::Absent);
    assert_eq!(Cell::from(None::<f64>), Cell::Absent);
}

#[test]
fn no_rows_are_a_header_or_an_empty_array() {
    let none = Records::new([("id", Kind::Text), ("trades", Kind::Count)]);
    assert_eq!(none.render(Format::Table, Some(80)), "id  trades\n");
    assert_eq!(none.render(Format::Csv, None), "id,trades\n");
    assert_eq!(none.render(Format::Markdown, None), "| id | trades |\n| --- | ---: |\n");
    assert_eq!(none.render(Format::Json, None), "[]\n");
}

#[test]
fn a_table_is_never_wider_than_its_terminal() {
    let mut records = records();
    let wide = "Ω漢字🦀".repeat(20);
    records.push(iter::repeat_n(Cell::from(wide), 6).collect());
    for width in 1..200 {
        let text = records.render(Format::Table, Some(width));
        assert_eq!(text.lines().count(), 4);
        for line in text.lines() {
            assert!(measure_text_width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn what_can_be_spared_goes_before_a_cell_is_cut() {
    let spare = ["status", "trades", "max_drawdown"];
    let columns = |width| {
        let left = records().within(width, &spare);
        left.columns.into_iter().map(|column| column.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(columns(80), "session status sharpe max_drawdown trades started");
    assert_eq!(columns(64), "session sharpe max_drawdown trades started");
    assert_eq!(columns(10), "session sharpe started");
}

#[test]
fn a_narrow_table_cuts_words_headers_and_hours_and_no_numbers() {
    insta::assert_snapshot!(records().render(Format::Table, Some(56)), @r#"
    session   status   sharpe  max_dr…  trades  started
    goog-sma  comple…    0.30   11.9 %   1,204  2026-11-21 …
    a|b <i>…  failed    −1.50        –       3  –
    "#);
}

#[test]
fn what_moves_a_cursor_is_not_shown() {
    assert_eq!(one_line("a\tb\r\nc\u{1b}[2J\u{7}d\u{202e}e\u{9b}f"), "a b c[2Jdef");
    assert_eq!(one_line(" \n"), DASH);
}

fn one_thing() -> Facts {
    let mut phases = Records::new([("name", Kind::Text), ("seconds", Kind::Ratio)]);
    phases.push(vec!["plan".into(), 0.25.into()]);
    let counts = Facts::default().with("completed", Kind::Count, 1200_u64);
    let counts = counts.with("failed", Kind::Count, 3_u64);
    Facts::default()
        .with("id", Kind::Text, "9f3a1c")
        .part("counts", counts)
        .with("error", Kind::Text, "the first word and then many more of them")
        .with("tags", Kind::Text, vec!["ci".to_owned(), "trend".to_owned()])
        .part("phases", phases)
}

#[test]
fn facts_stand_under_each_other_and_parts_behind_them() {
    insta::assert_snapshot!(one_thing().render(Format::Table, Some(28)), @r#"
    id     9f3a1c
    error  the first word and
           then many more of
           them
    tags   ci, trend

    counts
    completed  1,200
    failed         3

    phases
    name  seconds
    plan     0.25
    "#);
    insta::assert_snapshot!(one_thing().render(Format::Markdown, None), @r#"
    | name | value |
    | --- | --- |
    | id | 9f3a1c |
    | error | the first word and then many more of them |
    | tags | ci, trend |

    ## counts

    | name | value |
    | --- | --- |
    | completed | 1,200 |
    | failed | 3 |

    ## phases

    | name | seconds |
    | --- | ---: |
    | plan | 0.25 |
    "#);
}

#[test]
fn facts_are_an_object_and_one_flat_row() {
    insta::assert_snapshot!(one_thing().render(Format::Json, None), @r#"
    {
      "id": "9f3a1c",
      "counts": {
        "completed": 1200,
        "failed": 3
      },
      "error": "the first word and then many more of them",
      "tags": [
        "ci",
        "trend"
      ],
      "phases": [
        {
          "name": "plan",
          "seconds": 0.25
        }
      ]
    }
    "#);
    insta::assert_snapshot!(one_thing().render(Format::Csv, None), @r#"
    id,counts.completed,counts.failed,error,tags,phases
    9f3a1c,1200,3,the first word and then many more of them,"ci,trend","[{""name"":""plan"",""seconds"":0.25}]"
    "#);
}

#[test]
fn a_column_to_sort_by_says_its_direction() {
    let sort = |column: &str, descending| Ok(Sort { name: column.into(), descending });
    assert_eq!(Sort::parse("sharpe"), sort("sharpe", false));
    assert_eq!(Sort::parse("-sharpe"), sort("sharpe", true));
    assert_eq!(Sort::parse("sharpe:desc"), sort("sharpe", true));
    assert_eq!(Sort::parse("sharpe:asc"), sort("sharpe", false));
    assert_eq!(Sort::parse("-metrics.sharpe"), sort("sharpe", true));
    for wrong in ["", "-", ":desc", "sharpe:down", "-sharpe:desc"] {
        assert!(Sort::parse(wrong).is_err(), "{wrong}");
    }
}

fn listing(format: Format) -> Listing {
    Listing { sort: None, limit: None, offset: 0, format }
}

fn column(records: &Records, name: &str) -> Vec<String> {
    let place = records.place(name).unwrap();
    records.rows.iter().map(|row| row[place].csv(records.columns[place].kind)).collect()
}

#[test]
fn what_is_absent_is_sorted_last_in_both_directions() {
    let mut records = Records::new([("id", Kind::Text), ("x", Kind::Ratio)]);
    for (id, x) in [("a", None), ("b", Some(1.0)), ("c", Some(2.0)), ("d", Some(1.0))] {
        records.push(vec![id.into(), x.into()]);
    }
    for (text, order) in [("x", "bdca"), ("-x", "cbda"), ("-id", "dcba")] {
        let sort = Some(Sort::parse(text).unwrap());
        let sorted = Listing { sort, ..listing(Format::Csv) }.part(records.clone(), &[]);
        assert_eq!(column(&sorted.unwrap(), "id").concat(), order, "{text}");
    }
}

#[test]
fn an_unknown_column_is_named_with_the_one_that_was_meant() {
    let sort = Some(Sort::parse("-sharp").unwrap());
    let error = Listing { sort, ..listing(Format::Csv) }.part(records(), &[]).unwrap_err();
    assert_eq!(error.to_string(), "unknown column `sharp`; did you mean `sharpe`?");
}

#[test]
fn people_see_some_columns_and_the_sorted_one_and_programs_all() {
    let sort = Some(Sort::parse("trades").unwrap());
    let names = |format| {
        let listing = Listing { sort: sort.clone(), ..listing(format) };
        let part = listing.part(records(), &["session", "status"]).unwrap();
        part.columns.into_iter().map(|column| column.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Format::Table), ["session", "status", "trades"]);
    assert_eq!(names(Format::Markdown), ["session", "status", "trades"]);
    assert_eq!(names(Format::Json).len(), 6);
    assert_eq!(names(Format::Csv).len(), 6);
}

#[test]
fn a_table_ends_after_fifty_rows_unless_told_otherwise() {
    let mut many = Records::new([("n", Kind::Count)]);
    (0..120_u64).for_each(|n| many.push(vec![n.into()]));
    let rows = |limit, offset, format| {
        let listing = Listing { limit, offset, ..listing(format) };
        column(&listing.part(many.clone(), &["n"]).unwrap(), "n")
    };
    assert_eq!(rows(None, 0, Format::Table).len(), 50);
    assert_eq!(rows(None, 0, Format::Json).len(), 120);
    assert_eq!(rows(Some(0), 0, Format::Table).len(), 120);
    assert_eq!(rows(Some(2), 3, Format::Table), ["3", "4"]);
    assert!(rows(Some(2), 120, Format::Table).is_empty());
}

#[test]
fn a_closed_pipe_is_told_apart_from_a_full_disk() {
    struct Refusing(ErrorKind);
    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let closed = write_to(&mut Refusing(ErrorKind::BrokenPipe), b"x").unwrap_err();
    assert!(is_closed_pipe(&closed));
    let full = write_to(&mut Refusing(ErrorKind::StorageFull), b"x").unwrap_err();
    assert!(!is_closed_pipe(&full));
    assert!(matches!(full.downcast_ref(), Some(StoreError::Io { .. })));
}
