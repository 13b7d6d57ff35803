//! A strategy as a TOML table: a file of its own, or inline in a session.

use super::session::param_value;
use super::tree::{Entry, Node, Table};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::expr::Scalar;
use crate::strategy::{Definition, Leg, Named, Param, ParamKind, Rule, RuleText, Written};

/// Read the strategy called `name` from `table`, which stands at `place` and whose keys and types were
/// checked; `None` if it has mistakes, of those that were told then as far as they leave a gap.
pub(super) fn definition(
    name: &str,
    table: &Table,
    place: &Place,
    mistakes: &mut Mistakes,
) -> Option<Definition> {
    let mut found = Mistakes::default();
    let texts = |key: &str| -> Vec<String> {
        let items = table.get(key).and_then(Node::array).unwrap_or_default();
        items.iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    let entries =
        |key: &str| table.get(key).and_then(Node::table).into_iter().flat_map(Table::iter);
    let params: Vec<Param> =
        entries("params").filter_map(|entry| param(entry, &mut found)).collect();
    let lets: Vec<Named> = entries("let")
        .filter_map(|entry| {
            Some(Named {
                name: entry.key.clone(),
                place: entry.key_place.clone(),
                written: written(&entry.node)?,
            })
        })
        .collect();
    let legs = legs(name, table, &mut found);
    let rules = rules(table, &legs, &mut found);
    // Names and rules that are not there would be missed by others, which have no mistake.
    let is_written = |entry: &Entry| match entry.node.table() {
        Some(leg) => leg.iter().all(|entry| entry.node.text().is_some()),
        None => entry.node.text().is_some(),
    };
    let is_whole = entries("params").count() == params.len()
        && entries("let").count() == lets.len()
        && entries("rules").all(is_written);
    if is_whole && !rules.iter().any(|text| text.rule.enters()) {
        let at = table.entry("rules").map_or(place, |entry| &entry.key_place);
        let title = format!("strategy `{name}` never enters");
        found.push(
            Mistake::new(codes::MISSING_KEY, at, title)
                .label("give it `enter_long` or `enter_short` under [rules]"),
        );
    }
    let plot = texts("plot");
    for (number, (drawn, node)) in
        plot.iter().zip(table.get("plot").and_then(Node::array).unwrap_or_default()).enumerate()
    {
        if plot[..number].contains(drawn) {
            let title = format!("`plot` names `{drawn}` twice");
            found.push(Mistake::new(codes::TWICE, &node.place, title));
        }
        if !lets.iter().any(|named| named.name == *drawn) {
            let known = lets.iter().map(|named| named.name.as_str());
            let title = format!("`plot` names `{drawn}`, which is not a let");
            found.push(Mistake::new(codes::UNKNOWN_NAME, &node.place, title).suggest(drawn, known));
        }
    }
    let failed = found.has_errors() || !is_whole;
    mistakes.append(found);
    (!failed).then(|| Definition {
        name: name.to_owned(),
        description: table.get("description").and_then(Node::text).unwrap_or_default().to_owned(),
        modes: texts("modes"),
        params,
        lets,
        legs,
        rules,
        plot,
        inputs: Vec::new(),
        turns: Default::default(),
    })
}

/// The legs, each of which has rules.
fn legs(name: &str, table: &Table, mistakes: &mut Mistakes) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::new();
    for node in table.get("legs").and_then(Node::array).unwrap_or_default() {
        let Some(text) = node.text() else { continue };
        let place = node.place.clone();
        if legs.iter().any(|leg| leg.name == text) {
            let title = format!("leg `{text}` is listed twice");
            mistakes.push(Mistake::new(codes::TWICE, &place, title));
        }
        legs.push(Leg { name: text.to_owned(), place });
    }
    let rules = table.get("rules").and_then(Node::table);
    for leg in &legs {
        if rules.is_some_and(|rules| rules.get(&leg.name).is_none()) {
            let title = format!("leg `{}` of strategy `{name}` has no rules", leg.name);
            mistakes.push(
                Mistake::new(codes::MISSING_KEY, &leg.place, title)
                    .label(format!("write them under [rules.{}]", leg.name)),
            );
        }
    }
    legs
}

/// The rules, of each leg where there are legs.
fn rules(table: &Table, legs: &[Leg], mistakes: &mut Mistakes) -> Vec<RuleText> {
    let mut texts = Vec::new();
    for entry in table.get("rules").and_then(Node::table).into_iter().flat_map(Table::iter) {
        let Some(own) = entry.node.table() else {
            if let Some(leg) = legs.first() {
                let title = format!("`{}` stands beside the rules of legs", entry.key);
                mistakes.push(
                    Mistake::new(codes::EXCLUSIVE, &entry.key_place, title)
                        .label(format!("write it under [rules.{}]", leg.name)),
                );
            }
            continue;
        };
        match legs.iter().position(|leg| leg.name == entry.key) {
            Some(leg) => texts.extend(rules_of(leg, own, mistakes)),
            None => {
                let title = format!("`{}` is no leg of this strategy", entry.key);
                let known = legs.iter().map(|leg| leg.name.as_str());
                let mistake = Mistake::new(codes::UNKNOWN_NAME, &entry.key_place, title);
                mistakes.push(match legs.is_empty() {
                    true => mistake.label(format!("list it: `legs = [\"{}\"]`", entry.key)),
                    false => mistake.suggest(&entry.key, known),
                });
            }
        }
    }
    match table.get("rules").and_then(Node::table) {
        Some(own) if legs.is_empty() => rules_of(0, own, mistakes),
        _ => texts,
    }
}

/// The rules of leg number `leg`.
fn rules_of(leg: usize, table: &Table, mistakes: &mut Mistakes) -> Vec<RuleText> {
    let text = |rule: Rule| Some(RuleText { leg, rule, written: written(table.get(rule.key())?)? });
    let rules: Vec<RuleText> = Rule::ALL.into_iter().filter_map(text).collect();
    if let Some(weight) = rules.iter().find(|text| text.rule == Rule::Weight) {
        for other in rules.iter().filter(|text| text.rule != Rule::Weight) {
            let title = format!("`{}` stands beside `weight`", other.rule.key());
            mistakes.push(
                Mistake::new(codes::EXCLUSIVE, &other.written.place, title)
                    .label("remove it, or `weight`")
                    .help(format!(
                        "`weight` ({}) says how much to hold, instead of all other rules",
                        weight.written.place
                    )),
            );
        }
    }
    rules
}

fn written(node: &Node) -> Option<Written> {
    Some(Written { text: node.text()?.to_owned(), place: node.place.clone() })
}

fn param(entry: &Entry, mistakes: &mut Mistakes) -> Option<Param> {
    let table = entry.node.table()?;
    let number = |key: &str| table.get(key).and_then(Node::number);
    let (min, max) = (number("min"), number("max"));
    let choices = table.get("choices").and_then(Node::array).unwrap_or_default();
    let choices: Vec<String> = choices.iter().filter_map(Node::text).map(str::to_owned).collect();
    let kind = match table.get("type").and_then(Node::text) {
        Some("int") => ParamKind::Int { min, max },
        Some("float") => ParamKind::Float { min, max },
        Some("bool") => ParamKind::Bool,
        Some("choice") if choices.is_empty() => {
            let title = format!("parameter `{}` is a choice without choices", entry.key);
            let mistake = Mistake::new(codes::MISSING_KEY, &entry.key_place, title);
            mistakes.push(mistake.label("list them: `choices = [\"a\", \"b\"]`"));
            return None;
        }
        Some("choice") => ParamKind::Choice(choices),
        Some("symbol") => ParamKind::Symbol,
        Some(_) => return None,
        None => {
            let title = format!("parameter `{}` has no type", entry.key);
            let mistake = Mistake::new(codes::MISSING_KEY, &entry.key_place, title);
            mistakes.push(mistake.label("int, float, bool, choice or symbol"));
            return None;
        }
    };
    if let (Some(low), Some(high), Some(node)) = (min, max, table.get("max"))
        && low > high
    {
        let title = format!("the bounds of parameter `{}` cross", entry.key);
        mistakes.push(
            Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(format!("below {low}")),
        );
    }
    let default = table.get("default").map(|node| (param_value(node), node));
    if let Some((value, node)) = &default
        && let Some(fact) = kind.refuse(value)
    {
        let title = format!("the default of parameter `{}` {fact}", entry.key);
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
    }
    Some(Param {
        name: entry.key.clone(),
        place: entry.key_place.clone(),
        kind,
        default: default.map(|(value, _)| value).filter(|value| *value != Scalar::Missing),
        description: table.get("description").and_then(Node::text).unwrap_or_default().to_owned(),
    })
}
