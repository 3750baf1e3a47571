//! The day in a small cluster, policies in process: what `docs/egress.md` says of its charts holds, or this fails.

use nicety_tests_egress_sim::{
    STRATEGIES,
    arguments::{Arguments, Size},
    run,
};
use serde_json::Value;

fn day() -> Value {
    let size = Size { nodes: 200, endpoints: 4_000, gateways: 64, seed: 1, hours: 24 };
    let strategies = STRATEGIES.map(str::to_owned).to_vec();
    run(&Arguments { size, strategies, charts: None, native: true, jobs: 1 }).expect("a day")
}

#[test]
fn a_day_moves_whom_it_must_and_leaves_nobody_without_a_gateway() {
    let day = day();
    let of = |name: &str, path: &str| day["strategies"][name].pointer(path).and_then(Value::as_f64).expect(path);
    let needless = |name: &str, cause: &str| of(name, &format!("/moved/needless by cause/{cause}"));
    for name in STRATEGIES {
        assert_eq!(of(name, "/pods without a gateway at most"), 0.0, "{name}");
        assert!(of(name, "/moved/needed") > 0.0, "{name}: gateways were lost");
    }
    for name in ["hash-mod", "jump", "rendezvous", "least-loaded", "sticky-identity"] {
        for cause in ["pods come and go", "rollouts", "nodes lost and back"] {
            assert_eq!(needless(name, cause), 0.0, "{name} moves nobody because {cause}");
        }
    }
    assert!(needless("round-robin", "pods come and go") > of("round-robin", "/moved/needed"));
    assert_eq!(of("least-loaded", "/moved/needless"), 0.0);
    for name in ["rendezvous", "sticky-identity"] {
        let (needed, needless) = (of(name, "/moved/needed"), of(name, "/moved/needless"));
        let others = of("hash-mod", "/moved/needless").min(of("jump", "/moved/needless"));
        // In a small cluster a bound is a few pods, and whoever comes back is met by more that are over theirs.
        assert!(
            needless * 2.0 < needed && needless * 10.0 < others,
            "{name}: {needless}, {needed} with need, {others}"
        );
        // The bound is 1.25 fair shares, of whole pods.
        let worst = of(name, "/fullest gateway in fair shares/worst");
        assert!(worst <= 1.3, "{name}: {worst} fair shares");
    }
}
