//! Syntax tree to typed program: names are resolved, types and argument counts are checked.
//!
//! A [`Program`] is a list of nodes in which operands stand before their users. It knows nothing of
//! data or parameter values, so a strategy is checked once and then bound to each session.

use super::function::{ArgKind, Function};
use super::now::Now;
use super::parse::{Binary, Expr, Kind, Symbol, SyntaxError, parse};
use crate::bars::duration;
use crate::diag::{Mistake, Mistakes, Place, closest, codes};
use std::sync::Arc;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A whole number; goes wherever a number goes, and may be a window.
    Int,
    /// A number.
    Number,
    /// True, false or missing.
    Bool,
    /// A text; only compared and listed.
    Text,
}

impl Type {
    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Int => "a whole number",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Text => "a text",
        }
    }

    /// Whether it can be computed with.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Number)
    }

    /// The type that both go into, if there is one.
    fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (a, b) if a.is_number() && b.is_number() => Some(Self::Number),
            _ => None,
        }
    }
}

/// Index of a node in its program.
pub type NodeId = usize;

/// One typed step of a program.
#[derive(Debug, Clone)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The operands, all with smaller indices.
    pub args: Vec<NodeId>,
    /// The type of the result.
    pub ty: Type,
    /// Whether the result is the same on every bar.
    pub constant: bool,
    /// Whether it is known only while an account is walked; see [`Now`].
    pub now: bool,
    /// Where it is written.
    pub place: Place,
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A literal number, as its bits.
    Number(u64),
    /// A literal text.
    Text(Arc<str>),
    /// A literal truth value.
    Bool(bool),
    /// The value of parameter (or field) number so-and-so.
    Param(usize),
    /// A column of the data.
    Column(Arc<str>),
    /// What is known at a close alone.
    Now(Now),
    /// `-x`.
    Negate,
    /// `not x`.
    Not,
    /// `a op b`.
    Binary(Binary),
    /// The first on the bar before, and the second now: what a crossing is bound to.
    Then,
    /// `x in [..]`; the first operand against the others.
    In,
    /// `if(cond, a, b)`.
    If,
    /// A function of the registry.
    Call(&'static Function),
    /// `x@SYMBOL`: the first operand on the bars of the symbol that the second names.
    Elsewhere,
    /// `at(timeframe, x)`: the second operand on the bars of the timeframe that the first names.
    At,
}

/// What a name means.
#[derive(Debug, Clone)]
pub enum Binding {
    /// Parameter (or field) number so-and-so.
    Param(usize, Type),
    /// A column of the data.
    Column(Type),
    /// What is known at a close alone.
    Now(Now),
    /// Something that was compiled before.
    Node(NodeId),
}

/// The names that are known where an expression stands.
pub trait Scope {
    /// What `name` means here.
    fn resolve(&self, name: &str) -> Option<Binding>;

    /// All names, for suggestions.
    fn names(&self) -> Vec<String>;

    /// Whether functions over bars may be called here.
    fn has_bars(&self) -> bool;

    /// The value that names a symbol where `name` stands after `@`: a text, or a parameter.
    fn symbol(&self, _name: &Symbol) -> Option<Op> {
        None
    }

    /// All symbols, for suggestions.
    fn symbols(&self) -> Vec<String> {
        Vec::new()
    }

    /// A question such as `tag("x")` that the scope answers: the number of its answer.
    fn predicate(&self, _name: &str, _argument: &str) -> Option<usize> {
        None
    }
}

/// A list of typed nodes, operands before their users.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The nodes.
    pub nodes: Vec<Node>,
}

impl Program {
    /// Compile `text`, which stands at `place`, into this program.
    ///
    /// The result is the node of the whole expression, or all mistakes in it, each with a code, the
    /// exact place and, where one is near, a suggestion.
    pub fn compile(
        &mut self,
        text: &str,
        place: &Place,
        scope: &dyn Scope,
    ) -> Result<NodeId, Mistakes> {
        let expr = parse(text).map_err(|error| syntax(error, text, place))?;
        Checker { program: self, text, place, scope }.node(&expr)
    }

    /// The type of node `id`.
    pub fn ty(&self, id: NodeId) -> Type {
        self.nodes[id].ty
    }

    /// The value of node `id` if it is a literal, with its sign.
    fn literal(&self, id: NodeId) -> Option<f64> {
        let Node { op, args, .. } = &self.nodes[id];
        match op {
            Op::Number(bits) => Some(f64::from_bits(*bits)),
            Op::Negate => match self.nodes[args[0]].op {
                Op::Number(bits) => Some(-f64::from_bits(bits)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn syntax(error: SyntaxError, text: &str, place: &Place) -> Mistake {
    let at = place.inside(text, error.span);
    Mistake::new(codes::EXPRESSION, &at, error.message).label(error.remedy)
}

/// Whether a symbol can stand after `@` without quotes.
fn is_plain(symbol: &str) -> bool {
    parse(symbol).is_ok_and(|expr| matches!(expr.kind, Kind::Name(_)))
}

/// That `text`, which stands at `place`, is no length of bars.
pub(super) fn not_a_timeframe(place: &Place, text: &str, fact: &str) -> Mistake {
    Mistake::new(codes::TIMEFRAME, place, format!("`{text}` is not a timeframe"))
        .label(fact)
        .help("timeframes look like \"30m\", \"4h\", \"1d\" or \"1w\"")
}

struct Checker<'a> {
    program: &'a mut Program,
    text: &'a str,
    place: &'a Place,
    scope: &'a dyn Scope,
}

impl Checker<'_> {
    fn at(&self, expr: &Expr) -> Place {
        self.place.inside(self.text, expr.span.clone())
    }

    fn push(&mut self, expr: &Expr, op: Op, args: Vec<NodeId>, ty: Type) -> NodeId {
        let now = matches!(op, Op::Now(_)) || args.iter().any(|&arg| self.program.nodes[arg].now);
        let constant = !matches!(op, Op::Column(_) | Op::Now(_))
            && !matches!(op, Op::Call(function) if function.reads_bars())
            && args.iter().all(|&arg| self.program.nodes[arg].constant);
        let place = self.at(expr);
        self.program.nodes.push(Node { op, args, ty, constant, now, place });
        self.program.nodes.len() - 1
    }

    fn node(&mut self, expr: &Expr) -> Result<NodeId, Mistakes> {
        match &expr.kind {
            Kind::Number { value, integer } => {
                let ty = if *integer { Type::Int } else { Type::Number };
                Ok(self.push(expr, Op::Number(value.to_bits()), vec![], ty))
            }
            Kind::Text(text) => {
                Ok(self.push(expr, Op::Text(text.as_str().into()), vec![], Type::Text))
            }
            Kind::Bool(value) => Ok(self.push(expr, Op::Bool(*value), vec![], Type::Bool)),
            Kind::Name(name) => self.name(expr, name),
            Kind::Not(inner) => {
                let arg = self.of_type(inner, Type::Bool, "`not`")?;
                Ok(self.push(expr, Op::Not, vec![arg], Type::Bool))
            }
            Kind::Negate(inner) => {
                let arg = self.of_type(inner, Type::Number, "`-`")?;
                let ty = self.program.ty(arg);
                Ok(self.push(expr, Op::Negate, vec![arg], ty))
            }
            Kind::Binary(binary, a, b) => self.binary(expr, *binary, a, b),
            Kind::In(item, list) => {
                let items = std::iter::once(&**item).chain(list);
                let args = all(items.map(|item| self.node(item)))?;
                for (other, &arg) in list.iter().zip(&args[1..]) {
                    self.joined(item, other, args[0], arg, "`in`")?;
                }
                Ok(self.push(expr, Op::In, args, Type::Bool))
            }
            Kind::Call { name, name_span, args } if name == "if" => {
                let at = self.place.inside(self.text, name_span.clone());
                self.choice(expr, &at, args)
            }
            Kind::Call { name, name_span, args } if name == "at" => {
                let at = self.place.inside(self.text, name_span.clone());
                self.higher(expr, &at, args)
            }
            Kind::Call { name, name_span, args } => {
                let at = self.place.inside(self.text, name_span.clone());
                self.call(expr, name, &at, args)
            }
            Kind::Elsewhere(inner, symbol) => self.elsewhere(expr, inner, symbol),
        }
    }

    fn name(&mut self, expr: &Expr, name: &str) -> Result<NodeId, Mistakes> {
        match self.scope.resolve(name) {
            Some(Binding::Param(index, ty)) => Ok(self.push(expr, Op::Param(index), vec![], ty)),
            Some(Binding::Column(ty)) => Ok(self.push(expr, Op::Column(name.into()), vec![], ty)),
            Some(Binding::Now(now)) => {
                let ty = match now {
                    Now::MarketOpen => Type::Bool,
                    Now::Positions => Type::Int,
                    _ => Type::Number,
                };
                Ok(self.push(expr, Op::Now(now), vec![], ty))
            }
            Some(Binding::Node(id)) => Ok(id),
            // A function of the bars alone reads like a column.
            None if self.scope.has_bars() => match Function::named(name) {
                Some(function) if function.args.is_empty() => {
                    self.call(expr, name, &self.at(expr), &[])
                }
                Some(function) => Err(Mistake::new(
                    codes::UNKNOWN_NAME,
                    &self.at(expr),
                    format!("`{name}` is a function"),
                )
                .label(format!("call it: `{}`", function.signature()))
                .into()),
                None => Err(self.unknown(expr, name).into()),
            },
            None => Err(self.unknown(expr, name).into()),
        }
    }

    fn unknown(&self, expr: &Expr, name: &str) -> Mistake {
        let mut known = self.scope.names();
        if self.scope.has_bars() {
            known.extend(Function::all().filter(|f| f.args.is_empty()).map(|f| f.name.to_owned()));
        }
        Mistake::new(codes::UNKNOWN_NAME, &self.at(expr), format!("unknown name `{name}`"))
            .suggest(name, known.iter().map(String::as_str))
    }

    fn of_type(&mut self, expr: &Expr, wanted: Type, user: &str) -> Result<NodeId, Mistakes> {
        let id = self.node(expr)?;
        let found = self.program.ty(id);
        if found.join(wanted) == Some(wanted) {
            return Ok(id);
        }
        Err(Mistake::new(
            codes::EXPRESSION_TYPE,
            &self.at(expr),
            format!("{user} needs {}", wanted.word()),
        )
        .label(format!("this is {}", found.word()))
        .into())
    }

    fn joined(
        &self,
        a: &Expr,
        b: &Expr,
        left: NodeId,
        right: NodeId,
        user: &str,
    ) -> Result<Type, Mistake> {
        let (left, right) = (self.program.ty(left), self.program.ty(right));
        left.join(right).ok_or_else(|| {
            let first = &self.text[a.span.clone()];
            Mistake::new(
                codes::EXPRESSION_TYPE,
                &self.at(b),
                format!("{user} needs two values of one type, but `{first}` is {}", left.word()),
            )
            .label(format!("this is {}", right.word()))
        })
    }

    fn binary(&mut self, expr: &Expr, op: Binary, a: &Expr, b: &Expr) -> Result<NodeId, Mistakes> {
        let user = format!("`{}`", op.symbol());
        let (args, ty) = match op {
            Binary::Or | Binary::And => {
                (all([a, b].map(|side| self.of_type(side, Type::Bool, &user)))?, Type::Bool)
            }
            Binary::Equal | Binary::NotEqual => {
                let args = all([a, b].map(|side| self.node(side)))?;
                self.joined(a, b, args[0], args[1], &user)?;
                (args, Type::Bool)
            }
            _ => {
                let args = all([a, b].map(|side| self.of_type(side, Type::Number, &user)))?;
                let whole = args.iter().all(|&arg| self.program.ty(arg) == Type::Int);
                let ty = match op {
                    Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Remainder
                        if whole =>
                    {
                        Type::Int
                    }
                    Binary::Add
                    | Binary::Subtract
                    | Binary::Multiply
                    | Binary::Remainder
                    | Binary::Divide => Type::Number,
                    _ => Type::Bool,
                };
                (args, ty)
            }
        };
        Ok(self.push(expr, Op::Binary(op), args, ty))
    }

    fn choice(&mut self, expr: &Expr, at: &Place, args: &[Expr]) -> Result<NodeId, Mistakes> {
        let [condition, a, b] = args else {
            let title = format!("`if` takes 3 arguments, but {} given", are(args.len()));
            let mistake = Mistake::new(codes::ARGUMENTS, at, title).label(
                "`if(condition, a, b)`: `a` where the condition is true, `b` where it is false",
            );
            return Err(self.beside(mistake, args));
        };
        let args = all([
            self.of_type(condition, Type::Bool, "the condition of `if`"),
            self.node(a),
            self.node(b),
        ])?;
        let ty = self.joined(a, b, args[1], args[2], "`if`")?;
        Ok(self.push(expr, Op::If, args, ty))
    }

    /// What is wrong with a call as such, and what is wrong with its arguments.
    fn beside(&mut self, mistake: Mistake, args: &[Expr]) -> Mistakes {
        let mut mistakes = Mistakes::from(mistake);
        if let Err(further) = all(args.iter().map(|arg| self.node(arg))) {
            mistakes.append(further);
        }
        mistakes
    }

    fn on_bars(&self, what: &str, at: &Place) -> Result<(), Mistake> {
        if self.scope.has_bars() {
            return Ok(());
        }
        let title = format!("`{what}` looks at bars, and there are none here");
        Err(Mistake::new(codes::UNKNOWN_NAME, at, title))
    }

    /// An operand of `what`, which looks at other bars: it must be known on them.
    fn on_past(&mut self, what: &str, inner: &Expr) -> Result<NodeId, Mistakes> {
        let id = self.node(inner)?;
        self.known_on_bars(what, inner, id)?;
        Ok(id)
    }

    fn known_on_bars(&self, what: &str, inner: &Expr, id: NodeId) -> Result<(), Mistake> {
        if !self.program.nodes[id].now {
            return Ok(());
        }
        let title = format!("`{what}` looks at other bars, and this is known at one close alone");
        let mistake = Mistake::new(codes::EXPRESSION_TYPE, &self.at(inner), title);
        Err(mistake.label("compare it with what looks at bars instead"))
    }

    fn elsewhere(
        &mut self,
        expr: &Expr,
        inner: &Expr,
        symbol: &Symbol,
    ) -> Result<NodeId, Mistakes> {
        self.on_bars("@", &self.place.inside(self.text, symbol.span.clone()))?;
        let args = all([self.on_past("@", inner), self.symbol(symbol)])?;
        let ty = self.program.ty(args[0]);
        Ok(self.push(expr, Op::Elsewhere, args, ty))
    }

    fn symbol(&mut self, symbol: &Symbol) -> Result<NodeId, Mistakes> {
        let place = self.place.inside(self.text, symbol.span.clone());
        let Some(op) = self.scope.symbol(symbol) else {
            return Err(self.unknown_symbol(symbol, &place).into());
        };
        let (args, ty, constant, now) = (vec![], Type::Text, true, false);
        self.program.nodes.push(Node { op, args, ty, constant, now, place });
        Ok(self.program.nodes.len() - 1)
    }

    fn unknown_symbol(&self, symbol: &Symbol, at: &Place) -> Mistake {
        let known = self.scope.symbols();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let title = format!("the data has no symbol `{}`", symbol.text);
        let mistake = Mistake::new(codes::UNKNOWN_NAME, at, title);
        match closest(&symbol.text, &known) {
            Some(near) if is_plain(near) => mistake.label(format!("did you mean `{near}`?")),
            Some(near) => mistake.label(format!("did you mean `@\"{near}\"`?")),
            None => mistake.suggest(&symbol.text, known),
        }
    }

    fn higher(&mut self, expr: &Expr, at: &Place, args: &[Expr]) -> Result<NodeId, Mistakes> {
        self.on_bars("at", at)?;
        let [timeframe, inner] = args else {
            let title = format!("`at` takes 2 arguments, but {} given", are(args.len()));
            let mistake = Mistake::new(codes::ARGUMENTS, at, title)
                .label("`at(\"1d\", x)`: x on the bars of a higher timeframe");
            return Err(self.beside(mistake, args));
        };
        let args = all([self.timeframe(timeframe), self.on_past("at", inner)])?;
        let ty = self.program.ty(args[1]);
        Ok(self.push(expr, Op::At, args, ty))
    }

    fn timeframe(&mut self, timeframe: &Expr) -> Result<NodeId, Mistakes> {
        let length = self.node(timeframe)?;
        let node = &self.program.nodes[length];
        if node.ty != Type::Text || !node.constant {
            let title = "the timeframe of `at` is a text such as \"4h\", \"1d\" or \"1w\"";
            return Err(Mistake::new(codes::EXPRESSION_TYPE, &self.at(timeframe), title)
                .label(format!("this is {}", node.ty.word()))
                .into());
        }
        if let Op::Text(text) = &node.op {
            let length = duration::parse(text);
            length.map_err(|fact| not_a_timeframe(&self.at(timeframe), text, &fact))?;
        }
        Ok(length)
    }

    fn call(
        &mut self,
        expr: &Expr,
        name: &str,
        at: &Place,
        args: &[Expr],
    ) -> Result<NodeId, Mistakes> {
        if let [Expr { kind: Kind::Text(argument), .. }] = args
            && let Some(index) = self.scope.predicate(name, argument)
        {
            return Ok(self.push(expr, Op::Param(index), vec![], Type::Bool));
        }
        let Some(function) = Function::named(name) else {
            let title = format!("unknown function `{name}`");
            let mistake = Mistake::new(codes::UNKNOWN_NAME, at, title);
            let mistake = match Function::meant(name) {
                Some(function) => mistake.label(format!("here it is `{}`", function.signature())),
                None => mistake.suggest(name, Function::all().map(|function| function.name)),
            };
            let mistake = mistake.help("`papertape indicators` lists all functions");
            return Err(self.beside(mistake, args));
        };
        if function.reads_bars() {
            self.on_bars(name, at)?;
        }
        if let Some(mistake) = wrong_count(function, at, args.len()) {
            return Err(self.beside(mistake, args));
        }
        let given = args.iter().enumerate();
        let mut nodes = all(given.map(|(index, arg)| self.argument(function, index, arg)))?;
        // What is left out takes its default, so that a node always has every operand.
        for missing in function.args.iter().skip(args.len()) {
            if let Some(default) = missing.default {
                let ty = if default.fract() == 0.0 { Type::Int } else { Type::Number };
                nodes.push(self.push(expr, Op::Number(default.to_bits()), vec![], ty));
            }
        }
        Ok(self.push(expr, Op::Call(function), nodes, function.returns))
    }

    fn argument(
        &mut self,
        function: &Function,
        index: usize,
        arg: &Expr,
    ) -> Result<NodeId, Mistakes> {
        let user = format!("`{}`", function.name);
        let kind = function.arg(index).kind;
        let id = match kind {
            ArgKind::Series | ArgKind::Constant => self.of_type(arg, Type::Number, &user)?,
            ArgKind::Flag => self.of_type(arg, Type::Bool, &user)?,
            ArgKind::Window { .. } => self.node(arg)?,
        };
        if function.reads_bars() {
            self.known_on_bars(function.name, arg, id)?;
        }
        let node = &self.program.nodes[id];
        let mistake = |code, title: String| Mistake::new(code, &self.at(arg), title);
        match kind {
            ArgKind::Window { .. } if !node.constant || node.ty != Type::Int => Err(mistake(
                codes::WINDOW,
                format!(
                    "the length of {user} is a whole number of bars, from parameters and literals"
                ),
            )
            .label(if node.constant {
                format!("this is {}", node.ty.word())
            } else {
                "this changes from bar to bar".into()
            })
            .into()),
            ArgKind::Constant if !node.constant => Err(mistake(
                codes::EXPRESSION_TYPE,
                format!("this argument of {user} is made of parameters and literals"),
            )
            .label("this changes from bar to bar")
            .into()),
            // What depends on parameters is known when the program is bound.
            _ => match self.program.literal(id) {
                Some(length) => match not_a_length(function, index, length, &self.at(arg)) {
                    Some(mistake) => Err(mistake.into()),
                    None => Ok(id),
                },
                None => Ok(id),
            },
        }
    }
}

/// The nodes, or every mistake of those that are none.
fn all(nodes: impl IntoIterator<Item = Result<NodeId, Mistakes>>) -> Result<Vec<NodeId>, Mistakes> {
    let (mut made, mut mistakes) = (Vec::new(), Mistakes::default());
    for node in nodes {
        match node {
            Ok(node) => made.push(node),
            Err(found) => mistakes.append(found),
        }
    }
    if mistakes.is_empty() { Ok(made) } else { Err(mistakes) }
}

/// `1 is`, `2 are`.
fn are(count: usize) -> String {
    format!("{count} {}", if count == 1 { "is" } else { "are" })
}

/// Why `function` cannot be called with so many arguments, if it cannot.
fn wrong_count(function: &Function, at: &Place, given: usize) -> Option<Mistake> {
    let least = function.args.iter().filter(|arg| arg.default.is_none()).count();
    let most = if function.variadic { usize::MAX } else { function.args.len() };
    if (least..=most).contains(&given) {
        return None;
    }
    let wanted = match (least, most) {
        (1, 1) => "1 argument".to_owned(),
        (a, b) if a == b => format!("{a} arguments"),
        (a, usize::MAX) => format!("at least {a} arguments"),
        (a, b) => format!("{a} to {b} arguments"),
    };
    let title = format!("`{}` takes {wanted}, but {} given", function.name, are(given));
    Some(Mistake::new(codes::ARGUMENTS, at, title).label(format!("`{}`", function.signature())))
}

/// The longest window that can be meant.
const LONGEST: f64 = 1e9;

/// Why `length` (`NaN` if missing), which stands at `place`, is no length for argument number `index` of
/// `function`, if that argument is a window.
pub(super) fn not_a_length(
    function: &Function,
    index: usize,
    length: f64,
    place: &Place,
) -> Option<Mistake> {
    let ArgKind::Window { min } = function.arg(index).kind else { return None };
    if length >= min as f64 && length <= LONGEST && length.fract() == 0.0 {
        return None;
    }
    let is = if length.is_nan() { "missing".to_owned() } else { length.to_string() };
    let title = format!("the length of `{}` is at least {min}, but this is {is}", function.name);
    Some(Mistake::new(codes::WINDOW, place, title))
}
