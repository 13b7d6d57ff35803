//! The columns of a graph over the bars of one slice, evaluated once each and shared.
//!
//! An expression is evaluated on a *series*: the bars of one symbol in one timeframe. Most need no
//! other series than the one that a rule is read on. `x@Y` and `at("1d", x)` read another one, whose
//! bars become known at their close: [`Columns`] carries its values over, by the clock. A rank over
//! symbols reads the same expression on the series of every symbol of the session.

use super::check::Op;
use super::column::{Call, Column, Kleene, Scalar, Value, View, evaluate};
use super::compare::{Compares, Comparisons, Stretch, Window};
use super::graph::{Bound, Elsewhere, Expression, Graph, Need, Operand, Step, Who};
use super::numbers::Compared;
use super::parse::Binary;
use super::registry::of_a_window;
use crate::bars::{Mask, resample};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The columns of a graph over one slice of the data, shared by all sessions on it.
#[derive(Debug)]
pub struct Columns<'a> {
    graph: &'a Graph,
    /// The first so many series are the session's symbols in order, on their own bars.
    session: usize,
    series: Vec<Series>,
    /// The series by the position of its symbol and its timeframe, 0 for the symbol's own.
    places: HashMap<(usize, i64), usize>,
    symbols: HashMap<String, usize>,
}

/// The bars of one symbol in one timeframe, and what was evaluated on them.
#[derive(Debug)]
struct Series {
    symbol: usize,
    timeframe: i64,
    view: View,
    closes: OnceLock<Vec<i64>>,
    slots: Vec<Mutex<Slot>>,
}

/// An expression on a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    series: usize,
    number: usize,
}

#[derive(Debug, Default)]
struct Slot {
    column: Option<Column>,
    /// How the operands of an inequality compare, until its column is asked for.
    compared: Option<Arc<Compared>>,
    /// How many sessions still need it.
    users: usize,
}

impl<'a> Columns<'a> {
    /// Nothing evaluated and nobody interested yet. The first `session` of `views` are the symbols
    /// for which rules are read; the others can be reached by `@`.
    pub fn new(graph: &'a Graph, views: impl IntoIterator<Item = View>, session: usize) -> Self {
        let mut columns = Self {
            graph,
            session,
            series: Vec::new(),
            places: HashMap::new(),
            symbols: HashMap::new(),
        };
        for view in views {
            let symbol = columns.series.len();
            columns.symbols.insert(view.bars.symbol.clone(), symbol);
            columns.add(symbol, 0, view, OnceLock::new());
        }
        columns
    }

    fn add(&mut self, symbol: usize, timeframe: i64, view: View, closes: OnceLock<Vec<i64>>) {
        let slots = (0..self.graph.len()).map(|_| Mutex::default()).collect();
        self.places.insert((symbol, timeframe), self.series.len());
        self.series.push(Series { symbol, timeframe, view, closes, slots });
    }

    /// The rows of symbol number `symbol` that are visible.
    pub fn view(&self, symbol: usize) -> &View {
        &self.series[symbol].view
    }

    /// Announce a session that reads its rules for `symbols` and will need `needs` for that.
    pub fn reserve(&mut self, symbols: Range<usize>, needs: &[Need]) {
        for need in needs {
            for symbol in self.whose(&symbols, &need.who) {
                let series = self.longer(symbol, need.timeframe);
                let slot = self.series[series].slots[need.number].get_mut();
                slot.unwrap_or_else(PoisonError::into_inner).users += 1;
            }
        }
    }

    /// A session that announced `needs` is done; what nobody else needs is freed.
    pub fn release(&self, symbols: Range<usize>, needs: &[Need]) {
        for need in needs {
            for symbol in self.whose(&symbols, &need.who) {
                let series = &self.series[self.place(symbol, need.timeframe)];
                let mut slot = series.slot(need.number);
                slot.users = slot.users.saturating_sub(1);
                if slot.users == 0 {
                    (slot.column, slot.compared) = (None, None);
                }
            }
        }
    }

    /// Where the inequalities among `needs` are evaluated when rules are read for `symbols`.
    pub fn inequalities(&self, symbols: Range<usize>, needs: &[Need]) -> Vec<Place> {
        self.places(symbols, needs, |number| self.graph.is_inequality(number)).collect()
    }

    /// Where those numbers among `needs` are computed that several sessions need, and that are not there
    /// yet, when rules are read for `symbols`.
    pub fn shared(&self, symbols: Range<usize>, needs: &[Need]) -> Vec<Place> {
        let places = self.places(symbols, needs, |number| self.graph.is_computed(number));
        let is_shared = |place: &Place| {
            let slot = self.series[place.series].slot(place.number);
            slot.users > 1 && slot.column.is_none()
        };
        places.filter(is_shared).collect()
    }

    /// Where the expressions among `needs` that are `wanted` stand when rules are read for `symbols`.
    fn places(
        &self,
        symbols: Range<usize>,
        needs: &[Need],
        wanted: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = Place> {
        let needs = needs.iter().filter(move |need| wanted(need.number));
        needs.flat_map(move |need| {
            let symbols = self.whose(&symbols, &need.who);
            let series = symbols.map(|symbol| self.place(symbol, need.timeframe));
            series.map(|series| Place { series, number: need.number })
        })
    }

    /// Compute the column of a place, unless it is there.
    pub fn compute(&self, place: Place) {
        self.on(place.series, place.number);
    }

    /// What there is to compare for the inequalities at `places`, but for those that are known already.
    pub fn comparisons(&self, mut places: Vec<Place>) -> Comparisons {
        places.sort_unstable();
        places.dedup();
        places.retain(|place| {
            let slot = self.series[place.series].slot(place.number);
            slot.column.is_none() && slot.compared.is_none()
        });
        let mut comparisons = Comparisons::default();
        let mut known: HashMap<(usize, &[Operand]), usize> = HashMap::new();
        for place in places {
            let series = place.series;
            let operands = &self.graph.expressions[place.number].operands[..];
            let pair = *known.entry((series, operands)).or_insert_with(|| {
                let windows = &mut comparisons.windows;
                let sides = [0, 1].map(|side| self.side(series, &operands[side], windows));
                comparisons.add(self.series[series].view.rows.len(), sides)
            });
            comparisons.ask(pair, place);
        }
        comparisons
    }

    /// Keep what was found out by all [`Comparisons::stretches`], in their order.
    pub fn keep(&self, comparisons: Comparisons, found: Vec<Stretch>) {
        for (places, compared) in comparisons.join(found) {
            let compared = Arc::new(compared);
            for Place { series, number } in places {
                self.series[series].slot(number).compared = Some(compared.clone());
            }
        }
    }

    /// An operand of a comparison on series `series`. If it is a window that one session needs, and that
    /// was not computed yet, it goes to `windows`.
    fn side(&self, series: usize, operand: &Operand, windows: &mut Vec<Window>) -> Compares {
        if let Operand::Expression(number) = *operand
            && let Expression { step: Step::Here(Op::Call(function)), operands } =
                &self.graph.expressions[number]
            && let Some(kernel) = of_a_window(function)
        {
            let place = Place { series, number };
            if let Some(known) = windows.iter().position(|window| window.place == place) {
                return Compares::Window(known);
            }
            let is_own = {
                let slot = self.series[series].slot(number);
                slot.column.is_none() && slot.users == 1
            };
            if let [source, Operand::Number(length)] = &operands[..]
                && is_own
                && f64::from_bits(*length) <= Window::LONGEST
                && let Value::Column(Column::Number(source)) = self.value(series, source)
            {
                let length = f64::from_bits(*length) as usize;
                windows.push(Window { place, kernel, source, length });
                return Compares::Window(windows.len() - 1);
            }
        }
        Compares::Value(self.value(series, operand))
    }

    /// The positions of the symbols that `who` stands for when rules are read for `symbols`.
    fn whose(&self, symbols: &Range<usize>, who: &Who) -> Range<usize> {
        match who {
            Who::Own => symbols.clone(),
            Who::Each => 0..self.session,
            Who::Named(name) => {
                let symbol = self.named(name);
                symbol..symbol + 1
            }
        }
    }

    fn named(&self, symbol: &str) -> usize {
        *self.symbols.get(symbol).expect("binding has checked that the data has the symbol")
    }

    /// The timeframe of a symbol's series that stands for `timeframe`: 0 for its own bars, which no
    /// shorter ones can be made of.
    fn own(&self, symbol: usize, timeframe: i64) -> i64 {
        let own = self.series[symbol].view.bars.clock.timeframe;
        if timeframe <= own { 0 } else { timeframe }
    }

    fn place(&self, symbol: usize, timeframe: i64) -> usize {
        let place = self.places.get(&(symbol, self.own(symbol, timeframe)));
        *place.expect("what is evaluated was announced")
    }

    /// The series of a symbol in a longer timeframe, made of its visible bars if there is none yet.
    fn longer(&mut self, symbol: usize, timeframe: i64) -> usize {
        let timeframe = self.own(symbol, timeframe);
        if let Some(&known) = self.places.get(&(symbol, timeframe)) {
            return known;
        }
        let view = &self.series[symbol].view;
        let buckets = resample::buckets(&view.bars, view.rows.clone(), timeframe);
        let closes: Vec<i64> = buckets.iter().map(|bucket| bucket.close).collect();
        let view = View {
            bars: Arc::new(resample::resample(&view.bars, view.rows.clone(), timeframe)),
            rows: 0..buckets.len(),
            from: buckets.partition_point(|bucket| bucket.rows.end <= view.from),
        };
        self.add(symbol, timeframe, view, OnceLock::from(closes));
        self.series.len() - 1
    }

    /// The column of expression `number` for symbol number `symbol`, one row a visible bar.
    pub fn column(&self, symbol: usize, number: usize) -> Column {
        self.on(symbol, number)
    }

    fn on(&self, place: usize, number: usize) -> Column {
        let series = &self.series[place];
        // The lock is held while the column is computed, so that nobody computes it twice. Operands
        // have smaller numbers on whatever series, so no two threads can wait for each other.
        let mut slot = series.slot(number);
        if let Some(column) = &slot.column {
            return column.clone();
        }
        let expression = &self.graph.expressions[number];
        let column = match (slot.compared.take(), self.graph.inequality(number), &expression.step) {
            (Some(compared), Some(relation), _) => compared.relation(relation).into(),
            (_, _, Step::Here(op)) => self.here(series, op, expression, place),
            (_, _, Step::There(elsewhere)) => self.there(series, elsewhere, expression),
        };
        slot.column = Some(column.clone());
        column
    }

    fn here(&self, series: &Series, op: &Op, expression: &Expression, place: usize) -> Column {
        let args: Vec<Value> =
            expression.operands.iter().map(|operand| self.value(place, operand)).collect();
        let peers = match op {
            Op::Call(function) if function.across => self.peers(series, &expression.operands[0]),
            _ => Vec::new(),
        };
        let len = series.view.rows.len();
        evaluate(op, &Call { len, view: Some(&series.view), args: &args, peers: &peers })
    }

    fn value(&self, place: usize, operand: &Operand) -> Value {
        Value::Scalar(match operand {
            Operand::Expression(number) => return Value::Column(self.on(place, *number)),
            Operand::Number(bits) => Scalar::Number(f64::from_bits(*bits)),
            Operand::Bool(value) => Scalar::Bool(*value),
            Operand::Text(text) => Scalar::Text(text.clone()),
            Operand::Missing => Scalar::Missing,
        })
    }

    /// The series that a step from `series` to other bars leads to.
    fn target(&self, series: &Series, elsewhere: &Elsewhere) -> usize {
        let symbol = elsewhere.symbol.as_deref().map_or(series.symbol, |name| self.named(name));
        self.place(symbol, elsewhere.timeframe.unwrap_or(series.timeframe))
    }

    /// The operand's last value on other bars that is known when each bar of `series` closes.
    fn there(&self, series: &Series, elsewhere: &Elsewhere, expression: &Expression) -> Column {
        let place = self.target(series, elsewhere);
        let Value::Column(column) = self.value(place, &expression.operands[0]) else {
            unreachable!("what is the same on every bar is not carried")
        };
        carry(&column, self.series[place].closes(), series.closes())
    }

    /// The operand for every symbol of the session, on the bars of `series`: missing where a symbol
    /// has no bar that closes at the same time. A symbol outside the session has no such peers.
    fn peers(&self, series: &Series, operand: &Operand) -> Vec<Vec<f64>> {
        if series.symbol >= self.session {
            return Vec::new();
        }
        let closes = series.closes();
        let peer = |symbol: usize| {
            let place = self.place(symbol, series.timeframe);
            match self.value(place, operand) {
                Value::Column(Column::Number(values)) => {
                    at_once(&values, self.series[place].closes(), closes)
                }
                Value::Scalar(Scalar::Number(value)) => vec![value; closes.len()],
                _ => vec![f64::NAN; closes.len()],
            }
        };
        (0..self.session).map(peer).collect()
    }

    /// The series on which the operand of expression `number` is read, if that stands on series `series`
    /// and reads other bars. Series are numbered, those of the session's symbols first, and can be
    /// asked for like a symbol.
    pub fn beyond(&self, series: usize, number: usize) -> Option<usize> {
        match &self.graph.expressions[number].step {
            Step::There(elsewhere) => Some(self.target(&self.series[series], elsewhere)),
            Step::Here(_) => None,
        }
    }

    /// The last row of series `other` that is known when row `row` of series `series` closes.
    pub fn known(&self, series: usize, row: usize, other: usize) -> Option<usize> {
        let now = self.series[series].closes()[row];
        let closes = self.series[other].closes();
        closes.partition_point(|&close| close <= now).checked_sub(1)
    }

    /// Where `bound` is true, over the visible bars of symbol number `symbol`: a rule acts only there.
    pub fn mask(&self, symbol: usize, bound: &Bound) -> Mask {
        let len = self.view(symbol).rows.len();
        match bound {
            Bound::Expression(number) => self.yes(symbol, *number),
            Bound::Scalar(Scalar::Bool(true)) => Mask::ones(len),
            Bound::Scalar(_) => Mask::zeros(len),
        }
    }

    /// Where expression `number` is true on series `place`. Where it is false is not asked for, so that
    /// nobody finds it out unless another session may want to know.
    fn yes(&self, place: usize, number: usize) -> Mask {
        let Expression { step, operands } = &self.graph.expressions[number];
        let slot = self.series[place].slot(number);
        let (own, compared) = (slot.column.is_none() && slot.users <= 1, slot.compared.clone());
        drop(slot);
        let both = match operands[..] {
            [Operand::Expression(a), Operand::Expression(b)] if own => Some([a, b]),
            _ => None,
        };
        let both = || both.map(|both| both.map(|number| self.yes(place, number)));
        let found = match step {
            Step::Here(Op::Then) => both().map(|[before, now]| before.zip_later(&now, and)),
            Step::Here(Op::Binary(Binary::And)) => both().map(|[a, b]| a.zip(&b, and)),
            Step::Here(Op::Binary(Binary::Or)) => both().map(|[a, b]| a.zip(&b, |a, b| a | b)),
            _ => compared
                .zip(self.graph.inequality(number))
                .filter(|_| own)
                .map(|(compared, relation)| compared.yes(relation)),
        };
        found.unwrap_or_else(|| match self.on(place, number) {
            Column::Bool(flag) => flag.yes.clone(),
            Column::Number(values) => Mask::zeros(values.len()),
        })
    }

    /// The column of `bound` for symbol number `symbol`, constants spread over the bars.
    pub fn spread(&self, symbol: usize, bound: &Bound) -> Column {
        let len = self.view(symbol).rows.len();
        match bound {
            Bound::Expression(number) => self.column(symbol, *number),
            Bound::Scalar(Scalar::Number(value)) => Column::numbers(vec![*value; len]),
            Bound::Scalar(Scalar::Bool(value)) => Kleene::constant(len, *value).into(),
            Bound::Scalar(_) => Column::numbers(vec![f64::NAN; len]),
        }
    }
}

fn and(a: u64, b: u64) -> u64 {
    a & b
}

impl Series {
    /// What is known of expression `number`; held by one thread at a time.
    fn slot(&self, number: usize) -> MutexGuard<'_, Slot> {
        self.slots[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When each of its visible bars closes.
    fn closes(&self) -> &[i64] {
        self.closes.get_or_init(|| {
            let View { bars, rows, .. } = &self.view;
            bars.time[rows.clone()].iter().map(|&open| bars.clock.close(open)).collect()
        })
    }
}

/// The rows of a column whose bars close at `theirs` as seen from bars that close at `ours`: the last
/// one that has closed by then, missing before the first.
fn carry(column: &Column, theirs: &[i64], ours: &[i64]) -> Column {
    let mut known = 0;
    let rows: Vec<Option<usize>> = ours
        .iter()
        .map(|now| {
            known += theirs[known..].iter().take_while(|close| *close <= now).count();
            known.checked_sub(1)
        })
        .collect();
    match column {
        Column::Number(values) => {
            let value = |row: &Option<usize>| row.map_or(f64::NAN, |row| values[row]);
            Column::numbers(rows.iter().map(value).collect())
        }
        Column::Bool(flag) => {
            let carried = |mask: &Mask| {
                Mask::from_fn(rows.len(), |at| rows[at].is_some_and(|row| mask.get(row)))
            };
            Kleene { yes: carried(&flag.yes), no: carried(&flag.no) }.into()
        }
    }
}

/// `values`, whose bars close at `theirs`, on the bars that close at `ours`; missing where none does.
fn at_once(values: &[f64], theirs: &[i64], ours: &[i64]) -> Vec<f64> {
    let mut next = 0;
    ours.iter()
        .map(|now| {
            next += theirs[next..].iter().take_while(|close| *close < now).count();
            if theirs.get(next) == Some(now) { values[next] } else { f64::NAN }
        })
        .collect()
}
