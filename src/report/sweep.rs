//! From the store to a sweep's own page: every point as numbers, what each axis does, and how the best
//! point stands among its neighbours.

use super::context::{
    self, Column, DataMetric, Marginal, MarginalValue, Neighbourhood, Omitted, Sense, Sweep,
    SweepData, SweepPage,
};
use super::load::{Loader, quartiles, shown};
use crate::metrics::Metric;
use crate::plan::{Axis, Distances, Near};
use crate::store::Status;

/// How many points the table lists; the pictures show all.
const ROWS: usize = 1_000;
/// How many of the points that failed are listed.
const FAILED: usize = 100;

impl Loader<'_> {
    /// The page of every sweep of the run, with the name of the swept session.
    pub fn sweep_pages(&self) -> impl Iterator<Item = (String, SweepPage)> {
        let swept = self.frozen.plan.bases.iter().enumerate().filter(|(_, base)| base.swept);
        let numbers: Vec<usize> = swept.map(|(number, _)| number).collect();
        let pages = numbers.into_iter().zip(self.sweeps());
        pages.map(|(number, sweep)| (sweep.name.clone(), self.sweep_page(number, sweep)))
    }

    fn sweep_page(&self, number: usize, sweep: Sweep) -> SweepPage {
        let columns = self.columns();
        // Best first, as all results stand.
        let places: Vec<usize> = (0..self.results.len())
            .filter(|&place| self.frozen.plan.points[self.number(place)].base == number)
            .collect();
        let has_ended = |status| move |&&place: &&usize| self.results[place].1.status == status;
        let completed: Vec<usize> =
            places.iter().filter(has_ended(Status::Completed)).copied().collect();
        let failed = places.iter().filter(|place| !has_ended(Status::Completed)(place));
        let hidden = completed.len().saturating_sub(ROWS);
        SweepPage {
            run: self.facts(),
            objective: self.ranking(),
            rows: completed
                .iter()
                .take(ROWS)
                .map(|&place| self.row(place, &columns, None))
                .collect(),
            omitted: (hidden > 0).then(|| Omitted { rows: hidden, place: "results.csv".into() }),
            data: self.sweep_data(number, &completed, &columns),
            marginals: self.marginals(number, &completed),
            neighbourhood: self.neighbourhood(number, &completed),
            split: self.sweep_split(&completed),
            failed: failed.take(FAILED).map(|&place| self.row(place, &columns, None)).collect(),
            columns,
            sweep,
        }
    }

    /// The number of a result in the plan.
    pub(super) fn number(&self, place: usize) -> usize {
        self.results[place].1.index as usize
    }

    fn at(&self, place: usize) -> &[u32] {
        let point = &self.frozen.plan.points[self.number(place)];
        self.frozen.plan.base(point).at(point)
    }

    fn objective(&self, place: usize) -> Option<f64> {
        self.results[place].1.metrics.get(self.objective.metric)
    }

    fn sweep_data(&self, number: usize, places: &[usize], columns: &[Column]) -> SweepData {
        let metrics: Vec<Metric> =
            columns.iter().filter_map(|column| Metric::from_name(&column.name)).collect();
        let lower = |column: &Column| column.sense == Some(Sense::Lower);
        let values = |&place: &usize| -> Vec<Option<f64>> {
            metrics.iter().map(|&metric| self.results[place].1.metrics.get(metric)).collect()
        };
        let axes = &self.frozen.plan.bases[number].axes;
        let ranks: Vec<Vec<usize>> = axes.iter().map(Axis::ranks).collect();
        let at = |&place: &usize| -> Vec<u32> {
            self.at(place)
                .iter()
                .zip(&ranks)
                .map(|(&at, ranks)| ranks[at as usize] as u32)
                .collect()
        };
        SweepData {
            axes: axes.iter().zip(&ranks).map(in_order).collect(),
            metrics: columns
                .iter()
                .map(|column| DataMetric {
                    name: column.name.clone(),
                    title: column.title.clone(),
                    unit: column.unit,
                    lower: match column.name == self.objective.metric.name() {
                        true => !self.objective.maximize,
                        false => lower(column),
                    },
                })
                .collect(),
            at: places.iter().map(at).collect(),
            values: places.iter().map(values).collect(),
            best: places.first().filter(|&&place| self.objective(place).is_some()).map(|_| 0),
        }
    }

    fn marginals(&self, number: usize, places: &[usize]) -> Vec<Marginal> {
        let axes = &self.frozen.plan.bases[number].axes;
        axes.iter()
            .enumerate()
            .map(|(axis, of)| {
                let ranks = of.ranks();
                let mut known: Vec<Vec<f64>> = vec![Vec::new(); of.scalars.len()];
                for &place in places {
                    known[ranks[self.at(place)[axis] as usize]].extend(self.objective(place));
                }
                let values = in_order((of, &ranks)).values;
                let values = values.into_iter().zip(&known).map(|(value, known)| MarginalValue {
                    value,
                    points: known.len(),
                    quartiles: quartiles(known),
                });
                Marginal { path: of.path.clone(), values: values.collect() }
            })
            .collect()
    }

    fn neighbourhood(&self, number: usize, places: &[usize]) -> Option<Neighbourhood> {
        let (&best, others) = places.split_first()?;
        let value = self.objective(best)?;
        let known =
            others.iter().filter_map(|&place| Some((self.at(place), self.objective(place)?)));
        let (points, values): (Vec<&[u32]>, Vec<f64>) = known.unzip();
        let distances = Distances::of(&self.frozen.plan.bases[number].axes);
        let Near { points, is_on_grid } = distances.near(self.at(best), &points);
        let near: Vec<f64> = points.into_iter().map(|place| values[place]).collect();
        let mean = (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64);
        let worse = |mean: f64| {
            let all: Vec<f64> = places.iter().filter_map(|&place| self.objective(place)).collect();
            let is_worse =
                |&&value: &&f64| if self.objective.maximize { value < mean } else { value > mean };
            all.iter().filter(is_worse).count() as f64 / all.len() as f64
        };
        let worst = if self.objective.maximize { f64::min } else { f64::max };
        Some(Neighbourhood {
            best: self.results[best].0.key.clone(),
            value,
            points: near.len(),
            is_on_grid,
            mean,
            worst: near.iter().copied().reduce(worst),
            rank_of_mean: mean.map(worse),
        })
    }
}

/// An axis with its values in the order of their `ranks`: a random sweep draws them in no order.
fn in_order((axis, ranks): (&Axis, &Vec<usize>)) -> context::Axis {
    let mut values = vec![String::new(); ranks.len()];
    for (value, &rank) in axis.scalars.iter().zip(ranks) {
        values[rank] = shown(value);
    }
    context::Axis { path: axis.path.clone(), values }
}
