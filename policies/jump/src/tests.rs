//! What jump consistent hashing promises.

use nicety_policy_sdk::facts;

use super::*;

fn instance(gateways: usize, endpoints: usize) -> Facts {
    let ids: Vec<(String, String)> = (0..gateways).map(|n| (format!("g{n}"), format!("192.168.1.{}", n + 1))).collect();
    let named: Vec<(String, String)> =
        (0..endpoints).map(|n| (format!("ns/ep{n}"), format!("10.0.{}.{}", n >> 8, n & 255))).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    facts::gateways(ids.iter().map(|(id, at)| facts::gateway(id, at)), facts::endpoints(&named))
}

fn primaries(facts: &Facts) -> Vec<u32> {
    decide(&Config::default(), facts).unwrap().primary
}

#[test]
fn buckets_are_those_of_the_published_algorithm() {
    // Computed by the paper's own listing.
    let rows = [(0, 1, 0), (0, 60, 0), (1, 1, 0), (0xdead_10cc, 1, 0), (256, 1024, 520), (0xdead_10cc, 666, 361)];
    for (key, buckets, bucket) in rows {
        assert_eq!(jump(key, buckets), bucket, "jump({key}, {buckets})");
    }
}

#[test]
fn a_gateway_more_takes_its_share_and_nothing_else_moves() {
    let (before, after) = (primaries(&instance(4, 2_000)), primaries(&instance(5, 2_000)));
    let moved: Vec<u32> = before.iter().zip(&after).filter(|(was, is)| was != is).map(|(_, is)| *is).collect();
    assert!(moved.iter().all(|gateway| *gateway == 4), "{moved:?}");
    assert!((300..500).contains(&moved.len()), "{} moved of a fair 400", moved.len());
}

#[test]
fn every_endpoint_has_a_gateway_and_another_that_stands_by() {
    let answer = decide(&Config::default(), &instance(3, 300)).unwrap();
    assert!(answer.primary.iter().zip(&answer.standby).all(|(one, other)| one != other && *one < 3 && *other < 3));
}
