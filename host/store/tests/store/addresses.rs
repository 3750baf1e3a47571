//! Who gets which address.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use nicety_core::{ids::AttachmentKey, millis::Millis};
use nicety_store::{AcquireError, COOLDOWN, Wanted};

use crate::fixture::{START, acquire, claim, claim_static, fixture, ip, key, lease_one};

const BLOCK: &str = "10.0.0.0/29";

fn later(duration: Duration) -> Millis {
    START.plus(duration)
}

#[test]
fn all_interfaces_get_their_addresses_of_both_families_at_once() {
    let fixture = fixture();
    let wanted = vec![vec![claim("rail", BLOCK), claim("rail", "fd00::/64")], vec![], vec![claim("storage", BLOCK)]];
    let leases = acquire(&fixture.store, "c1", &wanted, START).unwrap();
    let shown: Vec<Vec<String>> = leases
        .iter()
        .map(|interface| interface.iter().map(|l| format!("{} {} {}", l.network, l.ifname, l.address)).collect())
        .collect();
    assert_eq!(
        shown,
        [
            vec!["rail net1-0 10.0.0.1/29".to_owned(), "rail net1-0 fd00::1/64".to_owned()],
            vec![],
            vec!["storage net1-2 10.0.0.1/29".to_owned()]
        ]
    );
}

#[test]
fn two_interfaces_on_one_network_get_two_addresses() {
    let fixture = fixture();
    let leases =
        acquire(&fixture.store, "c1", &[vec![claim("rail", BLOCK)], vec![claim("rail", BLOCK)]], START).unwrap();
    assert_ne!(leases[0][0].ip(), leases[1][0].ip());
}

#[test]
fn an_attachment_that_cannot_have_all_gets_none() {
    let fixture = fixture();
    let error =
        acquire(&fixture.store, "c1", &[vec![claim("rail", BLOCK)], vec![claim("tiny", "10.1.0.0/32"); 2]], START)
            .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`net1-1`: network `tiny` has no IPv4 address left on this node, 1 are held; \
         hint: enlarge the node's block, or remove pods"
    );
    assert_eq!(fixture.store.records(), []);
    assert_eq!(fixture.store.leases(&"rail".parse().unwrap()), []);
    assert_eq!(fixture.store.leases(&"tiny".parse().unwrap()), []);
}

#[test]
fn a_caller_that_fails_or_panics_leaves_no_lease() {
    let fixture = fixture();
    let (ifname, claims) = ("net1".parse().unwrap(), [claim("tiny", "10.1.0.0/32")]);
    let wanted = [Wanted { ifname: &ifname, claims: &claims }];

    let refused = fixture.store.acquire(&key("c1"), &wanted, START, |_| Err(std::io::Error::other("no such master")));
    assert!(matches!(refused, Err(AcquireError::Make(_))), "{refused:?}");
    assert_eq!(lease_one(&fixture.store, "c2", claims[0].clone(), START).unwrap(), ip("10.1.0.0"));
    fixture.store.release(&key("c2"), START).unwrap();

    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fixture.store.acquire::<Infallible>(&key("c3"), &wanted, START, |_| panic!("a defect of the caller's"))
    }));
    assert!(panicked.is_err());
    assert_eq!(lease_one(&fixture.store, "c4", claims[0].clone(), START).unwrap(), ip("10.1.0.0"));
}

#[test]
fn a_released_address_rests_even_over_a_restart() {
    let fixture = fixture();
    let first = lease_one(&fixture.store, "c1", claim("rail", BLOCK), START).unwrap();
    fixture.store.release(&key("c1"), START).unwrap();
    let second = lease_one(&fixture.store, "c1", claim("rail", BLOCK), later(Duration::from_secs(1))).unwrap();
    assert_ne!(first, second);

    let fixture = fixture.reopen();
    let almost = later(COOLDOWN - Duration::from_millis(1));
    let others: BTreeSet<_> = (0..4)
        .map(|pod| lease_one(&fixture.store, &format!("other{pod}"), claim("rail", BLOCK), almost).unwrap())
        .collect();
    assert!(!others.contains(&first), "{first} in {others:?}");
    assert_eq!(lease_one(&fixture.store, "late", claim("rail", BLOCK), later(COOLDOWN)).unwrap(), first);
}

#[test]
fn when_only_resting_addresses_are_left_the_longest_free_goes_first() {
    let fixture = fixture();
    for pod in 0..6 {
        lease_one(&fixture.store, &format!("c{pod}"), claim("rail", BLOCK), START).unwrap();
    }
    for (second, pod) in [(1, "c4"), (2, "c0"), (3, "c2")] {
        fixture.store.release(&key(pod), later(Duration::from_secs(second))).unwrap();
    }
    let fixture = fixture.reopen();
    let next = |pod| lease_one(&fixture.store, pod, claim("rail", BLOCK), later(Duration::from_secs(4)));
    assert_eq!(next("n0").unwrap(), ip("10.0.0.5"));
    assert_eq!(next("n1").unwrap(), ip("10.0.0.1"));
    assert_eq!(next("n2").unwrap(), ip("10.0.0.3"));
    assert!(matches!(next("n3"), Err(AcquireError::Exhausted { held: 6, .. })));
}

#[test]
fn a_resting_address_of_another_pool_does_not_count() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", "10.0.1.0/32"), START).unwrap();
    fixture.store.release(&key("c1"), START).unwrap();
    lease_one(&fixture.store, "c2", claim("rail", "10.0.2.0/32"), START).unwrap();
    let full = lease_one(&fixture.store, "c3", claim("rail", "10.0.2.0/32"), START);
    assert!(matches!(full, Err(AcquireError::Exhausted { .. })), "{full:?}");
}

#[test]
fn a_failed_attachment_leaves_resting_addresses_resting() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("tiny", "10.1.0.0/32"), START).unwrap();
    fixture.store.release(&key("c1"), START).unwrap();
    let both = vec![vec![claim("tiny", "10.1.0.0/32")], vec![claim("tiny", "10.1.0.0/32")]];
    assert!(acquire(&fixture.store, "c2", &both, START).is_err());

    let mut roomy = claim("tiny", "10.1.0.0/32");
    roomy.pools.push(crate::fixture::pool("10.1.0.8/32"));
    assert_eq!(lease_one(&fixture.store, "c3", roomy, START).unwrap(), ip("10.1.0.8"));
}

#[test]
fn a_static_address_is_given_to_its_pod_again_at_once() {
    let fixture = fixture();
    let wanted = claim_static("rail", BLOCK, "10.0.0.4");
    assert_eq!(lease_one(&fixture.store, "c1", wanted.clone(), START).unwrap(), ip("10.0.0.4"));
    fixture.store.release(&key("c1"), START).unwrap();
    assert_eq!(lease_one(&fixture.store, "c1", wanted, START).unwrap(), ip("10.0.0.4"));
}

#[test]
fn a_static_address_that_cannot_be_had_is_refused_with_the_reason() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim_static("rail", BLOCK, "10.0.0.4"), START).unwrap();
    let refusal =
        |address| lease_one(&fixture.store, "c2", claim_static("rail", BLOCK, address), START).unwrap_err().to_string();
    assert_eq!(refusal("10.0.0.4"), "`net1-0`: address `10.0.0.4` of network `rail` is held by `multi/c1/eth0`");
    assert_eq!(
        refusal("10.9.0.4"),
        "`net1-0`: address `10.9.0.4` is in no pool of network `rail` on this node, or excluded from it; \
         hint: ask for one of the node's own block"
    );
}

#[test]
fn every_usable_address_of_a_16_is_handed_out_once() {
    let fixture = fixture();
    let mut seen = BTreeSet::new();
    // 64 interfaces per attachment: the promise is about addresses, and one record is one row.
    let mut container = 0;
    while seen.len() + 64 <= 65_534 {
        let leases =
            acquire(&fixture.store, &format!("c{container}"), &vec![vec![claim("rail", "10.7.0.0/16")]; 64], START);
        seen.extend(leases.unwrap().into_iter().flatten().map(|lease| lease.ip()));
        container += 1;
    }
    for rest in 0..65_534 - seen.len() {
        seen.insert(lease_one(&fixture.store, &format!("rest{rest}"), claim("rail", "10.7.0.0/16"), START).unwrap());
    }
    assert_eq!(seen.len(), 65_534);
    let full = lease_one(&fixture.store, "more", claim("rail", "10.7.0.0/16"), START);
    assert!(matches!(full, Err(AcquireError::Exhausted { held: 65_534, .. })), "{full:?}");

    let fixture = fixture.reopen();
    assert_eq!(fixture.store.leases(&"rail".parse().unwrap()).len(), 65_534);
    let released: AttachmentKey = key("c100");
    fixture.store.release(&released, START).unwrap();
    let back = lease_one(&fixture.store, "again", claim("rail", "10.7.0.0/16"), START).unwrap();
    assert!(seen.contains(&back));
}

#[test]
fn a_clock_that_is_set_back_does_not_make_addresses_rest_for_ever() {
    let fixture = fixture();
    let day = Duration::from_secs(86_400);
    lease_one(&fixture.store, "c1", claim("tiny", "10.1.0.0/31"), START).unwrap();
    lease_one(&fixture.store, "c2", claim("tiny", "10.1.0.0/31"), START).unwrap();
    fixture.store.release(&key("c2"), later(day)).unwrap();
    fixture.store.release(&key("c1"), later(day + Duration::from_secs(1))).unwrap();
    // The clock is right again. Both rest by it for one cooldown, and then c1's, the lower one, is as free as the other.
    lease_one(&fixture.store, "tick", claim("other", "10.2.0.0/31"), START).unwrap();
    let after = later(COOLDOWN);
    fixture.store.release(&key("tick"), after).unwrap();
    assert_eq!(lease_one(&fixture.store, "c3", claim("tiny", "10.1.0.0/31"), after).unwrap(), ip("10.1.0.0"));
}
