use nicety_core::{
    decision::Decision,
    facts::{Facts, attach},
    millis::Millis,
    record::decision::{Outcome, Role},
};
use nicety_journal::{Bounds, Journal};

use super::*;

fn decision(id: u64, step: u32, container: &str, pod: &str, time: u64) -> DecisionRecord {
    DecisionRecord {
        id,
        step,
        time: Millis(time),
        key: Some(AttachmentKey {
            netconf: "multi".parse().unwrap(),
            container: container.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }),
        pod: PodRef { namespace: "default".into(), name: pod.into(), uid: String::new() },
        asked: "networks of the pod".into(),
        role: Role::Live,
        generation: 1,
        strategy: "all".parse().unwrap(),
        policy: "all".into(),
        digest: "native".into(),
        config: "{}".into(),
        config_hash: "00".into(),
        facts: Facts::Attach(attach::Facts::default()),
        outcome: Outcome::Decided(Decision::Requests(Vec::new())),
        findings: Vec::new(),
        duration_us: 12,
        fuel: 3,
        log: Vec::new(),
    }
}

/// ADD and time of what is found, each with its steps.
fn found(folder: &Path, of: &str) -> Vec<(u64, u64, Vec<u32>)> {
    let explained = from_journal(folder, &Wanted::new(of));
    let add = |Explained { decisions, .. }: &Explained| {
        (decisions[0].id, decisions[0].time.0, decisions.iter().map(|decision| decision.step).collect())
    };
    explained.iter().map(add).collect()
}

#[test]
fn the_journal_alone_tells_of_a_pod_the_newest_add_first_and_ids_of_another_boot_are_other_adds() {
    let folder = tempfile::tempdir().unwrap();
    for (container, time) in [("aa11", 100), ("bb22", 200)] {
        let journal = Journal::open(folder.path(), Bounds::default()).unwrap();
        journal.append([decision(1, 0, container, "web", time), decision(1, 1, container, "web", time)]);
        journal.append([decision(2, 0, "cc33", "db", time + 1)]);
    }
    assert_eq!(found(folder.path(), "default/web"), [(1, 200, vec![0, 1]), (1, 100, vec![0, 1])]);
    assert_eq!(found(folder.path(), "aa"), [(1, 100, vec![0, 1])]);
    assert_eq!(found(folder.path(), "other/web"), []);
    assert_eq!(found(&folder.path().join("missing"), "aa"), []);
}

#[test]
fn a_decision_that_is_found_in_two_places_is_told_once() {
    let mut adds = Adds::new();
    let live = decision(1, 0, "aa11", "web", 100);
    let shadow = DecisionRecord { role: Role::Shadow, strategy: "new".parse().unwrap(), ..live.clone() };
    add(&mut adds, vec![live.clone()]);
    add(&mut adds, vec![live.clone(), shadow.clone()]);
    assert_eq!(told(adds), [[live, shadow]]);
}
