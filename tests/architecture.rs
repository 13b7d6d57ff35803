//! Holds the sources to the one direction of imports, and each heavy dependency to its door.
//!
//! The sources are read as text: cut into tokens, without comments and without what only tests
//! compile. Every `use` and every path in the code is then followed through renames, globs and
//! re-exports to what it really names. What such a reader cannot follow (`#[path]`, `include!`,
//! `#[macro_export]`, `extern crate`) is refused. The rules are in [`Crate::judge`] and [`spelled`];
//! the seeds at the end break each of them in every form of the syntax.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path as FilePath;
use std::sync::LazyLock;

/// The pure rooms, which stand first in `src/lib.rs`.
const CORE: [&str; 6] = ["diag", "bars", "expr", "strategy", "engine", "metrics"];

/// What the core does not name: the world outside, and everything heavy.
const OUTSIDE: [&str; 14] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::time",
    "std::thread",
    "polars",
    "rayon",
    "clap",
    "minijinja",
    "chrono",
    "indicatif",
    "csv",
    "serde_json",
];

/// What is named in certain rooms only.
const DOORS: [(&str, &[&str]); 7] = [
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("std::io::stdout", &["cli"]),
    ("std::io::stderr", &["cli"]),
    ("polars", &["market", "store"]),
    ("minijinja", &["report"]),
    ("rayon", &["batch"]),
];

/// The macros that print, which nobody calls: the command line writes to handles that can fail.
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// The parts of paths that only the store joins.
const STORED: [&str; 5] = ["runs", "records", "rows", "run.json", "results.parquet"];

/// The table of execution models, the one place that knows their names.
const MODEL_TABLE: &str = "src/engine/model.rs";

// Text to tokens.

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// A name, keyword or number.
    Word,
    /// A string literal; its text is what stands between the quotes.
    Text,
    /// `::`, `..`, `=>`, `==`, `!=`, or a single character.
    Sign,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    text: String,
    line: usize,
    /// Whether it follows its predecessor without a space.
    glued: bool,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut line, mut glued) = (Vec::new(), 0, 1, false);
    while at < chars.len() {
        let (length, token) = first_token(&chars[at..]);
        let is_token = token.is_some();
        if let Some((kind, text)) = token {
            found.push(Token { kind, text, line, glued });
        }
        glued = is_token;
        line += chars[at..at + length].iter().filter(|c| **c == '\n').count();
        at += length;
    }
    found
}

/// How many characters the first token of `rest` takes, and the token, unless it is one that says
/// nothing here: space, a comment, a character or a lifetime.
fn first_token(rest: &[char]) -> (usize, Option<(Kind, String)>) {
    if let Some((length, text)) = string(rest) {
        return (length, Some((Kind::Text, text)));
    }
    match *rest {
        ['/', '/', ..] => (rest.iter().take_while(|c| **c != '\n').count(), None),
        ['/', '*', ..] => (block_comment(rest), None),
        ['\'', '\\', _, ..] => (rest[3..].iter().take_while(|c| **c != '\'').count() + 4, None),
        ['\'', _, '\'', ..] => (3, None),
        ['\'', ..] => (1 + word_length(&rest[1..]), None),
        ['r', '#', c, ..] if is_word(c) => {
            let length = 2 + word_length(&rest[2..]);
            (length, Some((Kind::Word, rest[2..length].iter().collect())))
        }
        [c, ..] if is_word(c) => {
            let length = word_length(rest);
            (length, Some((Kind::Word, rest[..length].iter().collect())))
        }
        [':', ':', ..] | ['.', '.', ..] | ['=', '>', ..] | ['=' | '!', '=', ..] => {
            (2, Some((Kind::Sign, rest[..2].iter().collect())))
        }
        [c, ..] => (1, (!c.is_whitespace()).then(|| (Kind::Sign, c.to_string()))),
        [] => (0, None),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_length(rest: &[char]) -> usize {
    rest.iter().take_while(|c| is_word(**c)).count()
}

/// A string at the start of `rest`, with its prefix and, if raw, its hashes.
fn string(rest: &[char]) -> Option<(usize, String)> {
    let letters = rest.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let raw = rest[..letters].contains(&'r');
    let hashes = if raw { rest[letters..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let start = letters + hashes + 1;
    if letters > 2 || rest.get(start - 1) != Some(&'"') {
        return None;
    }
    let closes = |end: usize| {
        let after = rest.get(end + 1..end + 1 + hashes);
        after.is_some_and(|after| after.iter().all(|c| *c == '#'))
    };
    let mut end = start;
    loop {
        match rest.get(end)? {
            '"' if closes(end) => break,
            '\\' if !raw => end += 2,
            _ => end += 1,
        }
    }
    Some((end + 1 + hashes, rest[start..end].iter().collect()))
}

/// Block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

// What only tests compile.

/// The tokens without the items under `#[cfg(test)]`, and the names of the modules among those items
/// that have files of their own.
fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let end = is_test_only(&tokens[at..]).then(|| item_end(tokens, at)).flatten();
        let Some(end) = end else {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        };
        if let [.., keyword, name, last] = &tokens[at..end]
            && keyword.is("mod")
            && last.is(";")
        {
            modules.push(name.text.clone());
        }
        at = end;
    }
    (kept, modules)
}

/// Whether `tokens` start with an attribute that only tests satisfy. Of the forms that a condition
/// can have it knows the two that are used; an item under another one is read like any other.
fn is_test_only(tokens: &[Token]) -> bool {
    let text: String = tokens.iter().take(8).map(|token| token.text.as_str()).collect();
    text.starts_with("#[cfg(test)]") || text.starts_with("#[cfg(all(test,")
}

/// Where the item at `start`, attributes included, ends. A field, an arm or an expression has no end
/// that could be told without a grammar: `None`.
fn item_end(tokens: &[Token], start: usize) -> Option<usize> {
    let mut at = start;
    while tokens.get(at)?.is("#") {
        at = group_end(tokens, at + 1);
    }
    while ["pub", "unsafe", "async", "("].iter().any(|word| tokens[at].is(word)) {
        at = group_end(tokens, at);
    }
    let is_function = tokens.get(at + 1)?.is("fn");
    let needs_semicolon = match tokens[at].text.as_str() {
        "const" => !is_function,
        "use" | "static" | "type" | "let" => true,
        "fn" | "mod" | "impl" | "struct" | "enum" | "union" | "trait" | "macro_rules" | "{" => {
            false
        }
        _ => return None,
    };
    loop {
        let token = tokens.get(at)?;
        at = group_end(tokens, at);
        if token.is(";") || token.is("{") && !needs_semicolon {
            return Some(at);
        }
    }
}

/// The place after the token at `start`, and after its whole group if it opens one.
fn group_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "(" | "[" | "{" if token.kind == Kind::Sign => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Sign => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

// Tokens to names.

/// The parts of a path as written, or from the root of a crate. Written with a leading `::`, its
/// first part is empty; the root of this crate is `crate`.
type Path = Vec<String>;

fn path(text: &str) -> Path {
    text.split("::").map(str::to_owned).collect()
}

/// A name that a `use` brings into a module; `*` stands for whatever its target holds.
struct Binding {
    name: String,
    target: Path,
}

/// A path in a file: in a `use` (then the number of its binding is known) or in the code.
struct Mention {
    file: String,
    line: usize,
    module: Path,
    path: Path,
    binding: Option<usize>,
}

/// What the files declare and mention.
#[derive(Default)]
struct Crate {
    rooms: Vec<String>,
    modules: BTreeSet<Path>,
    declared: BTreeSet<Path>,
    bindings: Vec<Binding>,
    /// The numbers of the bindings of each module.
    bound: BTreeMap<Path, Vec<usize>>,
    mentions: Vec<Mention>,
}

/// The module that a file holds. The program is a crate of its own, with a root of its own.
fn module_of(file: &str) -> Path {
    let parts = file.trim_start_matches("src/").trim_end_matches(".rs");
    match parts.trim_end_matches("/mod") {
        "lib" => path("crate"),
        "main" => path("main"),
        parts => path(&format!("crate::{}", parts.replace('/', "::"))),
    }
}

/// The first folder of a file, or its name where it stands beside the folders.
fn room_of(file: &str) -> &str {
    let parts = file.trim_start_matches("src/").trim_end_matches(".rs");
    parts.split('/').next().unwrap_or(parts)
}

/// A path that starts at a root or at `module`, from the root.
fn anchored(module: &[String], path: &[String]) -> Path {
    let (mut base, rest) = match path[0].as_str() {
        "crate" => (module[..1].to_vec(), &path[1..]),
        "papertape" => (vec!["crate".to_owned()], &path[1..]),
        _ => (module.to_vec(), path),
    };
    let steps = rest.iter().take_while(|part| *part == "self" || *part == "super").count();
    let up = rest[..steps].iter().filter(|part| *part == "super").count();
    base.truncate(base.len().saturating_sub(up).max(1));
    [&base, &rest[steps..]].concat()
}

/// A path into another crate. What `core` and `alloc` hold is known under the names of `std`.
fn external(path: &[String]) -> Path {
    let mut path = path.to_vec();
    if path.first().is_some_and(|name| name == "core" || name == "alloc") {
        path[0] = "std".to_owned();
    }
    path
}

/// The path that starts at `start`, and where it ends: `None` inside another path, after a dot, and
/// at the name of a function's declaration.
fn path_at(tokens: &[Token], start: usize) -> Option<(Path, usize)> {
    let token = &tokens[start];
    let before = start.checked_sub(1).map(|before| &tokens[before]);
    let follows = |text: &str| before.is_some_and(|before| before.is(text));
    let is_leading = token.is("::")
        && !(token.glued
            && before.is_some_and(|before| before.kind == Kind::Word || before.is(">")));
    let is_name = token.kind == Kind::Word && !["::", ".", "fn"].into_iter().any(follows);
    let (mut path, mut end) = match (is_leading, is_name) {
        (true, _) => (vec![String::new()], start),
        (_, true) => (vec![token.text.clone()], start + 1),
        _ => return None,
    };
    while let Some([colons, name]) = tokens.get(end..end + 2)
        && colons.is("::")
        && name.kind == Kind::Word
    {
        path.push(name.text.clone());
        end += 2;
    }
    (end > start).then_some((path, end))
}

/// What the tree of a `use` brings in: a name, the path that it stands for, and the line. Returns the
/// place after the tree.
fn use_tree(
    tokens: &[Token],
    start: usize,
    prefix: &[String],
    leaves: &mut Vec<(String, Path, usize)>,
) -> usize {
    let (mut path, mut at) = (prefix.to_vec(), start);
    loop {
        let token = &tokens[at];
        let line = tokens[at.saturating_sub(1)].line;
        if token.is("::") && path.is_empty() {
            path.push(String::new());
        } else if token.is("{") {
            at += 1;
            while !tokens[at].is("}") {
                at = use_tree(tokens, at, &path, leaves);
                at += usize::from(tokens[at].is(","));
            }
            return at + 1;
        } else if token.is("*") {
            leaves.push(("*".to_owned(), path, token.line));
            return at + 1;
        } else if token.is("as") {
            leaves.push((tokens[at + 1].text.clone(), path, line));
            return at + 2;
        } else if token.is(",") || token.is("}") || token.is(";") {
            let name = path.last().expect("a `use` names something").clone();
            leaves.push((name, path, line));
            return at;
        } else if token.kind == Kind::Word && (path.is_empty() || !token.is("self")) {
            path.push(token.text.clone());
        }
        at += 1;
    }
}

impl Crate {
    fn read(&mut self, file: &str, tokens: &[Token]) {
        const DECLARING: [&str; 9] =
            ["mod", "fn", "struct", "enum", "union", "trait", "type", "const", "static"];
        let mut module = module_of(file);
        self.modules.extend((1..=module.len()).map(|length| module[..length].to_vec()));
        // The depth of braces at each inline module; items of a module stand directly in it.
        let (mut depth, mut inline) = (0, Vec::new());
        let mut at = 0;
        while at < tokens.len() {
            let token = &tokens[at];
            let next = |text: &str| tokens.get(at + 1).is_some_and(|token| token.is(text));
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            } else if token.is("use") && !next("<") {
                let mut leaves = Vec::new();
                at = use_tree(tokens, at + 1, &[], &mut leaves);
                for (name, target, line) in leaves {
                    let binding = Some(self.bindings.len());
                    self.mention(file, line, &module, target.clone(), binding);
                    self.bound.entry(module.clone()).or_default().extend(binding);
                    self.bindings.push(Binding { name, target });
                }
                continue;
            } else if token.is("mod") && tokens.get(at + 2).is_some_and(|token| token.is("{")) {
                module.push(tokens[at + 1].text.clone());
                self.modules.insert(module.clone());
                inline.push(depth);
                at += 2;
                continue;
            } else if DECLARING.iter().any(|word| token.is(word)) && depth == inline.len() {
                let name = tokens.get(at + 1).map(|token| token.text.clone());
                self.declared.insert(module.iter().cloned().chain(name).collect());
            } else if let Some((path, end)) = path_at(tokens, at) {
                let is_call = tokens.get(end).is_some_and(|token| token.is("("));
                if path.len() > 1 || is_call {
                    self.mention(file, token.line, &module, path, None);
                }
                at = end;
                continue;
            }
            at += 1;
        }
    }

    fn mention(
        &mut self,
        file: &str,
        line: usize,
        module: &[String],
        path: Path,
        binding: Option<usize>,
    ) {
        let (file, module) = (file.to_owned(), module.to_vec());
        self.mentions.push(Mention { file, line, module, path, binding });
    }

    /// Every path from a crate's root that `path` touches in `module`, on the way to what it names.
    /// A binding in `used` is not followed again, nor into itself.
    fn touched(&self, module: &[String], path: &[String], used: &mut Vec<usize>) -> Vec<Path> {
        let name = path[0].as_str();
        let is_anchored = ["crate", "papertape", "self", "super"].contains(&name);
        if name.is_empty() {
            vec![external(&path[1..])]
        } else if is_anchored {
            self.touched_from_root(anchored(module, path), used)
        } else {
            let is_own = self.holds(module, name, used);
            let mut touched = self.touched_from_root([module, path].concat(), used);
            if !is_own {
                touched.push(external(path));
            }
            touched
        }
    }

    fn touched_from_root(&self, path: Path, used: &mut Vec<usize>) -> Vec<Path> {
        let mut touched = Vec::new();
        for at in 1..path.len() {
            let (module, name) = (&path[..at], &path[at]);
            if !self.modules.contains(module) {
                break;
            }
            // A glob brings in only what the module does not name itself.
            let is_own = self.holds(module, name, &[]);
            for (index, binding) in self.bindings_of(module) {
                let is_glob = binding.name == "*" && !is_own;
                if (is_glob || binding.name == *name) && !used.contains(&index) {
                    used.push(index);
                    let rest = &path[if is_glob { at } else { at + 1 }..];
                    touched.extend(self.touched(module, &[&binding.target, rest].concat(), used));
                }
            }
        }
        touched.push(path);
        touched
    }

    fn bindings_of(&self, module: &[String]) -> impl Iterator<Item = (usize, &Binding)> {
        let numbers = self.bound.get(module).into_iter().flatten();
        numbers.map(|&number| (number, &self.bindings[number]))
    }

    /// Whether `module` declares `name`, or imports it by a binding that is not in `used`.
    fn holds(&self, module: &[String], name: &str, used: &[usize]) -> bool {
        let path = [module, &[name.to_owned()]].concat();
        self.declared.contains(&path)
            || self.modules.contains(&path)
            || self
                .bindings_of(module)
                .any(|(index, binding)| binding.name == name && !used.contains(&index))
    }

    fn rank(&self, room: &str) -> Option<usize> {
        self.rooms.iter().position(|known| known == room)
    }

    /// The findings about what the files import, and how many imports lead from one room to another.
    fn judge(&self) -> (BTreeSet<Finding>, usize) {
        let (mut findings, mut imports) = (BTreeSet::new(), 0);
        // A name that is imported wrongly is wrong where it is imported, and not at every use of it.
        let (imported, in_code): (Vec<&Mention>, _) =
            self.mentions.iter().partition(|mention| mention.binding.is_some());
        for mention in imported.into_iter().chain(in_code) {
            let room = room_of(&mention.file);
            let mut used = Vec::from_iter(mention.binding);
            let touched = self.touched(&mention.module, &mention.path, &mut used);
            let rooms: BTreeSet<&str> = touched
                .iter()
                .filter(|path| path[0] == "crate" && path.len() > 1 && path[1] != room)
                .map(|path| path[1].as_str())
                .filter(|room| self.rank(room).is_some())
                .collect();
            imports += rooms.len();
            let mut facts: Vec<String> = rooms
                .into_iter()
                .filter(|other| self.rank(room).is_some_and(|rank| Some(rank) < self.rank(other)))
                .map(|other| format!("imports `{other}`, which stands after it"))
                .collect();
            // The name of a call alone is a function's, never a crate's.
            let is_crate = |path: &&Path| mention.binding.is_some() || path.len() > 1;
            facts.extend(touched.iter().filter(is_crate).filter_map(|path| forbidden(room, path)));
            for fact in facts {
                let is_known =
                    |finding: &Finding| finding.file == mention.file && finding.fact == fact;
                if mention.binding.is_some() || !findings.iter().any(is_known) {
                    findings.insert(Finding::new(&mention.file, mention.line, fact));
                }
            }
        }
        (findings, imports)
    }
}

// The rules.

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    fact: String,
}

impl Finding {
    fn new(file: &str, line: usize, fact: String) -> Self {
        Self { file: file.to_owned(), line, fact }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}:{}: room `{}` {}", self.file, self.line, room_of(&self.file), self.fact)
    }
}

/// Why `room` must not name `path` of another crate.
fn forbidden(room: &str, path: &[String]) -> Option<String> {
    // A crate stands for its family: `chrono` also for `chrono_tz`.
    let is_in = |known: &str| {
        let known = self::path(known);
        let family = format!("{}_", known[0]);
        path.len() >= known.len()
            && (path[0] == known[0] || path[0].starts_with(&family))
            && path[1..known.len()] == known[1..]
    };
    let outside = OUTSIDE.iter().find(|known| CORE.contains(&room) && is_in(known));
    let door = DOORS.iter().find(|(known, rooms)| !rooms.contains(&room) && is_in(known));
    match (outside, door) {
        (Some(known), _) => Some(format!("names `{known}`, which the core does not")),
        (_, Some((known, rooms))) => {
            Some(format!("names `{known}`, which is for `{}` alone", rooms.join("` and `")))
        }
        _ => None,
    }
}

/// The findings about what a file spells out, wherever its names lead.
fn spelled(file: &str, tokens: &[Token], models: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is = |text: &str, steps: usize| tokens.get(at + steps).is_some_and(|t| t.is(text));
        let fact = if token.kind == Kind::Word && is("!", 1) && PRINTING.contains(&&*token.text) {
            format!("prints with `{}!`", token.text)
        } else if is(".", 0) && is("join", 1) && is("(", 2) && room_of(file) != "store" {
            let joined = tokens.get(at + 3).filter(|token| token.kind == Kind::Text);
            let part = joined.and_then(|token| token.text.split('/').find(|p| STORED.contains(p)));
            let Some(part) = part else { continue };
            format!("joins \"{part}\" to a path, which only `store` does")
        } else if token.kind == Kind::Text && models.contains(&token.text) && file != MODEL_TABLE {
            match room_of(file) == "engine" || is_compared(tokens, at) {
                true => format!("knows the model \"{}\", which only its table does", token.text),
                false => continue,
            }
        } else if is("#", 0) && is("[", 1) && (is("path", 2) || is("macro_export", 2)) {
            format!("has `#[{}]`, which hides where a thing stands", tokens[at + 2].text)
        } else if is("include", 0) && is("!", 1) || is("extern", 0) && is("crate", 1) {
            format!("has `{}`, which hides where a thing stands", token.text)
        } else {
            continue;
        };
        findings.push(Finding::new(file, token.line, fact));
    }
    findings
}

/// Whether the string at `at` is a pattern or the side of a comparison, alone or in brackets.
fn is_compared(tokens: &[Token], at: usize) -> bool {
    let open = ["(", "[", "&", "Some", "Ok"];
    let before = tokens[..at].iter().rev().find(|token| !open.iter().any(|text| token.is(text)));
    let after = tokens[at + 1..].iter().find(|token| !token.is(")") && !token.is("]"));
    let is_one_of = |token: Option<&Token>, all: &[&str]| {
        token.is_some_and(|token| all.iter().any(|text| token.is(text)))
    };
    let in_matches = (0..at).any(|start| {
        tokens[start].is("matches")
            && tokens[start + 1].is("!")
            && group_end(tokens, start + 2) > at
    });
    is_one_of(before, &["==", "!=", "let"])
        || is_one_of(after, &["==", "!=", "=>", "|", "if"])
        || in_matches
}

/// The names in the table of models: the strings of `MODELS` and `LATER`.
fn model_names(tokens: &[Token]) -> BTreeSet<String> {
    let is_table = |at: &usize| {
        tokens[*at].is("const") && (tokens[at + 1].is("MODELS") || tokens[at + 1].is("LATER"))
    };
    let tables = (0..tokens.len()).filter(is_table).filter_map(|at| {
        let end = item_end(tokens, at)?;
        Some(&tokens[at..end])
    });
    let strings = tables.flatten().filter(|token| token.kind == Kind::Text);
    strings.map(|token| token.text.clone()).collect()
}

/// The rooms in the order of the `pub mod` lines of `src/lib.rs`.
fn rooms(tokens: &[Token]) -> Vec<String> {
    let lines =
        tokens.windows(4).filter(|line| line[0].is("pub") && line[1].is("mod") && line[3].is(";"));
    lines.map(|line| line[2].text.clone()).collect()
}

/// What a reading of all sources found.
struct Survey {
    findings: Vec<String>,
    rooms: Vec<String>,
    models: BTreeSet<String>,
    files: BTreeSet<String>,
    imports: usize,
}

/// Read `sources`, each a path from the root of the project and a text.
fn survey(sources: &[(String, String)]) -> Survey {
    let (mut files, mut test_modules) = (Vec::new(), Vec::new());
    for (file, text) in sources {
        let (tokens, modules) = without_tests(&tokens(text));
        let module = module_of(file);
        test_modules.extend(modules.into_iter().map(|name| [&module[..], &[name]].concat()));
        files.push((file.as_str(), tokens));
    }
    files.retain(|(file, _)| !test_modules.iter().any(|test| module_of(file).starts_with(test)));
    let of = |file: &str| {
        let found = files.iter().find(|(known, _)| *known == file);
        found.map_or(&[][..], |(_, tokens)| tokens)
    };
    let models = model_names(of(MODEL_TABLE));
    let mut all = Crate { rooms: rooms(of("src/lib.rs")), ..Crate::default() };
    files.iter().for_each(|(file, tokens)| all.read(file, tokens));
    let (mut findings, imports) = all.judge();
    for (file, tokens) in &files {
        findings.extend(spelled(file, tokens, &models));
        let room = room_of(file);
        if !["lib", "main"].contains(&room) && all.rank(room).is_none() {
            findings.insert(Finding::new(file, 1, "has no line in src/lib.rs".to_owned()));
        }
    }
    Survey {
        findings: findings.iter().map(Finding::to_string).collect(),
        rooms: all.rooms,
        models,
        files: files.iter().map(|(file, _)| (*file).to_owned()).collect(),
        imports,
    }
}

/// Every Rust file below `folder`, named from the root of the project.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).expect("the sources are there") {
        let entry = entry.expect("the sources are readable");
        let name = format!("{folder}/{}", entry.file_name().to_str().expect("a plain name"));
        if entry.path().is_dir() {
            found.extend(sources(&name));
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("the sources are readable");
            found.push((name, text));
        }
    }
    found
}

/// What stands in the repository.
static OURS: LazyLock<Survey> = LazyLock::new(|| survey(&sources("src")));

#[test]
fn imports_point_one_way_and_every_dependency_has_its_door() {
    let survey = &*OURS;
    assert!(survey.findings.is_empty(), "\n{}", survey.findings.join("\n"));
}

#[test]
fn the_sources_were_read() {
    let survey = &*OURS;
    assert_eq!(survey.rooms[..CORE.len()], CORE, "the core stands first");
    assert!(survey.files.len() > 60, "{} files", survey.files.len());
    assert!(survey.imports > 200, "{} imports from room to room", survey.imports);
    for room in survey.rooms.iter().map(String::as_str).chain(["lib", "main"]) {
        assert!(survey.files.iter().any(|file| room_of(file) == room), "no file of `{room}`");
    }
    for model in ["next-open", "backtesting-py", "vectorbt", "freqtrade", "nautilus-bars"] {
        assert!(survey.models.contains(model), "no model \"{model}\" in {MODEL_TABLE}");
    }
}

/// A small project that breaks no rule; each seed adds a file to it, or replaces one.
const CLEAN: [(&str, &str); 6] = [
    (
        "src/lib.rs",
        "pub mod diag;\npub mod bars;\npub mod expr;\npub mod strategy;\npub mod engine;\n\
         pub mod metrics;\npub mod manifest;\npub mod market;\npub mod store;\npub mod plan;\n\
         pub mod batch;\npub mod report;\npub mod cli;\n\
         pub use plan::Plan as Order;\npub use plan::frozen::*;",
    ),
    (
        "src/engine/model.rs",
        "pub const MODELS: &[(&str, Axes)] = &[(\"next-open\", NEXT_OPEN)];\n\
         pub const LATER: [&str; 1] = [\"vectorbt\"];\n\
         fn named(name: &str) -> bool { name == \"next-open\" }",
    ),
    ("src/market/mod.rs", "pub use polars::prelude::DataFrame as Table;\npub mod wide;"),
    ("src/market/wide.rs", "pub use polars::prelude::*;\npub struct Narrow;"),
    (
        "src/plan/mod.rs",
        "pub mod frozen;\n#[cfg(test)]\nmod tests;\npub struct Plan;\n\
         use crate::market::{self as data, wide::Narrow};",
    ),
    ("src/plan/frozen.rs", "pub struct Frozen;"),
];

// What a seed gives, after `FILE:LINE: room `ROOM` `.
const PLAN: &str = "imports `plan`, which stands after it";
const FS: &str = "names `std::fs`, which the core does not";
const TIME: &str = "names `std::time`, which the core does not";
const ENV: &str = "names `std::env`, which the core does not";
const CSV: &str = "names `csv`, which the core does not";
const CHRONO: &str = "names `chrono`, which the core does not";
const JSON: &str = "names `serde_json`, which the core does not";
const CLAP: &str = "names `clap`, which is for `cli` alone";
const POLARS: &str = "names `polars`, which is for `market` and `store` alone";
const RAYON: &str = "names `rayon`, which is for `batch` alone";
const MINIJINJA: &str = "names `minijinja`, which is for `report` alone";
const INDICATIF: &str = "names `indicatif`, which is for `cli` alone";
const STDOUT: &str = "names `std::io::stdout`, which is for `cli` alone";
const STDERR: &str = "names `std::io::stderr`, which is for `cli` alone";
const NEXT_OPEN: &str = "knows the model \"next-open\", which only its table does";
const VECTORBT: &str = "knows the model \"vectorbt\", which only its table does";
const RUNS: &str = "joins \"runs\" to a path, which only `store` does";
const RUN_JSON: &str = "joins \"run.json\" to a path, which only `store` does";

/// A file, its text, and the line and the fact of the one finding that it gives; `None` where no rule
/// is broken.
type Seed = (&'static str, &'static str, Option<(usize, &'static str)>);

const SEEDS: &[Seed] = &[
    // The direction, in every form of a `use`.
    ("src/diag/a.rs", "use crate::plan::Plan;", Some((1, PLAN))),
    ("src/diag/a.rs", "\n\npub(crate) use crate::plan;", Some((3, PLAN))),
    (
        "src/bars/a.rs",
        "use crate::{\n    diag::{self, Place},\n    plan::{self},\n};",
        Some((3, PLAN)),
    ),
    ("src/bars/a.rs", "use {crate::{diag, plan::{frozen::{Frozen as F}}}};", Some((1, PLAN))),
    ("src/bars/a.rs", "use crate::plan::*;", Some((1, PLAN))),
    ("src/bars/a.rs", "use super::super::plan::Plan;", Some((1, PLAN))),
    ("src/bars/mod.rs", "use super::plan::Plan;", Some((1, PLAN))),
    ("src/bars.rs", "use self::super::plan::Plan;", Some((1, PLAN))),
    ("src/bars/a/b.rs", "use super::super::super::plan::Plan;", Some((1, PLAN))),
    ("src/bars/a.rs", "mod b { mod c {} use super::super::super::plan::Plan; }", Some((1, PLAN))),
    ("src/bars/a.rs", "fn f() { if true { use crate::plan::Plan; } }", Some((1, PLAN))),
    ("src/bars/a.rs", "use papertape::plan::Plan;", Some((1, PLAN))),
    ("src/bars/a.rs", "use crate::r#plan::Plan;", Some((1, PLAN))),
    (
        "src/market/a.rs",
        "use crate::store::Store;",
        Some((1, "imports `store`, which stands after it")),
    ),
    ("src/report/a.rs", "use crate::cli;", Some((1, "imports `cli`, which stands after it"))),
    // The same in the code.
    ("src/expr/a.rs", "fn f() {\n    crate::plan::word(1)\n}", Some((2, PLAN))),
    ("src/expr/mod.rs", "type A = Vec<super::plan::Plan>;", Some((1, PLAN))),
    (
        "src/expr/a.rs",
        "fn f() -> u8 { match 0 { 0..crate::plan::N => 1, _ => 2 } }",
        Some((1, PLAN)),
    ),
    ("src/expr/a.rs", "impl T for A { fn f() { <crate::plan::Plan as T>::f() } }", Some((1, PLAN))),
    ("src/expr/a.rs", "macro_rules! m { () => { $crate::plan::word() } }", Some((1, PLAN))),
    ("src/expr/a.rs", "#[derive(crate::plan::Word)]\nstruct A;", Some((1, PLAN))),
    (
        "src/expr/a.rs",
        "fn f(c: char) -> bool { c == '\"' || crate::plan::is('\"') }",
        Some((1, PLAN)),
    ),
    ("src/expr/a.rs", "fn f<'a>(x: &'a str) { crate::plan::g::<'a>(x, '\\'') }", Some((1, PLAN))),
    ("src/expr/a.rs", "const A: &str = r#\"\"// \"#; use crate::plan::Plan;", Some((1, PLAN))),
    ("src/expr/a.rs", "/* /* */ // */ use crate::plan::Plan;", Some((1, PLAN))),
    // Through renames, globs and re-exports, to what is really meant.
    ("src/expr/a.rs", "use crate as root;\nfn f() { root::plan::word() }", Some((2, PLAN))),
    ("src/expr/a.rs", "use crate::*;\nfn f() { plan::word() }", Some((2, PLAN))),
    ("src/expr/a.rs", "use crate::Order;", Some((1, PLAN))),
    ("src/expr/a.rs", "fn f() -> super::super::Order {}", Some((1, PLAN))),
    ("src/expr/a.rs", "use crate::Frozen;", Some((1, PLAN))),
    ("src/plan/a.rs", "use crate::market::Table;", Some((1, POLARS))),
    ("src/plan/a.rs", "use crate::market::wide::Series;", Some((1, POLARS))),
    ("src/plan/a.rs", "use crate::market;\nfn f() { market::Table::new() }", Some((2, POLARS))),
    // What the core does not name.
    ("src/engine/a.rs", "use std::fs;", Some((1, FS))),
    ("src/engine/a.rs", "use std::{io, time::{self, Duration}};", Some((1, TIME))),
    ("src/engine/a.rs", "fn f() { core::time::Duration::ZERO }", Some((1, TIME))),
    ("src/engine/a.rs", "use std as s;\nfn f() { s::time::Instant::now() }", Some((2, TIME))),
    ("src/engine/a.rs", "use std::*;\nfn f() { time::Instant::now() }", Some((2, TIME))),
    ("src/diag/a.rs", "fn f() { std::env::var(\"A\") }", Some((1, ENV))),
    ("src/metrics/a.rs", "fn f() { ::csv::Reader::new() }", Some((1, CSV))),
    ("src/metrics/a.rs", "use chrono_tz::Tz;", Some((1, CHRONO))),
    ("src/metrics/a.rs", "use serde_json;", Some((1, JSON))),
    (
        "src/bars/a.rs",
        "use polars::prelude::*;",
        Some((1, "names `polars`, which the core does not")),
    ),
    // Doors.
    ("src/plan/a.rs", "#[derive(clap::Args)]\nstruct A;", Some((1, CLAP))),
    ("src/main.rs", "use clap::Parser;", Some((1, CLAP))),
    ("src/batch/a.rs", "use polars::prelude::DataFrame;", Some((1, POLARS))),
    ("src/cli/a.rs", "use minijinja::Value;", Some((1, MINIJINJA))),
    ("src/plan/a.rs", "fn f() { rayon::join(a, b) }", Some((1, RAYON))),
    ("src/report/a.rs", "use indicatif::ProgressBar;", Some((1, INDICATIF))),
    ("src/report/a.rs", "use std::io;\nfn f() { io::stdout().lock() }", Some((2, STDOUT))),
    ("src/report/a.rs", "use std::io::*;\nfn f() { stdout().lock() }", Some((2, STDOUT))),
    ("src/main.rs", "fn main() { std::io::stderr(); }", Some((1, STDERR))),
    ("src/engine/a.rs", "fn f() { println!(\"\") }", Some((1, "prints with `println!`"))),
    ("src/cli/a.rs", "fn f() { std::eprintln!() }", Some((1, "prints with `eprintln!`"))),
    ("src/store/a.rs", "fn f() { dbg!(1) }", Some((1, "prints with `dbg!`"))),
    // The names of models.
    ("src/engine/walk.rs", "fn f() -> &str {\n    \"next-open\"\n}", Some((2, NEXT_OPEN))),
    (
        "src/plan/a.rs",
        "fn f() { match m { \"vectorbt\" | \"x\" => 1, _ => 2 } }",
        Some((1, VECTORBT)),
    ),
    (
        "src/plan/a.rs",
        "fn f() { match m { Some(r\"vectorbt\") => 1, _ => 2 } }",
        Some((1, VECTORBT)),
    ),
    ("src/report/a.rs", "fn f() -> bool { m.name() != \"vectorbt\" }", Some((1, VECTORBT))),
    ("src/cli/a.rs", "fn f() -> bool { Some(\"vectorbt\") == m }", Some((1, VECTORBT))),
    ("src/cli/a.rs", "fn f() -> bool { matches!(m, \"vectorbt\") }", Some((1, VECTORBT))),
    ("src/cli/a.rs", "fn f() { if let Some(\"vectorbt\") = m {} }", Some((1, VECTORBT))),
    // Paths below the output directory.
    ("src/cli/a.rs", "fn f() { output.join(\"runs\").join(id) }", Some((1, RUNS))),
    ("src/report/a.rs", "fn f() {\n    run\n        .join(\"x/run.json\")\n}", Some((3, RUN_JSON))),
    // What cannot be followed, and what stands nowhere.
    (
        "src/bars/a.rs",
        "#[path = \"../plan/mod.rs\"]\nmod plan;",
        Some((1, "has `#[path]`, which hides where a thing stands")),
    ),
    (
        "src/plan/a.rs",
        "#[macro_export]\nmacro_rules! m { () => {} }",
        Some((1, "has `#[macro_export]`, which hides where a thing stands")),
    ),
    (
        "src/bars/a.rs",
        "include!(\"../plan/mod.rs\");",
        Some((1, "has `include`, which hides where a thing stands")),
    ),
    (
        "src/bars/a.rs",
        "extern crate polars as p;",
        Some((1, "has `extern`, which hides where a thing stands")),
    ),
    ("src/paper/mod.rs", "", Some((1, "has no line in src/lib.rs"))),
    // Only tests compile this, up to where the item ends.
    (
        "src/diag/a.rs",
        "#[cfg(test)]\nmod tests { use crate::plan::Plan; fn f() { println!() } }",
        None,
    ),
    (
        "src/diag/a.rs",
        "#[cfg(test)]\n#[expect(x)]\npub(crate) fn f() -> [u8; 2] { crate::plan::f() }",
        None,
    ),
    ("src/diag/a.rs", "#[cfg(test)]\nuse crate::{plan, report};", None),
    ("src/diag/a.rs", "#[cfg(all(test, unix))]\nconst A: u8 = { crate::plan::A };", None),
    ("src/plan/tests.rs", "use crate::report::Report;\nfn f() { println!() }", None),
    ("src/plan/tests/slow.rs", "use crate::report::Report;", None),
    ("src/diag/a.rs", "#[cfg(test)]\nuse crate::{cli};\nuse crate::plan;", Some((3, PLAN))),
    ("src/diag/a.rs", "#[cfg(test)]\nmod tests {}\nuse crate::plan;", Some((3, PLAN))),
    ("src/diag/a.rs", "#[cfg(not(test))]\nuse crate::plan;", Some((2, PLAN))),
    ("src/bars/tests.rs", "use crate::plan::Plan;", Some((1, PLAN))),
    // What looks like a violation and is none.
    ("src/diag/a.rs", "//! use crate::plan::Plan;\n/* std::fs */ // println!()\nstruct A;", None),
    ("src/diag/a.rs", "const A: &str = \"use crate::plan::Plan; \\\" println!()\";", None),
    ("src/diag/a.rs", "const A: &str = br##\"\"# use crate::plan::Plan;\"##;", None),
    (
        "src/diag/a.rs",
        "mod plan { pub struct Plan; }\nuse plan::Plan;\nfn f() { self::plan::f() }",
        None,
    ),
    (
        "src/plan/a.rs",
        "mod csv;\nuse super::Plan;\nuse crate::{market::wide::Narrow, Order};",
        None,
    ),
    (
        "src/metrics/a.rs",
        "fn csv(x: u8) { csv(x); x.csv(); fs::read(x); a != b; print != c }",
        None,
    ),
    ("src/metrics/mod.rs", "mod csv;\nfn f() { csv::read() }", None),
    (
        "src/metrics/a.rs",
        "use crate::engine::walk;\nuse walk::walk;\nfn f() { walk::walk() }",
        None,
    ),
    ("src/store/a.rs", "use polars::prelude::*;\nfn f() { root.join(\"runs\") }", None),
    ("src/cli/a.rs", "use std::io::stdout;\nuse {clap::Args, indicatif::Style};", None),
    (
        "src/plan/a.rs",
        "const A: &[&str] = &[\"vectorbt\"]; fn f() -> String { a.join(\", \") }",
        None,
    ),
    ("src/plan/a.rs", "fn f(a: Axes) -> &str { match a { _ => \"next-open\" } }", None),
    ("src/expr/a.rs", "fn f() -> impl Fn() + use<'_> {}\ntrait A { fn plan(&self); }", None),
];

#[test]
fn every_seeded_violation_is_found_and_nothing_else_is() {
    let owned = |file: &str, text: &str| (file.to_owned(), text.to_owned());
    let clean = CLEAN.map(|(file, text)| owned(file, text));
    assert_eq!(survey(&clean).findings, [""; 0], "the project of the seeds is clean");
    for (file, text, expected) in SEEDS {
        let others = clean.iter().filter(|(known, _)| known != file).cloned();
        let sources = Vec::from_iter(others.chain([owned(file, text)]));
        let expected =
            expected.map(|(line, fact)| format!("{file}:{line}: room `{}` {fact}", room_of(file)));
        assert_eq!(survey(&sources).findings, Vec::from_iter(expected), "{file}:\n{text}");
    }
}
