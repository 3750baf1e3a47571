use proptest::prelude::*;

use super::*;

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

struct Policy {
    name: String,
    priority: i32,
    destinations: Vec<IpNet>,
    excluded: Vec<IpNet>,
}

fn policy(name: &str, priority: i32, destinations: &[&str], excluded: &[&str]) -> Policy {
    Policy { name: name.to_owned(), priority, destinations: nets(destinations), excluded: nets(excluded) }
}

fn claims(policies: &[Policy]) -> Vec<Claim<'_>> {
    fn claim(Policy { name, priority, destinations, excluded }: &Policy) -> Claim<'_> {
        Claim { policy: name, priority: *priority, destinations, excluded }
    }
    policies.iter().map(claim).collect()
}

fn flat(policies: &[Policy], cluster: &[&str]) -> Vec<String> {
    let cluster = nets(cluster);
    let intervals = flatten(&claims(policies), &cluster);
    intervals.iter().map(|one| format!("{}-{} {}", one.first, one.last, one.policy)).collect()
}

#[test]
fn the_longest_prefix_wins_whatever_the_priority() {
    let policies = [policy("wide", 9, &["10.0.0.0/8"], &[]), policy("near", 0, &["10.1.0.0/16"], &[])];
    let expected = ["10.0.0.0-10.0.255.255 wide", "10.1.0.0-10.1.255.255 near", "10.2.0.0-10.255.255.255 wide"];
    assert_eq!(flat(&policies, &[]), expected);
}

#[test]
fn of_equal_prefixes_the_greater_priority_wins_and_then_the_first_name() {
    let policies = |priority| [policy("b", priority, &["1.1.1.0/24"], &[]), policy("a", 0, &["1.1.1.0/24"], &[])];
    assert_eq!(flat(&policies(1), &[]), ["1.1.1.0-1.1.1.255 b"]);
    assert_eq!(flat(&policies(0), &[]), ["1.1.1.0-1.1.1.255 a"]);
}

#[test]
fn what_one_policy_excludes_another_still_has() {
    let policies = [policy("x", 0, &["1.1.1.0/24"], &["1.1.1.22/32"]), policy("y", 0, &["0.0.0.0/0"], &["1.1.2.0/24"])];
    let expected = [
        "0.0.0.0-1.1.0.255 y",
        "1.1.1.0-1.1.1.21 x",
        "1.1.1.22-1.1.1.22 y",
        "1.1.1.23-1.1.1.255 x",
        "1.1.3.0-255.255.255.255 y",
    ];
    assert_eq!(flat(&policies, &[]), expected);
}

#[test]
fn the_clusters_own_addresses_are_nobodys() {
    let policies = [policy("all", 0, &["0.0.0.0/0", "::/0"], &[])];
    let expected = [
        "0.0.0.0-9.255.255.255 all",
        "11.0.0.0-255.255.255.255 all",
        "::-fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff all",
        "fe00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff all",
    ];
    assert_eq!(flat(&policies, &["10.0.0.0/8", "10.96.0.0/12", "fd00::/8"]), expected);
}

#[test]
fn subtraction_gives_the_published_prefixes() {
    let minus = |excluded: &[&str]| -> Vec<String> {
        let policies = [policy("p", 0, &["1.1.1.0/24"], excluded)];
        let intervals = flatten(&claims(&policies), &[]);
        intervals.iter().flat_map(Interval::prefixes).map(|net| net.to_string().replace("1.1.1.", ".")).collect()
    };
    let one = [".0/28", ".16/30", ".20/31", ".23/32", ".24/29", ".32/27", ".64/26", ".128/25"];
    assert_eq!(minus(&["1.1.1.22/32"]), one);
    let tail = [".128/26", ".192/27", ".224/28", ".244/30", ".248/29"];
    assert_eq!(minus(&["1.1.1.22/32", "1.1.1.240/30"]), [&one[..7], &tail[..]].concat());
    assert_eq!(minus(&["1.1.1.240/30"]), [&[".0/25"][..], &tail[..]].concat());
}

/// Prefixes of 10.0.0.0/24 alone, so that every address can be asked.
fn prefixes(most: usize) -> impl Strategy<Value = Vec<IpNet>> {
    let one = (any::<u8>(), 24..=32_u8)
        .prop_map(|(last, length)| IpNet::new(IpAddr::from([10, 0, 0, last]), length).map(|net| net.trunc()).unwrap());
    proptest::collection::vec(one, 0..most)
}

proptest! {
    #[test]
    fn every_address_has_the_policy_that_its_rules_give_it(
        given in proptest::collection::vec((prefixes(4), prefixes(3), -1..2_i32), 0..5), cluster in prefixes(3),
    ) {
        let policies: Vec<Policy> = given
            .into_iter()
            .enumerate()
            .map(|(n, (destinations, excluded, priority))| Policy { name: format!("p{n}"), priority, destinations, excluded })
            .collect();
        let intervals = flatten(&claims(&policies), &cluster);
        for pair in intervals.windows(2) {
            prop_assert!(pair[0].last < pair[1].first, "{pair:?}");
        }
        for last in 0..=u8::MAX {
            let address = IpAddr::from([10, 0, 0, last]);
            let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
            let best = policies
                .iter()
                .filter(|policy| !within(&policy.excluded) && !within(&cluster))
                .filter_map(|policy| {
                    let longest = policy.destinations.iter().filter(|net| net.contains(&address)).map(IpNet::prefix_len).max()?;
                    Some((Reverse(longest), Reverse(policy.priority), policy.name.as_str()))
                })
                .min();
            let found = intervals.iter().find(|one| one.first <= address && address <= one.last);
            prop_assert_eq!(found.map(|one| one.policy), best.map(|(_, _, name)| name), "{}", address);
        }
    }
}
