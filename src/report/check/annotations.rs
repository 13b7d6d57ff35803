//! A check as GitHub's workflow commands: each finding at the line of the manifest that demands it.
//!
//! GitHub shows ten errors and ten warnings of a step and drops the rest without a word, so the last
//! of ten says how many more there are.

use crate::compare::check::place_of;
use crate::compare::{Checked, Checks, Level};

/// How many commands of a kind a step may give.
const SHOWN: usize = 10;

/// The commands, one a line.
pub fn github(checks: &Checks) -> String {
    let mut text = String::new();
    for (level, command) in [(Level::Failure, "error"), (Level::Warning, "warning")] {
        // One command a session: its first finding, which is the gravest.
        let told: Vec<String> = checks
            .sessions
            .iter()
            .filter_map(|one| {
                let first = one.verdict.findings.first()?;
                (first.level == level).then(|| line(command, one))
            })
            .collect();
        let more = told.len().saturating_sub(SHOWN);
        let shown = if more > 0 { SHOWN - 1 } else { told.len() };
        text.extend(told[..shown].iter().map(String::as_str));
        if more > 0 {
            let rest = told.len() - shown;
            text += &format!("::{command} title=papertape::and {rest} more, see the summary\n");
        }
    }
    text
}

fn line(command: &str, checked: &Checked) -> String {
    let first = checked.verdict.findings.first();
    let place = first.and_then(|finding| place_of(finding, checked));
    let subject = first.map_or("", |finding| finding.subject.as_str());
    let mut properties = Vec::new();
    // What the command line demands stands in no file.
    if let Some(place) = place.filter(|place| place.source.name.ends_with(".toml")) {
        properties.push(format!("file={}", property(&place.source.name)));
        properties.push(format!("line={}", place.line_column().0));
    }
    properties.push(format!("title={}", property(&format!("{} ({subject})", checked.key))));
    let text = super::lines(checked).join("\n");
    format!("::{command} {}::{}\n", properties.join(","), message(&text))
}

/// A message, escaped: what it stands for ends at the end of the line.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, escaped: what it stands for ends at a colon or comma too.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
