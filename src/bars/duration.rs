//! Lengths of time as people write them: `30m`, `4h`, `1d`.

const SECOND: i64 = 1_000_000;

/// The units, each with its microseconds, the shortest first.
const UNITS: [(&str, i64); 6] = [
    ("ms", SECOND / 1_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
    ("d", 86_400 * SECOND),
    ("w", 7 * 86_400 * SECOND),
];

/// Microseconds of a text such as `30m`, or what is wrong with it.
pub fn parse(text: &str) -> Result<i64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let unit = match unit.trim() {
        "" => return Err("a unit is missing: s, m, h, d or w".into()),
        "min" => "m",
        unit => unit,
    };
    let scale = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, scale) = scale.ok_or_else(|| format!("`{unit}` is not a unit: s, m, h, d or w"))?;
    let count: i64 = digits.parse().map_err(|_| "a whole number comes first".to_owned())?;
    let span = count.checked_mul(*scale).filter(|span| *span > 0);
    span.ok_or_else(|| "it is not above zero".into())
}

/// `micros` as [`parse`] reads them, in the largest unit: `5m`, `1d`.
pub fn text(micros: i64) -> String {
    let whole = UNITS.iter().rev().find(|(_, scale)| micros % scale == 0);
    match whole {
        Some((unit, scale)) => format!("{}{unit}", micros / scale),
        None => format!("{}ms", micros as f64 / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (written, micros) in [("30m", 1_800 * SECOND), ("24h", 86_400 * SECOND)] {
            assert_eq!(parse(written), Ok(micros));
        }
        for written in ["1ms", "90s", "5m", "4h", "1d", "30d", "2w"] {
            assert_eq!(text(parse(written).unwrap()), written);
        }
        assert_eq!(text(parse("60s").unwrap()), "1m");
        for wrong in ["30", "m", "1x", "0d", "99999999999999999d", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
