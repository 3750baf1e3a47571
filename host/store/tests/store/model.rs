//! Any history of calls, against a model that is too simple to be wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use nicety_core::{
    ids::AttachmentKey,
    ipam::{Claim, Pool},
    millis::Millis,
    record::State,
};
use nicety_store::{AcquireError, COOLDOWN, CommitError};
use proptest::prelude::*;

use crate::fixture::{START, acquire, assert_leases_match_records, claim, fixture, ip, key, pool};

const NETWORKS: [&str; 2] = ["rail", "storage"];

#[derive(Debug, Clone)]
enum Call {
    /// Per interface: which of the claims of `claims()`.
    Acquire(u8, Vec<Vec<usize>>),
    AcquireStatic(u8, u8),
    Commit(u8),
    Detach(u8),
    Release(u8),
    Wait(u64),
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    let pod = 0..6_u8;
    let interfaces = proptest::collection::vec(proptest::collection::vec(0..4_usize, 0..3), 1..4);
    prop_oneof![
        6 => (pod.clone(), interfaces).prop_map(|(pod, interfaces)| Call::Acquire(pod, interfaces)),
        1 => (pod.clone(), 0..10_u8).prop_map(|(pod, host)| Call::AcquireStatic(pod, host)),
        2 => pod.clone().prop_map(Call::Commit),
        1 => pod.clone().prop_map(Call::Detach),
        5 => pod.prop_map(Call::Release),
        3 => (1..50_000_u64).prop_map(Call::Wait),
        1 => Just(Call::Restart),
    ]
}

/// Small pools, so that they fill up: 6, 5 (of two pools, one with excludes), 7 and 1 addresses.
fn claims() -> [Claim; 4] {
    let excluding =
        Pool { last: ip("10.1.1.5"), excludes: vec!["10.1.1.4/31".parse().unwrap()], ..pool("10.1.1.0/29") };
    [
        claim("rail", "10.0.0.0/29"),
        Claim { pools: vec![pool("10.1.0.0/30"), excluding], ..claim("storage", "10.1.0.0/30") },
        claim("rail", "fd00::/125"),
        claim("storage", "10.9.0.0/32"),
    ]
}

/// By definition: inside the bounds, outside the excludes.
fn usable(claim: &Claim) -> BTreeSet<IpAddr> {
    let last_octets = 0..=255_u8;
    let candidates = last_octets.flat_map(|octet| {
        ["10.0.0", "10.1.0", "10.1.1", "10.9.0"]
            .map(|net| ip(&format!("{net}.{octet}")))
            .into_iter()
            .chain([ip(&format!("fd00::{octet:x}"))])
    });
    let allowed = |address: &IpAddr| {
        claim.pools.iter().any(|pool| {
            pool.first.is_ipv4() == address.is_ipv4()
                && (pool.first..=pool.last).contains(address)
                && !pool.excludes.iter().any(|net| net.contains(address))
        })
    };
    candidates.filter(allowed).collect()
}

type Place = (String, IpAddr);

#[derive(Debug, Default)]
struct Model {
    attachments: BTreeMap<AttachmentKey, (State, Vec<Place>)>,
    released: BTreeMap<Place, Millis>,
}

impl Model {
    fn held(&self) -> BTreeSet<Place> {
        let all: Vec<Place> = self.attachments.values().flat_map(|(_, places)| places.clone()).collect();
        let set: BTreeSet<Place> = all.iter().cloned().collect();
        assert_eq!(all.len(), set.len(), "an address is held twice");
        set
    }

    fn rests(&self, place: &Place, now: Millis) -> bool {
        self.released.get(place).is_some_and(|since| now.since(*since) < COOLDOWN)
    }

    /// Fails unless the store was right to serve the claims with these addresses, one after the other.
    fn check_choice(&self, claims: &[Claim], chosen: &[Place], now: Millis) {
        let mut held = self.held();
        for (claim, place) in claims.iter().zip(chosen) {
            let network = claim.network.to_string();
            let free: Vec<Place> = usable(claim)
                .into_iter()
                .map(|address| (network.clone(), address))
                .filter(|place| !held.contains(place))
                .collect();
            assert!(free.contains(place), "{place:?} is not free for {claim:?}");
            if claim.want.is_none() && self.rests(place, now) {
                let since = |place: &Place| self.released.get(place).copied();
                assert!(free.iter().all(|other| self.rests(other, now)), "{place:?} rests, others do not: {free:?}");
                assert!(free.iter().all(|other| since(other) >= since(place)), "{place:?} is not free for longest");
            }
            held.insert(place.clone());
        }
    }

    /// True when the claims cannot be served one after the other, whatever is chosen: no two claims here share a part of a pool.
    fn must_refuse(&self, claims: &[Claim]) -> bool {
        let held = self.held();
        let mut wanted: BTreeMap<Vec<Place>, usize> = BTreeMap::new();
        for claim in claims {
            let network = claim.network.to_string();
            let free = usable(claim)
                .into_iter()
                .map(|address| (network.clone(), address))
                .filter(|place| !held.contains(place));
            let free = free.filter(|(_, address)| claim.want.is_none_or(|want| want == *address));
            *wanted.entry(free.collect()).or_default() += 1;
        }
        wanted.iter().any(|(free, count)| free.len() < *count)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_promises(calls in proptest::collection::vec(call(), 1..80)) {
        let mut fixture = fixture();
        let mut model = Model::default();
        let mut now = START;
        let pod = |pod: u8| format!("c{pod}");
        for call in calls {
            match call {
                Call::Wait(milliseconds) => now = now.plus(Duration::from_millis(milliseconds)),
                Call::Restart => fixture = fixture.reopen(),
                Call::Acquire(number, interfaces) => {
                    let wanted: Vec<Vec<Claim>> = interfaces.iter().map(|kinds| kinds.iter().map(|kind| claims()[*kind].clone()).collect()).collect();
                    step_acquire(&fixture.store, &mut model, &pod(number), &wanted, now);
                }
                Call::AcquireStatic(number, host) => {
                    let wanted = Claim { want: Some(ip(&format!("10.0.0.{host}"))), ..claims()[0].clone() };
                    step_acquire(&fixture.store, &mut model, &pod(number), &[vec![wanted]], now);
                }
                Call::Commit(number) => {
                    let result = fixture.store.commit(&key(&pod(number)), |_| ());
                    match model.attachments.get_mut(&key(&pod(number))) {
                        None => assert!(matches!(result, Err(CommitError::Unknown { .. }))),
                        Some((state @ State::Applying, _)) => {
                            *state = State::Attached;
                            prop_assert!(result.is_ok());
                        }
                        Some(_) => assert!(matches!(result, Err(CommitError::NotApplying { .. }))),
                    }
                }
                Call::Detach(number) => {
                    let known = fixture.store.detach(&key(&pod(number))).unwrap().is_some();
                    let modelled = model.attachments.get_mut(&key(&pod(number)));
                    prop_assert_eq!(known, modelled.is_some());
                    modelled.into_iter().for_each(|(state, _)| *state = State::Detaching);
                }
                Call::Release(number) => {
                    let known = fixture.store.release(&key(&pod(number)), now).unwrap().is_some();
                    let modelled = model.attachments.remove(&key(&pod(number)));
                    prop_assert_eq!(known, modelled.is_some());
                    model.released.extend(modelled.into_iter().flat_map(|(_, places)| places).map(|place| (place, now)));
                }
            }
            check(&fixture.store, &model);
        }
        check(&fixture.reopen().store, &model);
    }
}

fn step_acquire(store: &nicety_store::Store, model: &mut Model, container: &str, wanted: &[Vec<Claim>], now: Millis) {
    let flat: Vec<Claim> = wanted.iter().flatten().cloned().collect();
    match acquire(store, container, wanted, now) {
        Ok(leases) => {
            let chosen: Vec<Place> =
                leases.iter().flatten().map(|lease| (lease.network.to_string(), lease.ip())).collect();
            assert_eq!(chosen.len(), flat.len());
            model.check_choice(&flat, &chosen, now);
            model.released.retain(|place, _| !chosen.contains(place));
            let before = model.attachments.insert(key(container), (State::Applying, chosen));
            assert!(before.is_none(), "{container} was acquired twice");
        }
        Err(AcquireError::Known { .. }) => assert!(model.attachments.contains_key(&key(container))),
        Err(error) => assert!(model.must_refuse(&flat), "{error}"),
    }
}

fn check(store: &nicety_store::Store, model: &Model) {
    assert_leases_match_records(store, &NETWORKS);
    let held: BTreeSet<Place> = NETWORKS
        .iter()
        .flat_map(|network| store.leases(&network.parse().unwrap()))
        .map(|(_, lease)| (lease.network.to_string(), lease.ip()))
        .collect();
    assert_eq!(held, model.held());
    let states: BTreeMap<AttachmentKey, State> =
        store.records().iter().map(|record| (record.key.clone(), record.state)).collect();
    assert_eq!(states, model.attachments.iter().map(|(key, (state, _))| (key.clone(), *state)).collect());
}
