//! What became of each object that was read, for people and, as JSON, for programs.

use std::fmt;

use nicety_core::finding::Finding;
use serde::Serialize;

/// In the order of the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub objects: Vec<Entry>,
    /// What is wrong between the objects that were written; each of them is good by itself.
    pub together: Vec<Finding>,
}

/// One object of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub source: String,
    /// From 1, as the documents stand in the source; entries of a list have the number of their list.
    pub document: usize,
    pub kind: String,
    pub name: String,
    pub outcome: Outcome,
    /// `Network rails`.
    pub into: Vec<String>,
    pub notes: Vec<Note>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Converted,
    /// Nothing of it has to be written: here it is discovered or computed.
    NotNeeded,
    /// It has a meaning, and it did not come across; a note says why.
    NotConverted,
}

/// One thing to know about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    pub class: Class,
    /// As in the source: `spec.plugin.args.mode`. Empty: the whole object.
    pub path: String,
    /// What it meant there, and what it means here.
    pub meaning: String,
    /// Empty: nothing.
    pub to_do: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Why the object did not come across.
    Refused,
    NoEquivalent,
    /// It came across, and does something else than before.
    Changed,
    /// Something was assumed that only a person can know.
    Check,
}

impl Report {
    /// Whether everything that has a meaning came across.
    pub fn is_whole(&self) -> bool {
        self.together.is_empty() && self.objects.iter().all(|entry| entry.outcome != Outcome::NotConverted)
    }
}

impl Note {
    pub fn new(class: Class, path: impl Into<String>, meaning: impl Into<String>, to_do: impl Into<String>) -> Note {
        Note { class, path: path.into(), meaning: meaning.into(), to_do: to_do.into() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.objects {
            write!(f, "{entry}")?;
        }
        for finding in &self.together {
            writeln!(f, "together: {finding}")?;
        }
        let count = |outcome| self.objects.iter().filter(|entry| entry.outcome == outcome).count();
        writeln!(
            f,
            "{} converted, {} not needed, {} not converted",
            count(Outcome::Converted),
            count(Outcome::NotNeeded),
            count(Outcome::NotConverted)
        )
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { source, document, kind, name, outcome, into, notes } = self;
        write!(f, "{source} ({document}): {kind} {name}: ")?;
        match outcome {
            Outcome::Converted => writeln!(f, "{}", into.join(", "))?,
            Outcome::NotNeeded => writeln!(f, "not needed")?,
            Outcome::NotConverted => writeln!(f, "not converted")?,
        }
        notes.iter().try_for_each(|note| writeln!(f, "    {note}"))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Note { class, path, meaning, to_do } = self;
        let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
        write!(f, "{class}: {at}{meaning}")?;
        if to_do.is_empty() { Ok(()) } else { write!(f, "; to do: {to_do}") }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Refused => "refused",
            Class::NoEquivalent => "no equivalent",
            Class::Changed => "changed",
            Class::Check => "check",
        })
    }
}
