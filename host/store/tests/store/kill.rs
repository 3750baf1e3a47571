//! A writer is killed with SIGKILL at points that nobody chose; the next opening sees whole changes only.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use nicety_core::record::State;

use crate::fixture::{START, acquire, assert_leases_match_records, claim, key, lease_one, open};

/// Where the writer process writes; without it, the writer is an ordinary test of a few rounds.
const DIR: &str = "NICETY_STORE_TEST_DIR";
const NETWORKS: [&str; 2] = ["rail", "storage"];

/// Pods come and go, three at a time. Each line is a promise: what it says was durable before it was written.
fn write(dir: &Path, rounds: u64, promise: impl Fn(String)) {
    let store = open(dir);
    for round in 0..rounds {
        let container = format!("c{round}");
        let now = START.plus(Duration::from_millis(round));
        let rail = vec![claim("rail", "10.0.0.0/24"), claim("rail", "fd00::/64")];
        acquire(&store, &container, &[rail, vec![claim("storage", "10.1.0.0/24")]], now).unwrap();
        promise(format!("acquired {round}"));
        store.commit(&key(&container), |record| record.timings.apply_us = 1).unwrap();
        promise(format!("attached {round}"));
        if let Some(gone) = round.checked_sub(3) {
            store.detach(&key(&format!("c{gone}"))).unwrap();
            store.release(&key(&format!("c{gone}")), now).unwrap();
            promise(format!("released {gone}"));
        }
    }
}

#[test]
fn the_writer_process_keeps_three_pods() {
    if let Some(dir) = std::env::var_os(DIR) {
        write(Path::new(&dir), u64::MAX, |promise| println!("{promise}"));
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 50, |_| ());
    let store = open(dir.path());
    assert_eq!(store.records().len(), 3);
    assert_leases_match_records(&store, &NETWORKS);
}

#[test]
fn a_kill_at_any_point_leaves_whole_changes_and_every_promise_kept() {
    for kill in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        let promises = promises_of_a_killed_writer(dir.path(), 20 + kill * 7);
        let store = open(dir.path());
        assert_leases_match_records(&store, &NETWORKS);

        let rounds = |what: &str| -> Vec<u64> {
            let of_kind = promises.iter().filter(|(kind, _)| kind == what);
            of_kind.map(|(_, round)| *round).collect()
        };
        let (acquired, attached, released) = (rounds("acquired"), rounds("attached"), rounds("released"));
        let state = |round: &u64| store.get(&key(&format!("c{round}"))).map(|record| record.state);
        for round in &released {
            assert_eq!(state(round), None, "kill {kill}, round {round}");
        }
        // The one act behind the last promise may have been done too: nothing is said of what it touches.
        let next_to_go = released.len() as u64;
        for round in acquired.iter().filter(|round| **round > next_to_go) {
            let expected: &[State] =
                if attached.contains(round) { &[State::Attached] } else { &[State::Applying, State::Attached] };
            let found = state(round);
            assert!(found.is_some_and(|found| expected.contains(&found)), "kill {kill}, round {round}: {found:?}");
        }
        // And a new daemon goes on with it.
        lease_one(&store, "next", claim("rail", "10.0.0.0/24"), START.plus(Duration::from_secs(1))).unwrap();
    }
}

/// Everything that the writer promised before it died, which was some time after its first `count` promises.
fn promises_of_a_killed_writer(dir: &Path, count: usize) -> Vec<(String, u64)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_writer_process_keeps_three_pods", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    // The test harness writes to the same pipe, also in front of the first promise.
    let mut promises = lines.filter_map(|line| {
        let line = line.unwrap();
        let mut words = line.rsplit(' ');
        let (round, kind) = (words.next()?.parse().ok()?, words.next()?);
        Some((kind.to_owned(), round))
    });
    let mut promised: Vec<(String, u64)> = promises.by_ref().take(count).collect();
    writer.kill().unwrap();
    writer.wait().unwrap();
    promised.extend(promises);
    assert!(promised.len() >= count, "the writer ended by itself after {promised:?}");
    promised
}
