//! Ten thousand decisions of policies that mean harm, among those that do not: nothing of them stays.

use nicety_core::{
    decision::Decision,
    evaluate::{Failure, Refusal},
    facts::Kind,
};
use nicety_engine::{Limits, Policy};
use nicety_tests_policies::memory::resident;

use crate::lab::{decide, in_own_process, load};

const DECISIONS: usize = 10_000;
/// Less than a policy has by default, so that ten thousand rounds are a matter of seconds.
const LIMITS: Limits =
    Limits { fuel: 300_000, milliseconds: 2_000, memory: 2 << 20, output_bytes: 64 << 10, log_bytes: 8 << 10 };

const CROWD: &[&str] = &[
    "aliased-bomb",
    "broken-log",
    "broken-text",
    "crumb-bomb",
    "deep-recursion",
    "endless-loop",
    "endless-panic",
    "giant-list",
    "giant-reason",
    "log-flood",
    "long-panic",
    "memory-balloon",
    "modest-balloon",
    "nan-games",
    "slow-loop",
    "stray-pointer",
    "table-balloon",
    "trap",
    "twice",
    "wild-access",
];

#[test]
fn ten_thousand_decisions_of_a_hostile_crowd_leave_no_growth() {
    in_own_process("crowd::ten_thousand_decisions_of_a_hostile_crowd_leave_no_growth", || {
        let crowd: Vec<Policy> = CROWD.iter().map(|name| load(name).unwrap().limited(LIMITS)).collect();
        let honest = load("honest").unwrap();
        let answer = decide(&honest);
        assert!(matches!(answer.outcome, Ok(Decision::Selection(_))));
        let decide_all = |rounds: usize| {
            let mut failed = 0;
            for policy in crowd.iter().cycle().take(rounds) {
                failed += usize::from(matches!(decide(policy).outcome, Err(Refusal::Failed(_))));
                assert_eq!(decide(&honest), answer, "after {policy:?}");
            }
            failed
        };
        let failed = decide_all(CROWD.len());
        assert!(failed >= CROWD.len() - 4, "only {failed} of the crowd came to harm");
        decide_all(10 * CROWD.len());
        let before = resident().unwrap();
        decide_all(DECISIONS);
        let grown = resident().unwrap().saturating_sub(before);
        assert!(grown < 1 << 20, "{grown} bytes more");
    });
}

#[test]
fn the_crowds_limits_are_those_that_it_meets() {
    assert!(LIMITS.fuel < Limits::of(Kind::NicSelection).fuel);
    let outcome = decide(&load("endless-loop").unwrap().limited(LIMITS)).outcome;
    assert_eq!(outcome, Err(Refusal::Failed(Failure::Fuel { limit: LIMITS.fuel })));
}
