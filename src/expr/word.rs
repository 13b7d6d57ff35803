//! The words and signs of the language that are no functions, for people who ask what they mean.

/// A word or a sign.
#[derive(Debug)]
pub struct Word {
    /// How it is spelled.
    pub name: &'static str,
    /// How it is used.
    pub form: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// A rule that uses it.
    pub example: &'static str,
}

impl Word {
    /// The word or sign that is spelled `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        WORDS.iter().find(|word| word.name == name)
    }
}

/// Every word and sign.
pub static WORDS: &[Word] = &[
    Word {
        name: "if",
        form: "if(condition, a, b)",
        about: "`a` where the condition is true, `b` where it is false, missing where it is missing.",
        example: "if(close > open, high, low) / close > 1.01",
    },
    Word {
        name: "at",
        form: "at(timeframe, x)",
        about: "`x` on the bars of a longer timeframe, known from the bar on that closes when the longer one does.",
        example: "at('1d', sma(close, 20)) < close",
    },
    Word {
        name: "@",
        form: "x@SYMBOL",
        about: "`x` on the bars of another symbol: of the last one that has closed, by the clock.",
        example: "close@\"BTC/USDT\" > sma(close, 20)@\"BTC/USDT\"",
    },
    Word {
        name: "and",
        form: "a and b",
        about: "True where both are, false where either is false, otherwise missing.",
        example: "close > open and volume > 0",
    },
    Word {
        name: "or",
        form: "a or b",
        about: "True where either is, false where both are false, otherwise missing.",
        example: "weekday == 1 or weekday == 5",
    },
    Word {
        name: "not",
        form: "not a",
        about: "True where `a` is false, missing where it is missing.",
        example: "not (hour >= 9 and hour < 16)",
    },
    Word {
        name: "in",
        form: "x in [a, b]",
        about: "True where `x` is one of the list.",
        example: "month in [11, 12, 1]",
    },
    Word { name: "true", form: "true", about: "Always true.", example: "(close > open) == true" },
    Word { name: "false", form: "false", about: "Never true.", example: "(close > open) == false" },
    Word { name: "+", form: "a + b", about: "The sum.", example: "high + low > 2 * close" },
    Word {
        name: "-",
        form: "a - b, -a",
        about: "The difference, or the other sign.",
        example: "high - low > -change(close, 1)",
    },
    Word { name: "*", form: "a * b", about: "The product.", example: "close > 1.02 * open" },
    Word {
        name: "/",
        form: "a / b",
        about: "The quotient of real numbers; missing where `b` is 0.",
        example: "close / open > 1.02",
    },
    Word {
        name: "%",
        form: "a % b",
        about: "The remainder, with the sign of `b`.",
        example: "bar_index % 20 == 0",
    },
    Word { name: "<", form: "a < b", about: "Whether `a` is less.", example: "close < open" },
    Word {
        name: "<=",
        form: "a <= b",
        about: "Whether `a` is less or equal.",
        example: "close <= open",
    },
    Word { name: ">", form: "a > b", about: "Whether `a` is greater.", example: "close > open" },
    Word {
        name: ">=",
        form: "a >= b",
        about: "Whether `a` is greater or equal.",
        example: "close >= open",
    },
    Word { name: "==", form: "a == b", about: "Whether they are equal.", example: "weekday == 5" },
    Word { name: "!=", form: "a != b", about: "Whether they differ.", example: "month != 9" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::KEYWORDS;

    #[test]
    fn every_keyword_is_a_word_and_every_example_a_rule() {
        for keyword in KEYWORDS {
            assert!(Word::named(keyword).is_some(), "{keyword}");
        }
        for word in WORDS {
            crate::expr::tests::evaluates(word.example);
            assert!(word.example.contains(word.name), "{}", word.name);
        }
    }
}
