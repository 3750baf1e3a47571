//! The table for people and the file for programs.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use serde_json::{Value, json};

use crate::arguments::Result;

/// One promise, or one figure without a promise. All values are in `unit`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub p50: f64,
    /// None where only one value was taken.
    pub p95: Option<f64>,
    pub peer: Option<Peer>,
    pub target: Target,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    pub name: &'static str,
    pub p50: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Measured, not promised.
    None,
    /// p50 is not above this value.
    AtMost(f64),
    /// p50 is not below this value.
    AtLeast(f64),
    /// The peer's p50 divided by ours is not below this value.
    FasterThanPeer(f64),
    /// Our p50 divided by the peer's is not above this value.
    TimesPeer(f64),
}

impl Row {
    /// The peer's p50 divided by ours: above 1 we are faster.
    pub fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|peer| peer.p50 / self.p50)
    }

    /// None without a target.
    pub fn met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::AtMost(limit) => Some(self.p50 <= limit),
            Target::AtLeast(limit) => Some(self.p50 >= limit),
            Target::FasterThanPeer(times) => Some(self.ratio().is_some_and(|ratio| ratio >= times)),
            Target::TimesPeer(times) => Some(self.ratio().is_some_and(|ratio| ratio * times >= 1.0)),
        }
    }

    fn target(&self) -> Option<String> {
        match self.target {
            Target::None => None,
            Target::AtMost(limit) => Some(format!("<= {limit} {}", self.unit)),
            Target::AtLeast(limit) => Some(format!(">= {limit} {}", self.unit)),
            Target::FasterThanPeer(times) => Some(format!("{times}x faster")),
            Target::TimesPeer(times) => Some(format!("<= {times}x peer")),
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "p50": rounded(self.p50),
            "p95": self.p95.map(rounded),
            "peer": self.peer.as_ref().map(|peer| peer.name),
            "peer_p50": self.peer.as_ref().map(|peer| rounded(peer.p50)),
            "ratio": self.ratio().map(rounded),
            "target": self.target(),
            "met": self.met(),
        })
    }
}

/// Three digits after the point: the noise of any of these figures is larger.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub fn write_json(rows: &[Row], path: &Path) -> Result<()> {
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
        .map_err(|error| format!("cannot write `{}`: {error}", path.display()).into())
}

pub fn print_table(rows: &[Row]) -> Result<()> {
    io::stdout().write_all(table(rows)?.as_bytes())?;
    Ok(())
}

fn table(rows: &[Row]) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<42} {:>5} {:>9} {:>9}  {:<18} {:>9} {:>7}  {:<14} met",
        "", "unit", "p50", "p95", "peer", "peer p50", "ratio", "target"
    )?;
    let number = |value: Option<f64>| value.map(|value| format!("{value:.2}")).unwrap_or_default();
    for row in rows {
        let met = match row.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        writeln!(
            text,
            "{:<42} {:>5} {:>9} {:>9}  {:<18} {:>9} {:>7}  {:<14} {met}",
            row.name,
            row.unit,
            number(Some(row.p50)),
            number(row.p95),
            row.peer.as_ref().map(|peer| peer.name).unwrap_or_default(),
            number(row.peer.as_ref().map(|peer| peer.p50)),
            number(row.ratio()),
            row.target().unwrap_or_default(),
        )?;
    }
    Ok(text)
}

pub fn complain(error: &dyn Error) -> ExitCode {
    // Nothing is left to report to when stderr is gone.
    drop(writeln!(io::stderr(), "nicety-bench: {error}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(p50: f64, peer_p50: f64, target: Target) -> Row {
        let peer = Some(Peer { name: "peer", p50: peer_p50 });
        Row { name: "row".to_owned(), unit: "ms", p50, p95: None, peer, target }
    }

    #[test]
    fn a_target_is_met_exactly_at_its_limit() {
        assert_eq!(row(1.0, 6.0, Target::FasterThanPeer(6.0)).met(), Some(true));
        assert_eq!(row(1.0, 5.9, Target::FasterThanPeer(6.0)).met(), Some(false));
        assert_eq!(row(1.2, 1.0, Target::TimesPeer(1.2)).met(), Some(true));
        assert_eq!(row(1.3, 1.0, Target::TimesPeer(1.2)).met(), Some(false));
        assert_eq!(row(18.0, 0.0, Target::AtMost(18.0)).met(), Some(true));
        assert_eq!(row(18.1, 0.0, Target::AtMost(18.0)).met(), Some(false));
    }

    #[test]
    fn a_comparison_without_a_peer_is_not_met() {
        let alone = Row { peer: None, ..row(1.0, 1.0, Target::FasterThanPeer(6.0)) };
        assert_eq!(alone.met(), Some(false));
        assert_eq!(alone.json().get("peer"), Some(&Value::Null));
    }

    #[test]
    fn a_row_without_a_target_promises_nothing() {
        assert_eq!(row(1.0, 2.0, Target::None).json().get("met"), Some(&Value::Null));
        assert_eq!(row(1.0, 2.0, Target::None).json().get("ratio"), Some(&json!(2.0)));
    }
}
