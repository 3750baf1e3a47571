//! Any text as `strategies.yaml`: it is refused with findings that can be read, or makes a set whose every strategy can be asked.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nicety_core::{
    facts::{Facts, Kind, attach, gateways, nic_selection},
    finding::Finding,
};
use nicety_fuzz::{mutate, native};
use nicety_objects::{
    strategies::{Limits, ModuleRef, PolicyRef, Strategies},
    yaml,
};
use nicety_strategies::{Trials, build, dry_run};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(documents) = yaml::documents(text) else { return };
    for document in documents {
        match Strategies::from_value(document) {
            Ok(strategies) => built(&strategies),
            Err(findings) => readable(&findings),
        }
    }
});

fn built(document: &Strategies) {
    let mut load = |module: &ModuleRef, _: &Limits| match &module.policy {
        PolicyRef::Builtin(name) => native(name).ok_or_else(|| format!("there is no built-in policy `{name}`")),
        _ => Err("this is the fuzzer, which has no other modules".to_owned()),
    };
    let set = build(document, &mut load, &Trials::default());
    let set = match set {
        Ok(set) => set,
        Err(findings) => return readable(&findings),
    };
    for (extension, kind) in [
        (&set.attach, Kind::Attach),
        (&set.nic_selection, Kind::NicSelection),
        (&set.gateway_distribution, Kind::GatewayDistribution),
    ] {
        for strategy in std::iter::once(&extension.default).chain(extension.overrides.values()) {
            assert_eq!(strategy.kind(), Some(kind), "`{}` decides for {}", strategy.name, kind.name());
        }
    }
    for strategy in set.strategies.values() {
        let facts = match strategy.kind().expect("no strategy is empty") {
            Kind::Attach => Facts::Attach(attach::Facts::default()),
            Kind::NicSelection => {
                let nic = |name: &str| nic_selection::Nic { name: name.to_owned(), ..Default::default() };
                let candidates = vec![nic("eth1"), nic("eth2")];
                Facts::NicSelection(nic_selection::Facts { candidates, ..Default::default() })
            }
            Kind::GatewayFilter => Facts::GatewayFilter(gateways::Facts::default()),
            Kind::GatewayDistribution => Facts::GatewayDistribution(gateways::Facts::default()),
        };
        // Pipelines may name pipelines: what one decision runs is bounded by what the document is long enough to say.
        let decided = dry_run(strategy, &facts, &|| 0);
        assert!(!decided.runs.is_empty(), "`{}` asked nobody", strategy.name);
    }
}

/// There is a reason for a refusal, and it fits on a screen.
fn readable(findings: &[Finding]) {
    assert!(!findings.is_empty(), "refused without a finding");
    for finding in findings {
        assert!(!finding.message.is_empty(), "{finding:?}");
    }
}
