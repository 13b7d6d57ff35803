//! A series as the points of a line, thinned to what a screen can show.

use super::axis::Scale;
use super::svg::short;
use crate::bars::thin::thin;
use std::fmt::Write;

/// Width of what a series is thinned to, in units of the drawing: about a pixel on a wide screen.
const COLUMN: f64 = 1.25;

/// The points of a polyline: `values` at `place`, thinned, and those of the indices `always`.
pub(super) fn points(place: &[f64], values: &[f64], y: Scale, always: &[usize]) -> String {
    let mut kept = thin(values, |index| (place[index] / COLUMN) as usize);
    kept.extend(always);
    let mut text = String::new();
    for index in kept {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "{:.0},{}", place[index], short(y.at(values[index])));
    }
    text
}
