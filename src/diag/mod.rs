//! A place in a text, and a mistake shown there.
//!
//! Everything a person writes (manifests, templates, strategies, expressions, command-line values)
//! enters the program as a [`Source`]. A [`Place`] is a span of it, and a [`Mistake`] says what is
//! wrong there and what would be right. Readers collect mistakes in [`Mistakes`] and go on, so that
//! one run shows all of them; only the command line prints what [`Mistakes::render`] returns.

pub mod codes;

pub use codes::Code;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A text that somebody wrote, and what to call it.
#[derive(Debug)]
pub struct Source {
    /// A path relative to the project, or `command line, argument 3`, or `built in: NAME`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where its lines begin, once somebody asked: a plan tells the place of every key of every session.
    lines: OnceLock<Vec<usize>>,
}

impl Source {
    /// A source that can be shared by every place in it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), lines: OnceLock::new() })
    }

    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let after = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
            std::iter::once(0).chain(after).collect()
        })
    }
}

/// A span of bytes in a source.
#[derive(Clone)]
pub struct Place {
    /// The text.
    pub source: Arc<Source>,
    /// Byte offsets into the text.
    pub span: Range<usize>,
}

impl Place {
    /// The span `span` of `source`, moved inside the text if it lies beyond its end.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = span.end.min(source.text.len());
        Self { source: source.clone(), span: span.start.min(end)..end }
    }

    /// The whole of `source`.
    pub fn whole(source: &Arc<Source>) -> Self {
        Self::new(source, 0..source.text.len())
    }

    /// Whether it stands on the command line instead of in a file.
    pub fn is_on_command_line(&self) -> bool {
        self.source.name.starts_with("command line")
    }

    /// Line and column of the start, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let lines = self.source.lines();
        let line = lines.partition_point(|begins| *begins <= self.span.start);
        (line, self.source.text[lines[line - 1]..self.span.start].chars().count() + 1)
    }

    /// The place of `part` of a quoted value.
    ///
    /// `self` spans a TOML string with its quotes and `decoded` is what it means. Without escapes
    /// the two differ by the quotes alone and `part` can be shown exactly; otherwise the whole value
    /// is the best place there is.
    pub fn inside(&self, decoded: &str, part: Range<usize>) -> Self {
        let written = &self.source.text[self.span.clone()];
        for quote in ["\"\"\"", "'''", "\"", "'", ""] {
            let inner = written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            // A newline directly after an opening triple quote is not part of the value.
            for skip in [0, 1] {
                if inner.and_then(|inner| inner.get(skip..)) == Some(decoded) {
                    let start = self.span.start + quote.len() + skip;
                    return Self::new(&self.source, start + part.start..start + part.end);
                }
            }
        }
        self.clone()
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.span == other.span
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(out, "{}:{line}:{column}", self.source.name)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// Whether a mistake stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// Shown, and the work goes on.
    Warning,
}

/// One thing that is wrong, where, and what would be right.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// Error or warning.
    pub severity: Severity,
    /// The stable code.
    pub code: Code,
    /// What is wrong, in a lower-case fragment.
    pub title: String,
    /// Where; `None` for what has no text, such as a missing file named by a default.
    pub place: Option<Place>,
    /// What stands under the caret.
    pub label: String,
    /// The ways out, one line each.
    pub help: Vec<String>,
}

impl Mistake {
    /// An error at `place`.
    pub fn new(code: Code, place: &Place, title: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), ..Self::nowhere(code, title) }
    }

    /// An error that has no place in any text.
    pub fn nowhere(code: Code, title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            title: title.into(),
            place: None,
            label: String::new(),
            help: Vec::new(),
        }
    }

    /// The same, as a warning.
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The words under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A way out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// "did you mean" under the caret when one of `known` is close to `written`; otherwise the
    /// known words as help.
    pub fn suggest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match closest(written, &known) {
            Some(word) => self.label(format!("did you mean `{word}`?")),
            None if known.is_empty() => self,
            None if known.len() <= 40 => self.help(format!("known here: {}", known.join(", "))),
            None => self,
        }
    }
}

/// The word of `known` that `written` most probably meant.
pub fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let score = |word: &str| match word.rsplit_once('.') {
        // A key by its last name alone.
        Some((_, last)) if last == written => 1.0,
        _ => strsim::jaro_winkler(&written.to_lowercase(), &word.to_lowercase()),
    };
    known
        .iter()
        .map(|word| (score(word), *word))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, word)| word)
}

/// `1 session`, `2 sessions`: a number of things, in English.
pub fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// All the mistakes found so far.
#[derive(Debug, Default, Clone)]
pub struct Mistakes {
    found: Vec<Mistake>,
}

impl Mistakes {
    /// Add one.
    pub fn push(&mut self, mistake: Mistake) {
        self.found.push(mistake);
    }

    /// Add all of `other`.
    pub fn append(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// The same, each with one more way out or fact.
    pub fn with_help(mut self, help: &str) -> Self {
        self.found.iter_mut().for_each(|mistake| mistake.help.push(help.to_owned()));
        self
    }

    /// Of several in one place the first, which says for how many more of `thing` something like it is
    /// true.
    pub fn once_a_place(self, thing: &str) -> Self {
        let mut found: Vec<(Mistake, usize)> = Vec::new();
        for mistake in self.found {
            match found.iter_mut().find(|(known, _)| known.place == mistake.place) {
                Some((known, more)) => *more += usize::from(known.title != mistake.title),
                None => found.push((mistake, 0)),
            }
        }
        let told = |(mistake, more): (Mistake, usize)| match more {
            0 => mistake,
            _ => mistake.help(format!("and so for {}", counted(more, &format!("more {thing}")))),
        };
        Self { found: found.into_iter().map(told).collect() }
    }

    /// Whether any of them stops the work.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|mistake| mistake.severity == Severity::Error)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.found.iter()
    }

    /// The text that shows them the way rustc does, with ANSI colours if `color`.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut shown = Vec::<String>::new();
        for mistake in &self.found {
            let text = renderer.render(&[mistake.group()]).to_string();
            // The same mistake in a template that many sessions name is shown once.
            if !shown.contains(&text) {
                shown.push(text);
            }
        }
        shown.join("\n\n")
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self { found: vec![mistake] }
    }
}

impl FromIterator<Mistake> for Mistakes {
    fn from_iter<I: IntoIterator<Item = Mistake>>(mistakes: I) -> Self {
        Self { found: mistakes.into_iter().collect() }
    }
}

impl IntoIterator for Mistakes {
    type Item = Mistake;
    type IntoIter = std::vec::IntoIter<Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl Mistake {
    fn group(&self) -> Group<'_> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&self.title).id(self.code.0);
        let mut group = match &self.place {
            Some(Place { source, span }) => title.element(
                Snippet::source(&source.text)
                    .path(&source.name)
                    .annotation(AnnotationKind::Primary.span(span.clone()).label(&self.label)),
            ),
            None => Group::with_title(title),
        };
        for help in &self.help {
            group = group.element(Level::HELP.message(help));
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_shows_the_line_a_caret_and_the_way_out() {
        let source = Source::new("sessions/a.toml", "schema = 1\nsteo = 5\n");
        let mut mistakes = Mistakes::default();
        mistakes.push(
            Mistake::new(codes::UNKNOWN_KEY, &Place::new(&source, 11..15), "unknown key `steo`")
                .suggest("steo", ["step", "from"]),
        );
        insta::assert_snapshot!(mistakes.render(false), @r"
        error[E0102]: unknown key `steo`
         --> sessions/a.toml:2:1
          |
        2 | steo = 5
          | ^^^^ did you mean `step`?
        ");
    }

    #[test]
    fn a_part_of_a_quoted_value_is_shown_exactly_when_it_has_no_escapes() {
        let source = Source::new("a", r#"x = "fast < slow""#);
        let value = Place::new(&source, 4..17);
        assert_eq!(value.inside("fast < slow", 7..11).line_column(), (1, 13));
        let escaped = Source::new("a", r#"x = "a\tb""#);
        let value = Place::new(&escaped, 4..10);
        assert_eq!(value.inside("a\tb", 2..3).span, 4..10);
    }

    #[test]
    fn a_distant_word_is_not_suggested() {
        assert_eq!(closest("xyzzy", &["fast", "slow"]), None);
        assert_eq!(closest("fsat", &["fast", "slow"]), Some("fast"));
    }
}
