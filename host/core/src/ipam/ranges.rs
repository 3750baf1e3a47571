//! A set of numbers as merged, disjoint intervals: its size grows with the gaps, not with the members, so that a full /16 is one
//! entry. Every question costs the logarithm of the number of intervals.

use std::collections::BTreeMap;

/// Numbers as closed intervals that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First member -> last member.
    ends: BTreeMap<u128, u128>,
}

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Closed intervals, ascending.
    pub fn intervals(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.ends.iter().map(|(first, last)| (*first, *last))
    }

    /// Number of members; at most `u128::MAX`, which is one less than all numbers.
    pub fn len(&self) -> u128 {
        self.intervals().fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    pub fn first(&self) -> Option<u128> {
        self.ends.first_key_value().map(|(first, _)| *first)
    }

    pub fn last(&self) -> Option<u128> {
        self.ends.last_key_value().map(|(_, last)| *last)
    }

    /// The interval that holds `number`.
    pub fn around(&self, number: u128) -> Option<(u128, u128)> {
        let (first, last) = self.ends.range(..=number).next_back()?;
        (*last >= number).then_some((*first, *last))
    }

    pub fn contains(&self, number: u128) -> bool {
        self.around(number).is_some()
    }

    /// False when it was a member before.
    pub fn insert(&mut self, number: u128) -> bool {
        let fresh = !self.contains(number);
        if fresh {
            self.insert_range(number, number);
        }
        fresh
    }

    /// Adds `first` to `last`, both inclusive; nothing when `last` is less.
    pub fn insert_range(&mut self, first: u128, last: u128) {
        if first > last {
            return;
        }
        // An interval that ends right before `first` is touched too.
        let mut start = first;
        let mut end = last;
        if let Some((before, until)) = self.ends.range(..=first).next_back()
            && until.checked_add(1).is_none_or(|next| next >= first)
        {
            start = *before;
            end = end.max(*until);
        }
        loop {
            let reach = end.saturating_add(1);
            let Some((key, until)) = self.ends.range(start..=reach).next().map(|(key, until)| (*key, *until)) else {
                break;
            };
            self.ends.remove(&key);
            end = end.max(until);
        }
        self.ends.insert(start, end);
    }

    /// False when it was no member.
    pub fn remove(&mut self, number: u128) -> bool {
        let Some((first, last)) = self.around(number) else { return false };
        self.ends.remove(&first);
        if first < number {
            self.ends.insert(first, number - 1);
        }
        if number < last {
            self.ends.insert(number + 1, last);
        }
        true
    }

    /// The greatest member between `first` and `last`, both inclusive.
    pub fn last_in(&self, first: u128, last: u128) -> Option<u128> {
        if first > last {
            return None;
        }
        let (_, end) = self.ends.range(..=last).next_back()?;
        let member = (*end).min(last);
        (member >= first).then_some(member)
    }

    /// The least number between `first` and `last`, both inclusive, that is no member.
    pub fn first_free(&self, first: u128, last: u128) -> Option<u128> {
        first_free(&[self], first, last)
    }
}

impl FromIterator<u128> for Ranges {
    fn from_iter<I: IntoIterator<Item = u128>>(numbers: I) -> Self {
        let mut ranges = Ranges::default();
        for number in numbers {
            ranges.insert(number);
        }
        ranges
    }
}

/// The least number between `first` and `last`, both inclusive, that is in none of the sets. It steps over one interval at a
/// time, so that it costs what the intervals of the smaller sets cost.
pub fn first_free(sets: &[&Ranges], first: u128, last: u128) -> Option<u128> {
    let mut number = first;
    'search: while number <= last {
        for set in sets {
            if let Some((_, end)) = set.around(number) {
                number = end.checked_add(1)?;
                continue 'search;
            }
        }
        return Some(number);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Insert(u128),
        Range(u128, u128),
        Remove(u128),
    }

    fn change() -> impl Strategy<Value = Change> {
        let number = 0..60_u128;
        prop_oneof![
            number.clone().prop_map(Change::Insert),
            (number.clone(), 0..9_u128).prop_map(|(first, more)| Change::Range(first, first + more)),
            number.prop_map(Change::Remove),
        ]
    }

    proptest! {
        #[test]
        fn intervals_answer_as_a_set_of_single_numbers(
            changes in proptest::collection::vec(change(), 0..60), from in 0..70_u128, to in 0..70_u128,
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for change in changes {
                match change {
                    Change::Insert(number) => prop_assert_eq!(ranges.insert(number), set.insert(number)),
                    Change::Remove(number) => prop_assert_eq!(ranges.remove(number), set.remove(&number)),
                    Change::Range(first, last) => {
                        ranges.insert_range(first, last);
                        set.extend(first..=last);
                    }
                }
            }
            prop_assert_eq!(ranges.len(), set.len() as u128);
            prop_assert_eq!(ranges.last(), set.last().copied());
            prop_assert!((0..75).all(|number| ranges.contains(number) == set.contains(&number)));
            prop_assert_eq!(ranges.last_in(from, to), set.iter().copied().rfind(|n| (from..=to).contains(n)));
            prop_assert_eq!(ranges.first_free(from, to), (from..=to).find(|n| !set.contains(n)));
            let gaps: Vec<_> = ranges.intervals().collect();
            prop_assert!(gaps.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "not merged: {:?}", gaps);
        }
    }

    #[test]
    fn the_ends_of_the_number_line_are_members_like_others() {
        let mut ranges = Ranges::default();
        ranges.insert_range(u128::MAX - 1, u128::MAX);
        assert!(ranges.insert(0) && !ranges.insert(u128::MAX));
        assert_eq!(ranges.first_free(u128::MAX - 2, u128::MAX), Some(u128::MAX - 2));
        assert_eq!(ranges.first_free(u128::MAX - 1, u128::MAX), None);
        assert!(ranges.remove(u128::MAX));
        assert_eq!(ranges.first_free(u128::MAX - 1, u128::MAX), Some(u128::MAX));
    }
}
