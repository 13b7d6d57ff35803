//! The sessions of a run that ended: their rows, held once and found by their place in the plan.

use crate::store::Row;

/// Rows in the order in which their sessions ended; in that of the plan when the run is over.
#[derive(Debug, Default)]
pub(super) struct Ended {
    rows: Vec<Row>,
    /// Where the row of each session of the plan stands.
    places: Vec<Option<u32>>,
}

impl Ended {
    /// Nothing, with room for all sessions of a plan.
    pub fn with_room(sessions: usize) -> Self {
        Self { rows: Vec::with_capacity(sessions), places: vec![None; sessions] }
    }

    /// Add the row of a session, in place of one that it may have.
    pub fn insert(&mut self, row: Row) {
        let index = row.index as usize;
        match self.place(index) {
            Some(place) => self.rows[place] = row,
            None => {
                self.places[index] = Some(self.rows.len() as u32);
                self.rows.push(row);
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
        &self.rows[self.place(index).expect("only sessions that ended are asked for")]
    }

    /// How many have ended.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// The row of every session that ended, in the order of the plan.
    pub fn into_rows(mut self) -> Vec<Row> {
        self.rows.sort_unstable_by_key(|row| row.index);
        self.rows
    }
}
