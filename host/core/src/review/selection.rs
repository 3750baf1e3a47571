//! Review of nic-selection: every candidate is answered for, once.

use super::{capped::Capped, text};
use crate::{decision::Selection, facts::nic_selection::Facts, finding::Finding};

/// All that is wrong with a selection among these candidates.
pub fn selection(facts: &Facts, selection: &Selection) -> Vec<Finding> {
    let mut findings = Capped::default();
    let mut places: Vec<Option<String>> = vec![None; facts.candidates.len()];
    let chosen = selection.chosen.iter().map(|choice| ("chosen", choice.candidate, &choice.reason)).enumerate();
    let dropped = selection.dropped.iter().map(|verdict| ("dropped", verdict.candidate, &verdict.reason)).enumerate();
    for (index, (list, candidate, reason)) in chosen.chain(dropped) {
        let path = || format!("{list}[{index}]");
        match places.get_mut(candidate as usize) {
            None => findings.push(|| {
                Finding::new(
                    path() + ".candidate",
                    format!("{candidate} is no candidate; there are {}", facts.candidates.len()),
                )
            }),
            Some(Some(earlier)) => findings.push(|| {
                let message = format!("`{}` stands in {earlier} already", name(facts, candidate as usize));
                Finding::new(path() + ".candidate", message)
            }),
            Some(place @ None) => *place = Some(path()),
        }
        if let Some(wrong) = text::reason(|| path() + ".reason", reason) {
            findings.push(|| wrong);
        }
    }
    for (candidate, _) in places.iter().enumerate().filter(|(_, place)| place.is_none()) {
        findings.push(|| {
            let message = format!("candidate {candidate}, `{}`, stands in neither list", name(facts, candidate));
            Finding::new("dropped", message)
        });
    }
    findings.extend(text::attributes("attributes", &selection.attributes));
    findings.finish()
}

fn name(facts: &Facts, candidate: usize) -> &str {
    facts.candidates.get(candidate).map_or("", |nic| nic.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::{Choice, Verdict},
        facts::nic_selection::Nic,
    };

    /// Findings about a selection among `eth0`, `eth1` and `eth2`.
    fn check(chosen: &[(u32, &str)], dropped: &[(u32, &str)]) -> Vec<String> {
        let nic = |n: usize| Nic { name: format!("eth{n}"), ..Nic::default() };
        let facts = Facts { candidates: (0..3).map(nic).collect(), ..Facts::default() };
        let choice = |(candidate, reason): &(u32, &str)| Choice {
            candidate: *candidate,
            reason: (*reason).into(),
            reserve: None,
        };
        let verdict = |(candidate, reason): &(u32, &str)| Verdict { candidate: *candidate, reason: (*reason).into() };
        let answer = Selection {
            chosen: chosen.iter().map(choice).collect(),
            dropped: dropped.iter().map(verdict).collect(),
            attributes: vec![],
        };
        selection(&facts, &answer).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_full_answer_passes_in_any_order() {
        assert_eq!(check(&[(2, "near"), (0, "far")], &[(1, "wrong make")]), [""; 0]);
    }

    #[test]
    fn a_candidate_that_is_none_or_twice_or_missing_is_told() {
        assert_eq!(
            check(&[(3, "a"), (0, "b"), (0, "c")], &[(0, "d")]),
            [
                "chosen[0].candidate: 3 is no candidate; there are 3",
                "chosen[2].candidate: `eth0` stands in chosen[1] already",
                "dropped[0].candidate: `eth0` stands in chosen[1] already",
                "dropped: candidate 1, `eth1`, stands in neither list",
                "dropped: candidate 2, `eth2`, stands in neither list",
            ]
        );
    }

    #[test]
    fn every_reason_is_there_and_bounded() {
        let long = "x".repeat(super::text::REASON_MAX + 1);
        assert_eq!(
            check(&[(0, " "), (1, &long)], &[(2, "a\nb")]),
            [
                "chosen[0].reason: is empty; every choice carries a reason",
                "chosen[1].reason: is 1025 bytes long; 1024 is the most",
                "dropped[0].reason: has control characters",
            ]
        );
    }

    #[test]
    fn a_flood_of_faults_is_counted_not_listed() {
        let many: Vec<(u32, &str)> = (0..1000).map(|_| (7, "x")).collect();
        let told = check(&many, &[]);
        assert_eq!((told.len(), told[20].as_str()), (21, "and 983 findings more"));
    }
}
