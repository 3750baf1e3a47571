//! What the program that measures the engine prints, as rows.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    arguments::Result,
    lab,
    report::{Peer, Row, Target},
};

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// What a loaded set of policies may grow by in a thousand reloads and still be called flat, in MiB.
const FLAT: f64 = 2.0;
/// Of what the same callers gain natively, where they share nothing: of what the machine has to give just then.
const SCALES: f64 = 0.8;

/// The figures of one run; all times are in microseconds.
struct Figures<'a> {
    program: &'a Path,
    figures: Value,
}

impl Figures<'_> {
    fn get(&self, what: &str, which: &str) -> Result<f64> {
        let value = self.figures.get(what).and_then(|figures| figures.get(which)).and_then(Value::as_f64);
        value.ok_or_else(|| format!("`{}` printed no `{what}.{which}`", self.program.display()).into())
    }
}

pub fn rows(program: &Path, languages: &[(&'static str, PathBuf)]) -> Result<Vec<Row>> {
    let mut command = Command::new(program);
    for (argument, file) in languages {
        command.arg(argument).arg(file);
    }
    let output = lab::run(&mut command, "")?;
    let figures = Figures { program, figures: serde_json::from_slice(&output.stdout)? };
    let mut rows = decisions(&figures)?;
    for (argument, most, name) in [("--javascript", 250.0, "JavaScript"), ("--python", 1_500.0, "Python")] {
        if languages.iter().any(|(language, _)| *language == argument) {
            let key = argument.trim_start_matches('-');
            let p50 = figures.get(key, "p50")?;
            rows.push(row(&format!("decision, 8 NICs, {name}"), "us", p50, Target::AtMost(most)));
        }
    }
    rows.extend(loads(&figures)?);
    rows.extend(distributions(&figures)?);
    Ok(rows)
}

/// One nic-selection of 8 NICs, by one caller and by many.
fn decisions(figures: &Figures<'_>) -> Result<Vec<Row>> {
    let native = figures.get("native", "p50")?;
    let (scaling, ideal) = (figures.get("callers", "scaling")?, figures.get("callers", "native scaling")?);
    let (callers, cores) = (figures.get("callers", "callers")?, figures.get("callers", "cores")?);
    Ok(vec![
        Row {
            peer: Some(Peer { name: "native", p50: native }),
            ..row("decision, 8 NICs, fresh sandbox", "us", figures.get("sandboxed", "p50")?, Target::AtMost(18.0))
        },
        row("decision, 8 NICs, fresh sandbox, p99", "us", figures.get("sandboxed", "p99")?, Target::None),
        row("decision, 8 NICs, native", "us", native, Target::None),
        row("decision, 8 NICs, native, p99", "us", figures.get("native", "p99")?, Target::None),
        row(&format!("{callers} callers on {cores} cores, times one"), "x", scaling, Target::None),
        row(&format!("{callers} callers, of native scaling"), "x", scaling / ideal, Target::AtLeast(SCALES)),
    ])
}

fn loads(figures: &Figures<'_>) -> Result<Vec<Row>> {
    let milliseconds = |what: &str| Ok::<_, Box<dyn std::error::Error>>(figures.get(what, "p50")? / 1e3);
    let growth = figures.get("reloads", "growth_bytes")? / MEBIBYTE;
    Ok(vec![
        row("load of 62 KiB, compiled in a child", "ms", milliseconds("cold load")?, Target::AtMost(60.0)),
        row("load of 62 KiB, from the cache", "ms", milliseconds("cached load")?, Target::AtMost(1.0)),
        row("memory that 1,000 reloads add", "MiB", growth, Target::AtMost(FLAT)),
    ])
}

/// 100,000 endpoints on 64 gateways.
fn distributions(figures: &Figures<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for policy in ["round-robin", "rendezvous", "rendezvous by weight"] {
        let sandboxed = figures.get(policy, "p50")? / 1e3;
        let native = figures.get(&format!("native {policy}"), "p50")? / 1e3;
        let name = format!("{policy}, 100,000 on 64");
        rows.push(row(&format!("{name}, fresh sandbox"), "ms", sandboxed, Target::AtMost(25.0)));
        rows.push(Row {
            peer: Some(Peer { name: "native", p50: native }),
            ..row(&format!("{name}, against native"), "ms", sandboxed, Target::TimesPeer(1.6))
        });
    }
    Ok(rows)
}

fn row(name: &str, unit: &'static str, p50: f64, target: Target) -> Row {
    Row { name: name.to_owned(), unit, p50, p95: None, peer: None, target }
}
