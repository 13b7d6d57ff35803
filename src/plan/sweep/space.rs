//! Everything that a sweep could be, before any rule: axes, and how they move; and what is picked of it.

use super::Axis;
use super::rule::{Asked, Rule};
use crate::manifest::Node;
use crate::plan::SplitMix;
use std::collections::HashMap;
use std::ops::Range;

/// Axes, and how they move.
#[derive(Debug, Default)]
pub(super) struct Space {
    pub(super) axes: Vec<Axis>,
    groups: Vec<Group>,
}

/// Axes that move together.
#[derive(Debug)]
struct Group {
    axes: Range<usize>,
    /// The numbers of their values, one row after the other.
    rows: Vec<u32>,
}

impl Group {
    fn row(&self, number: usize) -> &[u32] {
        &self.rows[number * self.axes.len()..][..self.axes.len()]
    }

    fn len(&self) -> usize {
        self.rows.len().checked_div(self.axes.len()).unwrap_or(0)
    }
}

/// How many points a random sweep draws, and from which seed.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) count: usize,
    pub(super) seed: u64,
}

impl Space {
    /// Add an axis that moves by itself, or several that move together, with the value of each row, if it
    /// has one; an error tells the numbers of two rows that are the same, the one that follows last.
    pub(super) fn add(
        &mut self,
        columns: Vec<(String, Vec<Option<Node>>)>,
    ) -> Result<(), (usize, usize)> {
        if columns.is_empty() {
            return Ok(());
        }
        let first = self.axes.len();
        let length = columns.first().map_or(0, |(_, column)| column.len());
        let mut numbers = Vec::with_capacity(columns.len());
        for (path, column) in columns {
            let (axis, at) = Axis::of(path, column);
            self.axes.push(axis);
            numbers.push(at);
        }
        let rows = (0..length).flat_map(|row| numbers.iter().map(move |at| at[row])).collect();
        let group = Group { axes: first..self.axes.len(), rows };
        let mut known: HashMap<&[u32], usize> = HashMap::new();
        let same = (0..group.len()).find_map(|row| Some((known.insert(group.row(row), row)?, row)));
        self.groups.push(group);
        same.map_or(Ok(()), Err)
    }

    /// How many points the product has.
    pub(super) fn size(&self) -> u64 {
        self.groups.iter().fold(1, |size, group| size.saturating_mul(group.len() as u64))
    }

    /// The values of point `number` of the product, the last group fastest.
    fn point(&self, mut number: u64, at: &mut [u32]) {
        for group in self.groups.iter().rev() {
            let length = group.len() as u64;
            at[group.axes.clone()].copy_from_slice(group.row((number % length) as usize));
            number /= length;
        }
    }

    /// Every point that the rules leave; `None` once they are more than `limit`.
    pub(super) fn all(&self, rules: &[Rule], limit: usize) -> Option<Picked> {
        let mut picker = Picker::new(self, rules);
        for number in 0..self.size() {
            picker.take(number);
            if picker.picked.points.len() > limit {
                return None;
            }
        }
        Some(picker.picked)
    }

    /// The points of a random draw, in the order of the product, of the first `patience` that were drawn.
    pub(super) fn draw(&self, draw: &Draw, rules: &[Rule], patience: u64) -> Picked {
        let mut picker = Picker::new(self, rules);
        let mut random = SplitMix::new(draw.seed);
        // A shuffle of the whole product, of which only the entries that moved are written down.
        let mut moved: HashMap<u64, u64> = HashMap::new();
        for taken in 0..self.size().min(patience) {
            if picker.picked.points.len() == draw.count {
                break;
            }
            let other = taken + random.below(self.size() - taken);
            let number = moved.get(&other).copied().unwrap_or(other);
            let displaced = moved.remove(&taken).unwrap_or(taken);
            moved.insert(other, displaced);
            picker.take(number);
        }
        picker.picked.points.sort_unstable();
        picker.picked
    }
}

/// The points that the rules of a sweep leave.
pub(super) struct Picked {
    pub(super) points: Vec<Vec<u32>>,
    /// How many points each rule removed.
    pub(super) removed: Vec<usize>,
}

impl Picked {
    /// How many points the rules were asked about.
    pub(super) fn looked(&self) -> usize {
        self.points.len() + self.removed.iter().sum::<usize>()
    }
}

struct Picker<'a> {
    space: &'a Space,
    rules: &'a [Rule],
    asked: Vec<Asked>,
    at: Vec<u32>,
    picked: Picked,
}

impl<'a> Picker<'a> {
    fn new(space: &'a Space, rules: &'a [Rule]) -> Self {
        Self {
            space,
            rules,
            asked: rules.iter().map(|rule| rule.ask(&space.axes)).collect(),
            at: vec![0; space.axes.len()],
            picked: Picked { points: Vec::new(), removed: vec![0; rules.len()] },
        }
    }

    /// Take point `number` of the product, unless a rule removes it.
    fn take(&mut self, number: u64) {
        self.space.point(number, &mut self.at);
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.holds(&self.space.axes, &self.at, &mut self.asked[index]) {
                self.picked.removed[index] += 1;
                return;
            }
        }
        self.picked.points.push(self.at.clone());
    }
}
