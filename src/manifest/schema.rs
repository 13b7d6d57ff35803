//! The table of keys as JSON Schema (draft 2020-12), for editors and other programs.
//!
//! A schema says what the reader's check says: types, bounds, words, and that nothing else may stand
//! there. What only a whole session can tell (that a parameter exists, that a range does not end before
//! it starts) it leaves to the reader. A date of TOML reaches a schema as a string.

use super::SCHEMA;
use super::keys::{self, Key, Kind, is_same};
use super::tree::Table;
use crate::diag::{Mistakes, Source};
use serde_json::{Map, Value, json};

/// What names of sessions, profiles, strategies and templates look like.
const NAME: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";
/// What names in expressions look like.
const WORD: &str = "^[a-z_][a-z0-9_]*$";

/// Tables that stand in several places, and are described once.
const SHARED: [(&str, &[Key]); 3] =
    [("session", keys::SESSION), ("run", keys::RUN), ("strategy", keys::STRATEGY)];

/// The schema of a manifest.
pub fn manifest() -> Value {
    let mut schema = document("manifest", "A manifest of papertape", keys::MANIFEST);
    schema["required"] = json!(["schema"]);
    schema["properties"]["schema"] = json!({
        "const": SCHEMA,
        "description": "the version of this grammar",
    });
    schema
}

/// The schema of a strategy file.
pub fn strategy() -> Value {
    let mut schema = document("strategy", "A strategy of papertape", keys::STRATEGY);
    schema["required"] = json!(["rules"]);
    schema
}

/// The schema of a session template.
pub fn template() -> Value {
    document("template", "A session template of papertape", keys::SESSION)
}

fn document(name: &str, title: &str, keys: &[Key]) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".into(), format!("urn:papertape:schema:{name}:{SCHEMA}").into());
    schema.insert("title".into(), title.into());
    schema.extend(table(keys));
    let mut document = Value::Object(schema);
    let mut shared: Map<String, Value> =
        SHARED.iter().map(|(name, keys)| ((*name).into(), Value::Object(table(keys)))).collect();
    shared.insert("axes".into(), axes());
    shared.insert("axis".into(), axis());
    // Only what is referred to, from the document or from what is kept.
    loop {
        let text = format!("{document}");
        let used = |name: &str| text.contains(&format!("\"#/$defs/{name}\""));
        let Some(name) = shared.keys().find(|name| used(name)).cloned() else { break };
        let definition = shared.shift_remove(&name).expect("its name is there");
        document["$defs"][name] = definition;
    }
    document
}

fn reference(name: &str) -> Map<String, Value> {
    object(json!({ "$ref": format!("#/$defs/{name}") }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => unreachable!("{other} is not an object"),
    }
}

/// A table with these keys and no others.
fn table(keys: &[Key]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), Value::Object(property(key)))).collect();
    object(json!({ "type": "object", "properties": properties, "additionalProperties": false }))
}

fn property(key: &Key) -> Map<String, Value> {
    let mut schema = match (key.name, &key.kind) {
        ("session" | "profile", Kind::Names(kind)) => names(NAME, kind),
        ("params" | "let", Kind::Names(kind)) => names(WORD, kind),
        ("default", Kind::Any) => scalar(),
        ("axes", Kind::Any) => reference("axes"),
        ("set", Kind::Any) => object(json!({ "type": "object" })),
        (_, kind) => of(kind),
    };
    let mut description = key.about.to_owned();
    match default(key.default) {
        Some(value) => {
            schema.insert("default".into(), value);
        }
        None if !key.default.is_empty() => {
            description.push_str(&format!("; by default {}", key.default));
        }
        None => {}
    }
    schema.insert("description".into(), description.into());
    schema
}

/// A default that is a value; others, such as "the last row", are for people.
fn default(written: &str) -> Option<Value> {
    let mut mistakes = Mistakes::default();
    let table = Table::parse(&Source::new("default", format!("value = {written}")), &mut mistakes);
    table.get("value").filter(|_| mistakes.is_empty()).map(|node| node.json())
}

fn of(kind: &Kind) -> Map<String, Value> {
    let schema = match kind {
        Kind::Text | Kind::Expression => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int { min } => json!({ "type": "integer", "minimum": min }),
        Kind::Number { min, .. } if min.is_infinite() => json!({ "type": "number" }),
        Kind::Number { min, inclusive: true } => json!({ "type": "number", "minimum": min }),
        Kind::Number { min, .. } => json!({ "type": "number", "exclusiveMinimum": min }),
        Kind::Fraction { max, zero } => {
            let bound = if *zero { "minimum" } else { "exclusiveMinimum" };
            let mut schema = json!({ "type": "number", bound: 0 });
            if max.is_finite() {
                schema["maximum"] = json!(max);
            }
            schema
        }
        Kind::Word(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Duration => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^0*[1-9][0-9]* *(ms|s|m|min|h|d|w)$" },
        ] }),
        Kind::Date => {
            let day = "[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?";
            let pattern = format!("^({day}|today|yesterday|-[0-9]+[dwmy])$");
            json!({ "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 9999 },
                { "type": "string", "pattern": pattern },
            ] })
        }
        Kind::Zone => json!({ "type": "string", "pattern": "^[A-Za-z0-9_+/-]+$" }),
        Kind::Texts => json!({ "anyOf": [of(&Kind::Text), of(&Kind::List(&Kind::Text))] }),
        Kind::Table(keys) => match SHARED.iter().find(|(_, shared)| is_same(keys, shared)) {
            Some((name, _)) => return reference(name),
            None => return table(keys),
        },
        Kind::Choice(keys) => {
            let mut schema = table(keys);
            let (choices, beside): (Vec<&Key>, Vec<&Key>) =
                keys.iter().partition(|key| key.default.is_empty());
            schema.insert("minProperties".into(), 1.into());
            if beside.is_empty() {
                schema.insert("maxProperties".into(), 1.into());
            } else {
                let given = |key: &&Key| json!({ "required": [key.name] });
                let mut one: Vec<Value> = choices.iter().map(given).collect();
                one.push(json!({ "not": { "anyOf": one.clone() } }));
                schema.insert("oneOf".into(), one.into());
            }
            return schema;
        }
        Kind::Open(keys, inner) => {
            let mut schema = table(keys);
            schema.insert("additionalProperties".into(), of(inner).into());
            return schema;
        }
        Kind::Names(inner) => json!({ "type": "object", "additionalProperties": of(inner) }),
        Kind::List(inner) => json!({ "type": "array", "items": of(inner) }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(of).collect::<Vec<_>>() }),
        Kind::Any => json!({}),
    };
    object(schema)
}

fn names(pattern: &str, kind: &Kind) -> Map<String, Value> {
    let inner = if matches!(kind, Kind::Any) { scalar() } else { of(kind) };
    object(json!({
        "type": "object",
        "patternProperties": { pattern: inner },
        "additionalProperties": false,
    }))
}

/// The value of a parameter.
fn scalar() -> Map<String, Value> {
    object(json!({ "type": ["number", "string", "boolean"] }))
}

/// The axes of a sweep, by quoted paths or in tables as the keys themselves are.
fn axes() -> Value {
    let inner = json!({ "anyOf": [reference("axis"), reference("axes")] });
    json!({ "type": "object", "additionalProperties": inner })
}

fn axis() -> Value {
    let range = |required: Value, further: Value| {
        let mut properties = object(json!({
            "from": { "type": "number", "description": "the first value" },
            "to": { "type": "number", "description": "the last value, included" },
        }));
        properties.extend(object(further));
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    json!({ "anyOf": [
        { "type": "array", "minItems": 1, "uniqueItems": true, "description": "the values" },
        range(
            json!(["from", "to", "step"]),
            json!({ "step": { "type": "number", "exclusiveMinimum": 0 } }),
        ),
        range(
            json!(["from", "to", "count"]),
            json!({
                "count": { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
                "scale": { "enum": ["linear", "log"], "default": "linear" },
            }),
        ),
    ] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    const ROOT: &str = env!("CARGO_MANIFEST_DIR");

    /// A text as an editor hands it to a schema: dates are strings.
    fn instance(text: &str) -> Value {
        fn plain(value: Value) -> Value {
            match value {
                Value::Object(map) => match map.get("$date") {
                    Some(date) => date.clone(),
                    None => map.into_iter().map(|(key, value)| (key, plain(value))).collect(),
                },
                Value::Array(items) => items.into_iter().map(plain).collect(),
                other => other,
            }
        }
        let mut mistakes = Mistakes::default();
        let table = Table::parse(&Source::new("a.toml", text), &mut mistakes);
        assert!(mistakes.is_empty(), "{}", mistakes.render(false));
        plain(table.json())
    }

    /// What `schema` has against `text`: the places, and the messages.
    fn refused(schema: &Value, text: &str) -> Vec<String> {
        let validator = jsonschema::draft202012::new(schema).unwrap();
        let instance = instance(text);
        let errors = validator.iter_errors(&instance);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn toml_files(folder: &str) -> Vec<PathBuf> {
        let files = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{folder}");
        paths
    }

    #[test]
    fn the_schemas_are_schemas() {
        for schema in [manifest(), strategy(), template()] {
            jsonschema::draft202012::meta::validate(&schema).unwrap();
        }
    }

    #[test]
    fn the_files_in_docs_are_what_the_program_prints() {
        for (name, schema) in
            [("manifest", manifest()), ("strategy", strategy()), ("template", template())]
        {
            let path = format!("docs/schema/{name}.json");
            let written = std::fs::read_to_string(Path::new(ROOT).join(&path)).unwrap_or_default();
            let command = format!("papertape schema {name} > {path}");
            assert!(written == format!("{schema:#}\n"), "write it again: {command}");
        }
    }

    #[test]
    fn every_shipped_file_names_its_schema_and_follows_it() {
        for (folder, schema, first) in [
            ("sessions", manifest(), "#:schema ../docs/schema/manifest.json"),
            ("templates/sessions", template(), "#:schema ../../docs/schema/template.json"),
            ("templates/strategies", strategy(), "#:schema ../../docs/schema/strategy.json"),
        ] {
            for path in toml_files(folder) {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(refused(&schema, &text), [""; 0], "{}", path.display());
                assert_eq!(text.lines().next(), Some(first), "{}", path.display());
            }
        }
    }

    #[test]
    fn every_kind_of_value_that_a_session_takes_is_taken() {
        let text = "schema = 1
[run]
objective = { metric = 'calmar', goal = 'maximize' }
report = ['report.md']
[defaults]
template = 'us-equity-daily'
[session.a]
strategy = { params = { n = { type = 'int', default = 3 } }, rules = { enter_long = 'close > n' } }
params = { n = 4 }
range = { from = 2004-08-19, to = '-90d' }
data = { path = ['a.csv', 'b.csv'], timeframe = '30 min', warmup = 20, columns = { x = 'X 1' } }
[session.b]
range = { from = 2004, to = '2005-02' }
symbols = 'all'
sizing = { cash = 500 }
costs = { slippage = { bps = 0.5 } }
[session.b.sweep]
where = ['fast < slow']
[session.b.sweep.axes]
'params.fast' = { from = 1, to = 9, step = 2 }
risk.stop_loss = { from = 0.01, to = 0.1, count = 4, scale = 'log' }
symbols = [['A'], ['B']]
[[override]]
match = { tags = ['x'] }
set = { 'costs.slippage.bps' = 5 }
[profile.ci]
run = { threads = 2 }
session = { capital = 5 }
";
        assert_eq!(refused(&manifest(), text), [""; 0]);
    }

    #[test]
    fn what_the_reader_refuses_the_schema_refuses() {
        for (wrong, place) in [
            ("capitol = 5", "/session/a"),
            ("capital = 0", "/session/a/capital"),
            ("capital = '5'", "/session/a/capital"),
            ("mode = 'back'", "/session/a/mode"),
            ("paper = { approval = 'yes' }", "/session/a/paper/approval"),
            ("sizing = { equity = 1.0, cash = 5 }", "/session/a/sizing"),
            ("sizing = {}", "/session/a/sizing"),
            ("risk = { stop_loss = 5 }", "/session/a/risk/stop_loss"),
            ("data = { timeframe = '30x' }", "/session/a/data/timeframe"),
            ("data = { warmup = 'some' }", "/session/a/data/warmup"),
            ("range = { from = '2013/01/01' }", "/session/a/range/from"),
            ("tags = 'x'", "/session/a/tags"),
            ("params = { 'fast-ma' = 1 }", "/session/a/params"),
            ("strategy = { rules = { enter = 'true' } }", "/session/a/strategy"),
            ("sweep.axes.x = { from = 1, stpe = 2 }", "/session/a/sweep/axes/x"),
            ("sweep.axes.x = 5", "/session/a/sweep/axes/x"),
        ] {
            let found = refused(&manifest(), &format!("schema = 1\n[session.a]\n{wrong}\n"));
            let [error] = found.as_slice() else { panic!("{wrong}: {found:?}") };
            assert!(error.starts_with(&format!("{place}: ")), "{wrong}: {error}");
        }
        for wrong in ["[session.a]", "schema = 2", "schema = 1\n[session.'a b']"] {
            assert_eq!(refused(&manifest(), wrong).len(), 1, "{wrong}");
        }
        assert_eq!(refused(&strategy(), "description = 'no rules'").len(), 1);
        assert_eq!(refused(&template(), "schema = 1").len(), 1);
    }
}
