//! What trading costs: commission, slippage and spread at a fill, and what is charged for holding.

/// Everything that trading costs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    /// What the broker takes for a fill.
    pub commission: Commission,
    /// How much worse than the bar's price a fill is.
    pub slippage: Slippage,
    /// The distance from bid to ask, a fraction of the price: a round trip pays it once.
    pub spread: f64,
    /// A fraction a year of the value of what is sold short, for each night.
    pub borrow: f64,
    /// What longs pay to shorts.
    pub funding: Option<Funding>,
    /// A fraction a year of the cash, for each night: earned on what there is, paid on what is owed.
    pub interest: f64,
}

impl Costs {
    /// Each cost that there is, in a few words.
    pub fn words(&self) -> Vec<String> {
        let Commission { maker, taker, per_unit, per_order, min, max, ref tiers } = self.commission;
        let mut words = Vec::new();
        let mut say = |there: bool, text: String| words.extend(there.then_some(text));
        say(maker == taker && taker > 0.0, format!("commission {taker} of the money traded"));
        say(maker != taker, format!("commission {maker} (maker) and {taker} (taker)"));
        say(per_unit > 0.0, format!("commission {per_unit} a unit"));
        say(per_order > 0.0, format!("commission {per_order} a fill"));
        say(min > 0.0, format!("commission at least {min}"));
        say(max.is_finite(), format!("commission at most {max}"));
        say(!tiers.is_empty(), format!("{} tiers of commission", tiers.len()));
        match self.slippage {
            // Rounded, because 2 bps are not 1.9999999999999998.
            Slippage::Fraction(fraction) => {
                say(fraction > 0.0, format!("slippage {} bps", (fraction * 1e10).round() / 1e6));
            }
            Slippage::Range(fraction) => say(true, format!("slippage {fraction} of the range")),
            Slippage::Impact(impact) => {
                say(true, format!("slippage {impact} x sqrt(participation)"));
            }
        }
        say(self.spread > 0.0, format!("spread {}", self.spread));
        say(self.borrow > 0.0, format!("borrow {} a year", self.borrow));
        say(self.funding.is_some(), "funding".to_owned());
        say(self.interest > 0.0, format!("interest {} a year", self.interest));
        words
    }

    /// A commission of `rate` and a slippage of `slippage`, both fractions of the price.
    pub fn fractions(rate: f64, slippage: f64) -> Self {
        Self {
            commission: Commission { maker: rate, taker: rate, ..Commission::default() },
            slippage: Slippage::Fraction(slippage),
            ..Self::default()
        }
    }
}

/// What the broker takes for a fill.
#[derive(Debug, Clone, PartialEq)]
pub struct Commission {
    /// A fraction of the money traded by orders that rest: limits and targets.
    pub maker: f64,
    /// The same for all others.
    pub taker: f64,
    /// Money for each unit.
    pub per_unit: f64,
    /// Money for each fill.
    pub per_order: f64,
    /// The least that a fill costs.
    pub min: f64,
    /// The most that it costs.
    pub max: f64,
    /// Other rates once the account has traded more; ascending.
    pub tiers: Vec<Tier>,
}

/// Rates from a turnover on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tier {
    /// The money that the account must have traded before.
    pub above: f64,
    /// As in [`Commission`].
    pub maker: f64,
    /// As in [`Commission`].
    pub taker: f64,
}

impl Default for Commission {
    fn default() -> Self {
        Self {
            maker: 0.0,
            taker: 0.0,
            per_unit: 0.0,
            per_order: 0.0,
            min: 0.0,
            max: f64::INFINITY,
            tiers: Vec::new(),
        }
    }
}

impl Commission {
    /// What one fill costs after so much money was `traded`; `rests` for limits and targets.
    pub fn fee(&self, rests: bool, traded: f64) -> Fee {
        let tier = self.tiers.iter().rev().find(|tier| traded > tier.above);
        let (maker, taker) = tier.map_or((self.maker, self.taker), |tier| (tier.maker, tier.taker));
        Fee {
            rate: if rests { maker } else { taker },
            per_unit: self.per_unit,
            per_order: self.per_order,
            min: self.min,
            max: self.max,
        }
    }
}

/// The commission of one fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fee {
    rate: f64,
    per_unit: f64,
    per_order: f64,
    min: f64,
    max: f64,
}

impl Fee {
    /// The commission on `units` (positive) at `price`.
    pub fn of(&self, units: f64, price: f64) -> f64 {
        let fee = self.per_order + units * price * self.rate + units * self.per_unit;
        fee.max(self.min).min(self.max)
    }

    /// How many units at `price` are paid by `money`, their commission included.
    pub fn units_for(&self, money: f64, price: f64) -> f64 {
        let units = (money - self.per_order) / (price * (1.0 + self.rate) + self.per_unit);
        let fee = self.per_order + units * (price * self.rate + self.per_unit);
        let units = match fee {
            fee if fee < self.min => (money - self.min) / price,
            fee if fee > self.max => (money - self.max) / price,
            _ => units,
        };
        units.max(0.0)
    }
}

/// How much worse than the bar's price a fill is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slippage {
    /// By a fraction of the price.
    Fraction(f64),
    /// By a fraction of the distance from the bar's low to its high.
    Range(f64),
    /// By this times the square root of the units over the bar's volume, a fraction of the price.
    Impact(f64),
}

impl Default for Slippage {
    fn default() -> Self {
        Self::Fraction(0.0)
    }
}

impl Slippage {
    /// The price of `units` bought (`sign` 1) or sold (-1) at a bar's price `raw`, the bar having
    /// this `range` and `volume`, which are asked for only where they matter: each is a column far
    /// away in memory. A bar without volume has none to push against.
    pub fn price(
        self,
        sign: f64,
        raw: f64,
        units: f64,
        range: impl FnOnce() -> f64,
        volume: impl FnOnce() -> f64,
    ) -> f64 {
        match self {
            Self::Fraction(fraction) => raw * (1.0 + sign * fraction),
            Self::Range(fraction) => raw + sign * fraction * range(),
            Self::Impact(coefficient) => match volume() {
                volume if volume > 0.0 => {
                    raw * (1.0 + sign * coefficient * (units / volume).sqrt())
                }
                _ => raw,
            },
        }
    }

    /// Whether the price depends on how many units are traded.
    pub fn depends_on_units(self) -> bool {
        matches!(self, Self::Impact(_))
    }
}

/// What holders of longs pay to holders of shorts, a fraction of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Funding {
    /// The rate stands in an input, on the bars on which it is due.
    Input(usize),
    /// A rate each time so many microseconds have passed since midnight UTC.
    Every {
        /// The rate.
        rate: f64,
        /// The period in microseconds.
        period: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_for_money_cost_that_money() {
        for (min, max) in [(0.0, f64::INFINITY), (50.0, f64::INFINITY), (0.0, 2.0)] {
            let commission = Commission {
                taker: 0.01,
                per_unit: 0.1,
                per_order: 3.0,
                min,
                max,
                ..Commission::default()
            };
            let fee = commission.fee(false, 0.0);
            let units = fee.units_for(1_000.0, 20.0);
            assert!((units * 20.0 + fee.of(units, 20.0) - 1_000.0).abs() < 1e-9, "{min} {max}");
        }
    }

    #[test]
    fn tiers_begin_above_their_turnover() {
        let tiers = vec![Tier { above: 1_000.0, maker: 0.0, taker: 0.001 }];
        let commission = Commission { maker: 0.001, taker: 0.002, tiers, ..Commission::default() };
        assert_eq!(commission.fee(false, 1_000.0).of(1.0, 100.0), 0.2);
        assert_eq!(commission.fee(false, 1_000.5).of(1.0, 100.0), 0.1);
        assert_eq!(commission.fee(true, 1_000.5).of(1.0, 100.0), 0.0);
    }

    #[test]
    fn slippage_is_against_the_trader() {
        let price = |slippage: Slippage, sign| slippage.price(sign, 100.0, 10.0, || 4.0, || 1e3);
        assert_eq!(price(Slippage::Fraction(0.01), 1.0), 101.0);
        assert_eq!(price(Slippage::Range(0.25), -1.0), 99.0);
        assert_eq!(price(Slippage::Impact(0.1), 1.0), 101.0);
    }
}
