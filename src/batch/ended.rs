//! The sessions of a run that ended: their rows, held once and found by their place in the plan.

use crate::store::{Label, Row};
use std::collections::HashMap;

/// Rows in the order in which their sessions ended; in that of the plan when the run is over.
#[derive(Debug, Default)]
pub(super) struct Ended {
    results: Vec<(Label, Row)>,
    /// Where the row of each session of the plan stands.
    places: HashMap<usize, usize>,
}

impl Ended {
    /// Add the row of a session, in place of one that it may have.
    pub fn insert(&mut self, label: Label, row: Row) {
        let index = row.index as usize;
        let label = label.sharing(self.results.last().map(|(label, _)| label));
        match self.places.get(&index) {
            Some(&place) => self.results[place] = (label, row),
            None => {
                self.places.insert(index, self.results.len());
                self.results.push((label, row));
            }
        }
    }

    /// Whether session number `index` has ended.
    pub fn contains(&self, index: usize) -> bool {
        self.places.contains_key(&index)
    }

    /// The row of session number `index`, which has ended.
    pub fn row(&self, index: usize) -> &Row {
        &self.results[self.places[&index]].1
    }

    /// How many have ended.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.results.iter().map(|(_, row)| row)
    }

    /// Every session that ended, in the order of the plan.
    pub fn into_results(mut self) -> Vec<(Label, Row)> {
        self.results.sort_unstable_by_key(|(_, row)| row.index);
        self.results
    }
}
