//! Charts as inline SVG: equity curves with their drawdowns, the spread of a sweep, a sparkline.
//!
//! The drawing stretches with the page while its text does not: shapes live in an inner `<svg>`
//! whose 1,000 units span whatever width there is, labels in the outer one at percentages of it.
//! Colours, dash patterns and margins are the style sheet's; a series is told from its neighbours
//! by its dashes and its label as well as by its colour. A curve is thinned to what a screen can
//! show, and never loses its ends, its extremes or its worst day.
//!
//! # Why no library
//!
//! A session's page has to stay below 1 MB and open from a disk. plotly.js, which the plotly crate embeds,
//! is 4.6 MB, and 6.8 MB with MathJax. uPlot is about 50 kB (its README), but paints curves on a canvas:
//! they have no text for who hears the page, do not follow the style sheet into print, and it draws
//! neither heat maps nor parallel coordinates, the two pictures that change under the reader's hand. Those
//! two are drawn in the page by some 200 lines of script (`templates/reports/_sweep.js`), and everything
//! else is lines and bars that do not move: as SVG it is text, scales, prints, and needs no script.

mod axis;
mod curves;
mod histogram;
pub mod panel;
pub mod prices;
mod svg;
mod thin;

pub use curves::{Line, curves};
pub use histogram::histogram;

use super::format;
use axis::{Scale, greatest, least};
use std::fmt::Write;
use thin::points;

/// Series with a colour and dashes of their own; further ones are thin and grey.
const STYLES: usize = 6;

/// A line without axes for a table's cell; empty when there are not two finite values.
///
/// It is hidden from readers who hear the page: the numbers beside it say the same.
pub fn spark(values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.len() < 2 {
        return String::new();
    }
    let step = 96.0 / (values.len() - 1) as f64;
    let place: Vec<f64> = (0..values.len()).map(|index| index as f64 * step).collect();
    let y = Scale { low: least(&finite), high: greatest(&finite), from: 20.0, to: 2.0 };
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 96 22\" aria-hidden=\"true\" focusable=\"false\">\
         <polyline points=\"{}\"/></svg>",
        points(&place, values, y, &[])
    )
}

fn style(index: usize) -> String {
    if index < STYLES { format!("s{index}") } else { "rest".to_owned() }
}

/// An entry of a legend: a piece of a line, and its name.
fn key(chart: &mut String, class: &str, name: &str) {
    let _ = write!(
        chart,
        "<li><svg width=\"34\" height=\"10\" aria-hidden=\"true\" focusable=\"false\">\
         <polyline class=\"{class}\" points=\"0,5 34,5\"/></svg>{}</li>",
        format::html(name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_needs_two_values() {
        assert_eq!(spark(&[1.0, f64::NAN]), "");
        assert!(spark(&[1.0, 2.0]).contains("points=\"0,20 96,2\""));
    }
}
