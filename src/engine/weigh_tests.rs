//! Weights of several symbols in one account, on hand-made bars.

use super::model::Units;
use super::outcome::Outcome;
use super::settings::Settings;
use super::tests::{daily, frame, signals, walk, whole};
use crate::strategy::Signals;

/// Symbols at a price of 100, each brought to one weight after the other.
fn rotation<const N: usize>(weights: [[f64; 3]; N], change: impl Fn(&mut Settings)) -> Outcome {
    let symbols = weights.map(|_| frame(&[[100.0; 4]; 4]).symbols.remove(0));
    let rules = weights.map(|own| {
        let weight = own.into_iter().chain([own[2]]).collect();
        Signals { weight: Some(whole(weight)), ..signals(4, [&[], &[], &[], &[]]) }
    });
    let mut settings = Settings::default();
    change(&mut settings);
    walk(&daily(4, symbols.to_vec()), &rules, &settings)
}

/// The units that are held at the end.
fn held(outcome: &Outcome) -> &[f64] {
    &outcome.units[outcome.units.len() - outcome.symbols..]
}

#[test]
fn a_rebalance_gives_up_positions_of_both_sides_before_it_raises_any() {
    let weights = [[0.5, 0.0, -0.5], [-0.5, 0.5, 0.0], [0.0, -0.5, 0.5]];
    for leverage in [1.0, 2.0] {
        let outcome = rotation(weights, |settings| settings.trading.leverage = leverage);
        assert_eq!(held(&outcome), [-50.0, 0.0, 50.0]);
        assert_eq!(outcome.refusals(), 0);
    }
}

#[test]
fn a_cover_pays_for_the_short_of_a_symbol_before_it() {
    let outcome = rotation([[-0.2, -0.8, -0.8], [-0.8, -0.2, -0.2]], |_| {});
    assert_eq!(held(&outcome), [-80.0, -20.0]);
    assert_eq!(outcome.refusals(), 0);
    let bought: Vec<bool> = outcome.fills.iter().map(|fill| fill.units > 0.0).collect();
    assert_eq!(bought, [false, false, true, false]);
}

#[test]
fn a_rebalance_gives_up_units_that_exist() {
    let integer = |settings: &mut Settings| settings.axes.units = Units::Integer;
    let units = |weights| {
        let outcome = rotation([weights], integer);
        outcome.fills.iter().map(|fill| fill.units).collect::<Vec<_>>()
    };
    assert_eq!(units([0.5, 0.475, 0.0]), [50.0, -2.0, -48.0]);
    assert_eq!(units([0.5, 0.495, 0.495]), [50.0], "half a unit is not sold");
}

#[test]
fn a_rebalance_takes_back_what_is_left_of_the_one_before() {
    // Each bar fills 5 units.
    let thin = |settings: &mut Settings| settings.trading.max_participation = Some(0.05);
    let outcome = rotation([[0.8, 0.0, 0.0]], thin);
    assert_eq!(outcome.fills.iter().map(|fill| fill.units).collect::<Vec<_>>(), [5.0, -5.0]);
    let fates = outcome.orders.iter().map(|order| order.status.words()).collect::<Vec<_>>();
    assert_eq!(fates, ["cancelled: a later weight replaces it", "filled"]);
}
