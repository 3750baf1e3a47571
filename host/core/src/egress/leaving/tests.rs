use proptest::prelude::*;

use super::*;
use crate::egress::held::at;

fn pod(name: &str) -> PodKey {
    PodKey { namespace: "shop".to_owned(), name: name.to_owned(), uid: format!("uid-{name}") }
}

fn by(gateway: u8) -> By {
    By {
        addresses: ["10.1.0.9".parse().unwrap()].into(),
        node: "node-1".parse().unwrap(),
        gateway: format!("gw-{gateway}/192.0.2.{gateway}").into(),
        egress_ips: [IpAddr::from([192, 0, 2, gateway])].into(),
    }
}

fn leaving(of: &[(&str, u8)]) -> Leaving {
    of.iter().map(|(name, gateway)| ((pod(name), "out".to_owned()), by(*gateway))).collect()
}

fn names(lines: &[Line], gateway: u8, time: u64) -> Vec<String> {
    at(lines, [192, 0, 2, gateway].into(), Millis(time)).into_iter().map(|one| one.pod.name).collect()
}

#[test]
fn who_moves_releases_one_address_and_holds_another() {
    let (first, then) = (leaving(&[("a", 1), ("b", 1)]), leaving(&[("a", 2), ("b", 1)]));
    let mut lines = changes(&Leaving::new(), &first, Millis(10));
    lines.extend(changes(&first, &then, Millis(20)));
    lines.extend(changes(&then, &leaving(&[("b", 1)]), Millis(30)));
    assert_eq!(lines.len(), 5);
    assert_eq!(names(&lines, 1, 9), [""; 0]);
    assert_eq!(names(&lines, 1, 10), ["a", "b"]);
    assert_eq!(names(&lines, 1, 25), ["b"]);
    assert_eq!(names(&lines, 2, 20), ["a"]);
    assert_eq!(names(&lines, 2, 30), [""; 0]);
}

fn any_leaving() -> impl Strategy<Value = Leaving> {
    prop::collection::btree_map(0..6_u8, 1..4_u8, 0..6).prop_map(|of| {
        of.into_iter().map(|(name, gateway)| ((pod(&format!("p{name}")), "out".to_owned()), by(gateway))).collect()
    })
}

proptest! {
    /// The lines tell, for each moment, exactly what was so then.
    #[test]
    fn lines_tell_what_was_so(history in prop::collection::vec(any_leaving(), 1..8)) {
        let mut lines = Vec::new();
        let mut before = Leaving::new();
        for (step, now) in (1_u64..).zip(&history) {
            lines.extend(changes(&before, now, Millis(step * 10)));
            before = now.clone();
        }
        prop_assert_eq!(open(lines.clone()), before);
        for (step, then) in (1_u64..).zip(&history) {
            for gateway in 1..4_u8 {
                let mut expected: Vec<String> =
                    then.iter().filter(|(_, one)| *one == &by(gateway)).map(|((pod, _), _)| pod.name.clone()).collect();
                let mut found = names(&lines, gateway, step * 10 + 5);
                expected.sort();
                found.sort();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
