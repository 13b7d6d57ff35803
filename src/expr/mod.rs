//! The rule language: text to rules that are true or not on every bar.
//!
//! ```text
//! text -parse-> Expr -check-> Program -bind to parameters-> Graph -evaluate over series-> Columns
//! ```
//!
//! One grammar serves rules (the names are bars, parameters and lets), sweep constraints (a point's
//! parameters and keys) and filters (a result's fields): see [`Scope`]. A rule at bar t depends on no
//! row after t; a missing value is a third truth value; both are properties of the columns
//! ([`mod@column`]) and of the kernels ([`indicators`]), and tests hold every function to them.

pub mod column;
pub mod indicators;

mod bounds;
mod check;
mod columns;
mod compare;
mod function;
mod graph;
mod library;
mod now;
mod numbers;
mod parse;
pub mod reference;
mod registry;
mod word;

#[cfg(test)]
mod talib_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_tests;

pub use bounds::Bounds;
pub use check::{Binding, Node, NodeId, Op, Program, Scope, Type};
pub use column::{Column, Kleene, PRICES, Scalar, View};
pub use columns::{Columns, Place};
pub use compare::{Comparisons, Stretch};
pub use function::{Arg, ArgKind, Function, WarmUp};
pub use graph::{Bound, Graph, Need, Seen, Trouble, Who, World};
pub use now::{Formula, Now};
pub use numbers::Numbers;
pub use parse::{KEYWORDS, Symbol, names_in, parse};
pub use word::{WORDS, Word};

use column::evaluate_scalar;

impl Program {
    /// The value of node `id` when every name is a parameter: how constraints and filters are read.
    pub fn scalar(&self, id: NodeId, params: &[Scalar]) -> Scalar {
        let node = &self.nodes[id];
        match &node.op {
            Op::Param(index) => params[*index].clone(),
            Op::Text(text) => Scalar::Text(text.clone()),
            Op::Number(bits) => Scalar::Number(f64::from_bits(*bits)),
            op => {
                let args: Vec<Scalar> =
                    node.args.iter().map(|&arg| self.scalar(arg, params)).collect();
                evaluate_scalar(op, &args)
            }
        }
    }
}
