use proptest::prelude::*;

use super::*;
use Answer::{Came, Missed};

const THRESHOLDS: Thresholds =
    Thresholds { failures: 3, successes: 2, half_life: Duration::from_secs(60), longest_wait: Duration::from_secs(40) };

/// A probe each second, from second `from` on: the seconds at which the verdict changed, and to what.
fn heard(judge: &mut Judge, from: u64, answers: &[Answer]) -> Vec<(u64, Verdict)> {
    let changes = (from..).zip(answers).filter_map(|(second, answer)| {
        judge.hear(*answer, Duration::from_secs(second), &THRESHOLDS).map(|verdict| (second, verdict))
    });
    changes.collect()
}

#[test]
fn a_verdict_changes_after_so_many_answers_in_a_row() {
    let mut judge = Judge::default();
    let answers = [Came, Came, Missed, Missed, Came, Missed, Missed, Missed, Missed, Came, Missed, Came, Came];
    let expected = [(1, Verdict::Healthy), (7, Verdict::Unhealthy), (12, Verdict::Healthy)];
    assert_eq!(heard(&mut judge, 0, &answers), expected);
    assert_eq!(judge.verdict(), Some(Verdict::Healthy));
}

#[test]
fn too_little_is_no_verdict() {
    let mut judge = Judge::default();
    assert_eq!(heard(&mut judge, 0, &[Missed, Missed, Came, Missed, Missed, Came]), []);
    assert_eq!(judge.verdict(), None);
}

#[test]
fn a_node_that_was_dead_from_the_start_is_believed_as_soon_as_it_answers() {
    let mut judge = Judge::default();
    let answers = [Missed, Missed, Missed, Came, Came];
    assert_eq!(heard(&mut judge, 0, &answers), [(2, Verdict::Unhealthy), (4, Verdict::Healthy)]);
    assert_eq!(judge.wait(Duration::from_secs(4), &THRESHOLDS), Duration::ZERO);
}

#[test]
fn who_dies_again_has_to_answer_for_longer_and_is_forgiven_in_time() {
    let mut judge = Judge::default();
    let round = [&[Missed; 3][..], &[Came; 60][..]].concat();
    heard(&mut judge, 0, &[Came; 2]);
    let mut from = 2;
    let mut waits = Vec::new();
    for _ in 0..4 {
        let changes = heard(&mut judge, from, &round);
        let [(dead, Verdict::Unhealthy), (alive, Verdict::Healthy)] = changes[..] else { panic!("{changes:?}") };
        waits.push(alive - dead);
        from = alive + 1;
    }
    assert!(waits.is_sorted_by(|one, next| one < next), "{waits:?}");
    let later = from + 3600;
    let changes = heard(&mut judge, later, &round);
    assert_eq!(changes, [(later + 2, Verdict::Unhealthy), (later + 4, Verdict::Healthy)]);
}

#[test]
fn with_no_half_life_nothing_is_held_against_a_node() {
    let thresholds = Thresholds { half_life: Duration::ZERO, ..THRESHOLDS };
    let mut judge = Judge::default();
    for second in 0..100_u64 {
        let answer = if second % 5 < 3 { Missed } else { Came };
        judge.hear(answer, Duration::from_secs(second), &thresholds);
    }
    assert_eq!(judge.wait(Duration::from_secs(100), &thresholds), Duration::ZERO);
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    let millis = |most: u64| (0..most).prop_map(Duration::from_millis);
    (0..6_u32, 0..6_u32, millis(100_000), millis(100_000)).prop_map(|(failures, successes, half_life, longest_wait)| {
        Thresholds { failures, successes, half_life, longest_wait }
    })
}

fn answers() -> impl Strategy<Value = Vec<(Answer, Duration)>> {
    let answer = (prop_oneof![Just(Came), Just(Missed)], 1..3000_u64, 1..8_usize);
    prop::collection::vec(answer, 0..40).prop_map(|runs| {
        let steps = runs.into_iter().flat_map(|(answer, step, length)| std::iter::repeat_n((answer, step), length));
        let at = |now: &mut u64, (answer, step): (Answer, u64)| {
            *now += step;
            Some((answer, Duration::from_millis(*now)))
        };
        steps.scan(0, at).collect()
    })
}

proptest! {
    /// Verdicts alternate, each comes with the answer that it speaks of, and none before its threshold.
    #[test]
    fn a_change_is_a_change(thresholds in thresholds(), answers in answers()) {
        let mut judge = Judge::default();
        let mut run = (None, 0);
        for (answer, now) in answers {
            run = if run.0 == Some(answer) { (run.0, run.1 + 1) } else { (Some(answer), 1) };
            let before = judge.verdict();
            let changed = judge.hear(answer, now, &thresholds);
            prop_assert!(changed.is_none() || changed != before);
            prop_assert_eq!(judge.verdict(), changed.or(before));
            match changed {
                Some(Verdict::Healthy) => prop_assert!(answer == Came && run.1 >= thresholds.successes),
                Some(Verdict::Unhealthy) => prop_assert!(answer == Missed && run.1 >= thresholds.failures),
                None => {}
            }
        }
    }

    /// Whatever went before: enough failures are a death at once, and a node that answers long enough lives.
    #[test]
    fn neither_a_death_nor_a_life_is_put_off_for_ever(thresholds in thresholds(), answers in answers()) {
        let mut judge = Judge::default();
        let mut now = Duration::ZERO;
        for (answer, at) in answers {
            judge.hear(answer, at, &thresholds);
            now = at;
        }
        prop_assert!(judge.wait(now, &thresholds) <= thresholds.longest_wait);
        let step = Duration::from_millis(100);
        let mut dead = judge;
        let mut then = now;
        for _ in 0..thresholds.failures.max(1) {
            then += step;
            dead.hear(Missed, then, &thresholds);
        }
        prop_assert_eq!(dead.verdict(), Some(Verdict::Unhealthy));
        let enough = now + thresholds.longest_wait + step * (thresholds.successes + 2);
        while now < enough {
            now += step;
            judge.hear(Came, now, &thresholds);
        }
        prop_assert_eq!(judge.verdict(), Some(Verdict::Healthy));
    }

    /// The penalty only falls with time, and halves in a half-life.
    #[test]
    fn a_penalty_fades(weight in 0..10_000_u64, half_life in 1..100_000_u64, times in prop::collection::vec(0..1_000_000_u64, 2..20)) {
        let penalty = Penalty { weight, at: Duration::ZERO };
        let half_life = Duration::from_millis(half_life);
        let mut times = times;
        times.sort_unstable();
        let left: Vec<u64> = times.iter().map(|at| penalty.now(Duration::from_millis(*at), half_life)).collect();
        // A thousandth is lost to whole numbers where two lines meet.
        prop_assert!(left.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{:?}", left);
        prop_assert_eq!(penalty.now(half_life, half_life), weight / 2);
    }
}
