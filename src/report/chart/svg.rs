//! The SVG being written: labels outside the plot, shapes inside.

use crate::report::format;
use std::fmt::Write;

/// Width of the drawing in its own units.
pub(super) const WIDTH: f64 = 1_000.0;
/// Least distance between two labels at the right edge, in pixels.
pub(super) const LABEL_GAP: f64 = 14.0;
/// How a drawing begins.
const OPENING: &str = "<svg class=\"chart\"";
/// Longest name at the right edge; the legend has the whole of it.
const LABEL_LENGTH: usize = 16;

/// The SVG being written: labels outside the plot, shapes inside.
pub(super) struct Svg {
    text: String,
    height: f64,
}

impl Svg {
    pub(super) fn open(height: f64, title: &str, description: &str, id: &str) -> Self {
        let id: String = id.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let text = format!(
            "{OPENING} height=\"{height:.0}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
            format::html(title),
            format::html(description)
        );
        Self { text, height }
    }

    pub(super) fn close(mut self) -> String {
        self.text.push_str("</svg>");
        // Only names at the right edge need room there.
        if !self.text.contains("<text class=\"end ") {
            self.text.replace_range(..OPENING.len(), "<svg class=\"chart narrow\"");
        }
        self.text
    }

    /// Text at a percentage or pixel `x`.
    pub(super) fn label(&mut self, x: &str, y: f64, class: &str, text: &str) {
        let text = format::html(text);
        let _ = write!(self.text, "<text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\">{text}</text>");
    }

    /// A horizontal rule across the plot with its value in the left margin.
    pub(super) fn rule(&mut self, y: f64, text: &str) {
        let _ = write!(
            self.text,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        );
        self.label("-8", y + 4.0, "tick left", text);
    }

    /// A vertical tick through `panels` with its text below; every second gives way on a phone.
    pub(super) fn upright(&mut self, x: f64, index: usize, panels: &[(f64, f64)], text: &str) {
        self.upright_at(x, index, panels, text, self.height - 4.0);
    }

    /// The same with its text at `label`.
    pub(super) fn upright_at(
        &mut self,
        x: f64,
        index: usize,
        panels: &[(f64, f64)],
        text: &str,
        label: f64,
    ) {
        let x = percent(x);
        let class = if index % 2 == 1 { " odd" } else { "" };
        for (top, bottom) in panels {
            let _ = write!(
                self.text,
                "<line class=\"grid{class}\" x1=\"{x}\" x2=\"{x}\" \
                 y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
            );
        }
        self.label(&x, label, &format!("tick below{class}"), text);
    }

    pub(super) fn begin_plot(&mut self) {
        let _ = write!(
            self.text,
            "<svg width=\"100%\" height=\"{0:.0}\" viewBox=\"0 0 {WIDTH:.0} {0:.0}\" \
             preserveAspectRatio=\"none\">",
            self.height
        );
    }

    pub(super) fn end_plot(&mut self) {
        self.text.push_str("</svg>");
    }

    pub(super) fn polyline(&mut self, class: &str, points: &str) {
        let _ = write!(self.text, "<polyline class=\"{class}\" points=\"{points}\"/>");
    }

    pub(super) fn rectangle(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" \
             width=\"{:.1}\" height=\"{height:.1}\"/>",
            width.max(1.0)
        );
    }

    /// A dot that keeps its shape however wide the page is.
    pub(super) fn dot(&mut self, class: &str, x: f64, y: f64) {
        let at = percent(x);
        let _ = write!(self.text, "<circle class=\"{class}\" cx=\"{at}\" cy=\"{y:.1}\" r=\"3\"/>");
    }

    /// A dot with its value below it.
    pub(super) fn mark(&mut self, x: f64, y: f64, text: &str) {
        let (at, side) = (percent(x), side(x));
        let _ = write!(self.text, "<circle class=\"s0\" cx=\"{at}\" cy=\"{y:.1}\" r=\"3\"/>");
        let dx = if side == "end" { -7 } else { 7 };
        let _ = write!(
            self.text,
            "<text class=\"mark\" x=\"{at}\" y=\"{:.1}\" dx=\"{dx}\" \
             text-anchor=\"{side}\">{}</text>",
            y + 4.0,
            format::html(text)
        );
    }

    /// A vertical line from its text at `label` down to `bottom`.
    pub(super) fn pointer(
        &mut self,
        x: f64,
        top: f64,
        bottom: f64,
        class: &str,
        text: &str,
        label: f64,
    ) {
        let (at, side) = (percent(x), side(x));
        let from = label.min(top) - 10.0;
        let dx = if side == "end" { -5 } else { 5 };
        let _ = write!(
            self.text,
            "<line class=\"{class}\" x1=\"{at}\" x2=\"{at}\" y1=\"{from:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"mark {class}\" x=\"{at}\" y=\"{label:.1}\" dx=\"{dx}\" \
             text-anchor=\"{side}\">{}</text>",
            format::html(text)
        );
    }

    /// Names in the right margin, each as near to the end of its line as its neighbours allow.
    pub(super) fn ends(&mut self, mut ends: Vec<(f64, String, &str)>, top: f64, bottom: f64) {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut next = top;
        for end in &mut ends {
            end.0 = end.0.max(next);
            next = end.0 + LABEL_GAP;
        }
        // What was pushed below the panel pushes back from there.
        let mut limit = bottom;
        for end in ends.iter_mut().rev() {
            end.0 = end.0.min(limit);
            limit = end.0 - LABEL_GAP;
        }
        for (y, class, name) in ends {
            let mut shown: String = name.chars().take(LABEL_LENGTH).collect();
            if name.chars().count() > LABEL_LENGTH {
                shown.pop();
                shown.push('…');
            }
            let _ = write!(
                self.text,
                "<text class=\"end {class}\" x=\"100%\" dx=\"8\" y=\"{:.1}\">{}</text>",
                y + 4.0,
                format::html(&shown)
            );
        }
    }
}

/// Text grows to the left near the right edge.
fn side(x: f64) -> &'static str {
    if x > WIDTH * 0.6 { "end" } else { "start" }
}

pub(super) fn percent(x: f64) -> String {
    format!("{}%", short(x / WIDTH * 100.0))
}

/// One decimal, or none where it is zero: coordinates are most of a chart's bytes.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
