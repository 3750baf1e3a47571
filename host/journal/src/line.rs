//! One line of a journal: `{"schema":1,"decision":{...}}`.

use std::str::Utf8Error;

use nicety_core::record::decision::DecisionRecord;
use serde::{Deserialize, Serialize};

/// Of the lines that are written. It grows with every change that an older reader would not understand; what an older release wrote
/// is read for ever.
pub const SCHEMA: u32 = 1;

/// Why a line is no decision.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("it is no decision record")]
    Foreign(#[source] serde_json::Error),
    #[error("it is not UTF-8")]
    Text(#[source] Utf8Error),
    #[error("it is of schema {schema}, and this release reads up to {SCHEMA}; hint: read it with a newer release")]
    Newer { schema: u32 },
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    decision: &'a DecisionRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    schema: u32,
    decision: DecisionRecord,
}

/// All that is asked of a line that cannot be read.
#[derive(Deserialize)]
struct Probe {
    schema: Option<u32>,
}

/// With its line feed.
pub(crate) fn write(decision: &DecisionRecord) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Written { schema: SCHEMA, decision })?;
    line.push(b'\n');
    Ok(line)
}

/// A record that stands by itself is one too, as they are taken out of `nicety explain --json`.
pub(crate) fn parse(line: &str) -> Result<DecisionRecord, LineError> {
    let error = match serde_json::from_str::<Read>(line) {
        Ok(Read { schema, .. }) if schema > SCHEMA => return Err(LineError::Newer { schema }),
        Ok(Read { decision, .. }) => return Ok(decision),
        Err(error) => error,
    };
    match serde_json::from_str::<Probe>(line) {
        Ok(Probe { schema: Some(schema) }) if schema > SCHEMA => Err(LineError::Newer { schema }),
        Ok(Probe { schema: None }) => serde_json::from_str(line).map_err(LineError::Foreign),
        Ok(Probe { schema: Some(_) }) | Err(_) => Err(LineError::Foreign(error)),
    }
}
