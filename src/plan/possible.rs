//! What settings, rules and bars together tell before a session runs: entries that could never be
//! made.

use crate::diag::{Mistake, codes};
use crate::engine::model::{Pins, Units};
use crate::engine::{Settings, Side, Sizing};
use crate::expr::{Bound, Bounds, Graph, Scalar};
use crate::manifest::Session;
use crate::market::Slice;
use crate::strategy::{Rule, Rules};

/// Why `session` could enter nothing in the bars of `slice`, if that can be known.
///
/// A warning is of entries that some bar may let through, or that are all of one side.
pub(super) fn never_enters(
    session: &Session,
    slice: &Slice,
    rules: &Rules,
    graph: &Graph,
) -> Option<Mistake> {
    too_large(session, rules, slice)
        .or_else(|| too_thin(session, slice))
        .or_else(|| out_of_reach(session, rules, slice))
        .or_else(|| wrong_side(session, rules, slice, graph))
}

/// The smallest number of units that may be entered costs more than an entry may.
fn too_large(session: &Session, rules: &Rules, slice: &Slice) -> Option<Mistake> {
    let settings = &session.settings;
    let (trading, risk) = (&settings.trading, &settings.risk);
    let (units, what) = smallest(settings);
    // Nothing costs nothing at any price.
    let lowest = if units > 0.0 { slice.prices()?.0 } else { 0.0 };
    let whole = settings.capital * trading.leverage;
    let has = |rule| rules.legs.iter().any(|leg| leg.bound(rule).is_some());
    let scales = has(Rule::Size) || has(Rule::Weight);
    let money = match settings.sizing {
        _ if scales => whole,
        Sizing::Equity(fraction) if settings.pins.size_of_free => fraction * whole,
        Sizing::Equity(fraction) => fraction * settings.capital,
        Sizing::Cash(money) => money.min(whole),
        Sizing::Units(wanted) if wanted < units => (wanted * lowest).min(whole),
        Sizing::Units(_) => whole,
        Sizing::Risk(_) | Sizing::Volatility { .. } => whole,
    };
    let is_grouped = |symbol: &String| risk.group(symbol).is_some();
    let all_in_groups =
        session.symbols.iter().flatten().all(is_grouped) && session.symbols.is_some();
    let caps = [
        ("risk.max_position", risk.max_position),
        ("risk.max_symbol", risk.max_symbol),
        ("risk.max_group", risk.max_group.filter(|_| all_in_groups)),
        ("risk.max_gross", risk.max_gross),
        // The legs of a pair weigh each other up.
        ("risk.max_net", risk.max_net.filter(|_| !settings.together)),
    ];
    let caps = caps.into_iter().filter_map(|(key, cap)| Some((key, cap?.money(settings.capital))));
    let value = units * lowest;
    let cap = caps.min_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|(_, most)| value > *most);
    let fee = |rests| settings.costs.commission.fee(rests, 0.0).of(units, lowest);
    // Models of packages may count costs on top of what an entry has.
    let fee = if settings.pins == Pins::default() { fee(false).min(fee(true)) } else { 0.0 };
    let cost = value + fee;
    // Interest lets an account grow that holds nothing.
    if cost <= money && cap.is_none() || settings.costs.interest > 0.0 {
        return None;
    }
    let limit = match cap.filter(|_| cost <= money) {
        Some((key, most)) => format!("`{key}` leaves it {most}"),
        None => format!("an entry has {money}"),
    };
    let (lowest, _) = slice.prices()?;
    let title = format!(
        "nothing could be entered: {what} costs {cost} at the lowest price of the range, {lowest}, \
         and {limit}"
    );
    let help = "more capital, a larger size, or a smaller lot";
    Some(Mistake::new(codes::OUT_OF_RANGE, &session.place, title).help(help))
}

/// The smallest number of units that may be entered, and what that is called.
fn smallest(settings: &Settings) -> (f64, &'static str) {
    let trading = &settings.trading;
    match settings.axes.units {
        _ if trading.min_units > 0.0 => (trading.min_units, "`execution.min_units`"),
        // Any part of a unit will do, but each pays the fee of an order.
        Units::Fractional => (0.0, "an order"),
        Units::Integer => (1.0, "one unit"),
        Units::Lot => (trading.lot_size, "one lot"),
    }
}

/// No bar of the range has the volume that a fill needs.
fn too_thin(session: &Session, slice: &Slice) -> Option<Mistake> {
    let settings = &session.settings;
    let trading = &settings.trading;
    let share = trading.max_participation;
    let (units, what) = smallest(settings);
    if share.is_none() && trading.min_volume == 0.0 {
        return None;
    }
    slice.prices()?;
    let (key, fact) = match slice.largest_volume() {
        None => {
            let key = if share.is_some() { "max_participation" } else { "min_volume" };
            (key, "no bar of the range tells its volume".to_owned())
        }
        Some(volume) if volume < trading.min_volume => {
            ("min_volume", format!("the largest volume of the range is {volume}"))
        }
        Some(volume) if share.is_some_and(|share| share * volume < units) => {
            let fact = format!("{what} is more than that of the largest volume, {volume}");
            ("max_participation", fact)
        }
        Some(_) => return None,
    };
    let title = format!("nothing could be filled under `execution.{key}`: {fact}");
    Some(Mistake::new(codes::OUT_OF_RANGE, &session.place, title))
}

/// A price that is the same for every entry, and lies where no bar of the range leads to it.
fn out_of_reach(session: &Session, rules: &Rules, slice: &Slice) -> Option<Mistake> {
    let definition = &session.definition;
    for (number, leg) in rules.legs.iter().enumerate() {
        let (long, short) =
            (leg.bound(Rule::EnterLong).is_some(), leg.bound(Rule::EnterShort).is_some());
        let found =
            [Rule::Limit, Rule::Trigger, Rule::Stop, Rule::Target].into_iter().find_map(|rule| {
                let Some(Bound::Scalar(Scalar::Number(price))) = leg.bound(rule) else {
                    return None;
                };
                let (price, (lowest, highest)) = (*price, slice.prices()?);
                // Below all prices, or above them, as far as each side of the strategy minds.
                let (below, above) = (price < lowest, price > highest);
                let (for_long, for_short, fact) = match rule {
                    Rule::Limit => (below, above, "is never met"),
                    Rule::Trigger => (above, below, "is never met"),
                    Rule::Stop => (above, below, "lies on the wrong side of every entry"),
                    _ => (below, above, "lies on the wrong side of every entry"),
                };
                let never = (for_long || !long) && (for_short || !short) && (long || short);
                let label = || format!("the prices of the range go from {lowest} to {highest}");
                never.then(|| (rule, price, fact, label()))
            });
        if let Some((rule, price, fact, label)) = found {
            let text = definition.rules.iter().find(|text| text.rule == rule && text.leg == number);
            let place = text.map_or(&session.place, |text| &text.written.place);
            let title = format!("nothing could be entered: the {} of {price} {fact}", rule.key());
            return Some(Mistake::new(codes::OUT_OF_RANGE, place, title).label(label));
        }
    }
    None
}

/// A stop or target that no bar puts on its side of the price that it is measured from.
fn wrong_side(session: &Session, rules: &Rules, slice: &Slice, graph: &Graph) -> Option<Mistake> {
    // On a grid of prices both may be rounded to where they are in order.
    if session.settings.trading.tick_size.is_some() {
        return None;
    }
    rules.legs.iter().enumerate().find_map(|(number, leg)| {
        let bounds = |rule| Some(graph.bounds(leg.bound(rule)?, slice.prices()?));
        let waits = [Rule::Limit, Rule::Trigger].into_iter().find_map(|rule| {
            let bounds = bounds(rule)?;
            Some((rule.key(), bounds))
        });
        let (name, from) = waits.unwrap_or(("close", Bounds::CLOSE));
        let sides = [(Side::Long, Rule::EnterLong), (Side::Short, Rule::EnterShort)];
        let entered: Vec<Side> = sides
            .into_iter()
            .filter(|(_, rule)| leg.bound(*rule).is_some())
            .map(|(side, _)| side)
            .collect();
        let wrong = |side: Side| {
            [Rule::Stop, Rule::Target].into_iter().find_map(|rule| {
                let level = bounds(rule)?;
                let above = level.low >= from.high;
                let below = level.high <= from.low;
                let is_wrong =
                    if (rule == Rule::Stop) == (side == Side::Long) { above } else { below };
                let needed = if above { "below" } else { "above" };
                is_wrong.then_some((side, rule, needed, level.certain && from.certain))
            })
        };
        let found: Vec<_> = entered.iter().filter_map(|side| wrong(*side)).collect();
        let (side, rule, needed, _) = *found.first()?;
        let never = found.len() == entered.len() && found.iter().all(|(.., certain)| *certain);
        let text = session.definition.rules.iter();
        let text = text.into_iter().find(|text| text.rule == rule && text.leg == number);
        let place = text.map_or(&session.place, |text| &text.written.place);
        let (side, rule) = (side.word(), rule.key());
        let title = match never {
            true => format!("nothing could be entered: the {rule} is never {needed} the {name}"),
            false => {
                format!("no {side} is entered with this {rule}: it is never {needed} the {name}")
            }
        };
        let label =
            format!("the {rule} of a {side} lies {needed} the {name}, or the entry is refused");
        let mistake = Mistake::new(codes::OUT_OF_RANGE, place, title).label(label);
        Some(if never { mistake } else { mistake.warning() })
    })
}
