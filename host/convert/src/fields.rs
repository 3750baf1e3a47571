//! A document that is taken apart: what has been taken is gone, and what is left at the end is what nobody understood.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::report::{Class, Note};

/// A part of a document. `at` is its path in the whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields {
    at: String,
    left: Map<String, Value>,
    notes: Vec<Note>,
}

impl Fields {
    /// A value that is no object has no fields.
    pub fn new(at: &str, value: Value) -> Fields {
        match value {
            Value::Object(left) => Fields { at: at.to_owned(), left, notes: Vec::new() },
            Value::Null => Fields { at: at.to_owned(), ..Fields::default() },
            other => {
                let note = Note::new(Class::NoEquivalent, at, format!("is `{other}`, where an object belongs"), "");
                Fields { at: at.to_owned(), notes: vec![note], ..Fields::default() }
            }
        }
    }

    /// The path of a field of this part.
    pub fn path(&self, name: &str) -> String {
        match (self.at.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.at.clone(),
            (false, false) => format!("{}.{name}", self.at),
        }
    }

    pub fn note(&mut self, class: Class, name: &str, meaning: impl Into<String>, to_do: impl Into<String>) {
        let path = self.path(name);
        self.notes.push(Note::new(class, path, meaning, to_do));
    }

    /// A field as it stands, where an empty one means something too.
    pub fn raw(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A field, whatever it is; what stands there as nothing (`null`, an empty text, list or object) is not there.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            Value::Array(entries) => !entries.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        })
    }

    /// A text; numbers and booleans are texts that lack their quotes.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(value) => Some(value.to_string()),
            other => self.strange(name, &other, "a text"),
        }
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(_) => self.strange(name, &Value::String(text), what),
        }
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, "`true` or `false`")
    }

    pub fn part(&mut self, name: &str) -> Fields {
        let value = self.value(name).unwrap_or_default();
        Fields::new(&self.path(name), value)
    }

    /// The entries of a list.
    pub fn list(&mut self, name: &str) -> Vec<Value> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(other) => self.strange(name, &other, "a list").unwrap_or_default(),
        }
    }

    pub fn parts(&mut self, name: &str) -> Vec<Fields> {
        let path = self.path(name);
        let entries = self.list(name).into_iter().enumerate();
        entries.map(|(index, entry)| Fields::new(&format!("{path}[{index}]"), entry)).collect()
    }

    pub fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, entry) in self.list(name).into_iter().enumerate() {
            match entry {
                Value::String(text) => texts.push(text.trim().to_owned()),
                other => {
                    self.strange::<()>(&format!("{name}[{index}]"), &other, "a text");
                }
            }
        }
        texts
    }

    /// Texts with where they stand; those that are not `what` are noted and left out.
    pub fn parsed_list<T: FromStr>(&mut self, name: &str, what: &str) -> Vec<(String, T)> {
        let mut values = Vec::new();
        for (index, text) in self.texts(name).into_iter().enumerate() {
            let entry = format!("{name}[{index}]");
            match text.parse() {
                Ok(value) => values.push((self.path(&entry), value)),
                Err(_) => {
                    self.strange::<()>(&entry, &Value::String(text), what);
                }
            }
        }
        values
    }

    /// Known, of no use here, and nothing is lost with it.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.left.remove(*name);
        }
    }

    /// Known, and without a counterpart here.
    pub fn lost(&mut self, name: &str, meaning: &str, to_do: &str) {
        if self.value(name).is_some() {
            self.note(Class::NoEquivalent, name, meaning, to_do);
        }
    }

    /// Whether something was found that keeps the whole object from coming across.
    pub fn is_refused(&self) -> bool {
        self.notes.iter().any(|note| note.class == Class::Refused)
    }

    pub fn names(&self) -> Vec<String> {
        self.left.keys().cloned().collect()
    }

    /// Takes over what a part of this one has left.
    pub fn finish(&mut self, part: Fields) {
        self.notes.extend(part.into_notes());
    }

    pub fn take_over(&mut self, notes: Vec<Note>) {
        self.notes.extend(notes);
    }

    /// All notes, and one for each field that was not taken.
    pub fn into_notes(mut self) -> Vec<Note> {
        let unknown = "is not known to this converter, and left out";
        for name in self.left.keys() {
            let path = self.path(name);
            self.notes.push(Note::new(Class::NoEquivalent, path, unknown, "look up what it does there"));
        }
        self.notes
    }

    fn strange<T>(&mut self, name: &str, value: &Value, what: &str) -> Option<T> {
        self.note(
            Class::NoEquivalent,
            name,
            format!("is {value}, not {what}, and left out"),
            "correct it and convert again",
        );
        None
    }
}
