//! What one watch has told, as a whole: entries by key, and the resource version that they stand for. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An object as the server sent it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `NAMESPACE/NAME`, or the name of what has no namespace.
    pub key: String,
    /// `metadata.resourceVersion`.
    pub version: String,
    pub value: Value,
}

/// What is kept of an object.
pub trait Entry: Sized + Clone + PartialEq + Serialize + DeserializeOwned {
    /// `before`: what is kept of its version before this one.
    fn of(seen: &Seen, before: Option<Self>) -> Self;

    /// Whether it says what the other says, to whoever reads it.
    fn says_the_same(&self, other: &Self) -> bool {
        self == other
    }

    /// Made whole again after it was read from disk.
    fn restored(self) -> Self {
        self
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table<E> {
    /// Where a watch goes on from. None: nothing was listed yet.
    pub version: Option<String>,
    pub entries: BTreeMap<String, E>,
}

/// Whether an entry is another one now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Changed,
    Same,
}

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum Told {
    /// All that there is: what is not named is gone.
    All {
        objects: Vec<Seen>,
        version: String,
    },
    Now(Seen),
    Gone(Seen),
    /// Nothing happened up to here.
    Mark {
        version: String,
    },
}

impl Seen {
    /// None: without a name it is no object.
    pub fn of(value: Value) -> Option<Seen> {
        let field = |path: &str| value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = field("/metadata/name")?;
        let key =
            field("/metadata/namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"));
        let version = field("/metadata/resourceVersion").unwrap_or_default().to_owned();
        Some(Seen { key, version, value })
    }
}

impl<E> Default for Table<E> {
    fn default() -> Table<E> {
        Table { version: None, entries: BTreeMap::new() }
    }
}

impl<E: Entry> Table<E> {
    pub fn tell(&mut self, told: Told) -> Effect {
        match told {
            Told::All { objects, version } => {
                let mut before = std::mem::take(&mut self.entries);
                let first = self.version.is_none();
                let mut same = true;
                for seen in objects {
                    let old = before.remove(&seen.key);
                    let new = E::of(&seen, old.clone());
                    same &= old.as_ref().is_some_and(|old| old.says_the_same(&new));
                    self.entries.insert(seen.key, new);
                }
                self.version = Some(version);
                // The first list says something even when it is empty: that there is nothing.
                effect(same && before.is_empty() && !first)
            }
            Told::Now(seen) => {
                let old = self.entries.remove(&seen.key);
                let new = E::of(&seen, old.clone());
                let same = old.as_ref().is_some_and(|old| old.says_the_same(&new));
                self.go_on(&seen);
                self.entries.insert(seen.key, new);
                effect(same)
            }
            Told::Gone(seen) => {
                self.go_on(&seen);
                effect(self.entries.remove(&seen.key).is_none())
            }
            Told::Mark { version } => {
                self.version = Some(version);
                Effect::Same
            }
        }
    }

    fn go_on(&mut self, seen: &Seen) {
        if !seen.version.is_empty() {
            self.version = Some(seen.version.clone());
        }
    }

    pub fn restored(self) -> Table<E> {
        let entries = self.entries.into_iter().map(|(key, entry)| (key, entry.restored()));
        Table { entries: entries.collect(), version: self.version }
    }
}

fn effect(same: bool) -> Effect {
    if same { Effect::Same } else { Effect::Changed }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Word(String);

    impl Entry for Word {
        fn of(seen: &Seen, _: Option<Word>) -> Word {
            Word(seen.value["word"].as_str().unwrap_or_default().to_owned())
        }
    }

    fn seen(name: &str, version: &str, word: &str) -> Seen {
        let metadata = json!({"namespace": "a", "name": name, "resourceVersion": version});
        Seen::of(json!({"metadata": metadata, "word": word})).unwrap()
    }

    fn all(objects: Vec<Seen>, version: &str) -> Told {
        Told::All { objects, version: version.to_owned() }
    }

    #[test]
    fn a_list_takes_away_what_it_does_not_name() {
        let mut table = Table::<Word>::default();
        assert_eq!(table.tell(all(vec![seen("x", "1", "one"), seen("y", "2", "two")], "5")), Effect::Changed);
        assert_eq!(table.tell(all(vec![seen("x", "1", "one"), seen("y", "2", "two")], "6")), Effect::Same);
        assert_eq!(table.tell(all(vec![seen("y", "2", "two")], "7")), Effect::Changed);
        assert_eq!(table.entries.keys().collect::<Vec<_>>(), ["a/y"]);
        assert_eq!(table.version.as_deref(), Some("7"));
    }

    #[test]
    fn a_first_list_of_nothing_is_news() {
        assert_eq!(Table::<Word>::default().tell(all(Vec::new(), "1")), Effect::Changed);
    }

    #[test]
    fn events_move_the_version_and_only_changes_count() {
        let mut table = Table::<Word>::default();
        table.tell(all(Vec::new(), "1"));
        assert_eq!(table.tell(Told::Now(seen("x", "2", "one"))), Effect::Changed);
        assert_eq!(table.tell(Told::Now(seen("x", "3", "one"))), Effect::Same);
        assert_eq!(table.tell(Told::Mark { version: "9".to_owned() }), Effect::Same);
        assert_eq!(table.tell(Told::Gone(seen("z", "10", ""))), Effect::Same);
        assert_eq!(table.tell(Told::Gone(seen("x", "11", "one"))), Effect::Changed);
        assert_eq!((table.entries.len(), table.version.as_deref()), (0, Some("11")));
    }
}
