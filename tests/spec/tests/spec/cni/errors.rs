//! Section 5, "Error" and "VERSION Success".

use nicety_cni::{CniError, Code, Request, Version};
use serde_json::{Value, json};

use super::{ADD, OWN, parse};

#[test]
fn the_codes_are_those_of_the_specification_and_ours_start_at_100() {
    let numbers: Vec<u32> = Code::ALL.iter().map(|code| code.number()).collect();
    let expected = [1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51, 100, 101, 102, 103, 104, 105, 106, 107, 108, 199];
    assert_eq!(numbers, expected);
}

#[test]
fn an_error_is_a_json_object_in_the_version_asked_for() {
    let error = CniError::new(Code::PolicyDenied, "policy `spread` denied: no card").with_details("nic eth1: taken");
    let json: Value = serde_json::from_str(&error.render(Version::V0_4_0)).unwrap();
    let expected = json!({
        "cniVersion": "0.4.0", "code": 100, "msg": "policy `spread` denied: no card", "details": "nic eth1: taken",
    });
    assert_eq!(json, expected);
    assert_eq!(error.to_string(), "policy `spread` denied: no card: nic eth1: taken");
}

#[test]
fn a_refused_call_is_answered_in_its_own_version_where_that_is_known() {
    let version = |stdin: &str| {
        let rendered = parse(&ADD[..2], stdin).unwrap_err().render();
        assert!(rendered.ends_with("}\n"), "{rendered}");
        serde_json::from_str::<Value>(&rendered).unwrap()["cniVersion"].clone()
    };
    assert_eq!(version(&OWN.replace("1.1.0", "0.3.1")), "0.3.1");
    assert_eq!(version(&OWN.replace("1.1.0", "0.1.0")), "1.1.0");
    assert_eq!(version("{"), "1.1.0");
}

#[test]
fn version_answers_what_it_was_asked_and_lists_all_that_it_speaks() {
    let supported = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
    let dummies = ["CNI_IFNAME", "CNI_NETNS", "CNI_PATH"].map(|name| (name, "dummy"));
    let variables: Vec<_> = [("CNI_COMMAND", "VERSION")].into_iter().chain(dummies).collect();
    let rows = [
        (r#"{"cniVersion":"1.0.0"}"#, "1.0.0"),
        (r#"{"cniVersion":"9.9.9"}"#, "9.9.9"),
        ("{}", "1.1.0"),
        ("", "1.1.0"),
    ];
    for (stdin, asked) in rows {
        let Ok(Request::Version(query)) = parse(&variables, stdin) else { panic!("{stdin}") };
        let answer: Value = serde_json::from_str(&query.answer()).unwrap();
        assert_eq!(answer, json!({"cniVersion": asked, "supportedVersions": supported}));
    }
    assert_eq!(parse(&variables, "{").unwrap_err().error.code, Code::DecodingFailure);
}
