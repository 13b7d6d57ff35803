//! Commands hold from the next bar on, change nothing before, and do what they say.

use super::command::{Command, Given, Hand};
use super::model::{AtEnd, Fill as When, Flip, OrdersPerBar};
use super::order::OrderStatus;
use super::outcome::{Outcome, value};
use super::settings::Settings;
use super::tests::{frame, signals, trades};
use super::trade::{ClosedBy, Fill};
use super::walk::Walk;
use super::worlds::{Dice, LEN, World};

/// Commands on some bars of a world.
fn commands(dice: &mut Dice, world: &World) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for bar in 0..LEN {
        if !dice.chance(8) {
            continue;
        }
        let symbol = dice.below(world.symbols.len());
        let order = dice.chance(50).then(|| dice.below(20));
        let command = match dice.below(22) {
            0..3 => Command::Pause,
            3..6 => Command::Resume,
            6..8 => Command::CloseAll,
            8..10 => Command::CancelOrders,
            10..12 => Command::Size { factor: dice.number(0.5, 1.5) },
            12..14 => Command::Tighten { fraction: dice.number(0.1, 0.9) },
            14 => Command::Trade { symbol, allowed: dice.chance(50) },
            15..20 => Command::Approve { order },
            20 => Command::Refuse { order },
            _ => dice.one([Command::Stop, Command::Kill]),
        };
        given.push(((bar > 0).then(|| bar - 1), command));
    }
    given
}

/// The world as an account sees it: no bar is its last one.
fn open_ended(world: &World) -> World {
    let mut world = world.clone();
    world.settings.axes.at_end = AtEnd::Mark;
    world
}

fn walk(world: &World, given: &[Given]) -> Outcome {
    walk_by(world, Hand { commands: given, approves: false })
}

fn walk_by(world: &World, hand: Hand<'_>) -> Outcome {
    let signals: Vec<_> = world.symbols.iter().map(|symbol| symbol.signals()).collect();
    Walk::default().run_told(&world.frame(), &signals, &world.settings, hand, true).clone()
}

fn worth(world: &World, outcome: &Outcome, bars: usize) -> Vec<u64> {
    let frame = world.frame();
    let closes: Vec<&[f64]> = frame.symbols.iter().map(|bars| &bars.close[..]).collect();
    let mut worth = Vec::new();
    for (stretch, cash, units) in outcome.stretches(world.len()) {
        worth.extend(stretch.map(|t| value(cash, units, &closes, t).to_bits()));
    }
    worth.truncate(bars);
    worth
}

#[test]
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
fn an_account_that_is_fed_in_pieces_has_the_same_past() {
    let (mut compared, mut obeyed) = (0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let world = open_ended(&World::new(&mut dice));
        let given = commands(&mut dice, &world);
        let approves = dice.chance(40);
        let long = walk_by(&world, Hand { commands: &given, approves });
        let cut = 1 + dice.below(LEN - 1);
        let known: Vec<Given> =
            given.iter().filter(|(bar, _)| bar.is_none_or(|bar| bar < cut)).copied().collect();
        let piece = world.cut(cut);
        let short = walk_by(&piece, Hand { commands: &known, approves });
        // What is in the account from the next bar on waits for that bar.
        let books_late =
            world.settings.pins.booked_next_bar && world.settings.axes.fill == When::Close;
        let is_known = |bar: usize| bar < if books_late { cut - 1 } else { cut };
        let of = |outcome: &Outcome| -> Vec<Fill> {
            outcome.fills.iter().filter(|fill| is_known(fill.bar)).copied().collect()
        };
        assert!(long.fills.starts_with(&short.fills), "world {seed} cut at {cut}");
        assert_eq!(of(&short), of(&long), "world {seed} cut at {cut}");
        assert_eq!(
            worth(&piece, &short, cut),
            worth(&world, &long, cut),
            "world {seed} cut at {cut}"
        );
        let told = long.events.iter().filter(|event| is_known(event.bar)).count();
        assert!(long.events.starts_with(&short.events), "world {seed} cut at {cut}");
        assert!(short.events.len() >= told, "world {seed} cut at {cut}");
        compared += short.fills.len();
        obeyed += known.len();
    }
    println!("{compared} fills and {obeyed} commands before the cuts");
    assert!(compared > 1_000 && obeyed > 500);
}

#[test]
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
fn a_command_that_changes_nothing_changes_nothing() {
    let mut compared = 0;
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut world = World::new(&mut dice);
        if seed % 2 == 1 {
            // Where a bar does not do all that is asked of it, the rest waits for others.
            world.settings.axes.orders_per_bar = OrdersPerBar::One;
            world.settings.trading.min_volume = dice.number(0.0, 300.0);
        }
        let often = dice.one([10, 50, 100]);
        let idle = Command::Size { factor: 1.0 };
        let bars = (0..LEN).filter(|_| dice.chance(often));
        let given: Vec<Given> = bars.map(|bar| (Some(bar), idle)).collect();
        let (plain, told) = (walk(&world, &[]), walk(&world, &given));
        let different = plain.fills.iter().zip(&told.fills).find(|(a, b)| a != b);
        assert!(different.is_none(), "world {seed}: {different:#?}");
        assert_eq!(plain.fills.len(), told.fills.len(), "world {seed}");
        assert_eq!(plain.ambiguous_exits, told.ambiguous_exits, "world {seed}");
        assert_eq!(plain.stretches, told.stretches, "world {seed}");
        compared += plain.fills.len();
    }
    println!("{compared} fills beside commands that change nothing");
    assert!(compared > 1_000);
}

#[test]
fn commands_do_what_they_say() {
    let mut seen = [0; 5];
    for seed in 0..400 {
        let world = open_ended(&World::new(&mut Dice(seed)));
        let after = |bar: usize| move |fill: &&Fill| fill.bar > bar;
        let plain = walk(&world, &[]);
        let told = |command| walk(&world, &[(Some(20), command)]);
        let entries = |outcome: &Outcome| {
            outcome.fills.iter().filter(after(20)).filter(|fill| fill.closed_by.is_none()).count()
        };
        assert_eq!(entries(&told(Command::Pause)), 0, "world {seed}");
        let stopped = told(Command::Stop);
        assert_eq!(entries(&stopped), 0, "world {seed}");
        let killed = told(Command::Kill);
        assert_eq!(killed.fills.iter().filter(after(20)).count(), 0, "world {seed}");
        let off = (0..world.symbols.len())
            .map(|symbol| (Some(20), Command::Trade { symbol, allowed: false }));
        let off = walk(&world, &off.collect::<Vec<_>>());
        assert_eq!(entries(&off), 0, "world {seed}");
        let again = walk(&world, &[(Some(20), Command::Pause), (Some(20), Command::Resume)]);
        seen[0] += usize::from(entries(&plain) > 0);
        seen[1] += usize::from(stopped.fills != plain.fills);
        seen[2] += usize::from(killed.fills != plain.fills);
        seen[3] += usize::from(entries(&again) > 0);
        seen[4] += usize::from(told(Command::Tighten { fraction: 0.5 }).fills != plain.fills);
    }
    assert!(seen.iter().all(|&times| times > 20), "{seen:?}");
}

#[test]
fn a_factor_multiplies_what_is_bought() {
    let mut compared = 0;
    for seed in 0..200 {
        let mut world = open_ended(&World::new(&mut Dice(seed)));
        world.settings.sizing = super::settings::Sizing::Units(4.0);
        let size = |given: &[Given]| {
            let outcome = walk(&world, given);
            let first = outcome.orders.iter().find_map(|order| order.wanted);
            first.filter(|_| outcome.fills.iter().any(|fill| fill.closed_by.is_none()))
        };
        let half = size(&[(None, Command::Size { factor: 0.5 })]);
        if let (Some(whole), Some(half)) = (size(&[]), half)
            && world.symbols.iter().all(|it| it.size.is_none() && it.weight.is_none())
        {
            assert_eq!(half, whole / 2.0, "world {seed}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

/// Whether entries are decided by rules and filled at the next open, each by an order of its own. With
/// one fill a bar, what is left of a stop is met otherwise where a command made the walk look anew.
fn enters_by_open(world: &World) -> bool {
    let axes = &world.settings.axes;
    axes.fill == When::NextOpen
        && axes.flip == Flip::TwoOrders
        && axes.orders_per_bar == OrdersPerBar::Many
        && world.symbols.iter().all(|symbol| symbol.weight.is_none())
}

#[test]
fn what_is_approved_at_once_is_what_needs_no_approval() {
    let mut compared = 0;
    for seed in 0..400 {
        let world = open_ended(&World::new(&mut Dice(seed)));
        if !enters_by_open(&world) {
            continue;
        }
        let all: Vec<Given> =
            (0..LEN).map(|bar| (Some(bar), Command::Approve { order: None })).collect();
        let approved = walk_by(&world, Hand { commands: &all, approves: true });
        let plain = walk(&world, &[]);
        assert_eq!(approved.fills, plain.fills, "world {seed}");
        // A price that is missing is unlike itself, and reads the same.
        let orders = |outcome: &Outcome| format!("{:?}", outcome.orders);
        assert_eq!(orders(&approved), orders(&plain), "world {seed}");
        compared += plain.fills.len();
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn an_approved_entry_waits_for_the_close_that_leaves_the_other_side() {
    let prices = [10.0, 11.0, 12.0, 13.0, 14.0].map(|open| [open, open + 1.0, open, open + 0.5]);
    let rules = signals(5, [&[0], &[], &[2], &[]]);
    let mut settings = Settings::default();
    settings.axes.fill = When::NextClose;
    let commands = [0, 2].map(|bar| (Some(bar), Command::Approve { order: None }));
    let hand = Hand { commands: &commands, approves: true };
    let mut walk = Walk::default();
    let outcome = walk.run_told(&frame(&prices), &[rules], &settings, hand, true);
    assert_eq!(
        trades(outcome),
        [(1, 11.0, 3, 13.5, Some(ClosedBy::Flip)), (3, 13.5, 4, 14.5, None)]
    );
}

#[test]
fn what_nobody_approves_is_not_entered_and_waits() {
    let (mut waited, mut later) = (0, 0);
    for seed in 0..400 {
        let world = open_ended(&World::new(&mut Dice(seed)));
        if world.symbols.iter().any(|symbol| symbol.weight.is_some()) {
            continue;
        }
        let silent = walk_by(&world, Hand { commands: &[], approves: true });
        assert!(silent.fills.is_empty(), "world {seed}");
        let waits = silent.orders.iter().position(|it| it.status == OrderStatus::Unapproved);
        let Some(order) = waits else { continue };
        waited += 1;
        let told = |command| {
            walk_by(&world, Hand { commands: &[(Some(LEN - 3), command)], approves: true })
        };
        let refused = told(Command::Refuse { order: None });
        assert!(refused.fills.is_empty(), "world {seed}");
        // What waits at the end may have been decided after the command.
        let approved = told(Command::Approve { order: Some(order) });
        let filled = approved.fills.iter().find(|fill| fill.closed_by.is_none());
        if let Some(fill) = filled {
            assert_eq!(fill.order, Some(order), "world {seed}");
            assert!(fill.bar > LEN - 3, "world {seed}");
            later += 1;
        }
    }
    assert!(waited > 50 && later > 5, "{waited} {later}");
}
