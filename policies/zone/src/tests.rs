//! The four modes, and what is between zone and everywhere.

use nicety_policy_sdk::{facts, gateways::Health};

use super::*;

/// Zones a and b are one region, c is another. Gateways: two in a, one in b, one in c. Endpoints: one in each zone, one in none.
fn instance() -> Facts {
    let in_zone = |id: &str, zone: u32| Gateway { zone, ..facts::gateway(id, &format!("192.168.1.{}", &id[1..])) };
    let gateways = [in_zone("g1", 0), in_zone("g2", 0), in_zone("g3", 1), in_zone("g4", 2)];
    let endpoints = [("ns/a", "10.0.0.1"), ("ns/b", "10.0.0.2"), ("ns/c", "10.0.0.3"), ("ns/none", "10.0.0.4")];
    let mut facts = facts::gateways(gateways, facts::endpoints(&endpoints));
    facts.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
    facts.regions = ["west", "east"].map(str::to_owned).to_vec();
    facts.zone_region = vec![0, 0, 1];
    facts.endpoints.zone = vec![0, 1, 2, NONE];
    facts
}

fn bits(mode: Mode, active: u32, facts: &Facts) -> Vec<u64> {
    decide(&Config { mode, active }, facts).unwrap()
}

#[test]
fn disabled_changes_nothing() {
    assert_eq!(bits(Mode::Disabled, 0, &instance()), [0b1111; 4]);
    let narrowed = Facts { allowed: vec![1, 2, 4, 8], ..instance() };
    assert_eq!(bits(Mode::Disabled, 0, &narrowed), [1, 2, 4, 8]);
}

#[test]
fn local_only_keeps_to_the_zone_even_where_nobody_serves_there() {
    assert_eq!(bits(Mode::LocalOnly, 0, &instance()), [0b0011, 0b0100, 0b1000, 0b1111]);
    let mut without = instance();
    without.endpoints.zone[0] = 1;
    without.gateways[2].zone = 0;
    assert_eq!(bits(Mode::LocalOnly, 0, &without)[0], 0);
}

#[test]
fn local_first_falls_back_to_the_region_and_then_to_all() {
    let mut facts = instance();
    assert_eq!(bits(Mode::LocalOnlyFirst, 0, &facts), [0b0011, 0b0100, 0b1000, 0b1111]);
    facts.gateways[2].health = Health::Unhealthy;
    assert_eq!(bits(Mode::LocalOnlyFirst, 0, &facts)[1], 0b0111, "zone b has its region");
    facts.gateways[0].draining = true;
    facts.gateways[1].weight = 0;
    assert_eq!(bits(Mode::LocalOnlyFirst, 0, &facts)[..2], [0b1111; 2], "and then all");
}

#[test]
fn priority_fills_so_many_with_the_nearest_first() {
    let facts = instance();
    assert_eq!(bits(Mode::LocalPriority, 1, &facts), [0b0001, 0b0100, 0b1000, 0b1111]);
    assert_eq!(bits(Mode::LocalPriority, 3, &facts), [0b0111, 0b0111, 0b1011, 0b1111]);
    assert_eq!(bits(Mode::LocalPriority, 0, &facts), [0b1111; 4]);
}

#[test]
fn filters_before_are_narrowed_and_decide_what_is_near() {
    let facts = Facts { allowed: vec![0b1100; 4], ..instance() };
    assert_eq!(bits(Mode::LocalOnlyFirst, 0, &facts), [0b0100, 0b0100, 0b1000, 0b1100]);
}

#[test]
fn who_is_on_a_draining_gateway_keeps_it_but_for_strangers_to_a_zone_that_is_strict() {
    let mut facts = instance();
    facts.gateways[3].draining = true;
    facts.endpoints.previous = vec![3; 4];
    assert_eq!(bits(Mode::LocalOnlyFirst, 0, &facts)[0], 0b1011);
    assert_eq!(bits(Mode::LocalOnly, 0, &facts)[..3], [0b0011, 0b0100, 0b1000]);
}

#[test]
fn more_than_sixty_four_gateways_have_a_word_for_each_sixty_four() {
    let mut facts = instance();
    facts.gateways = (0..70)
        .map(|n| Gateway { zone: u32::from(n != 69), ..facts::gateway(&format!("g{n}"), "192.168.1.1") })
        .collect();
    facts.endpoints.previous = vec![NONE; 4];
    assert_eq!(bits(Mode::LocalOnly, 0, &facts)[..4], [0, 1 << 5, u64::MAX, (1 << 5) - 1]);
}

#[test]
fn a_number_without_a_use_is_refused() {
    assert_eq!(validate(&Config { mode: Mode::LocalOnly, active: 2 }).len(), 1);
    assert!(validate(&Config { mode: Mode::LocalPriority, active: 2 }).is_empty());
}
