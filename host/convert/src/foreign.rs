//! The objects that were read, whosever they are.

use nicety_objects::{API_VERSION, yaml};
use serde_json::{Value, json};

use crate::{
    Source,
    fields::Fields,
    ours::Converted,
    report::{Class, Entry, Note, Outcome},
};

/// An object with its envelope taken off.
#[derive(Debug, Clone)]
pub(crate) struct Foreign {
    pub source: String,
    pub document: usize,
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
    pub spec: Fields,
    /// What stands beside `spec`.
    pub beside: Fields,
}

#[derive(Default)]
pub(crate) struct Read {
    pub objects: Vec<Foreign>,
    /// Of sources that cannot be read.
    pub entries: Vec<Entry>,
}

/// Lists, as `kubectl get -o yaml` prints them, are their entries.
pub(crate) fn read(sources: &[Source]) -> Read {
    let mut read = Read::default();
    for Source { name, text } in sources {
        match yaml::documents(text) {
            Err(error) => read.entries.push(unreadable(name, 1, error.to_string())),
            Ok(documents) => documents.into_iter().enumerate().for_each(|(index, document)| {
                read.document(name, index + 1, document);
            }),
        }
    }
    read
}

pub(crate) fn split(objects: Vec<Foreign>, wanted: fn(&Foreign) -> bool) -> (Vec<Foreign>, Vec<Foreign>) {
    objects.into_iter().partition(wanted)
}

impl Read {
    fn document(&mut self, source: &str, document: usize, mut value: Value) {
        let list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        match value.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if list => {
                items.into_iter().for_each(|item| self.document(source, document, item))
            }
            _ if value.is_object() => self.objects.push(Foreign::new(source, document, value)),
            _ => self.entries.push(unreadable(source, document, "is not an object".to_owned())),
        }
    }
}

fn unreadable(source: &str, document: usize, why: String) -> Entry {
    Entry {
        source: source.to_owned(),
        document,
        kind: String::new(),
        name: String::new(),
        outcome: Outcome::NotConverted,
        into: Vec::new(),
        notes: vec![Note::new(Class::Refused, "", why, "correct it and convert again")],
    }
}

impl Foreign {
    fn new(source: &str, document: usize, value: Value) -> Foreign {
        let mut beside = Fields::new("", value);
        let mut metadata = beside.part("metadata");
        let foreign = Foreign {
            source: source.to_owned(),
            document,
            api_version: beside.text("apiVersion").unwrap_or_default(),
            kind: beside.text("kind").unwrap_or_default(),
            name: metadata.text("name").unwrap_or_default(),
            namespace: metadata.text("namespace"),
            labels: pairs(&mut metadata, "labels"),
            annotations: pairs(&mut metadata, "annotations"),
            spec: beside.part("spec"),
            beside: Fields::default(),
        };
        // What a server wrote: it describes the object there.
        beside.ignore(&["status"]);
        Foreign { beside, ..foreign }
    }

    /// Group of the API, without its version.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// `metadata` of an object of ours that takes this one's place: what people wrote stays.
    pub fn metadata(&self, name: &str, foreign_keys: &[&str]) -> Value {
        let kept = |pairs: &[(String, String)]| -> serde_json::Map<String, Value> {
            let machine = |key: &str| {
                key.starts_with("kubectl.kubernetes.io/") || foreign_keys.iter().any(|foreign| key.contains(foreign))
            };
            pairs.iter().filter(|(key, _)| !machine(key)).map(|(key, value)| (key.clone(), json!(value))).collect()
        };
        let mut metadata = json!({ "name": name });
        for (field, pairs) in [("labels", kept(&self.labels)), ("annotations", kept(&self.annotations))] {
            if let (false, Some(metadata)) = (pairs.is_empty(), metadata.as_object_mut()) {
                metadata.insert(field.to_owned(), Value::Object(pairs));
            }
        }
        metadata
    }

    /// The end of a conversion: all notes, those of fields that nobody took last.
    pub fn converted(self, objects: Vec<Value>, notes: Vec<Note>) -> Converted {
        let outcome = if objects.is_empty() { Outcome::NotConverted } else { Outcome::Converted };
        self.ended(outcome, objects, notes)
    }

    pub fn not_needed(mut self, why: &str) -> Converted {
        self.spec = Fields::default();
        self.ended(Outcome::NotNeeded, Vec::new(), vec![Note::new(Class::Check, "", why, "")])
    }

    pub fn refused(mut self, path: &str, why: impl Into<String>, to_do: &str) -> Converted {
        self.spec = Fields::default();
        self.ended(Outcome::NotConverted, Vec::new(), vec![Note::new(Class::Refused, path, why, to_do)])
    }

    /// Not of a system that is known here.
    pub fn unknown(self) -> Converted {
        if self.api_version == API_VERSION {
            return self.not_needed("is an object of ours already; leave it where it is");
        }
        let what = format!("`{}` with kind `{}` is of no system that is known here", self.api_version, self.kind);
        self.refused("", what, "take it out, or write its counterpart by hand")
    }

    fn ended(self, outcome: Outcome, objects: Vec<Value>, mut notes: Vec<Note>) -> Converted {
        let Foreign { source, document, kind, name, spec, beside, .. } = self;
        notes.extend(spec.into_notes());
        notes.extend(beside.into_notes());
        let entry = Entry { source, document, kind, name, outcome, into: Vec::new(), notes };
        Converted { entry, objects, strategies: Default::default() }
    }
}

fn pairs(metadata: &mut Fields, name: &str) -> Vec<(String, String)> {
    let mut part = metadata.part(name);
    part.names().into_iter().filter_map(|key| part.text(&key).map(|value| (key, value))).collect()
}
