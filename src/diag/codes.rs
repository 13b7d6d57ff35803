//! The stable codes of mistakes. A code is never given a second meaning: E0105 was that of a key which
//! had no feature yet.

/// A stable code such as `E0102`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub &'static str);

macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal)*) => {
        $(#[doc = $meaning] pub const $name: Code = Code($code);)*

        /// Every code with its meaning, in order.
        pub const CODES: &[(Code, &str)] = &[$((Code($code), $meaning)),*];

        /// The page of every code, in the same order: what it means, and how the wrong is made right.
        pub const PAGES: &[(Code, &str)] =
            &[$((Code($code), include_str!(concat!("../../docs/codes/", $code, ".md")))),*];
    };
}

codes! {
    SYNTAX "E0100" "The text is not TOML."
    MISSING_KEY "E0101" "A key that is needed is not there."
    UNKNOWN_KEY "E0102" "A key that papertape does not know."
    WRONG_TYPE "E0103" "A value of another type than the key's."
    OUT_OF_RANGE "E0104" "A value outside its bounds, or a word that is not one of the choices."
    TWICE "E0106" "A name that is given twice."
    BAD_NAME "E0107" "A name with characters that names cannot have."
    EXCLUSIVE "E0108" "Two keys of which only one can be meant."
    EXPRESSION "E0201" "An expression that cannot be read."
    UNKNOWN_NAME "E0202" "A name that is not a column, parameter, let or function."
    EXPRESSION_TYPE "E0203" "Values of types that do not go together."
    ARGUMENTS "E0204" "A function called with too few or too many arguments."
    WINDOW "E0205" "A window, lag or length that is not a whole number in its bounds."
    CYCLE "E0206" "Lets that refer to each other in a circle."
    TIMEFRAME "E0207" "A timeframe that cannot be made of the bars that there are."
    LONG_WINDOW "E0208" "A window that is longer than the data."
    SWEEP_PATH "E0301" "A path that is not a key of a session, or one that cannot be swept."
    SWEEP_AXIS "E0302" "A sweep axis that cannot be expanded."
    TOO_MANY "E0303" "A sweep with more points than `max_sessions`."
    IDLE_RULE "W0304" "A sweep rule that removes nothing."
    SHADOWED "W0305" "A sweep axis that a `--set` replaces."
    NO_TEMPLATE "E0401" "A template that is not there."
    TEMPLATE_CYCLE "E0402" "Templates that inherit from each other in a circle."
    NO_STRATEGY "E0403" "A strategy that is not there."
    UNREADABLE "E0501" "A file that cannot be read."
}
