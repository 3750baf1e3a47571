//! Any text as facts: it is refused, or every built-in policy of its kind answers, and what it answers can be reviewed. To facts that
//! keep the promises of facts, what a built-in policy answers passes review, but for reasons that quote names which nobody has:
//! too long, or with control characters.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use nicety_core::{
    evaluate::{Evaluator, Refusal},
    facts::{Facts, Kind, check},
};
use nicety_fuzz::{held, mutate, native_of};
use nicety_strategies::{build::refused_config, run::reviewed};
use serde_json::Value;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(mut document) = serde_json::from_slice::<Value>(data) else { return Corpus::Reject };
    // A golden case has its facts in a field, and a config beside them.
    let config = document.get_mut("config").map_or_else(|| Value::Object(Default::default()), Value::take);
    let facts = match document.get_mut("facts") {
        Some(inner) if inner.get("kind").is_some() => inner.take(),
        _ => document,
    };
    let Ok(facts) = serde_json::from_value::<Facts>(facts) else { return Corpus::Keep };
    let again: Facts =
        serde_json::from_value(serde_json::to_value(&facts).expect("facts are JSON")).expect("as they were");
    assert_eq!(again, facts, "facts survive their own file form");
    let broken = facts.check();
    held::told(&broken, check::TOLD + 1);
    for kind in Kind::ALL {
        for policy in native_of(kind) {
            answered(&facts, broken.is_empty(), &config, &**policy);
        }
    }
    Corpus::Keep
});

fn answered(facts: &Facts, sound: bool, config: &Value, policy: &dyn Evaluator) {
    let config = if refused_config(policy, config).is_empty() { config.to_string() } else { "{}".to_owned() };
    let evaluation = policy.evaluate(&config, facts);
    if policy.kind() != facts.kind() {
        assert!(
            matches!(evaluation.outcome, Err(Refusal::Failed(_))),
            "{} answered {facts:?}",
            policy.description().name
        );
        return;
    }
    assert_eq!(policy.evaluate(&config, facts), evaluation, "the same facts, the same answer");
    match evaluation.outcome {
        Ok(decision) => {
            let findings = reviewed(facts, &decision);
            held::bounded(&findings);
            let faults = findings.iter().filter(|finding| !finding.path.contains("reason")).count();
            assert!(!sound || faults == 0, "{}: {findings:?}", policy.description().name);
            if findings.is_empty() {
                held::promises(facts, &decision);
            }
        }
        Err(Refusal::Denied(denial)) => assert!(!denial.code.is_empty() && !denial.message.is_empty(), "{denial:?}"),
        Err(Refusal::Failed(failure)) => panic!("{} failed: {failure}", policy.description().name),
    }
}
