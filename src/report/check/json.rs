//! A check for programs: one object, every fact in it.

use crate::compare::check::place_of;
use crate::compare::{Checked, Checks, Standing};
use serde_json::{Map, Value, json};

/// The check as JSON; with the seconds of each session only if `times`.
pub fn json(checks: &Checks, times: bool) -> Value {
    let count = |standing: Standing| (standing.word().to_owned(), checks.count(standing).into());
    let counts: Map<String, Value> = [
        Standing::Held,
        Standing::Changed,
        Standing::Failed,
        Standing::New,
        Standing::Missing,
        Standing::Unreadable,
        Standing::Broken,
        Standing::Absent,
        Standing::Extra,
    ]
    .map(count)
    .into_iter()
    .collect();
    json!({
        "schema": 1,
        "baseline": checks.baseline,
        "counts": counts,
        "sessions": checks.sessions.iter().map(|one| session(one, times)).collect::<Value>(),
    })
}

fn session(checked: &Checked, times: bool) -> Value {
    let verdict = &checked.verdict;
    let findings = verdict.findings.iter().map(|finding| {
        let place = place_of(finding, checked);
        json!({
            "level": finding.level,
            "subject": finding.subject,
            "text": finding.text,
            "file": place.map(|place| place.source.name.as_str()),
            "line": place.map(|place| place.line_column().0),
        })
    });
    let mut session = json!({
        "key": checked.key,
        "session": checked.session,
        "manifest": checked.manifest,
        "standing": checked.standing,
        "failed": checked.failed(),
        "findings": findings.collect::<Value>(),
        "causes": verdict.causes,
        "story": verdict.story,
        "changes": verdict.changes,
        "beyond": checked.beyond,
    });
    if times {
        session["seconds"] = checked.seconds.into();
    }
    session
}
