//! The language as a page for people: `docs/language.md`.

use super::function::Function;
use std::fmt::Write as _;

/// What stands before the functions.
const INTRO: &str = r#"# The rule language

A strategy is a TOML file: typed parameters, names for expressions (`[let]`) and rules. Rules are expressions
over the columns of the data, read at the close of every bar. This page is written by
`papertape schema language`; `papertape indicators NAME` prints the entry of one function, and
`papertape strategies lint` holds a strategy to what is said here, on your own data.

```toml
description = "Breaks out of a channel, in the direction of the weeks"

[params.length]
type = "int"                      # int, float, bool, choice or symbol
min = 2
default = 20

[let]
ceiling = "lag(donchian_high(length), 1)"
trend_is_up = "at('1w', close > sma(close, 10))"

[rules]
enter_long = "close > ceiling and trend_is_up"
exit_long = "close < lag(donchian_low(length), 1)"
```

## Values

Numbers (`20`, `0.05`, `1e-4`, `20_000`), texts (`'1d'` or `"1d"`), `true` and `false`. The columns `open`, `high`,
`low`, `close` and `volume`, and by its name every further column of numbers or truth values that all the
symbols have: a signal that was computed elsewhere is a rule as it stands. Parameters and lets go by their
names; lets may refer to each other in any order. A name is a column, a parameter, a let, a leg or a function, never
two of them.

From the loosest to the tightest: `or`, `and`, `not`, the comparisons `<` `<=` `>` `>=` `==` `!=` and `in [..]`, then
`+` `-`, then `*` `/` `%`, then the sign, then `@`. Comparisons do not chain. `/` is division of real numbers; `%`
has the sign of its right side. `if(condition, a, b)` chooses. A bare name of a function without arguments, such as
`weekday`, is its value.

```rules
close > open and volume > 2 * sma(volume, 20)
weekday in [1, 5] or month == 12
if(close > open, high, low) / close - 1 > 0.01
not (hour >= 9 and hour < 16)
```

**Missing** is a third truth value. Arithmetic, a comparison or a function of something missing is missing, and so
is what is not finite (`1 / 0`, `log(-1)`). `and`, `or`, `not` and `if` follow Kleene: false and missing is false,
true or missing is true. A rule acts only where it is true. A window with a missing value inside is missing; a
recursive function such as `ema` starts anew after one, warm-up included.

**Windows**, lags and lengths are whole numbers made of literals and parameters, checked before anything runs: one
that is longer than the data is a mistake. A window depends on nothing but the values inside it: it has the same
bits wherever it stands in the data.

**Calendar** functions read a bar's opening time in the data's time zone.

## Other symbols: `x@SYMBOL`

`close@ETH` is the close of the last bar of `ETH` that has closed when this bar closes, by the clock. It is carried
forward over bars that `ETH` does not have, and missing before its first. The symbol need not be traded; it must be
in the session's data, and its rows are then part of what the result depends on. After `@` stands a symbol, a symbol
in quotes (`close@"BTC/USDT"`), a parameter of type `symbol`, or a leg.

What stands before `@` is evaluated on the other symbol's own bars, and then carried:

```rules
close@ETH > sma(close, 20)@ETH
close@ETH > sma(close@ETH, 20)
(close / lag(close, 5))@"BTC/USDT" > 1.02
```

The first mean is over the last 20 bars of `ETH`; the second is over what was known of `ETH` on the last 20 bars of
this symbol, which is something else where the two trade at other hours.

## Longer timeframes: `at("1d", x)`

The bars of the longer timeframe are made of this symbol's bars that rules can see: first open, highest high,
lowest low, last close, sum of the volumes, last value of every further column. They are closed on the left and
count from local midnight; whole weeks begin on Monday. `x` is evaluated on them, and its value is known from the bar
on that closes when the longer bar does, by the clock: a day is over at local midnight, half day or not, and however
long a night on which clocks are moved. The bar that is still open is never seen.

```rules
close > at('1d', sma(close, 50))
crosses_above(close, at('6h', highest(high, 4)))
at('1w', close > lag(close, 1)) and at('1d', rsi(close, 14)) < 40
```

The timeframe is a text such as `"4h"`, `"1d"` or `"1w"`, or a parameter of type `choice`: a multiple of the bars' length,
up to a day, or whole days. Inside `at` everything is in that timeframe: a window counts its bars, and
`at("1d", x@ETH)` looks at the days of `ETH`. `at("1d", x)@ETH` are those days too, carried to this symbol's own bars
directly.

## Ranks: `cross_rank(x)`, `cross_rank_pct(x)`

They rank the session's symbols against each other: those that have a value of `x` on a bar that closes at the same
time. `cross_rank` is the place, 1 for the largest, so `cross_rank(roc(close, 60)) <= 2` are the two strongest;
`cross_rank_pct` is the share, 1 for the largest as in `rank_pct`. Ties share their mean place. A symbol that is not
traded has no rank.

## Rules

| rule | is | meaning |
| --- | --- | --- |
| `enter_long`, `enter_short` | true or false | open a position |
| `exit_long`, `exit_short` | true or false | close it |
| `stop`, `target` | a price | where the position is given up, where its profit is taken |
| `limit` | a price | an entry must not be worse |
| `trigger` | a price | the entry is made where the price reaches it; with `limit` a stop-limit |
| `size` | a number | multiplies what `sizing` gives |
| `weight` | a number | instead of all others: the signed fraction of the equity to hold; 0 closes, missing leaves alone |

Prices and sizes are read at the close of the signal's bar. Where one of them is missing there, the entry is refused
and says so: nothing is entered whose stop is not known. Rules are read for each symbol of the session by itself.
A strategy that trades several symbols as one names its legs, and each has rules of its own; the session says which
symbol each is, and the entries of the legs fill together or not at all, at the market: where a leg has no bar at the
close that decides, or none where the others are filled, none is entered. An exit waits for nobody: each leg leaves by
its own rules, at its own next bar.

```toml
legs = ["y", "x"]

[let]
z = "zscore(log(close@y / close@x), 100)"

[rules.y]
enter_long = "z < -2"
exit_long = "z > 0"

[rules.x]
enter_short = "z < -2"
exit_short = "z > 0"
```

```toml
[session.coins]
legs = { y = "ETH", x = "BTC" }
```

`plot = ["trend", "ceiling"]`, above `[params]`, names lets that the page of a kept session draws over the prices;
a truth value is drawn as 1 and 0.

## It cannot look ahead

No value at a bar depends on a bar that closes later, whether of the same symbol, of another, or of a longer
timeframe. Tests hold every function to this, by taking the future away and by spoiling it. What lies outside of the
promise, because it is decided before the first bar is read:

- columns that were computed elsewhere, and prices that were adjusted backwards for later splits and dividends;
- the choice of symbols: those that are in a list today are those that survived;
- parameters that were chosen on the range on which they are judged;
- `execution.fill = "close"`, which decides and fills on the same close;
- data that was revised after the fact.

## Functions
"#;

/// The page.
pub fn markdown() -> String {
    let mut page = INTRO.to_owned();
    let mut group = "";
    for function in Function::all() {
        let wrote = "a String takes any text";
        if function.group != group {
            group = function.group;
            let (first, rest) = group.split_at(1);
            write!(page, "\n### {}{rest}\n\n", first.to_uppercase()).expect(wrote);
            page.push_str("| function | what it is | from which bar on | source |\n");
            page.push_str("| --- | --- | --- | --- |\n");
        }
        let cell = |text: &str| text.replace('|', "\\|");
        let (about, formula) = (cell(function.about), cell(function.formula));
        writeln!(
            page,
            "| `{}` | {about} {formula} | {} | {} |",
            function.signature(),
            function.warm_up_text(),
            function.source
        )
        .expect(wrote);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    #[test]
    fn the_file_in_docs_is_what_the_program_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/language.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(),
            "write it again: papertape schema language > docs/language.md"
        );
    }

    #[test]
    fn every_rule_on_the_page_is_one() {
        let mut parts = INTRO.split("```rules\n");
        parts.next();
        let rules: Vec<&str> =
            parts.flat_map(|part| part.split("```").next().unwrap().lines()).collect();
        assert!(rules.len() >= 10, "{rules:?}");
        for rule in rules {
            assert!(parse(rule).is_ok(), "{rule}: {:?}", parse(rule));
            super::super::tests::evaluates(rule);
        }
    }
}
