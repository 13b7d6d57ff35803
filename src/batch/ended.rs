//! The sessions of a run that ended: their rows, held once and found by their place in the plan.

use crate::store::{Label, Row};

/// Rows in the order in which their sessions ended; in that of the plan when the run is over.
#[derive(Debug, Default)]
pub(super) struct Ended {
    results: Vec<(Label, Row)>,
    /// Where the row of each session of the plan stands.
    places: Vec<Option<u32>>,
}

impl Ended {
    /// Nothing, with room for all sessions of a plan.
    pub fn with_room(sessions: usize) -> Self {
        Self { results: Vec::with_capacity(sessions), places: vec![None; sessions] }
    }

    /// Add the row of a session, in place of one that it may have.
    pub fn insert(&mut self, label: Label, row: Row) {
        let index = row.index as usize;
        let label = label.sharing(self.results.last().map(|(label, _)| label));
        match self.place(index) {
            Some(place) => self.results[place] = (label, row),
            None => {
                self.places[index] = Some(self.results.len() as u32);
                self.results.push((label, row));
            }
        }
    }

    fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).copied().flatten().map(|place| place as usize)
    }

    /// Whether session number `index` has ended.
    pub fn contains(&self, index: usize) -> bool {
        self.place(index).is_some()
    }

    /// The row of session number `index`, which has ended.
    pub fn row(&self, index: usize) -> &Row {
        let place = self.place(index).expect("only sessions that ended are asked for");
        &self.results[place].1
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
