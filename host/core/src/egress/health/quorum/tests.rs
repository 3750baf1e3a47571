use proptest::prelude::*;

use super::*;
use Verdict::{Healthy, Unhealthy};

fn reports(verdicts: &[Verdict]) -> Vec<Report> {
    let report = |(at, verdict): (usize, &Verdict)| Report {
        observer: format!("node-{at}").parse().unwrap(),
        verdict: *verdict,
        since: Millis(100 * (at as u64 + 1)),
    };
    verdicts.iter().enumerate().map(report).collect()
}

fn health(verdicts: &[Verdict], observers: usize) -> Health {
    quorum(&reports(verdicts), observers).health
}

#[test]
fn nobody_knows_nothing() {
    assert_eq!(quorum(&[], 5), Standing::default());
    assert_eq!(quorum(&[], 0).health, Health::Unknown);
}

#[test]
fn one_alone_is_believed_only_where_there_is_no_other() {
    assert_eq!(health(&[Unhealthy], 0), Health::Unhealthy);
    assert_eq!(health(&[Unhealthy], 1), Health::Unhealthy);
    assert_eq!(health(&[Unhealthy], 2), Health::Unknown);
    assert_eq!(health(&[Unhealthy, Healthy], 2), Health::Unknown);
    assert_eq!(health(&[Unhealthy, Unhealthy], 5), Health::Unhealthy);
}

#[test]
fn the_majority_of_those_that_reported_has_it() {
    assert_eq!(health(&[Unhealthy, Unhealthy, Healthy], 3), Health::Unhealthy);
    assert_eq!(health(&[Unhealthy, Unhealthy, Healthy, Healthy], 5), Health::Unknown);
    assert_eq!(health(&[Unhealthy, Unhealthy, Healthy, Healthy, Healthy], 5), Health::Healthy);
}

#[test]
fn it_is_so_since_the_report_that_made_it_so() {
    let standing = quorum(&reports(&[Unhealthy, Healthy, Unhealthy, Unhealthy]), 4);
    let expected = Standing { health: Health::Unhealthy, since: Some(Millis(400)), agree: 3, reported: 4 };
    assert_eq!(standing, expected);
}

#[test]
fn of_one_observer_the_later_word_counts() {
    let mut all = reports(&[Unhealthy, Unhealthy]);
    all.push(Report { verdict: Healthy, since: Millis(900), ..all[0].clone() });
    all.push(Report { verdict: Healthy, since: Millis(1), ..all[1].clone() });
    assert_eq!(quorum(&all, 2).health, Health::Unknown);
}

#[test]
fn who_knows_nothing_changes_nothing() {
    assert_eq!(Health::Unknown.after(Health::Unhealthy), Health::Unhealthy);
    assert_eq!(Health::Healthy.after(Health::Unhealthy), Health::Healthy);
    assert_eq!(Health::Unknown.after(Health::Unknown), Health::Unknown);
}

fn any_reports() -> impl Strategy<Value = Vec<Report>> {
    let one = (0..7_u8, any::<bool>(), 0..50_u64).prop_map(|(observer, lives, since)| Report {
        observer: format!("node-{observer}").parse().unwrap(),
        verdict: if lives { Healthy } else { Unhealthy },
        since: Millis(since),
    });
    prop::collection::vec(one, 0..16)
}

proptest! {
    #[test]
    fn order_does_not_matter(all in any_reports(), observers in 0..8_usize) {
        let mut turned = all.clone();
        turned.reverse();
        prop_assert_eq!(quorum(&all, observers), quorum(&turned, observers));
    }

    /// A word has a majority behind it, and two where there are two; no word means that no side has one.
    #[test]
    fn a_word_has_a_majority(all in any_reports(), observers in 0..8_usize) {
        let standing = quorum(&all, observers);
        let lone = standing.reported.max(observers) < 2;
        match standing.health {
            Health::Unknown => prop_assert!(standing.since.is_none()),
            Health::Healthy | Health::Unhealthy => {
                prop_assert!(standing.agree * 2 > standing.reported);
                prop_assert!(lone || standing.agree >= 2);
                prop_assert!(standing.since.is_some());
            }
        }
    }

    /// Who knows of more observers believes nothing else, only less: one report alone decides nothing once another is known of.
    #[test]
    fn to_know_of_more_observers_never_turns_a_word(all in any_reports(), observers in 0..8_usize) {
        let (blind, knowing) = (quorum(&all, 0), quorum(&all, observers));
        prop_assert!(knowing.health == Health::Unknown || knowing == blind, "{:?} {:?}", blind, knowing);
        if blind.reported >= 2 || observers < 2 {
            prop_assert_eq!(knowing, blind);
        } else {
            prop_assert_eq!(knowing.health, Health::Unknown);
        }
    }

    /// One observer alone, whatever it says and how often, turns no verdict of three or more that agree.
    #[test]
    fn one_liar_among_many_changes_nothing(honest in 3..7_usize, lives: bool, lies in prop::collection::vec(any::<bool>(), 0..9)) {
        let word = |lives: bool| if lives { Healthy } else { Unhealthy };
        let mut all = reports(&vec![word(lives); honest]);
        all.extend(lies.into_iter().enumerate().map(|(at, lie)| Report {
            observer: "liar".parse().unwrap(),
            verdict: word(lie),
            since: Millis(at as u64),
        }));
        prop_assert_eq!(quorum(&all, honest + 1).health, Health::from(word(lives)));
    }
}
