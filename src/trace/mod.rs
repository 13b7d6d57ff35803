//! A strategy looked at closely: the value of every expression in it on every bar.
//!
//! A batch evaluates only what the rules need and keeps only what they say. A [`Trace`] evaluates all
//! of one session's strategy, node by node. [`explain`](mod@explain) reads one bar of it, beside what
//! the engine did there; [`lint`](mod@lint) holds the strategy to its promises on the session's data.

pub mod explain;
pub mod lint;

mod decision;

use crate::diag::{Mistake, Mistakes, Place, Severity, Source};
use crate::engine::model::FirstBar;
use crate::expr::{Bound, Column, Columns, Graph, Node, NodeId, Op, Scalar};
use crate::manifest::{Mode, Session};
use crate::market::{DataSet, Slice};
use crate::plan::word;
use crate::strategy::{Definition, Rule, Signals, Strategy, Written};

/// A strategy with every expression in it evaluated over one slice of data.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The data.
    pub slice: &'a Slice,
    /// The strategy; the places of its nodes are spans of the expressions alone.
    pub strategy: Strategy,
    /// The values of its parameters.
    pub params: Vec<Scalar>,
    /// What the rules say, for each symbol on the time axis of the range.
    pub signals: Vec<Signals>,
    /// What each node became with these parameters.
    bound: Vec<Bound>,
    columns: Columns<'a>,
}

/// The words under which a rule or a let is written in a strategy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `rules` or `let`.
    pub table: &'static str,
    /// Its name there.
    pub name: String,
    /// The leg whose rule it is; none for a let, and where there are no legs.
    pub leg: Option<usize>,
    /// The node of its expression.
    pub node: NodeId,
}

impl Entry {
    /// `rules.enter_long`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }
}

impl<'a> Trace<'a> {
    /// Evaluate the strategy of `session` with these parameters over `slice`, which was cut out of
    /// `data`; `graph` is an empty one to work with. A mistake is one that planning would have told.
    pub fn of(
        session: &Session,
        params: &[Scalar],
        data: &DataSet,
        slice: &'a Slice,
        graph: &'a mut Graph,
    ) -> Result<Self, Mistake> {
        let mut mistakes = Mistakes::default();
        let definition = alone(&session.definition);
        let strategy = Strategy::compile(&definition, &data.extra(), &data.names(), &mut mistakes);
        let first = |mistakes: &Mistakes| {
            let fatal = mistakes.iter().find(|mistake| mistake.severity == Severity::Error);
            fatal.expect("what fails says why").clone()
        };
        let strategy = strategy.ok_or_else(|| first(&mistakes))?;
        let (world, legs) = match session.mode {
            Mode::Backtest => (slice.world(data), &session.legs),
            Mode::Paper => (slice.growing_world(data), &session.legs),
        };
        let rules = strategy.bind(params, legs, &world, graph, &mut mistakes);
        let rules = rules.ok_or_else(|| first(&mistakes))?;
        let bound = strategy.bound(params, legs, &world, graph).map_err(|found| first(&found))?;
        let graph: &'a Graph = graph;
        let symbols = slice.symbols.len();
        let mut columns = Columns::new(graph, slice.views(), symbols);
        let numbers = bound.iter().filter_map(|bound| match bound {
            Bound::Expression(number) => Some(*number),
            Bound::Scalar(_) => None,
        });
        columns.reserve(0..symbols, &graph.needs(numbers));
        let all_warm = session.settings.axes.first_bar == FirstBar::AllWarm;
        let signals =
            |symbol| slice.place(symbol, rules.of(symbol).signals(&columns, symbol, all_warm));
        let signals = (0..symbols).map(signals).collect();
        Ok(Self { slice, signals, params: params.to_vec(), strategy, bound, columns })
    }

    /// The lets, then the rules, each in the order of the strategy.
    pub fn entries(&self) -> Vec<Entry> {
        let lets = self.strategy.lets.iter().map(|(name, node)| Entry {
            table: "let",
            name: name.to_string(),
            leg: None,
            node: *node,
        });
        let legs = 0..self.strategy.legs.len().max(1);
        let rules = legs.flat_map(|leg| Rule::ALL.map(|rule| (leg, rule)));
        let rules = rules.filter_map(|(leg, rule)| {
            let node = self.strategy.rule(leg, rule)?;
            let (name, leg) = match self.strategy.legs.get(leg) {
                Some(called) => (format!("{called}.{}", rule.key()), Some(leg)),
                None => (rule.key().to_owned(), None),
            };
            Some(Entry { table: "rules", name, leg, node })
        });
        lets.chain(rules).collect()
    }

    /// A node of the strategy.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.strategy.program().nodes[id]
    }

    /// A node's text, as it is written.
    pub fn text(&self, id: NodeId) -> &str {
        let place = &self.node(id).place;
        &place.source.text[place.span.clone()]
    }

    /// A node's column for a symbol, over the rows that rules can see.
    pub fn column(&self, symbol: usize, id: NodeId) -> Column {
        self.columns.spread(symbol, &self.bound[id])
    }

    /// The name of the let that a node is, if it is one.
    pub fn let_name(&self, id: NodeId) -> Option<&str> {
        let named = self.strategy.lets.iter().find(|(_, node)| *node == id);
        named.map(|(name, _)| &**name)
    }

    /// The operands of a node that have something to tell: no literals, and nothing that is computed
    /// on other bars than those of the symbol.
    pub fn operands(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let is_elsewhere = matches!(self.node(id).op, Op::Elsewhere | Op::At);
        let is_literal =
            |id: NodeId| matches!(self.node(id).op, Op::Number(_) | Op::Text(_) | Op::Bool(_));
        let operands = self.node(id).args.iter().copied();
        operands.filter(move |&arg| !is_elsewhere && !is_literal(arg))
    }

    /// What a node that reads other bars computes there, and on which series of the columns, if it
    /// stands on series `series`.
    fn beyond(&self, series: usize, id: NodeId) -> Option<(NodeId, usize)> {
        let Bound::Expression(number) = self.bound[id] else { return None };
        let there = self.columns.beyond(series, number)?;
        let Node { op, args, .. } = self.node(id);
        let inner = if *op == Op::At { args[1] } else { args[0] };
        // `at("1d", x)@Y` is one step to the days of Y.
        let Node { op: under, args, .. } = self.node(inner);
        Some((if *op == Op::Elsewhere && *under == Op::At { args[1] } else { inner }, there))
    }
}

/// The same strategy with each expression as a text of its own, so that a place in it is a place in
/// the expression.
fn alone(definition: &Definition) -> Definition {
    let mut definition = definition.clone();
    let alone = |written: &mut Written, name: &str| {
        written.place = Place::whole(&Source::new(name, written.text.as_str()));
    };
    for named in &mut definition.lets {
        alone(&mut named.written, &named.name);
    }
    for text in &mut definition.rules {
        alone(&mut text.written, text.rule.key());
    }
    definition
}

/// A value in words.
pub fn shown(value: &Scalar) -> String {
    match value {
        Scalar::Missing => "missing".to_owned(),
        value => word(value),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::manifest::{Layers, Manifest, Project, type_session};
    use chrono::NaiveDate;

    /// A session that buys above a mean.
    pub(crate) const SESSION: &str = "
        [session.s]
        data = { path = 'x.csv' }
        [session.s.strategy.let]
        mean = 'sma(close, 3)'
        [session.s.strategy.rules]
        enter_long = 'close > mean'";

    /// Hand a session that is written like this to `test`, with forty daily bars that go up and down.
    pub(crate) fn with_session(text: &str, test: impl FnOnce(&Session, &DataSet)) {
        let directory = tempfile::tempdir().unwrap();
        let bars: String = (0..40)
            .map(|row| {
                let (day, close) = (1 + row % 28, 100 + row * 7 % 11);
                let month = 1 + row / 28;
                format!("2020-{month:02}-{day:02},{close},{},{},{close},5\n", close + 1, close - 1)
            })
            .collect();
        let header = "timestamp,open,high,low,close,volume\n";
        std::fs::write(directory.path().join("x.csv"), format!("{header}{bars}")).unwrap();
        let path = directory.path().join("m.toml");
        let project = Project::of(&path, Some(directory.path()), NaiveDate::default());
        let project = project.at(i64::MAX / 2);
        let source = Source::new("m.toml", format!("schema = 1\n{text}"));
        let (mut mistakes, layers) = (Mistakes::default(), Layers::default());
        let manifest = Manifest::parse("m", &source, &project, &layers, &mut mistakes);
        let declared = &manifest.sessions[0];
        let session = type_session("s", &declared.place, &declared.tree, &project, &mut mistakes);
        let session = session.unwrap_or_else(|| panic!("{}", mistakes.render(false)));
        let data = crate::market::load(&session.data).unwrap();
        test(&session, &data);
    }
}
