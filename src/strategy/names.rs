//! The order in which lets are compiled: those that are used before those that use them.

use super::Named;
use crate::diag::{Mistake, Mistakes, codes};
use crate::expr::names_in;

/// `lets` with every let after those it refers to. A circle is a mistake, and its lets are left out.
pub(super) fn in_order_of_use<'a>(lets: &'a [Named], mistakes: &mut Mistakes) -> Vec<&'a Named> {
    let uses: Vec<Vec<usize>> = lets
        .iter()
        .map(|named| {
            let names = names_in(&named.written.text);
            (0..lets.len()).filter(|&other| names.contains(&lets[other].name)).collect()
        })
        .collect();
    let mut walk = Walk { lets, uses, state: vec![State::New; lets.len()], order: Vec::new() };
    for start in 0..lets.len() {
        walk.visit(start, mistakes);
    }
    walk.order
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Done,
}

struct Walk<'a> {
    lets: &'a [Named],
    uses: Vec<Vec<usize>>,
    state: Vec<State>,
    order: Vec<&'a Named>,
}

impl Walk<'_> {
    /// Depth first without recursion: a chain of lets may be longer than the stack is deep.
    fn visit(&mut self, start: usize, mistakes: &mut Mistakes) {
        let mut path = vec![(start, 0)];
        while let Some((let_index, next)) = path.pop() {
            if self.state[let_index] == State::Done {
                continue;
            }
            let Some(&used) = self.uses[let_index].get(next) else {
                self.state[let_index] = State::Done;
                self.order.push(&self.lets[let_index]);
                continue;
            };
            path.push((let_index, next + 1));
            if let Some(from) = path.iter().position(|&(on_path, _)| on_path == used) {
                let circle: Vec<usize> = path[from..].iter().map(|&(index, _)| index).collect();
                mistakes.push(self.circle(&circle));
                for index in circle {
                    self.state[index] = State::Done;
                }
                path.truncate(from);
            } else {
                path.push((used, 0));
            }
        }
    }

    fn circle(&self, circle: &[usize]) -> Mistake {
        let names: Vec<&str> = circle
            .iter()
            .chain(circle.first())
            .map(|&index| self.lets[index].name.as_str())
            .collect();
        let title = format!("lets refer to each other in a circle: {}", names.join(", "));
        Mistake::new(codes::CYCLE, &self.lets[circle[0]].written.place, title)
            .label("one of them must stand on its own")
    }
}
