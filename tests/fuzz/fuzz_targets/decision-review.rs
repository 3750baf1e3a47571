//! Any answer to any facts: review finds what is wrong with it, in so many words and no more; what passes review keeps what review
//! promises, all the way to a plan with its undo. The input has the form of a golden case.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use nicety_core::{decision::Decision, facts::Facts};
use nicety_fuzz::{held, mutate};
use nicety_strategies::run::reviewed;
use serde_json::Value;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(mut document) = serde_json::from_slice::<Value>(data) else { return Corpus::Reject };
    let facts = document.get_mut("facts").map_or(Value::Null, Value::take);
    let decision = document.pointer_mut("/answer/decision").map_or(Value::Null, Value::take);
    let (Ok(facts), Ok(decision)) =
        (serde_json::from_value::<Facts>(facts), serde_json::from_value::<Decision>(decision))
    else {
        return Corpus::Keep;
    };
    let findings = reviewed(&facts, &decision);
    held::bounded(&findings);
    if findings.is_empty() {
        held::promises(&facts, &decision);
    }
    Corpus::Keep
});
