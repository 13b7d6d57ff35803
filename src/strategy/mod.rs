//! A strategy: typed parameters, named expressions (lets) and rules, compiled to [`Signals`].
//!
//! A [`Definition`] is what a strategy file or an inline table says. [`Strategy::compile`] checks it
//! against the columns of the data, once; [`Strategy::bind`] puts in a session's parameter values;
//! [`LegRules::signals`] reads the rules off the evaluated columns, as [`Signals`] for the engine.

use crate::diag::{Mistake, Mistakes, Place, closest, codes};
use crate::expr::{
    Binding, Bound, Formula, Function, Graph, NodeId, Op, PRICES, Program, Scalar, Scope, Symbol,
    Trouble, Type, Word, World,
};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

mod names;
mod rule;
mod turn;

pub use rule::{LegRules, Plots, Rule, Rules, Signals, spread};
pub use turn::{Condition, Turn};

use turn::AtClose;

/// A strategy as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The name it goes by: the file's stem, or `inline`.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// The modes it may run in; empty for all.
    pub modes: Vec<String>,
    /// Its parameters, in the order of the file.
    pub params: Vec<Param>,
    /// Its named expressions, in the order of the file.
    pub lets: Vec<Named>,
    /// The legs that it trades, each with rules of its own; empty if the same rules are read for
    /// every symbol.
    pub legs: Vec<Leg>,
    /// Its rules.
    pub rules: Vec<RuleText>,
    /// The lets that a report draws.
    pub plot: Vec<String>,
    /// What a session's settings ask for beside the rules, such as an average true range.
    pub inputs: Vec<Written>,
    /// When the session begins, ends, pauses and goes on, in the order of [`Turn::ALL`]; the
    /// session's own as well.
    pub turns: [Option<Written>; Turn::COUNT],
}

/// An expression's text and where its value stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// The place of the quoted value.
    pub place: Place,
}

/// A let: a name for an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// The expression.
    pub written: Written,
}

/// A leg: a name for one of the symbols that are traded together.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleText {
    /// The position of its leg; 0 in a strategy without legs.
    pub leg: usize,
    /// Which rule it is.
    pub rule: Rule,
    /// The expression.
    pub written: Written,
}

/// A parameter with its type and bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name in rules.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// What values it takes.
    pub kind: ParamKind,
    /// Its value when the session gives none.
    pub default: Option<Scalar>,
    /// What it means, for people.
    pub description: String,
}

/// The values that a parameter takes.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamKind {
    /// Whole numbers within bounds.
    Int {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// Numbers within bounds.
    Float {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// True or false.
    Bool,
    /// One of some words.
    Choice(Vec<String>),
    /// A symbol of the data.
    Symbol,
}

impl ParamKind {
    /// Why `value` is not a value of this parameter, if it is not.
    pub fn refuse(&self, value: &Scalar) -> Option<String> {
        match (self, value) {
            (Self::Int { .. }, Scalar::Number(number)) if number.fract() != 0.0 => {
                Some(format!("needs a whole number, not {number}"))
            }
            (Self::Int { min, max } | Self::Float { min, max }, Scalar::Number(number)) => {
                if min.is_some_and(|min| *number < min) || max.is_some_and(|max| *number > max) {
                    return Some(format!("is {}, not {number}", bounds(*min, *max)));
                }
                None
            }
            (Self::Bool, Scalar::Bool(_)) | (Self::Symbol, Scalar::Text(_)) => None,
            (Self::Choice(choices), Scalar::Text(text)) => {
                (!choices.iter().any(|choice| **choice == **text))
                    .then(|| format!("is one of {}, not \"{text}\"", choices.join(", ")))
            }
            _ => Some(format!("needs {}", self.word())),
        }
    }

    /// What it takes, in words.
    pub fn word(&self) -> String {
        match self {
            Self::Int { min, max } => format!("a whole number{}", range_word(*min, *max)),
            Self::Float { min, max } => format!("a number{}", range_word(*min, *max)),
            Self::Bool => "true or false".into(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Symbol => "a symbol".into(),
        }
    }

    /// The type of its values in expressions.
    pub fn ty(&self) -> Type {
        match self {
            Self::Int { .. } => Type::Int,
            Self::Float { .. } => Type::Number,
            Self::Bool => Type::Bool,
            Self::Choice(_) | Self::Symbol => Type::Text,
        }
    }
}

fn bounds(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number".into(),
    }
}

fn range_word(min: Option<f64>, max: Option<f64>) -> String {
    if min.is_none() && max.is_none() { String::new() } else { format!(", {}", bounds(min, max)) }
}

/// A strategy that was checked against the columns of the data it will run on.
#[derive(Debug)]
pub struct Strategy {
    /// The parameters, in the order in which [`Strategy::bind`] takes their values.
    pub params: Vec<Param>,
    /// The lets by name.
    pub lets: Vec<(Arc<str>, NodeId)>,
    /// The names of the legs.
    pub legs: Vec<String>,
    program: Program,
    /// The rules of each leg; one entry in a strategy without legs.
    rules: Vec<[Option<NodeId>; Rule::COUNT]>,
    inputs: Vec<NodeId>,
    /// The lets that a report draws, as positions in `lets`.
    plot: Vec<usize>,
    turns: [Option<NodeId>; Turn::COUNT],
}

impl Strategy {
    /// Check `definition`; `extra` are the data's further columns and whether they hold booleans,
    /// `symbols` the symbols that can be reached by `@`.
    ///
    /// All mistakes of the strategy are added to `mistakes`; `None` if there was one.
    pub fn compile(
        definition: &Definition,
        extra: &[(String, bool)],
        symbols: &[String],
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut found = Mistakes::default();
        let mut names = Names::new(definition, extra, symbols, &mut found);
        let mut program = Program::default();
        let mut lets = Vec::new();
        let in_order = names::in_order_of_use(&definition.lets, &mut found);
        // A let in a circle was told as such, and who uses it has nothing new to say.
        let in_circle = |named: &&Named| !in_order.iter().any(|other| other.name == named.name);
        names
            .broken
            .extend(definition.lets.iter().filter(in_circle).map(|named| named.name.clone()));
        for named in in_order {
            let written = &named.written;
            match program.compile(&written.text, &written.place, &names) {
                Ok(id) => {
                    names.known.insert(named.name.clone(), Binding::Node(id));
                    lets.push((named.name.as_str().into(), id));
                }
                Err(mistakes) => {
                    found.append(names.news(mistakes));
                    names.broken.push(named.name.clone());
                }
            }
        }
        let mut rules = vec![[None; Rule::COUNT]; definition.legs.len().max(1)];
        for RuleText { leg, rule, written } in &definition.rules {
            match program.compile(&written.text, &written.place, &names) {
                Ok(id) if rule.takes(program.ty(id)) => rules[*leg][*rule as usize] = Some(id),
                Ok(id) => found.push(
                    Mistake::new(
                        codes::EXPRESSION_TYPE,
                        &written.place,
                        format!("rule `{}` is {} on each bar", rule.key(), rule.word()),
                    )
                    .label(format!("this is {}", program.ty(id).word())),
                ),
                Err(mistakes) => found.append(names.news(mistakes)),
            }
        }
        let mut inputs = Vec::with_capacity(definition.inputs.len());
        for written in &definition.inputs {
            match program.compile(&written.text, &written.place, &names) {
                Ok(id) if program.ty(id).is_number() => inputs.push(id),
                Ok(id) => {
                    let title = format!("`{}` is not a number on each bar", written.text);
                    let mistake = Mistake::new(codes::EXPRESSION_TYPE, &written.place, title);
                    found.push(mistake.label(format!("this is {}", program.ty(id).word())));
                }
                Err(mistakes) => found.append(mistakes),
            }
        }
        let place = |drawn: &String| {
            lets.iter().position(|(name, _): &(Arc<str>, NodeId)| **name == **drawn)
        };
        let plot: Vec<usize> = definition.plot.iter().filter_map(place).collect();
        for &(_, id) in plot.iter().map(|&at| &lets[at]) {
            if program.ty(id) == Type::Text {
                let title = "`plot` draws numbers and truth values";
                let place = &program.nodes[id].place;
                found.push(
                    Mistake::new(codes::EXPRESSION_TYPE, place, title).label("this is a text"),
                );
            }
        }
        let mut turns = [None; Turn::COUNT];
        for (turn, written) in Turn::ALL.into_iter().zip(&definition.turns) {
            let Some(Written { text, place }) = written else { continue };
            match program.compile(text, place, &AtClose(&names)) {
                Ok(id) if program.ty(id) == Type::Bool => turns[turn as usize] = Some(id),
                Ok(id) => {
                    let title = format!("`paper.{}` is true or false at each close", turn.key());
                    let mistake = Mistake::new(codes::EXPRESSION_TYPE, place, title);
                    found.push(mistake.label(format!("this is {}", program.ty(id).word())));
                }
                Err(mistakes) => found.append(names.news(mistakes)),
            }
        }
        let failed = found.has_errors();
        mistakes.append(found);
        let legs = definition.legs.iter().map(|leg| leg.name.clone()).collect();
        let params = definition.params.clone();
        (!failed).then_some(Self { params, legs, lets, program, rules, inputs, plot, turns })
    }

    /// Put in a session's parameter values, in the order of [`Strategy::params`], and the symbols of
    /// its legs, in the order of [`Strategy::legs`].
    ///
    /// What only the values and the data can tell is added to `mistakes`; `None` if it stops the work.
    pub fn bind(
        &self,
        params: &[Scalar],
        legs: &[String],
        world: &World,
        graph: &mut Graph,
        mistakes: &mut Mistakes,
    ) -> Option<Rules> {
        let bound = match self.bound(params, legs, world, graph) {
            Ok(bound) => bound,
            Err(found) => {
                mistakes.append(found);
                return None;
            }
        };
        let of_leg = |(leg, rules): (usize, &[Option<NodeId>; Rule::COUNT])| {
            let rules = Rule::ALL.iter().zip(rules);
            let rules =
                rules.filter_map(|(rule, id)| Some((*rule, bound[(*id)?].clone()))).collect();
            let inputs = self.inputs.iter().map(|&id| bound[id].clone()).collect();
            let formula = |id| Arc::new(Formula::new(&self.program, id, &bound));
            // They are the session's, and read once.
            let turns = self.turns.map(|turn| turn.filter(|_| leg == 0).map(formula));
            LegRules::new(rules, inputs, turns, graph)
        };
        let drawn = self.plot.iter().map(|&at| &self.lets[at]);
        let drawn = drawn.map(|(name, id)| (name.clone(), bound[*id].clone())).collect();
        let legs = self.rules.iter().enumerate().map(of_leg).collect();
        let rules = Rules { legs, plots: Plots::new(drawn, graph) };
        let mut stops = false;
        let needs = rules.legs.iter().map(|leg| &leg.needs).chain([&rules.plots.needs]);
        for trouble in needs.flat_map(|needs| graph.troubles(needs, world)) {
            stops |= trouble.fatal;
            mistakes.push(self.trouble(&trouble, &bound));
        }
        (!stops).then_some(rules)
    }

    /// What every expression of the strategy becomes with these values; see [`Strategy::bind`].
    pub fn bound(
        &self,
        params: &[Scalar],
        legs: &[String],
        world: &World,
        graph: &mut Graph,
    ) -> Result<Vec<Bound>, Mistakes> {
        let legs = legs.iter().map(|symbol| Scalar::Text(symbol.as_str().into()));
        let values: Vec<Scalar> = params.iter().cloned().chain(legs).collect();
        graph.bind(&self.program, &values, world)
    }

    /// `trouble` at the first place that has its expression.
    fn trouble(&self, trouble: &Trouble, bound: &[Bound]) -> Mistake {
        let node = bound.iter().position(|bound| *bound == Bound::Expression(trouble.number));
        // Two steps to other bars in a row are bound as one, which is the outer one's.
        let place = &self.program.nodes[node.expect("what is needed was bound")].place;
        match trouble.fatal {
            true => Mistake::new(codes::TIMEFRAME, place, &trouble.what),
            false => Mistake::new(codes::LONG_WINDOW, place, &trouble.what)
                .warning()
                .label("it never has a value")
                .help("shorten it, or let rules see more bars: `range`, `data.warmup`"),
        }
    }

    /// Every expression of the strategy, operands before their users.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The node of a rule's expression; `leg` is 0 in a strategy without legs.
    pub fn rule(&self, leg: usize, rule: Rule) -> Option<NodeId> {
        self.rules[leg][rule as usize]
    }

    /// The rules in a canonical spelling: equal for two strategies exactly if they compute the same
    /// from the same parameters, whatever the names of lets, comments, spacing or unused parts. What is
    /// drawn belongs to it, with its names, for a kept session shows it.
    pub fn canonical(&self) -> String {
        self.spelled(true)
    }

    /// The same without what is only drawn: equal for two strategies that trade the same.
    pub fn canonical_without_plots(&self) -> String {
        self.spelled(false)
    }

    fn spelled(&self, with_plots: bool) -> String {
        let mut numbers = HashMap::new();
        let mut text = String::new();
        for (leg, rules) in self.rules.iter().enumerate() {
            if leg < self.legs.len() {
                writeln!(text, "leg {leg}").expect("a String takes any text");
            }
            for (rule, id) in Rule::ALL.iter().zip(rules) {
                if let Some(id) = id {
                    let number = self.spell(*id, &mut numbers, &mut text);
                    writeln!(text, "{} #{number}", rule.key()).expect("a String takes any text");
                }
            }
        }
        for &at in self.plot.iter().filter(|_| with_plots) {
            let (name, id) = &self.lets[at];
            let number = self.spell(*id, &mut numbers, &mut text);
            writeln!(text, "plot {name} #{number}").expect("a String takes any text");
        }
        for (turn, id) in Turn::ALL.iter().zip(self.turns) {
            if let Some(id) = id {
                let number = self.spell(id, &mut numbers, &mut text);
                writeln!(text, "{} #{number}", turn.key()).expect("a String takes any text");
            }
        }
        text
    }

    fn spell(&self, id: NodeId, numbers: &mut HashMap<NodeId, usize>, text: &mut String) -> usize {
        if let Some(&number) = numbers.get(&id) {
            return number;
        }
        let node = &self.program.nodes[id];
        let args: Vec<usize> =
            node.args.iter().map(|&arg| self.spell(arg, numbers, text)).collect();
        let number = numbers.len();
        numbers.insert(id, number);
        let op = match &node.op {
            Op::Param(index) => match self.params.get(*index) {
                Some(param) => format!("param {}", param.name),
                None => format!("leg {}", index - self.params.len()),
            },
            Op::Call(function) => format!("call {}", function.name),
            Op::Number(bits) => format!("number {}", f64::from_bits(*bits)),
            op => format!("{op:?}"),
        };
        writeln!(text, "#{number} {op} {args:?}").expect("a String takes any text");
        number
    }
}

/// The names that rules and lets may use.
struct Names<'a> {
    definition: &'a Definition,
    /// The symbols of the data.
    symbols: &'a [String],
    known: HashMap<String, Binding>,
    /// In the order in which they are listed to people.
    listed: Vec<String>,
    /// Lets with a mistake of their own.
    broken: Vec<String>,
}

impl<'a> Names<'a> {
    fn new(
        definition: &'a Definition,
        extra: &[(String, bool)],
        symbols: &'a [String],
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut names = Self {
            definition,
            symbols,
            known: HashMap::new(),
            listed: Vec::new(),
            broken: Vec::new(),
        };
        for leg in &definition.legs {
            names.take(&leg.name, &leg.place, "leg", mistakes);
        }
        for (index, param) in definition.params.iter().enumerate() {
            names.take(&param.name, &param.place, "parameter", mistakes);
            let binding = Binding::Param(index, param.kind.ty());
            names.known.insert(param.name.clone(), binding);
        }
        for named in &definition.lets {
            names.take(&named.name, &named.place, "let", mistakes);
        }
        let columns = PRICES.iter().map(|name| (*name, Type::Number));
        let further = extra.iter().map(|(name, boolean)| {
            (name.as_str(), if *boolean { Type::Bool } else { Type::Number })
        });
        for (name, ty) in columns.chain(further) {
            if let Some(place) = definition.place_of(name) {
                mistakes.push(
                    Mistake::new(codes::TWICE, place, format!("`{name}` is a column of the data"))
                        .label("choose another name"),
                );
            }
            names.known.insert(name.to_owned(), Binding::Column(ty));
            names.listed.push(name.to_owned());
        }
        names
    }

    /// Enter a name that the strategy itself gives.
    fn take(&mut self, name: &str, place: &Place, what: &str, mistakes: &mut Mistakes) {
        let taken = if self.listed.iter().any(|listed| listed == name) {
            Some("already a parameter, leg or let of this strategy".to_owned())
        } else if Word::named(name).is_some() {
            Some("a word of the rule language".to_owned())
        } else {
            Function::named(name).map(|function| format!("a function, `{}`", function.signature()))
        };
        if let Some(taken) = taken {
            mistakes.push(
                Mistake::new(codes::TWICE, place, format!("the {what} `{name}` is {taken}"))
                    .label("choose another name"),
            );
        }
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !plain {
            mistakes.push(
                Mistake::new(codes::BAD_NAME, place, format!("`{name}` cannot be used in rules"))
                    .label("names in rules are snake_case: a-z, 0-9 and _"),
            );
        }
        self.listed.push(name.to_owned());
    }

    /// What there is to tell: that a let is unknown which is wrong itself is nothing new.
    fn news(&self, mistakes: Mistakes) -> Mistakes {
        let is_broken = |mistake: &Mistake| {
            self.broken.iter().any(|name| mistake.title == format!("unknown name `{name}`"))
        };
        mistakes.into_iter().filter(|mistake| !is_broken(mistake)).collect()
    }
}

impl Definition {
    fn place_of(&self, name: &str) -> Option<&Place> {
        let params = self.params.iter().map(|param| (&param.name, &param.place));
        let lets = self.lets.iter().map(|named| (&named.name, &named.place));
        let legs = self.legs.iter().map(|leg| (&leg.name, &leg.place));
        params.chain(lets).chain(legs).find(|(known, _)| *known == name).map(|(_, place)| place)
    }

    /// The position of parameter `name`, or the parameter that was probably meant.
    pub fn param(&self, name: &str) -> Result<usize, Option<&str>> {
        let names: Vec<&str> = self.params.iter().map(|param| param.name.as_str()).collect();
        names.iter().position(|known| *known == name).ok_or_else(|| closest(name, &names))
    }
}

impl Scope for Names<'_> {
    fn resolve(&self, name: &str) -> Option<Binding> {
        self.known.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.listed.clone()
    }

    fn has_bars(&self) -> bool {
        true
    }

    fn symbol(&self, name: &Symbol) -> Option<Op> {
        let Definition { params, legs, .. } = self.definition;
        let is_symbol = |param: &Param| param.name == name.text && param.kind == ParamKind::Symbol;
        let param = params.iter().position(is_symbol);
        let leg = legs.iter().position(|leg| leg.name == name.text).map(|leg| params.len() + leg);
        match param.or(leg) {
            Some(value) if !name.quoted => Some(Op::Param(value)),
            _ => self.symbols.contains(&name.text).then(|| Op::Text(name.text.as_str().into())),
        }
    }

    fn symbols(&self) -> Vec<String> {
        let Definition { params, legs, .. } = self.definition;
        let is_symbol = |param: &&Param| param.kind == ParamKind::Symbol;
        let params = params.iter().filter(is_symbol).map(|param| param.name.clone());
        let legs = legs.iter().map(|leg| leg.name.clone());
        legs.chain(params).chain(self.symbols.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn written(text: &str) -> Written {
        let source = Source::new("s.toml", format!("\"{text}\""));
        Written { text: text.into(), place: Place::whole(&source) }
    }

    fn rule(rule: Rule, text: &str) -> RuleText {
        RuleText { leg: 0, rule, written: written(text) }
    }

    fn definition(lets: &[(&str, &str)], enter_long: &str) -> Definition {
        let place = Place::whole(&Source::new("s.toml", "x"));
        let param = Param {
            name: "fast".into(),
            place: place.clone(),
            kind: ParamKind::Int { min: Some(1.0), max: None },
            default: Some(Scalar::Number(10.0)),
            description: String::new(),
        };
        Definition {
            name: "s".into(),
            description: String::new(),
            modes: vec![],
            params: vec![param],
            lets: lets
                .iter()
                .map(|(name, text)| Named {
                    name: (*name).into(),
                    place: place.clone(),
                    written: written(text),
                })
                .collect(),
            legs: vec![],
            rules: vec![rule(Rule::EnterLong, enter_long)],
            plot: vec![],
            inputs: vec![],
            turns: Default::default(),
        }
    }

    fn compile(lets: &[(&str, &str)], enter_long: &str) -> Result<Strategy, String> {
        let mut mistakes = Mistakes::default();
        Strategy::compile(&definition(lets, enter_long), &[], &[], &mut mistakes)
            .ok_or_else(|| mistakes.iter().map(|m| m.title.clone()).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn lets_may_stand_in_any_order() {
        assert!(compile(&[("b", "a + 1"), ("a", "close * fast")], "b > a").is_ok());
    }

    #[test]
    fn circles_taken_names_and_wrong_types_are_told_when_compiled() {
        let told = |lets: &[(&str, &str)], rule: &str| compile(lets, rule).unwrap_err();
        assert_eq!(
            told(&[("a", "b + 1"), ("b", "a + 1")], "true"),
            "lets refer to each other in a circle: a, b, a"
        );
        assert_eq!(told(&[("close", "open")], "true"), "`close` is a column of the data");
        assert_eq!(
            told(&[("fast", "open")], "true"),
            "the let `fast` is already a parameter, leg or let of this strategy"
        );
        assert_eq!(
            told(&[("max", "open")], "true"),
            "the let `max` is a function, `max(a, b, ...)`"
        );
        assert_eq!(told(&[("at", "open")], "true"), "the let `at` is a word of the rule language");
        assert_eq!(told(&[], "close + 1"), "rule `enter_long` is true or false on each bar");
        assert_eq!(told(&[("a", "clsoe")], "a > 1"), "unknown name `clsoe`");
        assert_eq!(
            told(&[], "count_true(close > 1, close)"),
            "the length of `count_true` is a whole number of bars, from parameters and literals"
        );
    }

    #[test]
    fn a_rule_is_a_truth_value_or_a_number_and_nothing_else() {
        let rules = |kind: Rule, text: &str| {
            let mut definition = definition(&[], "close > open");
            definition.rules.push(rule(kind, text));
            let mut mistakes = Mistakes::default();
            let strategy = Strategy::compile(&definition, &[], &[], &mut mistakes);
            strategy.ok_or_else(|| mistakes.iter().map(|m| m.title.clone()).collect::<String>())
        };
        for rule in Rule::ALL {
            let (right, wrong) =
                if rule.is_flag() { ("close > 1", "close") } else { ("close - fast", "close > 1") };
            assert!(rules(rule, right).is_ok(), "{rule:?}");
            let told = rules(rule, wrong).unwrap_err();
            assert_eq!(told, format!("rule `{}` is {} on each bar", rule.key(), rule.word()));
        }
        let strategy = rules(Rule::Stop, "close - fast").unwrap();
        assert!(strategy.canonical().contains("stop #"), "{}", strategy.canonical());
    }

    #[test]
    fn the_canonical_spelling_forgets_names_of_lets_and_spacing() {
        let spell = |lets: &[(&str, &str)], rule: &str| compile(lets, rule).unwrap().canonical();
        assert_eq!(
            spell(&[("a", "close+fast")], "a > 1"),
            spell(&[("u", "1"), ("b", "close  +  fast")], "(b > 1)")
        );
        assert_ne!(spell(&[], "close > 1"), spell(&[], "close > 2"));
    }

    #[test]
    fn sessions_share_what_they_have_in_common() {
        let strategy = compile(&[], "crosses_above(close, max(open, fast)) and close > 2").unwrap();
        let mut graph = Graph::default();
        let mut bind = |fast: f64| {
            let (params, world) = ([Scalar::Number(fast)], World::default());
            let rules = strategy.bind(&params, &[], &world, &mut graph, &mut Mistakes::default());
            (rules.unwrap().of(0).needs.clone(), graph.len())
        };
        let (one, before) = bind(3.0);
        assert_eq!(bind(3.0), (one, before));
        let after = bind(4.0).1;
        let differ = "max, a crossing with its comparisons, and conjunction; columns are shared";
        assert_eq!(after, before + 5, "{differ}");
    }
}
