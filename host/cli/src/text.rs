//! The only place that writes to the terminal.
#![expect(clippy::print_stderr, reason = "a command line program prints its answer")]

use std::io::Write;

use nicety_core::millis::Millis;

/// Data, for a person or a pipe. A reader that went away is no error.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")));
}

/// What went wrong.
pub fn complain(text: &str) {
    eprintln!("{text}");
}

/// Columns as wide as their widest cell, the last one as it is.
pub fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |line: &[String; N]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `2026-11-21 13:10:24 UTC`, by the proleptic Gregorian calendar.
pub fn utc(Millis(millis): Millis) -> String {
    let (seconds, days) = (millis / 1000 % 86_400, millis / 1000 / 86_400);
    // Days since 0000-03-01, in eras of 400 years, which all are of one length; years begin in March, so that leap days end them.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02} UTC")
}

/// At most so many characters on one line.
pub fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_by_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_827_696, "2000-02-29 12:34:56 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_764_000_000, "2025-11-24 16:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(Millis(seconds * 1000 + 999)), text);
        }
    }

    #[test]
    fn long_texts_are_cut_and_lines_joined() {
        assert_eq!(shortened("a\n  b", 10), "a b");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }

    #[test]
    fn columns_line_up_whatever_their_cells() {
        let text = aligned(&[["a", "long cell", "x"].map(str::to_owned), ["longer", "b", "y"].map(str::to_owned)]);
        assert_eq!(text, "a       long cell  x\nlonger  b          y");
    }
}
