//! Which gateways an endpoint may have: those whose ways carry its addresses' families, as far as the policy's destinations have them.

use std::{collections::BTreeSet, net::IpAddr};

use nicety_core::address::Family;

use crate::gateways::{Member, Role};

/// Rows of `Facts::allowed`, which is empty where everybody may have all. Where no gateway that takes endpoints carries all families of an
/// endpoint, those are its own that carry any.
pub(super) fn allowed<'a>(
    wanted: &BTreeSet<Family>,
    members: &[&Member],
    addresses: impl Iterator<Item = &'a BTreeSet<IpAddr>> + Clone,
) -> Vec<u64> {
    // The usual case looks at no endpoint.
    if members.iter().all(|member| wanted.is_subset(&member.carries)) {
        return Vec::new();
    }
    let family = |family: Family| if wanted.contains(&family) { BTreeSet::from([family]) } else { BTreeSet::new() };
    let (four, six) = (family(Family::V4), family(Family::V6));
    let rows = [BTreeSet::new(), four.clone(), six.clone(), &four | &six].map(|needed| row(&needed, members));
    let kind = |addresses: &BTreeSet<IpAddr>| {
        usize::from(addresses.iter().any(IpAddr::is_ipv4)) | usize::from(addresses.iter().any(IpAddr::is_ipv6)) << 1
    };
    let all = row(&BTreeSet::new(), members);
    let mut of_endpoints = addresses.filter_map(|addresses| rows.get(kind(addresses)));
    if of_endpoints.clone().all(|row| *row == all) {
        return Vec::new();
    }
    let mut allowed = Vec::new();
    of_endpoints.by_ref().for_each(|row| allowed.extend(row));
    allowed
}

/// Bits of the gateways for who needs these families. One that drains takes nobody, and keeps those of whom it carries something.
fn row(needed: &BTreeSet<Family>, members: &[&Member]) -> Vec<u64> {
    let all = |member: &Member| needed.is_subset(&member.carries);
    let any = |member: &Member| needed.is_empty() || !needed.is_disjoint(&member.carries);
    let is_whole = members.iter().any(|member| member.role == Role::Active && all(member));
    let word = |members: &[&Member]| {
        let carries = |member: &Member| if is_whole && member.role == Role::Active { all(member) } else { any(member) };
        let bits = (0_u32..).zip(members).filter(|(_, member)| carries(member));
        bits.fold(0, |bits, (bit, _)| bits | 1_u64 << bit)
    };
    members.chunks(64).map(word).collect()
}
