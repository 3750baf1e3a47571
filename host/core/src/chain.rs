//! How a nic-selection strategy hands on to the next in its chain: the next one sees what was chosen, in that order, and its answer
//! is told in terms of the candidates that the chain began with.

use std::collections::BTreeMap;

use crate::{
    decision::{Choice, Selection, Verdict},
    facts::nic_selection::{DeviceClass, Facts},
};

impl Facts {
    /// The facts for the next strategy: the chosen candidates in the order of the choice. Candidate `i` of these facts is candidate
    /// `selection.chosen[i].candidate` of the ones before.
    pub fn narrowed(&self, selection: &Selection) -> Facts {
        let pairs = selection.chosen.iter().zip(0_u32..);
        let places: BTreeMap<u32, u32> = pairs.map(|(choice, place)| (choice.candidate, place)).collect();
        let moved = |indexes: &[u32]| {
            let mut moved: Vec<u32> = indexes.iter().filter_map(|index| places.get(index).copied()).collect();
            moved.sort_unstable();
            moved
        };
        let candidate = |choice: &Choice| self.candidates.get(choice.candidate as usize).cloned();
        let class = |class: &DeviceClass| DeviceClass { name: class.name.clone(), members: moved(&class.members) };
        Facts {
            candidates: selection.chosen.iter().filter_map(candidate).collect(),
            taken: moved(&self.taken),
            classes: self.classes.iter().map(class).collect(),
            ..self.clone()
        }
    }
}

impl Selection {
    /// Both selections as one: `next` was made over `facts.narrowed(self)`. A promise of bandwidth stands until a later strategy
    /// makes another; reasons are told one after the other.
    pub fn then(&self, next: &Selection) -> Selection {
        let before = |candidate: u32| self.chosen.get(candidate as usize);
        let choice = |later: &Choice| {
            let earlier = before(later.candidate)?;
            Some(Choice {
                candidate: earlier.candidate,
                reserve: later.reserve.or(earlier.reserve),
                reason: joined(&earlier.reason, &later.reason),
            })
        };
        let verdict = |later: &Verdict| {
            Some(Verdict { candidate: before(later.candidate)?.candidate, reason: later.reason.clone() })
        };
        let later = next.dropped.iter().filter_map(verdict);
        Selection {
            chosen: next.chosen.iter().filter_map(choice).collect(),
            dropped: self.dropped.iter().cloned().chain(later).collect(),
            attributes: next.attributes.clone(),
        }
    }
}

fn joined(earlier: &str, later: &str) -> String {
    if earlier == later { later.to_owned() } else { format!("{earlier}; {later}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{facts::nic_selection::Nic, review};

    fn facts(count: u32) -> Facts {
        let nic = |n| Nic { name: format!("eth{n}"), ..Nic::default() };
        let even = DeviceClass { name: "even".into(), members: (0..count).step_by(2).collect() };
        Facts { candidates: (0..count).map(nic).collect(), taken: vec![0, 3], classes: vec![even], ..Facts::default() }
    }

    /// The candidates in `order` of which the first `keep` are chosen.
    fn selection(order: &[u32], keep: usize) -> Selection {
        let (chosen, dropped) = order.split_at(keep.min(order.len()));
        Selection {
            chosen: chosen.iter().map(|n| Choice { candidate: *n, reason: format!("c{n}"), reserve: None }).collect(),
            dropped: dropped.iter().map(|n| Verdict { candidate: *n, reason: format!("d{n}") }).collect(),
            attributes: vec![],
        }
    }

    #[test]
    fn the_next_strategy_sees_what_is_left_with_its_indexes_moved() {
        let seen = facts(5).narrowed(&selection(&[4, 3, 0, 1, 2], 3));
        assert_eq!(seen.candidates.iter().map(|nic| nic.name.as_str()).collect::<Vec<_>>(), ["eth4", "eth3", "eth0"]);
        assert_eq!((seen.taken, &seen.classes[0].members), (vec![1, 2], &vec![0, 2]));
    }

    #[test]
    fn promises_and_reasons_are_carried_on() {
        let mut first = selection(&[1, 0], 2);
        first.chosen[0].reserve = Some(5);
        let both = first.then(&selection(&[1, 0], 1));
        assert_eq!(both.chosen, [Choice { candidate: 0, reason: "c0; c1".into(), reserve: None }]);
        assert_eq!(both.dropped, [Verdict { candidate: 1, reason: "d0".into() }]);
        assert_eq!(first.then(&selection(&[0], 1)).chosen[0].reserve, Some(5));
    }

    proptest! {
        #[test]
        fn a_chain_answers_for_every_candidate_of_its_first_facts(
            order in Just((0..8).collect::<Vec<u32>>()).prop_shuffle(), keep in 0..9_usize, then in 0..9_usize, seed in 0..8_usize,
        ) {
            let facts = facts(8);
            let first = selection(&order, keep);
            prop_assert_eq!(review::selection(&facts, &first), []);
            let seen = facts.narrowed(&first);
            let mut next_order: Vec<u32> = (0..seen.candidates.len() as u32).collect();
            if !next_order.is_empty() {
                let turn = seed % next_order.len();
                next_order.rotate_left(turn);
            }
            let next = selection(&next_order, then);
            prop_assert_eq!(review::selection(&seen, &next), []);
            let both = first.then(&next);
            prop_assert_eq!(review::selection(&facts, &both), []);
            let names: Vec<&str> = both.chosen.iter().map(|choice| facts.candidates[choice.candidate as usize].name.as_str()).collect();
            let seen_names: Vec<&str> = next.chosen.iter().map(|choice| seen.candidates[choice.candidate as usize].name.as_str()).collect();
            prop_assert_eq!(names, seen_names);
        }
    }
}
