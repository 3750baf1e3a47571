//! Many callers at once.

use std::collections::BTreeSet;

use crate::fixture::{START, acquire, assert_leases_match_records, claim, fixture, key};

#[test]
fn concurrent_adds_and_dels_never_share_an_address() {
    let fixture = fixture();
    let store = &fixture.store;
    std::thread::scope(|scope| {
        for worker in 0..8 {
            scope.spawn(move || {
                for round in 0..40 {
                    let container = format!("c{worker}-{round}");
                    let wanted = vec![vec![claim("rail", "10.0.0.0/20")], vec![claim("rail", "fd00::/64")]];
                    acquire(store, &container, &wanted, START).unwrap();
                    store.commit(&key(&container), |_| ()).unwrap();
                    if round % 2 == 0 {
                        store.detach(&key(&container)).unwrap();
                        store.release(&key(&container), START).unwrap();
                    }
                }
            });
        }
    });
    let check = |store: &nicety_store::Store| {
        assert_leases_match_records(store, &["rail"]);
        let addresses: BTreeSet<_> =
            store.leases(&"rail".parse().unwrap()).iter().map(|(_, lease)| lease.ip()).collect();
        assert_eq!(addresses.len(), 8 * 20 * 2);
    };
    check(&fixture.store);
    check(&fixture.reopen().store);
}

#[test]
fn the_last_addresses_go_to_exactly_as_many_as_there_are() {
    let fixture = fixture();
    let store = &fixture.store;
    let served = std::thread::scope(|scope| {
        let adds: Vec<_> = (0..16)
            .map(|pod| {
                scope.spawn(move || {
                    acquire(store, &format!("c{pod}"), &[vec![claim("rail", "10.0.0.0/29")]], START).is_ok()
                })
            })
            .collect();
        adds.into_iter().map(|add| add.join().unwrap()).filter(|served| *served).count()
    });
    assert_eq!(served, 6);
    assert_leases_match_records(store, &["rail"]);
}
