//! Commands hold from the next bar on, change nothing before, and do what they say.

use super::command::{Command, Given};
use super::model::AtEnd;
use super::outcome::{Outcome, value};
use super::trade::Fill;
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
        let command = match dice.below(16) {
            0..3 => Command::Pause,
            3..6 => Command::Resume,
            6..8 => Command::CloseAll,
            8..10 => Command::CancelOrders,
            10..12 => Command::Size { factor: dice.number(0.5, 1.5) },
            12..14 => Command::Tighten { fraction: dice.number(0.1, 0.9) },
            14 => Command::Trade { symbol, allowed: dice.chance(50) },
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
    let signals: Vec<_> = world.symbols.iter().map(|symbol| symbol.signals()).collect();
    Walk::default().run_told(&world.frame(), &signals, &world.settings, given, true).clone()
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
        let long = walk(&world, &given);
        let cut = 1 + dice.below(LEN - 1);
        let known: Vec<Given> =
            given.iter().filter(|(bar, _)| bar.is_none_or(|bar| bar < cut)).copied().collect();
        let piece = world.cut(cut);
        let short = walk(&piece, &known);
        let before: Vec<Fill> = long.fills.iter().filter(|fill| fill.bar < cut).copied().collect();
        assert_eq!(short.fills, before, "world {seed} cut at {cut}");
        assert_eq!(
            worth(&piece, &short, cut),
            worth(&world, &long, cut),
            "world {seed} cut at {cut}"
        );
        let told = long.events.iter().filter(|event| event.bar < cut).count();
        assert_eq!(short.events[..], long.events[..told], "world {seed} cut at {cut}");
        compared += short.fills.len();
        obeyed += known.len();
    }
    println!("{compared} fills and {obeyed} commands before the cuts");
    assert!(compared > 1_000 && obeyed > 500);
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
