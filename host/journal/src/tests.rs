use std::{fs, os::unix::fs::PermissionsExt};

use nicety_core::{
    decision::{Decision, Selection},
    facts::{Facts, nic_selection},
    millis::Millis,
    record::decision::{Outcome, Role},
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn record(id: u64, pod: &str) -> DecisionRecord {
    DecisionRecord {
        id,
        step: 0,
        time: Millis(1_764_000_000_000 + id),
        key: None,
        pod: PodRef { namespace: "default".into(), name: pod.into(), uid: String::new() },
        asked: "NICs for net1".into(),
        role: Role::Live,
        generation: 1,
        strategy: "spread".parse().unwrap(),
        policy: "spread".into(),
        digest: "native".into(),
        config: "{}".into(),
        config_hash: "00".into(),
        facts: Facts::NicSelection(nic_selection::Facts::default()),
        outcome: Outcome::Decided(Decision::Selection(Selection::default())),
        findings: Vec::new(),
        duration_us: 12,
        fuel: 3,
        log: Vec::new(),
    }
}

pub(crate) fn ids(folder: &Path) -> Vec<u64> {
    read(folder).unwrap().map(|read| read.unwrap().id).collect()
}

#[test]
fn what_is_appended_is_read_back_from_disk_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Bounds::default()).unwrap();
    journal.append(vec![record(1, "web"), record(2, "db")]);
    journal.append(&[record(3, "web")]);
    assert!(journal.flush(PATIENCE));
    assert_eq!(ids(folder.path()), [1, 2, 3], "while it is open");
    assert_eq!(journal.counts(), Counts { written: 3, dropped: 0, failed: 0 });
    drop(journal);
    let read: Vec<_> = read(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [record(1, "web"), record(2, "db"), record(3, "web")]);
}

#[test]
fn a_clean_end_writes_what_is_still_queued() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Bounds::default()).unwrap();
    journal.append((0..500).map(|id| record(id, "web")));
    drop(journal);
    assert_eq!(ids(folder.path()).len(), 500);
}

#[test]
fn only_the_owner_may_look_at_what_pods_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("journal");
    let journal = Journal::open(&folder, Bounds { file_bytes: 1, ..Bounds::default() }).unwrap();
    journal.append([record(1, "web")]);
    assert!(journal.flush(PATIENCE));
    drop(journal);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let modes: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| mode(&entry.unwrap().path())).collect();
    assert_eq!(modes, [0o600, 0o600], "the lock and one file");
}

#[test]
fn two_processes_do_not_write_to_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Journal::open(folder.path(), Bounds::default()).unwrap();
    let error = Journal::open(folder.path(), Bounds::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    Journal::open(folder.path(), Bounds::default()).unwrap();
}

#[test]
fn a_record_that_is_too_large_is_dropped_and_counted_and_the_next_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { record_bytes: 2000, ..Bounds::default() };
    let journal = Journal::open(folder.path(), bounds).unwrap();
    journal.append([DecisionRecord { asked: "x".repeat(3000), ..record(1, "web") }, record(2, "web")]);
    assert!(journal.flush(PATIENCE));
    assert_eq!(journal.counts(), Counts { written: 1, dropped: 1, failed: 0 });
    assert_eq!(ids(folder.path()), [2]);
}

#[test]
fn a_full_queue_drops_and_counts_and_never_waits() {
    let queue = Queue::new(10);
    for _ in 0..3 {
        queue.push(Arc::new(b"12345".to_vec()));
    }
    assert_eq!(queue.counts().dropped, 1);
    let queue::Work::Write(lines) = queue.take(Duration::ZERO) else { panic!("two lines are waiting") };
    assert_eq!(lines.len(), 2);
    queue.push(Arc::new(b"12345".to_vec()));
    assert_eq!(queue.counts().dropped, 1, "there is room again");
    queue.done(1);
    assert_eq!(queue.counts(), Counts { written: 1, dropped: 1, failed: 1 });
}

#[test]
fn the_last_records_are_found_in_memory_by_id_and_by_pod() {
    let journal = Journal::in_memory(Bounds { ring_records: 3, ..Bounds::default() });
    journal.append([record(1, "web"), record(2, "web"), record(2, "db"), record(3, "web")]);
    let of = |records: Vec<DecisionRecord>| records.iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(of(journal.by_id(1)), [0; 0], "the oldest is gone");
    assert_eq!(of(journal.by_id(2)), [2, 2]);
    assert_eq!(of(journal.of_pod("default", "web")), [2, 3]);
    assert_eq!(journal.by_id(3), [record(3, "web")]);
}

#[test]
fn the_records_in_memory_are_bounded_by_their_bytes() {
    let journal = Journal::in_memory(Bounds { ring_bytes: 5000, ..Bounds::default() });
    for id in 0..100 {
        journal.append([DecisionRecord { asked: "x".repeat(1000), ..record(id, "web") }]);
    }
    let kept = journal.of_pod("default", "web").len();
    assert!((2..=4).contains(&kept), "{kept}");
    journal.append([DecisionRecord { asked: "x".repeat(100_000), ..record(100, "web") }]);
    assert_eq!(journal.of_pod("default", "web").len(), 1, "the last one stays, however large");
}

#[test]
fn records_of_many_threads_are_all_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Bounds { file_bytes: 20_000, ..Bounds::default() }).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || (0..100).for_each(|id| journal.append([record(thread * 100 + id, "web")])));
        }
    });
    drop(journal);
    let mut found = ids(folder.path());
    found.sort_unstable();
    assert_eq!(found, (0..800).collect::<Vec<_>>());
    assert!(files(folder.path()).unwrap().len() > 10);
}
