//! `check` and `inspect`.

use serde_json::json;

use crate::lab::{component, file, folder, nicety};

#[test]
fn a_built_in_policy_is_good() {
    let said = nicety(&["policy", "check", "builtin:spread"]).done();
    assert!(said.out.starts_with("builtin:spread: good: policy spread 0.1.0, nic-selection, "), "{said:?}");
}

#[test]
fn what_is_no_component_is_named_for_what_it_is() {
    let folder = folder("check-kinds");
    let check = |name: &str, content: &[u8]| nicety(&["policy", "check", &file(&folder, name, content)]);
    check("core.wasm", b"\0asm\x01\0\0\0")
        .refused(3, &["it is a core WebAssembly module, not a WebAssembly component"]);
    check("text.wasm", b"hello").refused(3, &["it is text, not a WebAssembly component", "1 finding"]);
    check("empty.wasm", b"").refused(3, &["it is empty"]);
    check("torn.wasm", b"\0asm\x0d\0\x01\0\x07\xff").refused(3, &["the module is not valid"]);
}

#[test]
fn every_breach_of_the_contract_is_told_at_once() {
    let folder = folder("check-imports");
    let module = component(&["wasi:cli/environment@0.2.0", "wasi:random/random@0.2.0", "nicety:policy/log@9.9.0"]);
    let path = file(&folder, "foreign.wasm", module);
    let said = nicety(&["policy", "check", &path]);
    said.refused(
        3,
        &[
            "it imports `wasi:cli/environment@0.2.0`",
            "it imports `wasi:random/random@0.2.0`",
            "it speaks `nicety:policy/log@9.9.0`",
            "it exports no extension point",
            "4 findings",
        ],
    );
    let said = nicety(&["policy", "check", &path, "--json"]);
    assert_eq!((said.code, said.json()["findings"].as_array().unwrap().len()), (3, 4), "{said:?}");
    nicety(&["policy", "inspect", &path]).refused(3, &["wasi:random/random"]);
    nicety(&["policy", "run", &path, "--facts", "/dev/null"]).refused(1, &["holds no facts"]);
}

#[test]
fn a_config_is_held_to_the_schema_and_every_finding_is_told() {
    let folder = folder("check-config");
    let config = file(&folder, "config.json", r#"{"count": "everything", "other": 1}"#);
    nicety(&["policy", "check", "builtin:spread", "--config", &config])
        .refused(3, &["config.count", "other", "2 findings"]);
    let config = file(&folder, "good.json", r#"{"count": "tenant"}"#);
    nicety(&["policy", "check", "builtin:spread", "--config", &config]).done();
    let config = file(&folder, "torn.json", "{");
    nicety(&["policy", "check", "builtin:spread", "--config", &config]).refused(1, &["is not JSON"]);
}

#[test]
fn a_module_that_is_not_there_is_told_with_what_there_is() {
    nicety(&["policy", "check", "builtin:spred"]).refused(1, &["there is no built-in policy `spred`", "`spread`"]);
    nicety(&["policy", "check", "/nowhere/x.wasm"])
        .refused(1, &["cannot read module `/nowhere/x.wasm`", "builtin:NAME"]);
    nicety(&["policy", "check", "/"]).refused(1, &["not a regular file"]);
    nicety(&["policy", "check"]).refused(2, &["<MODULE>"]);
}

#[test]
fn inspecting_shows_what_a_module_is() {
    let said = nicety(&["policy", "inspect", "builtin:all", "--json"]).done().json();
    assert_eq!((&said["policy"]["name"], &said["policy"]["kind"]), (&json!("all"), &json!("nic-selection")));
    assert_eq!(said["digest"].as_str().unwrap().len(), 64);
    let exports: Vec<&str> = said["exports"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(exports.iter().any(|name| name.starts_with("nicety:policy/nic-selection@")), "{exports:?}");
    let imports = said["imports"].as_array().unwrap();
    assert!(imports.iter().all(|name| name.as_str().unwrap().starts_with("nicety:policy/")), "{imports:?}");
    assert!(said["bytes"].as_u64().unwrap() < 65_536 && said["codeBytes"].as_u64().unwrap() > 0);
    assert!(said["limits"]["fuel"].as_u64().unwrap() > 0);
    let said = nicety(&["policy", "inspect", "builtin:all"]).done().out;
    for field in ["policy", "kind", "digest", "size", "imports", "exports", "limits"] {
        assert!(said.lines().any(|line| line.starts_with(field)), "{field} is not in {said}");
    }
}
