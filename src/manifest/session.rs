//! The merged tree of a session, typed: what it says becomes what is meant, once.

use super::data::DataSettings;
use super::gates::{self, Expectation};
use super::keys::{self, is_choice};
use super::paper::{Mode, PaperSettings};
use super::project::Project;
use super::span;
use super::split::{Split, type_split};
use super::tree::{Node, Table, Value};
use super::{settings, strategy_file};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::engine::Settings;
use crate::engine::model::{AtEnd, MODELS};
use crate::expr::Scalar;
use crate::metrics::backtesting_py;
use crate::strategy::{Definition, Rule, Turn, Written};
use chrono::NaiveDate;
use std::sync::Arc;

/// One strategy on one slice of data with one set of parameters.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name in the manifest.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// For people and for selection; outside the identity.
    pub label: Arc<Label>,
    /// Which bars it meets.
    pub mode: Mode,
    /// How its account lives, if it is a paper account.
    pub paper: PaperSettings,
    /// The strategy.
    pub definition: Arc<Definition>,
    /// A value for each of the strategy's parameters, in its order.
    pub params: Vec<Scalar>,
    /// Which symbols, in order; `None` for all of the data.
    pub symbols: Option<Vec<String>>,
    /// The symbols of the strategy's legs, in its order.
    pub legs: Vec<String>,
    /// Where the symbols are named, for messages about them.
    pub symbols_place: Place,
    /// The market data.
    pub data: Arc<DataSettings>,
    /// Finer bars, asked where the inside of a bar decides.
    pub detail: Option<Arc<DataSettings>>,
    /// Where the data's path is named.
    pub data_place: Place,
    /// The days that are run.
    pub range: Range,
    /// The days in and out of sample, where they are told apart.
    pub split: Option<Split>,
    /// What the engine is told.
    pub settings: Settings,
    /// The name of the execution model.
    pub model: String,
    /// What it is measured against.
    pub benchmark: Benchmark,
    /// Whether its metrics are told under both readings of a bar's inside.
    pub both_readings: bool,
    /// Whether backtesting.py's table stands beside the metrics.
    pub backtesting_py: bool,
    /// What its metrics must reach; outside the identity.
    pub expect: Vec<Expectation>,
}

impl Session {
    /// Hold what is as in `other` together with it: a sweep along settings has a session for each point.
    pub fn share(&mut self, other: &Self) {
        if self.label == other.label {
            self.label.clone_from(&other.label);
        }
        if self.data == other.data {
            self.data.clone_from(&other.data);
        }
        if self.detail == other.detail {
            self.detail.clone_from(&other.detail);
        }
    }

    /// Whether its entries wait until somebody approves them: nobody is there to ask in a backtest.
    pub fn approves(&self) -> bool {
        self.mode == Mode::Paper && self.paper.approval
    }
}

/// What people call and sort a session by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    /// What it is.
    pub description: String,
    /// Free text.
    pub notes: String,
    /// A label of the environment.
    pub env: String,
    /// Labels to select by.
    pub tags: Vec<String>,
    /// The currency's name.
    pub currency: String,
}

/// The days that are run, both ends included; open where `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Range {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

/// What a session is measured against.
#[derive(Debug, Clone, PartialEq)]
pub enum Benchmark {
    /// The session's symbols, bought in equal parts at the first open and held.
    BuyAndHold,
    /// One of them.
    Symbol(String),
}

/// Type the merged `table` of session `name`.
///
/// Shapes were checked layer by layer; what is checked here is what only the whole can tell. All
/// mistakes are added to `mistakes`; `None` if there was one.
pub fn type_session(
    name: &str,
    place: &Place,
    table: &Table,
    project: &Project,
    mistakes: &mut Mistakes,
) -> Option<Session> {
    let mut found = Mistakes::default();
    let tree = Tree { name, table, place };
    // A strategy that is wrong and still means something is not the session's mistake.
    let definition = tree.definition(project, mistakes);
    let params = definition.as_ref().map(|definition| tree.params(definition, &mut found));
    let data = DataSettings::typed(name, place, table, project, &mut found);
    let range = tree.range(project, &mut found);
    let split = type_split(table, &range, project.today, &mut found);
    let told = definition
        .as_deref()
        .map(|definition| settings::type_settings(table, place, definition, &mut found));
    let (symbols, symbols_place) = tree.symbols(&mut found);
    let legs = definition.as_ref().map(|definition| tree.legs(definition, &mut found));
    let legs = legs.unwrap_or_default();
    let symbols = tree.traded(symbols, &legs, &mut found);
    if let Some(definition) = &definition {
        tree.may_run(definition, &mut found);
    }
    let expect = gates::expectations(table.get("expect"), &mut found);
    let failed = found.has_errors();
    mistakes.append(found);
    if failed {
        return None;
    }
    let (data, data_place) = data?;
    let detail = Some(tree.text("execution.detail")).filter(|path| !path.is_empty());
    let detail = detail.map(|path| Arc::new(data.elsewhere(path, project)));
    let (mut definition, (mut settings, inputs)) = (definition?, told?);
    let mode = Mode::of(table);
    mode.bind(&mut settings);
    let turns = tree.turns();
    if !inputs.is_empty() || turns.iter().any(Option::is_some) {
        definition = Arc::new(Definition { inputs, turns, ..(*definition).clone() });
    }
    Some(Session {
        name: name.to_owned(),
        place: place.clone(),
        label: Arc::new(Label {
            description: tree.text("description"),
            notes: tree.text("notes"),
            env: tree.text("env"),
            tags: tree.texts("tags").unwrap_or_default(),
            currency: Some(tree.text("currency")).filter(|c| !c.is_empty()).unwrap_or("USD".into()),
        }),
        mode,
        paper: PaperSettings::typed(table),
        definition,
        params: params?,
        symbols,
        legs,
        symbols_place,
        data: Arc::new(data),
        detail,
        data_place,
        range,
        split,
        settings,
        model: Some(tree.text("execution.model"))
            .filter(|m| !m.is_empty())
            .unwrap_or(MODELS[0].name.into()),
        benchmark: match tree.text("benchmark").as_str() {
            "" | "buy_and_hold" => Benchmark::BuyAndHold,
            symbol => Benchmark::Symbol(symbol.to_owned()),
        },
        both_readings: tree.text("ambiguity") == "both",
        backtesting_py: tree
            .texts("metrics")
            .is_some_and(|sets| sets.iter().any(|set| set == backtesting_py::NAME)),
        expect,
    })
}

/// Type the `data` of the merged `table` of session `name` alone; `None` if it has a mistake, which is
/// added to `mistakes`.
pub fn type_data(
    name: &str,
    place: &Place,
    table: &Table,
    project: &Project,
    mistakes: &mut Mistakes,
) -> Option<DataSettings> {
    DataSettings::typed(name, place, table, project, mistakes).map(|(settings, _)| settings)
}

/// The strategy that `node` names, or is.
pub fn definition_of(
    node: &Node,
    project: &Project,
    mistakes: &mut Mistakes,
) -> Option<Arc<Definition>> {
    match &node.value {
        Value::Text(name) => project.strategy(name, &node.place, mistakes),
        Value::Table(table) => {
            strategy_file::definition("inline", table, &node.place, mistakes).map(Arc::new)
        }
        // Its wrong type was told where the layer was checked.
        _ => None,
    }
}

struct Tree<'a> {
    name: &'a str,
    table: &'a Table,
    place: &'a Place,
}

impl Tree<'_> {
    fn text(&self, path: &str) -> String {
        self.table.at(path).and_then(Node::text).unwrap_or_default().to_owned()
    }

    fn texts(&self, path: &str) -> Option<Vec<String>> {
        let node = self.table.at(path)?;
        let items = node.array().unwrap_or(std::slice::from_ref(node));
        Some(items.iter().filter_map(Node::text).map(str::to_owned).collect())
    }

    fn missing(&self, key: &str, remedy: &str) -> Mistake {
        Mistake::new(codes::MISSING_KEY, self.place, format!("`{key}` is missing")).label(remedy)
    }

    fn definition(&self, project: &Project, mistakes: &mut Mistakes) -> Option<Arc<Definition>> {
        match self.table.get("strategy") {
            Some(node) => definition_of(node, project, mistakes),
            None => {
                let remedy = "name a strategy: `strategy = \"sma-cross\"`";
                mistakes.push(self.missing("strategy", remedy));
                None
            }
        }
    }

    /// A strategy may say in which modes it runs, and an account has no sample.
    fn may_run(&self, definition: &Definition, mistakes: &mut Mistakes) {
        let mode = Mode::of(self.table).word();
        if let Some(split) = self.table.get("split").filter(|_| mode == Mode::Paper.word()) {
            let title = "a paper account has no days in and out of sample";
            let mistake = Mistake::new(codes::EXCLUSIVE, &split.place, title);
            mistakes.push(mistake.label("leave `split` to backtests"));
        }
        let at_end = self.table.at("execution.at_end").filter(|node| {
            mode == Mode::Paper.word() && node.text().is_some_and(|word| word != AtEnd::Mark.word())
        });
        if let Some(at_end) = at_end {
            let title = "a paper account has no last bar";
            let mistake = Mistake::new(codes::EXCLUSIVE, &at_end.place, title);
            mistakes
                .push(mistake.label("write \"mark\", or leave `execution.at_end` to backtests"));
        }
        let weighs = definition.rules.iter().any(|rule| rule.rule == Rule::Weight);
        let approval = self.table.at("paper.approval").filter(|node| {
            weighs && mode == Mode::Paper.word() && matches!(node.value, Value::Bool(true))
        });
        if let Some(approval) = approval {
            let title = format!("strategy `{}` has no entries to approve", definition.name);
            let mistake = Mistake::new(codes::EXCLUSIVE, &approval.place, title);
            mistakes.push(mistake.label("the rule `weight` restores positions when they are due"));
        }
        let resume = self.table.at("paper.resume_when");
        if let (Some(resume), None) = (resume, self.table.at("paper.pause_when")) {
            let title = "`paper.resume_when` ends pauses by `paper.pause_when`, and there is none";
            let mistake = Mistake::new(codes::MISSING_KEY, &resume.place, title);
            mistakes.push(mistake.label("a pause by hand ends by hand"));
        }
        if definition.modes.is_empty() || definition.modes.iter().any(|known| known == mode) {
            return;
        }
        let place = self.table.get("mode").map_or(self.place, |node| &node.place);
        let title = format!("strategy `{}` does not run in mode `{mode}`", definition.name);
        let modes = definition.modes.join("`, `");
        mistakes.push(
            Mistake::new(codes::EXCLUSIVE, place, title).label(format!("its modes are `{modes}`")),
        );
    }

    fn params(&self, definition: &Definition, mistakes: &mut Mistakes) -> Vec<Scalar> {
        let given = self.table.get("params").and_then(Node::table);
        for entry in given.into_iter().flat_map(Table::iter) {
            if definition.param(&entry.key).is_err() {
                let known = definition.params.iter().map(|param| param.name.as_str());
                let title =
                    format!("strategy `{}` has no parameter `{}`", definition.name, entry.key);
                let mut mistake = Mistake::new(codes::UNKNOWN_KEY, &entry.key_place, title)
                    .suggest(&entry.key, known);
                if entry.key_place.is_on_command_line() {
                    let remedy = "choose the sessions that are meant, such as with `--session`";
                    mistake = mistake.help(format!("in session {}; {remedy}", self.name));
                }
                mistakes.push(mistake);
            }
        }
        let mut values = Vec::with_capacity(definition.params.len());
        for param in &definition.params {
            let node = given.and_then(|given| given.get(&param.name));
            let value = node.map_or_else(|| param.default.clone(), |node| Some(param_value(node)));
            match (value, node) {
                (None, _) => mistakes.push(self.missing(
                    &format!("params.{}", param.name),
                    &format!("strategy `{}` needs it: {}", definition.name, param.kind.word()),
                )),
                (Some(value), Some(node)) => {
                    if let Some(mistake) = refuse_param(param, &value, node) {
                        mistakes.push(mistake);
                    }
                    values.push(value);
                }
                (Some(value), None) => values.push(value),
            }
        }
        values
    }

    fn symbols(&self, mistakes: &mut Mistakes) -> (Option<Vec<String>>, Place) {
        let Some(node) = self.table.get("symbols") else { return (None, self.place.clone()) };
        let Some(items) = node.array() else { return (None, node.place.clone()) };
        let mut symbols = Vec::new();
        for item in items {
            let symbol = item.text().unwrap_or_default().to_owned();
            if symbols.contains(&symbol) {
                let title = format!("symbol `{symbol}` is listed twice");
                mistakes.push(Mistake::new(codes::TWICE, &item.place, title));
            }
            symbols.push(symbol);
        }
        if items.is_empty() {
            let title = "`symbols` is empty";
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
            mistakes.push(mistake.label("list symbols, or write \"all\""));
        }
        (Some(symbols), node.place.clone())
    }

    /// The symbol of each leg of the strategy.
    fn legs(&self, definition: &Definition, mistakes: &mut Mistakes) -> Vec<String> {
        let given = self.table.get("legs").and_then(Node::table);
        let known = || definition.legs.iter().map(|leg| leg.name.as_str());
        for entry in given.into_iter().flat_map(Table::iter) {
            if !known().any(|leg| leg == entry.key) {
                let title = format!("strategy `{}` has no leg `{}`", definition.name, entry.key);
                let mistake = Mistake::new(codes::UNKNOWN_KEY, &entry.key_place, title);
                mistakes.push(mistake.suggest(&entry.key, known()));
            }
        }
        let mut symbols: Vec<String> = Vec::new();
        for leg in known() {
            let node = given.and_then(|given| given.get(leg));
            let Some((symbol, node)) = node.and_then(|node| Some((node.text()?, node))) else {
                let remedy = format!("name the symbol of each leg: `legs = {{ {leg} = \"...\" }}`");
                mistakes.push(self.missing(&format!("legs.{leg}"), &remedy));
                continue;
            };
            if symbols.iter().any(|known| known == symbol) {
                let title = format!("two legs are `{symbol}`");
                mistakes.push(Mistake::new(codes::TWICE, &node.place, title));
            }
            symbols.push(symbol.to_owned());
        }
        symbols
    }

    /// The symbols that are traded: those of the legs, if the strategy has legs.
    fn traded(
        &self,
        symbols: Option<Vec<String>>,
        legs: &[String],
        mistakes: &mut Mistakes,
    ) -> Option<Vec<String>> {
        if legs.is_empty() {
            return symbols;
        }
        let is_leg = |symbol: &String| legs.contains(symbol);
        if let (Some(listed), Some(node)) = (&symbols, self.table.get("symbols"))
            && !(listed.iter().all(is_leg) && listed.len() == legs.len())
        {
            let title = "a strategy with legs trades the symbols of its legs";
            mistakes.push(
                Mistake::new(codes::EXCLUSIVE, &node.place, title)
                    .label("leave `symbols` out")
                    .help("what a layer below sets is removed by `unset = [\"symbols\"]`"),
            );
        }
        Some(legs.to_vec())
    }

    /// When the session begins, ends, pauses and goes on.
    fn turns(&self) -> [Option<Written>; Turn::COUNT] {
        Turn::ALL.map(|turn| {
            let node = self.table.at(&format!("paper.{}", turn.key()))?;
            Some(Written { text: node.text()?.to_owned(), place: node.place.clone() })
        })
    }

    fn range(&self, project: &Project, mistakes: &mut Mistakes) -> Range {
        let mut day = |path: &str, last: bool| {
            let node = self.table.at(path)?;
            match span::days(node, project.today) {
                Ok((first, end)) => Some((if last { end } else { first }, node)),
                Err(fact) => {
                    let title =
                        format!("`{path}` is a date such as 2013-03-01, \"2013-05\" or 2013");
                    mistakes
                        .push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(fact));
                    None
                }
            }
        };
        let (from, to) = (day("range.from", false), day("range.to", true));
        if let (Some((from, _)), Some((to, node))) = (from, to)
            && from > to
        {
            let title = format!("the range ends on {to}, before it starts on {from}");
            mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
        }
        Range { from: from.map(|(day, _)| day), to: to.map(|(day, _)| day) }
    }
}

/// A parameter's value as it is written.
pub fn param_value(node: &Node) -> Scalar {
    match &node.value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Text(text) => Scalar::Text(text.as_str().into()),
        _ => node.number().filter(|n| n.is_finite()).map_or(Scalar::Missing, Scalar::Number),
    }
}

/// Why `value`, written at `node`, is not a value of `param`.
pub fn refuse_param(
    param: &crate::strategy::Param,
    value: &Scalar,
    node: &Node,
) -> Option<Mistake> {
    let fact = param.kind.refuse(value)?;
    let (code, label) = match fact.starts_with("needs") {
        true => (codes::WRONG_TYPE, format!("this is {}", node.word())),
        false => (codes::OUT_OF_RANGE, String::new()),
    };
    let title = format!("parameter `{}` {fact}", param.name);
    Some(Mistake::new(code, &node.place, title).label(label))
}

/// Lay what is said of one key over the session below: it takes the place of what cannot stand beside it, and
/// what else stands there stays.
pub fn lay_at(below: &mut Table, path: &str, node: Node) {
    for other in keys::excluded(path) {
        below.remove_at(&other);
    }
    for (end, _) in path.match_indices('.') {
        let table = &path[..end];
        let single = below.at(table).filter(|node| node.table().is_none());
        if let (Some(single), Some(key)) = (single.cloned(), keys::short_for(table)) {
            let place = single.place.clone();
            below.remove_at(table);
            below.set_at(&format!("{table}.{key}"), single, &place);
        }
    }
    below.lay_at(path, node, &is_choice);
}

/// Lay one layer of a session over those below it.
///
/// `unset` is applied first; a layer that names another strategy drops the parameters below it.
pub fn lay(below: &mut Table, layer: &Table) {
    let unset = layer.get("unset").and_then(Node::array).unwrap_or_default();
    for path in unset.iter().filter_map(Node::text) {
        below.remove_at(path);
    }
    if let Some(strategy) = layer.get("strategy")
        && below.get("strategy").is_some_and(|old| old.json() != strategy.json())
    {
        below.remove("params");
    }
    let mut layer = layer.clone();
    for done in ["template", "extends", "unset"] {
        layer.remove(done);
    }
    below.merge(&layer, &is_choice);
}
