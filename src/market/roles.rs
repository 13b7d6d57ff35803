//! Which column of a file is which of ours.

use super::DataError;
use crate::manifest::DataSettings;
use std::collections::HashMap;
use std::path::Path;

/// What a column can be, and the names under which files keep it, in small letters and with `_` between
/// words.
const GUESSES: &[(&str, &[&str])] = &[
    (
        "time",
        &[
            "time",
            "timestamp",
            "date",
            "datetime",
            "date_time",
            "open_time",
            "opentime",
            "ts",
            "t",
            "local_time",
            "gmt_time",
            "unix",
            "epoch",
            "unix_time",
            "unix_timestamp",
        ],
    ),
    ("open", &["open", "o", "open_price"]),
    ("high", &["high", "h", "high_price"]),
    ("low", &["low", "l", "low_price"]),
    ("close", &["close", "c", "close_price", "last", "price"]),
    ("volume", &["volume", "v", "vol", "vol.", "volume_units", "base_volume"]),
    ("symbol", &["symbol", "ticker", "asset", "instrument", "pair", "sym"]),
    ("price", &["price", "px", "p", "last_price"]),
    ("amount", &["amount", "qty", "quantity", "size", "volume", "vol"]),
    ("adj_close", &["adj_close", "adjclose", "adjusted_close", "close_adj"]),
    ("split", &["split", "split_ratio", "stock_splits", "splits", "split_factor"]),
    ("dividend", &["dividend", "dividends", "ex_dividend", "dividend_amount", "cash_dividend"]),
];

/// The columns of a bar.
const BAR: [&str; 4] = ["open", "high", "low", "close"];
/// Columns that have a role and can be read by rules all the same.
const BOTH: [&str; 3] = ["adj_close", "split", "dividend"];

/// The columns of one file.
#[derive(Debug, Clone)]
pub(super) struct Roles {
    /// Our name and theirs.
    ours: HashMap<&'static str, String>,
    /// The column of days beside one of times, which may be times of day alone.
    pub(super) day: Option<String>,
    /// Columns that rules can read by their name: ours, theirs.
    pub(super) further: Vec<(String, String)>,
}

impl Roles {
    /// The roles of the columns `names` of `file`, as they are told or as they look.
    pub(super) fn of(
        file: &Path,
        names: &[String],
        settings: &DataSettings,
    ) -> Result<Self, DataError> {
        let has = || names.join(", ");
        let absent = |told: &str, role: &str| {
            let fact = format!("there is no column `{told}` for `{role}`; the file has {}", has());
            DataError::new(file, fact)
        };
        let mut ours = HashMap::new();
        for (role, guesses) in GUESSES {
            let told = match *role {
                "symbol" => settings.symbol_column.as_ref(),
                role => settings.columns.iter().find(|(name, _)| name == role).map(|(_, it)| it),
            };
            let found = match told {
                Some(told) if names.contains(told) => Some(told),
                Some(told) => return Err(absent(told, role)),
                None => guesses.iter().find_map(|guess| names.iter().find(|n| plain(n) == *guess)),
            };
            if let Some(found) = found {
                let is_twin = |name: &&String| *name == found;
                if names.iter().filter(is_twin).count() > 1 {
                    let fact = format!("two columns are called `{found}`; rename one of them");
                    return Err(DataError::new(file, fact));
                }
                ours.insert(*role, found.clone());
            }
        }
        let is_told = settings.columns.iter().any(|(name, _)| name == "time");
        let called = |name: &str| names.iter().find(|it| plain(it) == name);
        let day = called("time").and(called("date")).filter(|_| !is_told).cloned();
        let is_bar = ["open", "high", "low"].iter().any(|role| ours.contains_key(role));
        let is_trade = !is_bar && ours.contains_key("price");
        let needed: &[&str] = if is_trade { &["time", "price"] } else { &["time"] };
        let of_bar: &[&str] = if is_trade { &[] } else { &BAR };
        if let Some(role) = needed.iter().chain(of_bar).find(|role| !ours.contains_key(*role)) {
            if names.iter().any(|name| name.trim().parse::<f64>().is_ok()) {
                let fact = format!(
                    "the first line is no header, it has {}; write the names of the columns above it",
                    has()
                );
                return Err(DataError::new(file, fact));
            }
            let fact = format!(
                "no column looks like `{role}`; the file has {}; name it: `data.columns = {{ {role} = \"...\" }}`",
                has()
            );
            return Err(DataError::new(file, fact));
        }
        let unused: &[&str] = if is_trade {
            &["open", "high", "low", "close", "volume"]
        } else {
            &["price", "amount"]
        };
        unused.iter().for_each(|role| {
            ours.remove(role);
        });
        let used = |name: &String| {
            ours.iter().any(|(role, theirs)| theirs == name && !BOTH.contains(role))
        };
        let named = |name: &String| {
            let told = settings.columns.iter().find(|(_, theirs)| theirs == name);
            told.map_or_else(|| name.clone(), |(ours, _)| ours.clone())
        };
        let further: Vec<(String, String)> = names
            .iter()
            .filter(|name| !used(name))
            .map(|name| (named(name), name.clone()))
            .collect();
        let lost = settings.columns.iter().find(|(_, theirs)| !names.contains(theirs));
        match lost {
            Some((name, told)) => Err(absent(told, name)),
            None => Ok(Self { ours, day, further }),
        }
    }

    /// What their column `name` is taken for.
    pub(super) fn role(&self, name: &str) -> Option<&str> {
        let role =
            GUESSES.iter().map(|(role, _)| *role).find(|role| self.theirs(role) == Some(name));
        let further = self.further.iter().find(|(_, theirs)| theirs == name);
        role.or(further.map(|(ours, _)| ours.as_str()))
    }

    /// The name by which rules read the column of a role, if they can.
    pub(super) fn further_name(&self, role: &str) -> Option<String> {
        let theirs = self.theirs(role)?;
        self.further.iter().find(|(_, name)| name == theirs).map(|(ours, _)| ours.clone())
    }

    /// Their name of our column.
    pub(super) fn theirs(&self, role: &str) -> Option<&str> {
        self.ours.get(role).map(String::as_str)
    }

    /// Whether the file holds trades, and no bars.
    pub(super) fn are_trades(&self) -> bool {
        self.ours.contains_key("price")
    }

    /// Our names of the columns that must hold numbers: prices and volume of a bar, of trades the price
    /// and the amount.
    pub(super) fn numbers(&self) -> [&'static str; 5] {
        match self.are_trades() {
            true => ["price", "price", "price", "price", "amount"],
            false => ["open", "high", "low", "close", "volume"],
        }
    }
}

fn plain(name: &str) -> String {
    let name = name.trim().trim_start_matches('<').trim_end_matches('>');
    name.to_lowercase().replace([' ', '-'], "_")
}
