//! Legs of one trade on hand-made bars.

use super::order::{OrderStatus, Reason};
use super::outcome::Outcome;
use super::settings::{Cap, Risk, Settings, Sizing};
use super::tests::{daily, frame, signals, walk, with_gaps};

#[test]
fn legs_that_a_limit_lets_in_only_one_by_one_are_refused_together() {
    let symbols = [[[10.0; 4]; 3], [[20.0; 4]; 3]].map(|bars| frame(&bars).symbols.remove(0));
    let frame = daily(3, symbols.to_vec());
    let rules = [signals(3, [&[0], &[], &[], &[]]), signals(3, [&[], &[], &[0], &[]])];
    let filled = |change: &dyn Fn(&mut Risk)| {
        let mut settings =
            Settings { sizing: Sizing::Cash(3_000.0), together: true, ..Settings::default() };
        change(&mut settings.risk);
        walk(&frame, &rules, &settings).fills.len()
    };
    let cap = |cash| Some(Cap::Cash(cash));
    assert_eq!(filled(&|_| {}), 2);
    assert_eq!(filled(&|risk| risk.max_gross = cap(6_000.0)), 2);
    assert_eq!(filled(&|risk| risk.max_gross = cap(5_000.0)), 0);
    assert_eq!(filled(&|risk| risk.max_positions = Some(2)), 2);
    assert_eq!(filled(&|risk| risk.max_positions = Some(1)), 0);
    // A long and a short of the same money weigh each other up.
    assert_eq!(filled(&|risk| risk.max_net = cap(1.0)), 2);
}

/// Two legs over six days of which each has some: long and short by `enter`, left by `exit`.
fn pair(present: [&[usize]; 2], enter: &[usize], exit: &[usize], delay: u32) -> Outcome {
    let symbols = present.map(|days| with_gaps(&[[10.0; 4]; 6], days).symbols.remove(0));
    // No rule is true where there is no bar.
    let own = |leg: usize, days: &[usize]| -> Vec<usize> {
        days.iter().copied().filter(|day| present[leg].contains(day)).collect()
    };
    let rules = [
        signals(6, [&own(0, enter), &own(0, exit), &[], &[]]),
        signals(6, [&[], &[], &own(1, enter), &own(1, exit)]),
    ];
    let mut settings =
        Settings { sizing: Sizing::Cash(3_000.0), together: true, ..Settings::default() };
    settings.axes.delay = delay;
    walk(&daily(6, symbols.to_vec()), &rules, &settings)
}

const ALL: &[usize] = &[0, 1, 2, 3, 4, 5];

#[test]
fn no_leg_is_entered_where_the_rules_of_another_cannot_be_read() {
    // The other leg's bar is missing, it has not begun yet, or it has ended.
    for other in [&[0, 2, 3, 4, 5][..], &[2, 3, 4, 5], &[0]] {
        for legs in [[ALL, other], [other, ALL]] {
            let outcome = pair(legs, &[1], &[], 0);
            assert_eq!(outcome.fills.len(), 0, "{legs:?}");
            assert_eq!(outcome.refused.iter().collect::<Vec<_>>(), [(Reason::LegBar, 1)]);
        }
    }
    // Delayed by a bar, the entries of the first day come on the second and on the third.
    let outcome = pair([ALL, &[0, 2, 3, 4, 5]], &[0], &[], 1);
    assert_eq!((outcome.fills.len(), outcome.refused.of(Reason::LegBar)), (0, 2));
    assert_eq!(pair([ALL, ALL], &[0], &[], 1).fills.len(), 2);
}

#[test]
fn the_leg_without_a_bar_to_be_filled_on_says_so() {
    let outcome = pair([&[0, 1, 3, 4, 5], ALL], &[1, 3], &[], 0);
    let fates: Vec<OrderStatus> = outcome.orders.iter().map(|order| order.status).collect();
    let refused = OrderStatus::Refused;
    let filled = OrderStatus::Filled(4);
    assert_eq!(fates, [refused(Reason::NoBar), refused(Reason::Leg), filled, filled]);
}

#[test]
fn a_leg_leaves_at_its_own_next_bar_whether_the_other_has_one_or_not() {
    let outcome = pair([&[0, 1, 4, 5], ALL], &[0], &[1, 2], 0);
    let left: Vec<(usize, usize)> =
        outcome.trades.iter().map(|trade| (trade.symbol, trade.exit_bar)).collect();
    assert_eq!(left, [(1, 2), (0, 4)]);
    let outcome = pair([&[0, 1, 4, 5], ALL], &[0], &[2], 0);
    assert_eq!(outcome.trades[0].exit_bar, 3);
}
