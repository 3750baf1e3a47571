//! From Applying to gone, and what the rest of the node sees of it.

use nicety_core::{
    plan::{Link, MacvlanMode},
    record::State,
};
use nicety_store::{AcquireError, CommitError};

use crate::fixture::{START, acquire, assert_leases_match_records, claim, fixture, key, lease_one};

const BLOCK: &str = "10.0.0.0/24";

#[test]
fn an_attachment_is_recorded_before_it_is_made_and_survives_a_restart_in_each_state() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.get(&key("c1")).unwrap().state, State::Applying);

    let attached = fixture.store.commit(&key("c1"), |record| record.timings.apply_us = 7).unwrap();
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.get(&key("c1")).unwrap(), attached);
    assert_eq!((attached.state, attached.timings.apply_us), (State::Attached, 7));

    fixture.store.detach(&key("c1")).unwrap();
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.get(&key("c1")).unwrap().state, State::Detaching);

    let released = fixture.store.release(&key("c1"), START).unwrap().unwrap();
    assert_eq!(released.key, key("c1"));
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.get(&key("c1")), None);
    assert_eq!(fixture.store.leases(&"rail".parse().unwrap()), []);
}

#[test]
fn del_may_be_repeated() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    assert!(fixture.store.detach(&key("c1")).unwrap().is_some());
    assert!(fixture.store.detach(&key("c1")).unwrap().is_some());
    assert!(fixture.store.release(&key("c1"), START).unwrap().is_some());
    assert!(fixture.store.release(&key("c1"), START).unwrap().is_none());
    assert!(fixture.store.detach(&key("c1")).unwrap().is_none());
}

#[test]
fn a_known_attachment_is_not_acquired_again() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    fixture.store.commit(&key("c1"), |_| ()).unwrap();
    let again = lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap_err();
    assert!(matches!(again, AcquireError::Known { state: State::Attached, .. }));
    assert_eq!(again.to_string(), "attachment `multi/c1/eth0` is known already: it is attached");
    assert_eq!(fixture.store.leases(&"rail".parse().unwrap()).len(), 1);
}

#[test]
fn only_what_is_being_made_can_be_completed() {
    let fixture = fixture();
    assert!(matches!(fixture.store.commit(&key("c1"), |_| ()), Err(CommitError::Unknown { .. })));
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    fixture.store.detach(&key("c1")).unwrap();
    let late = fixture.store.commit(&key("c1"), |_| ()).unwrap_err();
    assert_eq!(late.to_string(), "attachment `multi/c1/eth0` cannot be completed: it is being taken back");
}

#[test]
fn completing_changes_neither_key_nor_leases() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    fixture.store.commit(&key("c1"), |record| record.key = key("somebody-else")).unwrap();
    assert_eq!(fixture.store.get(&key("c1")).unwrap().key, key("c1"));
    assert_leases_match_records(&fixture.reopen().store, &["rail"]);
}

#[test]
fn a_container_is_known_by_all_of_its_attachments() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    lease_one(&fixture.store, "c10", claim("rail", BLOCK), START).unwrap();
    let found = fixture.store.by_container(&"c1".parse().unwrap());
    assert_eq!(found.iter().map(|record| record.key.clone()).collect::<Vec<_>>(), [key("c1")]);
    assert_eq!(fixture.store.records().len(), 2);
}

#[test]
fn the_use_of_each_nic_follows_its_attachments() {
    let fixture = fixture();
    let two = vec![vec![claim("rail", BLOCK)], vec![claim("rail", BLOCK)]];
    acquire(&fixture.store, "c1", &two, START).unwrap();
    acquire(&fixture.store, "c2", &two[..1], START).unwrap();
    fixture.store.commit(&key("c1"), |record| record.interfaces[1].link = Link::VethRouted).unwrap();

    let fixture = fixture.reopen();
    let usage = fixture.store.usage();
    let (eth0, eth1) = (&usage[&"eth0".parse().unwrap()], &usage[&"eth1".parse().unwrap()]);
    assert_eq!((eth0.attachments(), eth0.promised), (2, 2_000_000_000));
    assert_eq!(eth0.links, [(Link::Macvlan { mode: MacvlanMode::Bridge }, 2)].into());
    assert_eq!(eth1.links, [(Link::VethRouted, 1)].into());
    assert_eq!((eth0.users()[0].namespace.as_str(), eth0.users()[0].attachments), ("default", 2));

    fixture.store.release(&key("c1"), START).unwrap();
    let usage = fixture.store.usage();
    assert_eq!(usage.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["eth0"]);
    fixture.store.release(&key("c2"), START).unwrap();
    assert!(fixture.store.usage().is_empty());
}
