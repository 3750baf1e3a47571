//! The difference between the table that is there and the one that is wanted, in an order that the kernel takes: what is referred to
//! comes before what refers to it, and goes after it. All of it is one transaction.

use super::{Base, Key, Rule, Set, Shape, Shown, Table, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    AddTable,
    DeleteTable,
    AddChain {
        name: String,
        base: Option<Base>,
    },
    AddSet {
        name: String,
        shape: Shape,
    },
    AddCounter {
        name: String,
    },
    DeleteElements {
        set: String,
        keys: Vec<Key>,
    },
    /// All rules of a chain go.
    Flush {
        chain: String,
    },
    AddRule {
        chain: String,
        rule: Rule,
    },
    AddElements {
        set: String,
        shape: Shape,
        elements: Vec<(Key, Value)>,
    },
    DeleteSet {
        name: String,
    },
    DeleteChain {
        name: String,
    },
    DeleteCounter {
        name: String,
    },
}

/// None: there is no table yet.
pub fn between(shown: Option<&Shown>, wanted: &Table) -> Vec<Change> {
    let empty = Shown::default();
    let mut changes = Vec::new();
    let shown = match shown {
        Some(shown) if is_alike(shown, wanted) => shown,
        Some(_) => {
            changes.extend([Change::DeleteTable, Change::AddTable]);
            &empty
        }
        None => {
            changes.push(Change::AddTable);
            &empty
        }
    };
    for (name, chain) in wanted.chains.iter().filter(|(name, _)| !shown.chains.contains_key(*name)) {
        changes.push(Change::AddChain { name: name.clone(), base: chain.base.clone() });
    }
    for (name, set) in wanted.sets.iter().filter(|(name, _)| !shown.sets.contains_key(*name)) {
        changes.push(Change::AddSet { name: name.clone(), shape: set.shape });
    }
    for name in wanted.counters.difference(&shown.counters) {
        changes.push(Change::AddCounter { name: name.clone() });
    }
    elements(&mut changes, shown, wanted);
    for (name, set) in shown.sets.iter().filter(|(name, _)| !wanted.sets.contains_key(*name)) {
        if !set.elements.is_empty() {
            changes.push(Change::DeleteElements { set: name.clone(), keys: set.elements.keys().cloned().collect() });
        }
    }
    for (name, (_, before)) in &shown.chains {
        let now = wanted.chains.get(name).map(|chain| chain.rules.as_slice()).unwrap_or_default();
        if !before.is_empty() && !now.iter().map(Rule::comment).eq(before.iter().cloned()) {
            changes.push(Change::Flush { chain: name.clone() });
        }
    }
    for (name, chain) in &wanted.chains {
        let before = shown.chains.get(name).map(|(_, rules)| rules.as_slice()).unwrap_or_default();
        if !chain.rules.iter().map(Rule::comment).eq(before.iter().cloned()) {
            let each = chain.rules.iter().map(|rule| Change::AddRule { chain: name.clone(), rule: rule.clone() });
            changes.extend(each);
        }
    }
    let gone = |name: &&String| !wanted.sets.contains_key(*name);
    changes.extend(shown.sets.keys().filter(gone).map(|name| Change::DeleteSet { name: name.clone() }));
    let gone = |name: &&String| !wanted.chains.contains_key(*name);
    changes.extend(shown.chains.keys().filter(gone).map(|name| Change::DeleteChain { name: name.clone() }));
    let gone = shown.counters.difference(&wanted.counters);
    changes.extend(gone.map(|name| Change::DeleteCounter { name: name.clone() }));
    changes
}

/// The kernel changes neither the hook of a chain nor the shape of a set: an earlier version's table is made anew.
fn is_alike(shown: &Shown, wanted: &Table) -> bool {
    let chain = |(name, (base, _)): (&String, &(Option<Base>, Vec<String>))| {
        wanted.chains.get(name).map_or(base.is_none(), |chain| chain.base == *base)
    };
    let set = |(name, set): (&String, &Set)| wanted.sets.get(name).is_none_or(|wanted| wanted.shape == set.shape);
    shown.chains.iter().all(chain) && shown.sets.iter().all(set)
}

/// Of sets that stay or come. A value changes by going and coming back, within the one transaction; so do all intervals of a set where
/// one changes, since the kernel refuses to take one that begins or ends within another on its way.
fn elements(changes: &mut Vec<Change>, shown: &Shown, wanted: &Table) {
    let none = std::collections::BTreeMap::new();
    let mut added = Vec::new();
    for (name, set) in &wanted.sets {
        let before = shown.sets.get(name).map_or(&none, |set| &set.elements);
        if *before == set.elements {
            continue;
        }
        let anew = set.shape.interval;
        let keys: Vec<Key> = before
            .iter()
            .filter(|(key, value)| anew || set.elements.get(*key) != Some(value))
            .map(|(key, _)| *key)
            .collect();
        if !keys.is_empty() {
            changes.push(Change::DeleteElements { set: name.clone(), keys });
        }
        let elements: Vec<(Key, Value)> = set
            .elements
            .iter()
            .filter(|(key, value)| anew || before.get(*key) != Some(value))
            .map(|(key, value)| (*key, value.clone()))
            .collect();
        if !elements.is_empty() {
            added.push(Change::AddElements { set: name.clone(), shape: set.shape, elements });
        }
    }
    changes.extend(added);
}
