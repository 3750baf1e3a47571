//! Moments as people write them.

use anyhow::{Context, bail};
use nicety_core::millis::Millis;

pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-11-21T13:10:24Z` (a space for the `T`, or a date alone, will do), seconds since 1970, or milliseconds with `ms` behind.
pub fn parse(text: &str) -> anyhow::Result<Millis> {
    if let Some(digits) = text.strip_suffix("ms") {
        return Ok(Millis(digits.parse().with_context(|| wrong(text))?));
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Millis(seconds.saturating_mul(1000)));
    }
    let text_utc = text.strip_suffix(" UTC").or_else(|| text.strip_suffix('Z')).unwrap_or(text);
    let (date, clock) = text_utc.split_once(['T', ' ']).unwrap_or((text_utc, "00:00:00"));
    let numbers = |text: &str, mark: char| -> Option<[u64; 3]> {
        let parts = text.split(mark).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
        parts.try_into().ok()
    };
    let clock = if clock.matches(':').count() == 1 { format!("{clock}:00") } else { clock.to_owned() };
    match (numbers(date, '-'), numbers(&clock, ':')) {
        (Some([year, month @ 1..=12, day @ 1..=31]), Some([hour @ 0..24, minute @ 0..60, second @ 0..=60]))
            if (1970..10_000).contains(&year) =>
        {
            let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
            Ok(Millis(seconds * 1000))
        }
        _ => bail!(wrong(text)),
    }
}

/// Since 1970, by the proleptic Gregorian calendar. Years begin in March, so that leap days end them.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468
}

fn wrong(text: &str) -> String {
    format!(
        "`{text}` is no time; hint: `2026-11-21T13:10:24Z`, `2026-11-21 13:10`, `2026-11-21`, seconds since 1970, or milliseconds with `ms` behind"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::utc;

    #[test]
    fn what_is_told_can_be_asked_for() {
        for seconds in [0, 951_827_696, 1_709_251_199, 1_764_000_000, 4_107_542_400] {
            let millis = Millis(seconds * 1000);
            assert_eq!(parse(&utc(millis)).unwrap(), millis);
            assert_eq!(parse(&seconds.to_string()).unwrap(), millis);
        }
        assert_eq!(parse("2000-02-29T12:34:56Z").unwrap(), Millis(951_827_696_000));
        assert_eq!(parse("2000-02-29 12:34").unwrap(), Millis(951_827_640_000));
        assert_eq!(parse("1764000000123ms").unwrap(), Millis(1_764_000_000_123));
    }

    #[test]
    fn what_is_no_time_is_said_to_be_none() {
        for text in ["", "now", "2026-13-01", "2026-1", "2026-01-01T25:00:00", "ms", "1-1-1"] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains("hint") && said.contains("`ms`"), "{said}");
        }
    }
}
