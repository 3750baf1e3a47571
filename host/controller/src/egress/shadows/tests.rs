use std::sync::Mutex;

use nicety_core::finding::Finding;
use nicety_objects::{
    Strategies,
    strategies::{Limits, ModuleRef, PolicyRef},
};
use nicety_strategies::{StrategySet, Trials, decide};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::json;

use super::*;

/// Takes trials, and asks when it is told to; `None`: there is no room.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Option<Vec<Trial>>>,
}

impl Desk {
    fn with_room() -> Arc<Desk> {
        Arc::new(Desk { waiting: Mutex::new(Some(Vec::new())) })
    }

    /// How many were waiting.
    fn ask(&self) -> usize {
        let trials = self.waiting.lock().unwrap().as_mut().map(std::mem::take).unwrap_or_default();
        let count = trials.len();
        for Trial { policy: _, shadowed, tell } in trials {
            tell(shadowed.iter().filter_map(|one| one.ask(&|| 0)).collect());
        }
        count
    }
}

impl Deciding for Desk {
    fn build(&self, document: &Strategies) -> Result<StrategySet, Vec<Finding>> {
        let mut load = |module: &ModuleRef, _: &Limits| match &module.policy {
            PolicyRef::Builtin(name) => nicety_native::get(name).map(Arc::from).ok_or_else(|| format!("no `{name}`")),
            other => Err(format!("{other:?}")),
        };
        nicety_strategies::build(document, &mut load, &Trials::default())
    }

    fn try_out(&self, trial: Trial) -> bool {
        self.waiting.lock().unwrap().as_mut().map(|waiting| waiting.push(trial)).is_some()
    }
}

/// Seven pods on two gateways by `rendezvous`; and what `candidates` are to be asked.
fn decided(policy: &str, candidates: &[&str]) -> (String, Vec<Shadowed>) {
    use nicety_core::facts::gateways::{Endpoints, Facts, Gateway, Health, NONE};
    let gateway = |node: u32| Gateway {
        id: format!("gw-{node}/default"),
        node,
        zone: NONE,
        addresses: vec![std::net::Ipv4Addr::new(10, 0, 0, node as u8 + 1).into()],
        weight: 1,
        health: Health::Healthy,
        draining: false,
        since: None,
        attributes: Vec::new(),
    };
    let pods = 0..7_u8;
    let facts = Facts {
        policy: policy.to_owned(),
        nodes: vec!["gw-0".to_owned(), "gw-1".to_owned()],
        namespaces: vec!["shop".to_owned()],
        gateways: vec![gateway(0), gateway(1)],
        endpoints: Endpoints {
            identity: pods.clone().map(|pod| format!("shop/web-{pod}")).collect(),
            uid: pods.clone().map(|pod| format!("uid-{pod}")).collect(),
            namespace: vec![0; 7],
            addresses: pods.map(|pod| vec![std::net::Ipv4Addr::new(10, 1, 0, pod).into()]).collect(),
            node: vec![0; 7],
            zone: vec![NONE; 7],
            previous: vec![NONE; 7],
            ..Endpoints::default()
        },
        ..Facts::default()
    };
    let document = json!({
        "gatewayDistribution": {"default": "live"},
        "strategies": {"live": {"policy": "builtin:rendezvous", "shadow": candidates}},
    });
    let set = Desk::default().build(&Strategies::from_value(document).unwrap()).unwrap();
    (policy.to_owned(), decide::distribution(&set, policy, &facts, &|| 0).shadows)
}

fn shadows(desk: &Arc<Desk>) -> (Shadows, Registry) {
    let mut registry = Registry::default();
    let metrics = Arc::new(EgressMetrics::register(&mut registry));
    (Shadows::new(desk.clone(), metrics), registry)
}

/// Lines of metrics of shadow runs, without their names' common beginning.
fn counted(registry: &Registry) -> Vec<String> {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("egress_shadow_runs_"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn what_candidates_would_have_done_is_counted_by_agreement() {
    let desk = Desk::with_room();
    let (shadows, registry) = shadows(&desk);
    shadows.offer(vec![decided("out", &["rendezvous", "round-robin"])]);
    assert_eq!(counted(&registry), ["skipped_total 0"], "nobody has been asked yet");
    assert_eq!(desk.ask(), 1);
    assert_eq!(
        counted(&registry),
        [
            "skipped_total 0",
            r#"total{strategy="live",candidate="rendezvous",agreement="same"} 1"#,
            r#"total{strategy="live",candidate="round-robin",agreement="different"} 1"#,
        ]
    );
}

#[test]
fn of_one_policy_one_comparison_is_under_way_at_a_time() {
    let desk = Desk::with_room();
    let (shadows, registry) = shadows(&desk);
    shadows.offer(vec![decided("out", &["rendezvous"]), decided("other", &["rendezvous"])]);
    shadows.offer(vec![decided("out", &["rendezvous", "round-robin"])]);
    assert_eq!((counted(&registry)[0].as_str(), desk.ask()), ("skipped_total 2", 2));
    shadows.offer(vec![decided("out", &["rendezvous"])]);
    assert_eq!((counted(&registry)[0].as_str(), desk.ask()), ("skipped_total 2", 1));
}

#[test]
fn what_finds_no_room_is_counted_and_the_next_one_may_try_again() {
    let desk = Arc::new(Desk::default());
    let (shadows, registry) = shadows(&desk);
    shadows.offer(vec![decided("out", &["rendezvous"]), decided("nobody", &[])]);
    assert_eq!(counted(&registry), ["skipped_total 1"]);
    *desk.waiting.lock().unwrap() = Some(Vec::new());
    shadows.offer(vec![decided("out", &["rendezvous"])]);
    // One that is dropped without a word ends its turn all the same.
    desk.waiting.lock().unwrap().as_mut().unwrap().clear();
    shadows.offer(vec![decided("out", &["rendezvous"])]);
    assert_eq!((desk.ask(), counted(&registry)[0].as_str()), (1, "skipped_total 1"));
}
