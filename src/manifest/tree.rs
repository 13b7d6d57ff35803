//! The untyped tree of a TOML text, with the place of every key and value.
//!
//! Layers are merged and sweeps expanded on this tree; only then is it typed. Order is that of the
//! text throughout.

use crate::diag::{Mistake, Mistakes, Place, Source, codes};
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is written.
    pub place: Place,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent, and its digits as written.
    Float(f64, String),
    /// True or false.
    Bool(bool),
    /// A date or time, as written.
    Date(String),
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table in the order of its text.
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// What kind of value it is, in words.
    pub fn word(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "a whole number",
            Value::Float(..) => "a number",
            Value::Bool(_) => "true or false",
            Value::Date(_) => "a date",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(integer) => Some(integer as f64),
            Value::Float(number, _) => Some(number),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn array(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The value as JSON, in which a float keeps its point.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) => text.as_str().into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Float(number, _) => (*number).into(),
            Value::Bool(value) => (*value).into(),
            // The one type that JSON lacks.
            Value::Date(date) => serde_json::json!({ "$date": date }),
            Value::Array(items) => items.iter().map(Self::json).collect(),
            Value::Table(table) => table.json(),
        }
    }

    /// A value as [`Node::json`] writes it; its place is all of `source`.
    pub fn from_json(json: &serde_json::Value, source: &Arc<Source>) -> Self {
        let value = match json {
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN), number.to_string()),
            },
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Array(items) => {
                Value::Array(items.iter().map(|item| Self::from_json(item, source)).collect())
            }
            serde_json::Value::Object(object) => {
                match object.get("$date").and_then(|date| date.as_str()) {
                    Some(date) => Value::Date(date.to_owned()),
                    None => Value::Table(Table::from_json(object, source)),
                }
            }
            serde_json::Value::Null => Value::Table(Table::default()),
        };
        Self { value, place: Place::whole(source) }
    }

    /// The value as it is written in TOML, on one line.
    pub fn toml(&self) -> String {
        match &self.value {
            Value::Text(text) => toml::Value::String(text.clone()).to_string(),
            Value::Integer(integer) => integer.to_string(),
            Value::Float(number, _) => toml::Value::Float(*number).to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Date(date) => date.clone(),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::toml).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(table) => {
                let entries =
                    table.iter().map(|e| format!("{} = {}", quoted(&e.key), e.node.toml()));
                let entries: Vec<String> = entries.collect();
                if entries.is_empty() {
                    "{}".into()
                } else {
                    format!("{{ {} }}", entries.join(", "))
                }
            }
        }
    }
}

/// A key as it is written in TOML.
pub fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
}

impl Table {
    /// Read a TOML text. Syntax mistakes are added to `mistakes`, the first of each line; what could
    /// be read is returned all the same.
    pub fn parse(source: &Arc<Source>, mistakes: &mut Mistakes) -> Self {
        let (document, errors) = DeTable::parse_recoverable(&source.text);
        let mut lines = Vec::new();
        for error in errors {
            let place = Place::new(source, error.span().unwrap_or(0..0));
            let (line, _) = place.line_column();
            if !lines.contains(&line) {
                lines.push(line);
                mistakes.push(Mistake::new(codes::SYNTAX, &place, error.message().trim()));
            }
        }
        Self::from_toml(document.get_ref(), source, mistakes)
    }

    fn from_toml(table: &DeTable<'_>, source: &Arc<Source>, mistakes: &mut Mistakes) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_place: Place::new(source, key.span()),
                node: from_toml(
                    value.get_ref(),
                    Place::new(source, value.span()),
                    source,
                    mistakes,
                ),
            })
            .collect();
        Self { entries }
    }

    fn from_json(
        object: &serde_json::Map<String, serde_json::Value>,
        source: &Arc<Source>,
    ) -> Self {
        let entries = object.iter().map(|(key, value)| Entry {
            key: key.clone(),
            key_place: Place::whole(source),
            node: Node::from_json(value, source),
        });
        Self { entries: entries.collect() }
    }

    /// The table as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.iter().map(|e| (e.key.clone(), e.node.json())).collect())
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The value at a dotted path. A name of the user's never has a dot, so a path is unambiguous.
    pub fn at(&self, path: &str) -> Option<&Node> {
        match path.split_once('.') {
            Some((first, rest)) => self.get(first)?.table()?.at(rest),
            None => self.get(path),
        }
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        Some(&mut entry.node)
    }

    /// The table at a dotted path, to change it.
    pub fn table_at_mut(&mut self, path: &str) -> Option<&mut Self> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let entry = self.entries.iter_mut().find(|entry| entry.key == first)?;
        let Value::Table(table) = &mut entry.node.value else { return None };
        match rest {
            Some(rest) => table.table_at_mut(rest),
            None => Some(table),
        }
    }

    /// Set `key`, in its old place if it was there.
    pub fn set(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// Set the value at a dotted path, making tables on the way.
    pub fn set_at(&mut self, path: &str, node: Node, key_place: &Place) {
        let Some((first, rest)) = path.split_once('.') else {
            self.set(Entry { key: path.to_owned(), key_place: key_place.clone(), node });
            return;
        };
        let index = self.entries.iter().position(|entry| entry.key == first).unwrap_or_else(|| {
            self.entries.push(Entry {
                key: first.to_owned(),
                key_place: key_place.clone(),
                node: Node { value: Value::Table(Self::default()), place: node.place.clone() },
            });
            self.entries.len() - 1
        });
        let inner = &mut self.entries[index].node;
        if inner.table().is_none() {
            inner.value = Value::Table(Self::default());
        }
        if let Value::Table(table) = &mut inner.value {
            table.set_at(rest, node, key_place);
        }
    }

    /// Lay the value over what stands at a dotted path, making tables on the way: like [`Self::merge`].
    pub fn lay_at(&mut self, path: &str, node: Node, is_choice: &dyn Fn(&str) -> bool) {
        match (self.table_at_mut(path), node.table()) {
            (Some(below), Some(above)) if !is_choice(path) => {
                below.merge_at(above, path, is_choice);
            }
            _ => {
                let place = node.place.clone();
                self.set_at(path, node, &place);
            }
        }
    }

    /// Take out `key`.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }

    /// Take out the value at a dotted path; whether it was there.
    pub fn remove_at(&mut self, path: &str) -> bool {
        let Some((first, rest)) = path.split_once('.') else { return self.remove(path).is_some() };
        let inner = self.entries.iter_mut().find(|entry| entry.key == first);
        match inner.map(|entry| &mut entry.node.value) {
            Some(Value::Table(table)) => table.remove_at(rest),
            _ => false,
        }
    }

    /// Lay `over` on top of this table: tables merge key by key, everything else replaces.
    ///
    /// `is_choice` names the tables that hold one choice and are replaced whole.
    pub fn merge(&mut self, over: &Self, is_choice: &dyn Fn(&str) -> bool) {
        self.merge_at(over, "", is_choice);
    }

    fn merge_at(&mut self, over: &Self, at: &str, is_choice: &dyn Fn(&str) -> bool) {
        for entry in &over.entries {
            let path =
                if at.is_empty() { entry.key.clone() } else { format!("{at}.{}", entry.key) };
            let old = self.entries.iter_mut().find(|old| old.key == entry.key);
            match (old.map(|old| &mut old.node.value), &entry.node.value) {
                (Some(Value::Table(below)), Value::Table(above)) if !is_choice(&path) => {
                    below.merge_at(above, &path, is_choice);
                }
                _ => self.set(entry.clone()),
            }
        }
    }

    /// The table as a TOML text: plain keys first, then one section a table.
    pub fn toml(&self) -> String {
        let mut text = String::new();
        self.toml_section("", &mut text);
        text
    }

    fn toml_section(&self, at: &str, text: &mut String) {
        let is_section = |entry: &&Entry| entry.node.table().is_some_and(|table| !table.is_empty());
        let plain = |entry: &&Entry| !is_section(entry);
        if !at.is_empty() && self.iter().any(|entry| plain(&entry)) {
            text.push_str(&format!("\n[{at}]\n"));
        }
        for entry in self.iter().filter(plain) {
            text.push_str(&format!("{} = {}\n", quoted(&entry.key), entry.node.toml()));
        }
        for entry in self.iter().filter(is_section) {
            let key = quoted(&entry.key);
            let path = if at.is_empty() { key } else { format!("{at}.{key}") };
            if let Some(table) = entry.node.table() {
                table.toml_section(&path, text);
            }
        }
    }
}

fn from_toml(
    value: &DeValue<'_>,
    place: Place,
    source: &Arc<Source>,
    mistakes: &mut Mistakes,
) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => {
                mistakes.push(Mistake::new(codes::SYNTAX, &place, "the whole number is too large"));
                Value::Integer(0)
            }
        },
        DeValue::Float(float) => {
            let number = float.as_str().parse().unwrap_or(f64::NAN);
            Value::Float(number, float.as_str().to_owned())
        }
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => {
            let item = |item: &toml::Spanned<DeValue<'_>>, mistakes: &mut Mistakes| {
                from_toml(item.get_ref(), Place::new(source, item.span()), source, mistakes)
            };
            Value::Array(items.iter().map(|i| item(i, mistakes)).collect())
        }
        DeValue::Table(table) => Value::Table(Table::from_toml(table, source, mistakes)),
    };
    Node { value, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Table {
        let mut mistakes = Mistakes::default();
        let table = Table::parse(&Source::new("a.toml", text), &mut mistakes);
        assert!(mistakes.is_empty(), "{}", mistakes.render(false));
        table
    }

    #[test]
    fn order_is_that_of_the_text() {
        let table = parse("z = 1\na = 2\n[m]\ny = 1\nb.c = 2\n");
        let keys: Vec<&str> = table.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["z", "a", "m"]);
        assert_eq!(table.at("m.b.c").and_then(Node::number), Some(2.0));
    }

    #[test]
    fn tables_merge_and_choices_replace() {
        let mut below = parse("a = { x = 1, y = 2 }\nsizing = { cash = 5 }");
        below.merge(&parse("a = { y = 3 }\nsizing = { equity = 1.0 }"), &|path| path == "sizing");
        assert_eq!(below.toml(), "\n[a]\nx = 1\ny = 3\n\n[sizing]\nequity = 1.0\n");
    }

    #[test]
    fn json_and_toml_keep_every_value() {
        let text = "a = 1\nb = 1.0\nc = \"x\\\"y\"\nd = 2013-03-01\ne = [1, 2.5]\n";
        let table = parse(text);
        let source = Source::new("plan", "");
        let again = Node::from_json(&table.json(), &source);
        assert_eq!(again.table().map(Table::toml), Some(table.toml()));
        assert_eq!(parse(&table.toml()).json(), table.json());
    }

    #[test]
    fn one_mistake_a_line_is_shown() {
        let mut mistakes = Mistakes::default();
        Table::parse(&Source::new("a.toml", "a = \nb = 1\nc = = 2\n"), &mut mistakes);
        assert_eq!(mistakes.iter().count(), 2);
    }
}
