//! The registry: every function of the rule language, with what a person and the checker need to
//! know of it. `papertape indicators` prints it.

use super::check::Type;
use super::column::{Call, Column};
use std::hash::{Hash, Hasher};

/// One function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, in order.
    pub args: &'static [Arg],
    /// Whether the last argument may be repeated.
    pub variadic: bool,
    /// The type of its result.
    pub returns: Type,
    /// Under which heading it is listed.
    pub group: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// From which bar on it has a value.
    pub warm_up: WarmUp,
    /// Whose definition it is.
    pub source: &'static str,
    /// A rule that uses it.
    pub example: &'static str,
    /// Whether it reads columns that are not among its arguments, or other rows.
    pub(super) bars: bool,
    /// Whether it reads its argument for every symbol of the session.
    pub(super) across: bool,
    /// The kernel.
    pub(super) eval: fn(&Call<'_>) -> Column,
}

/// How many bars pass before a function has a value, counted from the first bar on which all of its
/// arguments have one.
#[derive(Debug, Clone, Copy)]
pub enum WarmUp {
    /// So many times the length of each window, in the order of the arguments, and so many bars.
    Bars(&'static [i64], i64),
    /// It depends on the values.
    When(&'static str),
}

/// One argument of a function.
#[derive(Debug)]
pub struct Arg {
    /// Its name in the signature.
    pub name: &'static str,
    /// What may stand there.
    pub kind: ArgKind,
    /// What it is when left out.
    pub default: Option<f64>,
}

/// What may stand in an argument's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// A number for every bar.
    Series,
    /// A truth value for every bar.
    Flag,
    /// A whole number of bars, at least `min`, the same on every bar.
    Window {
        /// The smallest that makes sense.
        min: usize,
    },
    /// A number that is the same on every bar.
    Constant,
}

/// What other programs call functions of the language.
const ELSEWHERE: [(&str, &str); 30] = [
    ("average", "sma"),
    ("avg", "sma"),
    ("bbands", "bbands_upper"),
    ("corr", "correlation"),
    ("correl", "correlation"),
    ("cross", "crosses_above"),
    ("crossover", "crosses_above"),
    ("crossunder", "crosses_below"),
    ("delay", "lag"),
    ("delta", "change"),
    ("diff", "change"),
    ("hhv", "highest"),
    ("linreg", "linreg_value"),
    ("llv", "lowest"),
    ("ln", "log"),
    ("ma", "sma"),
    ("mean", "sma"),
    ("mom", "momentum"),
    ("pct_change", "roc"),
    ("prev", "lag"),
    ("ref", "lag"),
    ("rolling_max", "highest"),
    ("rolling_mean", "sma"),
    ("rolling_min", "lowest"),
    ("sar", "psar"),
    ("shift", "lag"),
    ("std", "stddev"),
    ("stoch", "stoch_k"),
    ("tr", "true_range"),
    ("willr", "williams_r"),
];

impl Function {
    /// The function called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|function| function.name == name)
    }

    /// The function that other programs call `name`.
    pub fn meant(name: &str) -> Option<&'static Self> {
        let (_, here) = ELSEWHERE.iter().find(|(there, _)| *there == name.to_lowercase())?;
        Self::named(here)
    }

    /// Every function, by group.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        super::library::FUNCTIONS.iter().flat_map(|group| group.iter())
    }

    /// `sma(x, n)`.
    pub fn signature(&self) -> String {
        let mut args: Vec<String> = self
            .args
            .iter()
            .map(|arg| match arg.default {
                Some(default) => format!("{} = {default}", arg.name),
                None => arg.name.to_owned(),
            })
            .collect();
        if self.variadic {
            args.push("...".into());
        }
        if args.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}({})", self.name, args.join(", "))
        }
    }

    /// How many bars pass before it has a value, `windows` being the lengths of its windows in the order
    /// of the arguments; 0 where it depends on the values.
    pub fn warm_up(&self, windows: &[f64]) -> f64 {
        let WarmUp::Bars(times, bars) = self.warm_up else { return 0.0 };
        let windows = times.iter().zip(windows).map(|(times, window)| *times as f64 * window);
        windows.sum::<f64>() + bars as f64
    }

    /// The same in words: `2 n - 1 bars`.
    pub fn warm_up_text(&self) -> String {
        let (times, bars) = match self.warm_up {
            WarmUp::Bars(times, bars) => (times, bars),
            WarmUp::When(text) => return text.to_owned(),
        };
        let windows = self.args.iter().filter(|arg| matches!(arg.kind, ArgKind::Window { .. }));
        let term = |(times, arg): (&i64, &Arg)| match times {
            0 => None,
            1 => Some(arg.name.to_owned()),
            times => Some(format!("{times} {}", arg.name)),
        };
        let terms: Vec<String> = times.iter().zip(windows).filter_map(term).collect();
        match (terms.join(" + "), bars) {
            (terms, 0) if terms.is_empty() => "none".to_owned(),
            (terms, 1) if terms.is_empty() => "1 bar".to_owned(),
            (terms, 0) => format!("{terms} bars"),
            (terms, bars) => format!("{terms} - {} bars", -bars),
        }
    }

    /// Whether it looks at bars at all, so that it has no value where there are none.
    pub fn reads_bars(&self) -> bool {
        self.bars
    }

    /// Whether it is a crossing, and then whether the first argument comes to lie above.
    pub(super) fn crosses(&self) -> Option<bool> {
        match self.name {
            "crosses_above" => Some(true),
            "crosses_below" => Some(false),
            _ => None,
        }
    }

    /// Argument number `index`, the last one standing for its repetitions.
    pub(super) fn arg(&self, index: usize) -> &'static Arg {
        &self.args[index.min(self.args.len() - 1)]
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
