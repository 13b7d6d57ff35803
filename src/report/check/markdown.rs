//! A check as a page of Markdown, no longer than GitHub takes: a step summary of more than 1,024 KiB
//! is refused as a whole.

use super::{causes, divergence};
use crate::compare::story::Trades;
use crate::compare::{Checked, Checks, Level, Standing};
use crate::diag::counted;
use crate::report::format::{code, markdown as escaped};

/// The longest page, in bytes.
pub const LARGEST: usize = 900 * 1024;
/// How many bytes the last sentence may take.
const ROOM: usize = 1_024;

/// The page; `elsewhere` says where the rest is if it would be too long.
pub fn markdown(checks: &Checks, elsewhere: &str) -> String {
    let mut page = Page { text: String::new(), largest: LARGEST - ROOM, left_out: 0 };
    page.push(&heading(checks));
    page.push(&table(&checks.sessions));
    for one in checks.sessions.iter().filter(|one| is_told(one)) {
        page.push(&section(one));
    }
    page.end(elsewhere)
}

/// A text that grows as long as it may.
struct Page {
    text: String,
    largest: usize,
    left_out: usize,
}

impl Page {
    fn push(&mut self, part: &str) {
        // After one that did not fit, a shorter one would stand in the wrong place.
        if self.left_out > 0 || self.text.len() + part.len() > self.largest {
            self.left_out += 1;
        } else {
            self.text.push_str(part);
        }
    }

    fn end(mut self, elsewhere: &str) -> String {
        if self.left_out > 0 {
            let parts = counted(self.left_out, "further part");
            self.text.push_str(&format!("\n{parts} would not fit here; {elsewhere}.\n"));
        }
        self.text
    }
}

fn is_told(checked: &Checked) -> bool {
    checked.standing != Standing::Held
        || !checked.verdict.findings.is_empty()
        || checked.beyond.is_some()
}

fn heading(checks: &Checks) -> String {
    let failed = checks.sessions.iter().filter(|one| one.failed()).count();
    let sign = if failed == 0 { "✅" } else { "❌" };
    let of =
        checks.baseline.as_ref().map_or(String::new(), |name| format!(" against {}", code(name)));
    let sessions = counted(checks.sessions.len(), "session");
    let verdict = match failed {
        0 => format!("{sessions} checked, every gate held"),
        failed => format!("{sessions} checked, {failed} failed"),
    };
    format!("# {sign} papertape{of}\n\n{verdict}.\n")
}

fn table(sessions: &[Checked]) -> String {
    /// A longer table is not read; the sections below have every session that is told of.
    const ROWS: usize = 200;
    let mut ordered: Vec<&Checked> = sessions.iter().collect();
    ordered.sort_by_key(|one| (!one.failed(), one.standing == Standing::Held));
    let mut text =
        String::from("\n| session | | cause | first divergence |\n| --- | --- | --- | --- |\n");
    for one in ordered.iter().take(ROWS) {
        let sign = if one.failed() { "❌" } else { "✅" };
        text += &format!(
            "| {} | {sign} {} | {} | {} |\n",
            code(&one.key),
            one.standing.word(),
            escaped(&causes(one)),
            escaped(&divergence(one).unwrap_or_default()),
        );
    }
    if ordered.len() > ROWS {
        text += &format!("\nand {} more.\n", ordered.len() - ROWS);
    }
    text
}

fn section(checked: &Checked) -> String {
    let verdict = &checked.verdict;
    let mut text = format!("\n## {}\n\n", code(&checked.key));
    for finding in &verdict.findings {
        let word = match finding.level {
            Level::Failure => "",
            Level::Warning => "Warning: ",
            Level::Note => "Note: ",
        };
        text += &format!("- {word}{}\n", escaped(&finding.text));
    }
    for cause in &verdict.causes {
        text += &format!("- Cause: {}\n", escaped(&cause.text()));
    }
    if let Some(beyond) = &checked.beyond {
        text += &format!("- Apart: {}\n", escaped(&beyond.text()));
    }
    if let Some(story) = &verdict.story {
        text += &format!(
            "\nFirst divergence at {}: {}.\n",
            escaped(&story.at),
            escaped(&story.sentence)
        );
        text += "\n| field | baseline | now |\n| --- | --- | --- |\n";
        for field in &story.fields {
            let value = |side: &Option<String>| side.as_deref().map_or("–".into(), escaped);
            let (before, after) = (value(&field.before), value(&field.after));
            text += &format!("| {} | {before} | {after} |\n", escaped(&field.name));
        }
        text += &story.trades.as_ref().map_or(String::new(), trades);
    }
    if !verdict.changes.is_empty() {
        text += "\n| metric | baseline | now | difference | limit |\n| --- | ---: | ---: | ---: | ---: |\n";
        for change in &verdict.changes {
            let value =
                |side: Option<f64>| side.map_or("–".into(), |value| escaped(&value.to_string()));
            let bold = if change.level == Level::Failure { "**" } else { "" };
            text += &format!(
                "| {bold}{}{bold} | {} | {} | {} | {} |\n",
                escaped(change.metric),
                value(change.before),
                value(change.after),
                value(change.difference),
                value(change.limit),
            );
        }
    }
    text
}

fn trades(trades: &Trades) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = "\nThe trades around it:\n\n".to_owned();
    let header = std::iter::once("side".to_owned()).chain(trades.columns.iter().cloned());
    let header: Vec<String> = header.map(|name| escaped(&name)).collect();
    text += &line(header.clone());
    text += &line(header.iter().map(|_| "---".to_owned()).collect());
    for (side, rows) in [("baseline", &trades.before), ("now", &trades.after)] {
        for row in rows {
            let cells =
                std::iter::once(side.to_owned()).chain(row.iter().map(|cell| escaped(cell)));
            text += &line(cells.collect());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::verdict::{Finding, Verdict};
    use crate::metrics::Metrics;

    fn failed(number: usize, text: &str) -> Checked {
        let finding = Finding {
            level: Level::Failure,
            subject: "sharpe".into(),
            text: text.into(),
            place: None,
            is_metric: true,
        };
        let verdict = Verdict { findings: vec![finding], ..Verdict::default() };
        Checked {
            key: format!("s[n={number}]"),
            session: "s".into(),
            manifest: "a.toml".into(),
            place: None,
            standing: Standing::Failed,
            verdict,
            beyond: None,
            metrics: Metrics::default(),
            seconds: None,
        }
    }

    #[test]
    fn a_page_that_would_be_too_long_ends_with_how_much_is_missing_and_where_it_is() {
        let page = |sessions, text: &str| {
            let sessions = (0..sessions).map(|number| failed(number, text)).collect();
            markdown(&Checks { baseline: Some("main".into()), sessions }, "all of it is in x.xml")
        };
        let short = page(3, "it differs");
        assert!(short.contains("## `s[n=2]`") && !short.contains("would not fit"), "{short}");
        // Two bytes a letter: the limit is one of bytes.
        let text = "ü".repeat(500);
        let long = page(2_000, &text);
        assert!(long.len() <= LARGEST && long.len() > LARGEST - 2 * ROOM, "{}", long.len());
        let told = long.matches("\n## ").count();
        let end = format!(
            "\n{} further parts would not fit here; all of it is in x.xml.\n",
            2_000 - told
        );
        assert!(long.ends_with(&end), "{}", &long[long.len() - 100..]);
        assert!(long.contains("2000 sessions checked, 2000 failed."));
        // Even one that is too long by itself.
        let one = page(1, &"x".repeat(2 * LARGEST));
        assert!(
            one.len() <= LARGEST
                && one.ends_with("1 further part would not fit here; all of it is in x.xml.\n")
        );
    }
}
