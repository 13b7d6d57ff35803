//! Which points of a sweep stand next to its best one: a lone peak is luck more often than a broad hill is.

use super::Axis;
use crate::bars::duration;
use crate::expr::Scalar;

/// How many points are near where none is one step away.
const NEAREST: usize = 5;

/// How far the points of a sweep are from each other.
#[derive(Debug)]
pub struct Distances(Vec<Scale>);

/// The values of one axis.
#[derive(Debug)]
struct Scale {
    ranks: Vec<usize>,
    /// Names and switches have no order: none of them is next to another.
    is_ordered: bool,
    /// The one that is none, which is next to none.
    absent: Option<usize>,
}

impl Axis {
    /// The place of each value among all of the axis: numbers by size and then none, others as they stand.
    pub fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scalars.len()).collect();
        if let Some(numbers) = self.numbers() {
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        }
        let mut ranks = vec![0; order.len()];
        for (rank, value) in order.into_iter().enumerate() {
            ranks[value] = rank;
        }
        ranks
    }

    /// Its values, if all of them are numbers, or lengths of time; `NaN` for none.
    fn numbers(&self) -> Option<Vec<f64>> {
        let number = |value: &Scalar| match value {
            Scalar::Number(number) => Some(*number),
            Scalar::Missing => Some(f64::NAN),
            _ => None,
        };
        let length = |value: &Scalar| match value {
            Scalar::Text(text) => duration::parse(text).ok().map(|micros| micros as f64),
            Scalar::Missing => Some(f64::NAN),
            _ => None,
        };
        let numbers: Option<Vec<f64>> = self.scalars.iter().map(number).collect();
        numbers.or_else(|| self.scalars.iter().map(length).collect())
    }
}

/// The points near another one.
#[derive(Debug, PartialEq)]
pub struct Near {
    /// Their places in the list that was given.
    pub points: Vec<usize>,
    /// Whether they are those that are at most one value away on each axis; otherwise they are the few that
    /// are the nearest.
    pub is_on_grid: bool,
}

impl Distances {
    /// Those of a sweep along `axes`.
    pub fn of(axes: &[Axis]) -> Self {
        let scale = |axis: &Axis| Scale {
            ranks: axis.ranks(),
            is_ordered: axis.numbers().is_some(),
            absent: axis.scalars.iter().position(|value| *value == Scalar::Missing),
        };
        Self(axes.iter().map(scale).collect())
    }

    /// Which of `points` are near the point `of`, which is not among them; each is given by the numbers of
    /// its values. On an axis without an order they have the same value.
    pub fn near(&self, of: &[u32], points: &[&[u32]]) -> Near {
        // How many values of each axis a point is away.
        let steps = |at: &[u32]| -> Option<Vec<usize>> {
            let both = self.0.iter().zip(of.iter().zip(at));
            both.map(|(scale, (&a, &b))| {
                let steps = scale.ranks[a as usize].abs_diff(scale.ranks[b as usize]);
                let has_none = [a, b].iter().any(|&at| scale.absent == Some(at as usize));
                (scale.is_ordered && !has_none || steps == 0).then_some(steps)
            })
            .collect()
        };
        let known = points.iter().enumerate().filter_map(|(place, at)| Some((place, steps(at)?)));
        let mut known: Vec<(usize, Vec<usize>)> = known.collect();
        let on_grid = known.iter().filter(|(_, steps)| steps.iter().all(|steps| *steps <= 1));
        let on_grid: Vec<usize> = on_grid.map(|(place, _)| *place).collect();
        if !on_grid.is_empty() {
            return Near { points: on_grid, is_on_grid: true };
        }
        // Each axis is as long as any other.
        let away = |steps: &[usize]| -> f64 {
            let parts = steps.iter().zip(&self.0);
            parts.map(|(steps, of)| (*steps as f64 / of.ranks.len().max(2) as f64).powi(2)).sum()
        };
        known.sort_by(|(_, a), (_, b)| away(a).total_cmp(&away(b)));
        let points = known.into_iter().take(NEAREST).map(|(place, _)| place).collect();
        Near { points, is_on_grid: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scalars: Vec<Scalar>) -> Axis {
        Axis { path: "params.x".into(), values: Vec::new(), scalars }
    }

    fn numbers(values: &[f64]) -> Axis {
        axis(values.iter().map(|value| Scalar::Number(*value)).collect())
    }

    #[test]
    fn neighbours_are_one_value_away_on_each_axis() {
        // The second axis stands in no order: by size 10, 20, 40, 80.
        let distances =
            Distances::of(&[numbers(&[1.0, 2.0, 3.0]), numbers(&[40.0, 10.0, 80.0, 20.0])]);
        let all: Vec<[u32; 2]> = (0..3).flat_map(|a| (0..4).map(move |b| [a, b])).collect();
        let others: Vec<&[u32]> =
            all.iter().filter(|at| **at != [0, 1]).map(|at| &at[..]).collect();
        let near = distances.near(&[0, 1], &others);
        let found: Vec<&[u32]> = near.points.iter().map(|place| others[*place]).collect();
        assert_eq!((found, near.is_on_grid), (vec![&[0, 3][..], &[1, 1], &[1, 3]], true));
    }

    #[test]
    fn lengths_of_time_stand_in_their_order() {
        let lengths = axis(["30d", "12h", "1w"].map(|text| Scalar::Text(text.into())).to_vec());
        assert_eq!(lengths.ranks(), [2, 0, 1]);
        let near = Distances::of(&[lengths]).near(&[0], &[&[1], &[2]]);
        assert_eq!(near, Near { points: vec![1], is_on_grid: true });
    }

    #[test]
    fn names_have_no_neighbours() {
        let kinds = axis(["z", "a", "m"].map(|name| Scalar::Text(name.into())).to_vec());
        let distances = Distances::of(&[kinds, numbers(&[1.0, 2.0, 3.0])]);
        let near = distances.near(&[0, 0], &[&[1, 0], &[0, 1], &[2, 1]]);
        assert_eq!(near, Near { points: vec![1], is_on_grid: true });
        let far = distances.near(&[0, 0], &[&[1, 0], &[0, 2], &[2, 1]]);
        assert_eq!(far, Near { points: vec![1], is_on_grid: false });
        assert!(distances.near(&[0, 0], &[&[1, 0]]).points.is_empty());
    }

    #[test]
    fn what_has_no_value_on_an_axis_has_no_neighbour_that_has_one() {
        let length = [Scalar::Number(5.0), Scalar::Missing, Scalar::Number(4.0)].to_vec();
        let distances = Distances::of(&[axis(length), numbers(&[1.0, 2.0, 3.0])]);
        let near = distances.near(&[0, 0], &[&[1, 0], &[2, 1]]);
        assert_eq!(near, Near { points: vec![1], is_on_grid: true });
        let near = distances.near(&[1, 0], &[&[0, 0], &[1, 1], &[2, 0]]);
        assert_eq!(near, Near { points: vec![1], is_on_grid: true });
    }

    #[test]
    fn the_nearest_stand_in_where_a_random_draw_left_holes() {
        let distances = Distances::of(&[numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])]);
        let others: Vec<[u32; 1]> = [0, 1, 6, 7, 8, 2].map(|at| [at]).to_vec();
        let others: Vec<&[u32]> = others.iter().map(|at| &at[..]).collect();
        let near = distances.near(&[4], &others);
        assert_eq!(near, Near { points: vec![2, 5, 1, 3, 0], is_on_grid: false });
    }
}
