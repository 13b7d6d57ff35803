//! Numbers as people's programs write them: `1234.5`, `1,234.5`, `1.234,5` or `1 234,5`.
//!
//! One cell cannot tell: `1,234` is a thousand and more here, and little more than one there. All cells
//! of a file's prices and volumes are asked, and only where they agree are marks between digits read.

/// The marks that a file writes between digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notation {
    /// Before decimals.
    decimal: char,
}

impl Notation {
    /// What programs write for each other: a point before decimals, and nothing between thousands.
    pub(super) const PLAIN: Self = Self { decimal: '.' };

    /// The notation of a file with these `cells`; the plain one if they do not tell, or contradict each
    /// other.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let (mut points, mut commas) = (false, false);
        for cell in cells {
            match decimal_mark(cell) {
                Some('.') => points = true,
                Some(_) => commas = true,
                None => {}
            }
        }
        if commas && !points { Self { decimal: ',' } } else { Self::PLAIN }
    }

    /// Whether a cell by itself is a number in one notation or the other.
    pub(super) fn may_be_number(cell: &str) -> bool {
        let both = [Self::PLAIN, Self { decimal: ',' }];
        both.into_iter().any(|notation| notation.read(cell).is_some_and(f64::is_finite))
    }

    /// The number in a cell; `None` if it is none in this notation.
    pub(super) fn read(self, cell: &str) -> Option<f64> {
        let cell = cell.trim();
        let group = if self.decimal == '.' { ',' } else { '.' };
        let is_plain = !cell.contains([',', ' ', '\'', '\u{a0}', '\u{202f}']);
        if is_plain && (self.decimal == '.' || !cell.contains('.')) {
            return cell.parse().ok();
        }
        let (whole, decimals) = match cell.split_once(self.decimal) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (cell, None),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let mark = whole.chars().find(|mark| is_space(*mark) || *mark == group);
        let mut groups = whole.split(|c| Some(c) == mark);
        let first = groups.next()?;
        let digits = first.strip_prefix(['-', '+']).unwrap_or(first);
        let starts = !digits.is_empty() && (mark.is_none() || digits.len() <= 3);
        let whole_groups = groups.all(|group| group.len() == 3 && is_digits(group));
        if !(starts && is_digits(digits) && whole_groups && decimals.is_none_or(is_digits)) {
            return None;
        }
        let whole: String = whole.chars().filter(|c| Some(*c) != mark).collect();
        format!("{whole}.{}", decimals.unwrap_or("0")).parse().ok()
    }
}

/// What some programs write between thousands, and none before decimals.
fn is_space(mark: char) -> bool {
    matches!(mark, ' ' | '\'' | '\u{a0}' | '\u{202f}')
}

/// The mark that stands before the decimals of a cell, if that cannot be one between thousands.
fn decimal_mark(cell: &str) -> Option<char> {
    let cell = cell.trim().trim_start_matches(['-', '+']);
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || is_space(c);
    if !cell.chars().all(is_number) {
        return None;
    }
    let last = cell.rfind(['.', ','])?;
    let mark = if cell.as_bytes()[last] == b'.' { '.' } else { ',' };
    let other = if mark == '.' { ',' } else { '.' };
    let (before, after) = (&cell[..last], &cell[last + 1..]);
    if before.contains(mark) {
        // It stands there twice: between thousands.
        return Some(other);
    }
    let may_be_group =
        after.len() == 3 && !before.starts_with('0') && (1..=3).contains(&before.len());
    (before.contains(other) || !may_be_group).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_of_a_file_tell_together_how_its_numbers_are_written() {
        let comma = Notation { decimal: ',' };
        for (cells, notation) in [
            (&["100.5", "1,234"][..], Notation::PLAIN),
            (&["100,5", "1.234"], comma),
            (&["1.234.567", "1.234"], comma),
            (&["1,234,567", "1,234"], Notation::PLAIN),
            (&["1.234,5"], comma),
            (&["0,123"], comma),
            (&["1,234"], Notation::PLAIN),
            (&["100,5", "100.5"], Notation::PLAIN),
            (&["x,5", "never"], Notation::PLAIN),
        ] {
            assert_eq!(Notation::of(cells.iter().copied()), notation, "{cells:?}");
        }
    }

    #[test]
    fn a_number_is_read_in_the_notation_of_its_file_or_not_at_all() {
        let (plain, comma) = (Notation::PLAIN, Notation { decimal: ',' });
        for (cell, is_plain, is_comma) in [
            ("1234.5", Some(1234.5), None),
            ("1,234.5", Some(1234.5), None),
            ("1.234,5", None, Some(1234.5)),
            ("-1 234,5", None, Some(-1234.5)),
            ("1'234.50", Some(1234.5), None),
            ("1,234,567", Some(1_234_567.0), None),
            ("12,34,567", None, None),
            ("1,5", None, Some(1.5)),
            ("1.234", Some(1.234), Some(1234.0)),
            ("1e-5", Some(1e-5), Some(1e-5)),
            ("0.1", Some(0.1), None),
            (",5", None, None),
            ("1 23", None, None),
            ("$5", None, None),
        ] {
            assert_eq!(plain.read(cell), is_plain, "{cell}");
            assert_eq!(comma.read(cell), is_comma, "{cell}");
        }
        assert!(plain.read("NaN").is_some_and(f64::is_nan));
    }
}
