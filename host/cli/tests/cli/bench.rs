//! `bench`.

use crate::lab::{file, folder, nicety};

#[test]
fn the_cost_of_a_decision_is_told_for_every_kind() {
    for policy in ["builtin:spread", "builtin:networks-annotation", "builtin:round-robin"] {
        let said = nicety(&["policy", "bench", policy, "--decisions", "20", "--json"]).done().json();
        let number = |field: &str| said[field].as_f64().unwrap();
        assert!(number("p50") > 0.0 && number("p50") <= number("p99") && number("p99") <= number("most"), "{said}");
        assert!(number("fuel") > 0.0 && number("fuel") < number("fuelLimit"), "{said}");
        assert!(number("memory") >= 65_536.0 && number("memory") <= number("memoryLimit"), "{said}");
        assert_eq!(number("decisions"), 20.0);
    }
    let said = nicety(&["policy", "bench", "builtin:spread", "--decisions", "20"]).done().out;
    assert!(said.contains("p99") && said.contains("memory"), "{said}");
}

#[test]
fn a_denial_is_no_figure() {
    let folder = folder("bench");
    let facts = file(&folder, "facts.json", r#"{"kind": "attach", "facts": {}}"#);
    nicety(&["policy", "bench", "builtin:spread", "--facts", &facts]).refused(3, &["does not decide on these facts"]);
    nicety(&["policy", "bench", "builtin:spread", "--decisions", "0"]).refused(2, &["--decisions"]);
}
