//! Two maps by name side by side. Both are walked once: to look each of 10,000 names up in the other takes longer than to decide on them.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, btree_map::Iter},
    iter::Peekable,
    sync::Arc,
};

use crate::view::Name;

/// Mostly the names are the same objects, and need no comparison of their texts.
fn order(one: &Name, other: &Name) -> Ordering {
    if Arc::ptr_eq(one, other) { Ordering::Equal } else { one.cmp(other) }
}

/// Each name of either, in order, with what each has of it.
pub(super) fn both<'a, A, B>(
    one: &'a BTreeMap<Name, A>,
    other: &'a BTreeMap<Name, B>,
) -> impl Iterator<Item = (&'a Name, Option<&'a A>, Option<&'a B>)> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (one.peek(), other.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => order(one, other),
        };
        let of_one = if order.is_le() { one.next() } else { None };
        let of_other = if order.is_ge() { other.next() } else { None };
        let name = of_one.map(|(name, _)| name).or(of_other.map(|(name, _)| name))?;
        Some((name, of_one.map(|(_, value)| value), of_other.map(|(_, value)| value)))
    })
}

/// For who looks names up that come in order.
pub(super) struct InOrder<'a, T>(Peekable<Iter<'a, Name, T>>);

impl<'a, T> InOrder<'a, T> {
    pub(super) fn of(map: &'a BTreeMap<Name, T>) -> InOrder<'a, T> {
        InOrder(map.iter().peekable())
    }

    /// None too where a later name was asked for before.
    pub(super) fn get(&mut self, name: &Name) -> Option<&'a T> {
        while self.0.next_if(|(next, _)| order(next, name).is_lt()).is_some() {}
        self.0.next_if(|(next, _)| order(next, name).is_eq()).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(numbers: &[u32]) -> BTreeMap<Name, u32> {
        numbers.iter().map(|number| (Arc::new(("shop".to_owned(), number.to_string())), *number)).collect()
    }

    #[test]
    fn every_name_of_either_comes_once_with_what_both_have() {
        let (one, other) = (map(&[1, 2, 4]), map(&[2, 3]));
        let told: Vec<(&str, Option<u32>, Option<u32>)> =
            both(&one, &other).map(|(name, a, b)| (name.1.as_str(), a.copied(), b.copied())).collect();
        assert_eq!(told, [("1", Some(1), None), ("2", Some(2), Some(2)), ("3", None, Some(3)), ("4", Some(4), None)]);
    }

    #[test]
    fn names_in_order_are_found_whether_those_before_were_asked_for_or_not() {
        let (known, asked) = (map(&[1, 3, 4, 6]), map(&[2, 3, 5, 6, 7]));
        let mut in_order = InOrder::of(&known);
        let found: Vec<Option<u32>> = asked.keys().map(|name| in_order.get(name).copied()).collect();
        assert_eq!(found, [None, Some(3), None, Some(6), None]);
    }
}
