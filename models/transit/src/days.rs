//! Service days: sets of calendar dates as bits.

use jiff::civil::Date;

/// Longest span of one service, days (some thirty years).
pub(crate) const SPAN_DAYS_MAX: usize = 11_000;

/// A set of dates within a span of some thirty years.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaySet {
    /// Number of the day of bit 0.
    base: i32,
    bits: Vec<u64>,
}

/// Days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i32 {
    Date::constant(1970, 1, 1)
        .until(date)
        .map_or(0, |span| span.get_days())
}

/// The date of a day number.
pub(crate) fn date_of(day: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(day))
}

impl DaySet {
    /// No day.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a date; `false` where it lies too far from the others to be meant.
    pub fn insert(&mut self, date: Date) -> bool {
        let day = day_number(date);
        if self.bits.is_empty() {
            self.base = day;
        }
        if day < self.base {
            let words = usize::try_from((self.base - day + 63) / 64).unwrap_or(usize::MAX);
            if words.saturating_add(self.bits.len()) > SPAN_DAYS_MAX / 64 {
                return false;
            }
            self.bits.splice(0..0, std::iter::repeat_n(0, words));
            self.base -= i32::try_from(words * 64).unwrap_or(0);
        }
        let bit = usize::try_from(day - self.base).unwrap_or(usize::MAX);
        if bit > SPAN_DAYS_MAX {
            return false;
        }
        if bit / 64 >= self.bits.len() {
            self.bits.resize(bit / 64 + 1, 0);
        }
        self.bits[bit / 64] |= 1 << (bit % 64);
        true
    }

    /// Takes a date out.
    pub fn remove(&mut self, date: Date) {
        if let Some((word, bit)) = self.place(date) {
            self.bits[word] &= !(1 << bit);
        }
    }

    /// Whether the date is in the set.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        self.place(date)
            .is_some_and(|(word, bit)| self.bits[word] >> bit & 1 == 1)
    }

    /// How many dates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|w| *w == 0)
    }

    /// All dates, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Date> + '_ {
        self.bits.iter().enumerate().flat_map(move |(word, bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| date_of(self.base + i32::try_from(word * 64 + bit).unwrap_or(0)))
        })
    }

    fn place(&self, date: Date) -> Option<(usize, usize)> {
        let bit = usize::try_from(day_number(date).checked_sub(self.base)?).ok()?;
        (bit / 64 < self.bits.len()).then_some((bit / 64, bit % 64))
    }
}

/// Reads `YYYYMMDD` or `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Date::new(
        digits[..4].parse().ok()?,
        digits[4..6].parse().ok()?,
        digits[6..].parse().ok()?,
    )
    .ok()
}

/// Writes `YYYYMMDD`.
pub(crate) fn gtfs_date(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_in_in_any_order_and_come_out_sorted() {
        let mut days = DaySet::new();
        for text in ["20160315", "2016-01-31", "20160329", "20151201"] {
            assert!(days.insert(parse_date(text).unwrap()));
        }
        days.remove(parse_date("20160131").unwrap());
        let all: Vec<String> = days.iter().map(gtfs_date).collect();
        assert_eq!(all, ["20151201", "20160315", "20160329"]);
        assert!(days.contains(parse_date("20160329").unwrap()));
        assert!(!days.contains(parse_date("20160330").unwrap()));
        assert!(
            !days.insert(parse_date("99990101").unwrap()),
            "a date far away is refused, not allocated"
        );
        assert_eq!(days.len(), 3);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "2016031", "20161301", "2016031x", "２０１６０３１５"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
