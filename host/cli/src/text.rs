//! The only place that writes to the terminal.
#![expect(clippy::print_stderr, reason = "a command line program prints its answer")]

use std::io::Write;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_cells() {
        let text = aligned(&[["a", "long cell", "x"].map(str::to_owned), ["longer", "b", "y"].map(str::to_owned)]);
        assert_eq!(text, "a       long cell  x\nlonger  b          y");
    }
}
