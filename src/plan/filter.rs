//! One question to many sessions: `--filter`, in the rule language.
//!
//! The same grammar asks what is planned and what has run; only the names that are known differ, and
//! who asks brings them. A name that a session has no value for is missing, and a filter takes a
//! session only where it is true.

use crate::diag::{Mistake, Mistakes, Place, Source, codes};
use crate::expr::{Binding, NodeId, Op, Program, Scalar, Scope, Type};
use std::cell::RefCell;

/// A compiled filter.
#[derive(Debug)]
pub struct Filter {
    program: Program,
    root: NodeId,
    /// The names that it uses with their types, by the number of their parameter.
    used: Vec<(usize, String, Type)>,
    /// How many names are known; the tags that it asks for follow them.
    known: usize,
    tags: Vec<String>,
}

impl Filter {
    /// Compile `text` over `names` and `tag("...")`.
    pub fn compile(text: &str, names: &[(String, Type)]) -> Result<Self, Mistakes> {
        let place = Place::whole(&Source::new("command line, --filter", text));
        let mut program = Program::default();
        let scope = Names { names, tags: RefCell::default() };
        let root = program.compile(text, &place, &scope)?;
        if program.ty(root) != Type::Bool {
            let title = "a filter is true or false for each session";
            return Err(Mistake::new(codes::EXPRESSION_TYPE, &place, title)
                .label(format!("this is {}", program.ty(root).word()))
                .into());
        }
        let is_used = |name: usize| program.nodes.iter().any(|node| node.op == Op::Param(name));
        let used = names.iter().enumerate().filter(|(number, _)| is_used(*number));
        let used = used.map(|(number, (name, ty))| (number, name.clone(), *ty)).collect();
        Ok(Self { root, used, known: names.len(), tags: scope.tags.into_inner(), program })
    }

    /// The names that it uses.
    pub fn uses(&self) -> impl Iterator<Item = &str> {
        self.used.iter().map(|(_, name, _)| name.as_str())
    }

    /// Whether it is true for the session of which `value` tells the values and `has_tag` the tags.
    pub fn holds(&self, value: impl Fn(&str) -> Scalar, has_tag: impl Fn(&str) -> bool) -> bool {
        let mut values = vec![Scalar::Missing; self.known];
        for (number, name, ty) in &self.used {
            // Two strategies may have parameters of one name and two types.
            values[*number] =
                Some(value(name)).filter(|it| is_of(it, *ty)).unwrap_or(Scalar::Missing);
        }
        values.extend(self.tags.iter().map(|tag| Scalar::Bool(has_tag(tag))));
        self.program.scalar(self.root, &values) == Scalar::Bool(true)
    }
}

/// The narrowest type that holds all of `values`, as far as they are of one kind.
pub fn type_of<'a>(values: impl IntoIterator<Item = &'a Scalar>) -> Type {
    let one = |value: &Scalar| match value {
        Scalar::Number(number) if number.fract() == 0.0 => Type::Int,
        Scalar::Number(_) | Scalar::Missing => Type::Number,
        Scalar::Bool(_) => Type::Bool,
        Scalar::Text(_) => Type::Text,
    };
    let mut types = values.into_iter().filter(|value| **value != Scalar::Missing).map(one);
    let Some(first) = types.next() else { return Type::Number };
    if types.all(|ty| ty == first) || !first.is_number() { first } else { Type::Number }
}

fn is_of(value: &Scalar, ty: Type) -> bool {
    match value {
        Scalar::Number(_) => ty.is_number(),
        Scalar::Bool(_) => ty == Type::Bool,
        Scalar::Text(_) => ty == Type::Text,
        Scalar::Missing => true,
    }
}

/// The names first, then the tags that were asked for so far.
struct Names<'a> {
    names: &'a [(String, Type)],
    tags: RefCell<Vec<String>>,
}

impl Scope for Names<'_> {
    fn resolve(&self, name: &str) -> Option<Binding> {
        let number = self.names.iter().position(|(known, _)| known == name)?;
        // A number is a number: one session's whole one may be another's fraction.
        let ty = if self.names[number].1.is_number() { Type::Number } else { self.names[number].1 };
        Some(Binding::Param(number, ty))
    }

    fn names(&self) -> Vec<String> {
        self.names.iter().map(|(name, _)| name.clone()).collect()
    }

    fn has_bars(&self) -> bool {
        false
    }

    fn predicate(&self, name: &str, argument: &str) -> Option<usize> {
        if name != "tag" {
            return None;
        }
        let mut tags = self.tags.borrow_mut();
        tags.push(argument.to_owned());
        Some(self.names.len() + tags.len() - 1)
    }
}
