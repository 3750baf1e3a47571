//! Section 1 and 3 of the specification: the network configuration on standard input.

use nicety_cni::{
    Mode, Request, Version,
    netconf::{DEFAULT_SOCKET, ValidAttachment},
};
use serde_json::json;

use super::{ADD, OWN, add, del, gc, parse, refused, variables, with};

#[test]
fn each_supported_version_is_served_and_each_other_is_code_1_by_name() {
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let request = parse(&ADD, &OWN.replace("1.1.0", version)).unwrap();
        assert_eq!(request.version().as_str(), version);
    }
    for version in ["0.1.0", "0.2.0", "0.3", "0.3.2", "1.2.0", "2.0.0", "v1.0.0", ""] {
        let (code, text) = refused(&ADD, &OWN.replace("1.1.0", version));
        assert_eq!(code, 1);
        let named = format!("cniVersion: version `{version}` of the CNI specification is not supported");
        assert!(text.starts_with(&named) && text.ends_with("0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"), "{text}");
    }
    let (code, text) = refused(&ADD, r#"{"name":"net","type":"nicety","network":"a"}"#);
    assert!(code == 1 && text.starts_with("cniVersion: is missing, which means 0.1.0"), "{text}");
    assert_eq!(refused(&ADD, r#"{"cniVersion":1,"name":"net","network":"a"}"#).0, 1);
}

#[test]
fn a_verb_younger_than_the_configuration_is_code_1() {
    let rows = [("CHECK", "0.3.1", "0.4.0"), ("GC", "1.0.0", "1.1.0"), ("STATUS", "1.0.0", "1.1.0")];
    for (verb, older, since) in rows {
        let variables = variables(&[("CNI_COMMAND", verb)]);
        let (code, text) = refused(&variables, &OWN.replace("1.1.0", older));
        let expected = format!("cniVersion: {older} does not know {verb}, which came with {since}");
        assert_eq!((code, text), (1, expected));
        assert!(parse(&variables, &OWN.replace("1.1.0", since)).is_ok());
    }
}

#[test]
fn what_is_not_a_json_object_is_code_6() {
    let rows = [
        ("", "stdin: is empty"),
        (" \n", "stdin: is empty"),
        ("{", "stdin: is not JSON: EOF while parsing"),
        ("[1]", "stdin: is JSON, but not an object"),
        ("{}{}", "stdin: is not JSON: trailing characters"),
        ("\u{1}", "stdin: is not JSON"),
    ];
    for (stdin, expected) in rows {
        for verb in ["ADD", "DEL", "CHECK", "GC", "STATUS"] {
            let (code, text) = refused(&variables(&[("CNI_COMMAND", verb)]), stdin);
            assert!(code == 6 && text.starts_with(expected), "{verb} {stdin:?}: {code} {text}");
        }
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused(&ADD, &with(&format!(r#""x":{deep}"#))).0, 6);
}

#[test]
fn standard_input_over_its_limit_is_code_6_and_says_the_limit() {
    let padded = |length: usize| format!("{}{}", OWN, " ".repeat(length - OWN.len()));
    assert!(parse(&ADD, &padded(1024 * 1024)).is_ok());
    let (code, text) = refused(&ADD, &padded(1024 * 1024 + 1));
    assert!(code == 6 && text.contains("larger than 1048576 bytes"), "{code} {text}");
}

#[test]
fn the_name_follows_the_rule_of_the_specification() {
    for name in ["", "-net", "a/b", "a b", "ä"] {
        let (code, text) = refused(&ADD, &OWN.replace("\"net\"", &format!("\"{name}\"")));
        assert!(code == 7 && text.starts_with(&format!("name: `{name}` is not a network name")), "{code} {text}");
    }
    let (code, text) = refused(&ADD, r#"{"cniVersion":"1.0.0","network":"a"}"#);
    assert_eq!((code, text.as_str()), (7, "name: is missing"));
}

#[test]
fn each_key_of_ours_with_a_wrong_type_is_code_7_under_its_path() {
    let rows = [
        (r#""socket":5"#, "socket: is `5`, not text"),
        (r#""socket":"cni.sock""#, "socket: `cni.sock` is not an absolute path"),
        (r#""delegated":"yes""#, "delegated: is `yes`, not true or false"),
        (r#""args":[]"#, "args: is a list, not an object"),
        (r#""args":{"cni":1}"#, "args.cni: is `1`, not an object"),
        (r#""runtimeConfig":"x""#, "runtimeConfig: is text, not an object"),
        (r#""runtimeConfig":{"ips":"10.0.0.5"}"#, "runtimeConfig.ips: is `10.0.0.5`, not a list"),
        (
            r#""runtimeConfig":{"ips":["10.0.0.5","10.0.0.300"]}"#,
            "runtimeConfig.ips[1]: is `10.0.0.300`, not an address",
        ),
        (r#""runtimeConfig":{"mac":"zz"}"#, "runtimeConfig.mac: is `zz`, not a hardware address"),
        (r#""runtimeConfig":{"deviceID":7}"#, "runtimeConfig.deviceID: is `7`, not text"),
        (
            r#""runtimeConfig":{"portMappings":[{"containerPort":70000}]}"#,
            "runtimeConfig.portMappings[0].containerPort: is more than 65535",
        ),
        (
            r#""runtimeConfig":{"bandwidth":{"ingressRate":-1}}"#,
            "runtimeConfig.bandwidth.ingressRate: is `-1`, not a number of zero or more",
        ),
        (
            r#""runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"a":1}}"#,
            "runtimeConfig.io.kubernetes.cri.pod-annotations: `a` is not text",
        ),
        (r#""prevResult":[]"#, "prevResult: is a list, not an object"),
        (r#""prevResult":{"cniVersion":"0.2.0"}"#, "prevResult.cniVersion: version `0.2.0`"),
        (
            r#""prevResult":{"ips":[{"address":"10.0.0.5"}]}"#,
            "prevResult.ips[0].address: is `10.0.0.5`, not an address with",
        ),
        (r#""prevResult":{"ips":[{}]}"#, "prevResult.ips[0].address: is missing"),
        (
            r#""prevResult":{"ips":[{"address":"10.0.0.5/24","interface":0}]}"#,
            "prevResult.ips[0].interface: is past the end",
        ),
        (r#""prevResult":{"routes":[{"dst":"x"}]}"#, "prevResult.routes[0].dst: is `x`, not a destination"),
    ];
    for (keys, expected) in rows {
        let (code, text) = refused(&ADD, &with(keys));
        assert!(code == 7 && text.starts_with(expected), "{keys}: {code} {text}");
    }
    let long = with(&format!(r#""socket":"/{}""#, "s".repeat(107)));
    assert_eq!(refused(&ADD, &long), (7, "socket: is 108 bytes long; a unix socket's path has at most 107".to_owned()));
}

#[test]
fn unknown_keys_pass_because_runtimes_inject_their_own() {
    let keys = r#""capabilities":{"mac":true},"ipMasq":false,"example.org/key":[1],"runtimeConfig":{"new":1}"#;
    assert_eq!(add(keys).netconf.network.as_deref(), Some("default"));
}

#[test]
fn the_keys_of_ours_are_read() {
    let netconf = add("").netconf;
    assert_eq!(
        (netconf.version, netconf.name.as_str(), netconf.plugin.as_str(), netconf.socket.as_str()),
        (Version::V1_1_0, "net", "nicety", DEFAULT_SOCKET)
    );
    let netconf = add(r#""socket":"/tmp/x.sock","args":{"cni":{"ips":["10.0.0.9"],"k":{"a":1}}}"#).netconf;
    assert_eq!(netconf.socket, "/tmp/x.sock");
    assert_eq!(netconf.args.get("k"), Some(&json!({"a": 1})));
}

#[test]
fn the_mode_of_an_add_follows_from_network_prev_result_and_delegated() {
    let prev = r#""prevResult":{"cniVersion":"1.1.0","interfaces":[],"ips":[]}"#;
    assert_eq!(add("").mode(), Mode::OwnNetwork);
    assert_eq!(add(prev).mode(), Mode::Chained);
    assert_eq!(add(r#""delegated":true"#).mode(), Mode::Delegated);
    assert_eq!(add(&format!(r#""delegated":true,{prev}"#)).mode(), Mode::Delegated);
    let without_network = |keys: &str| with(keys).replace(r#","network":"default""#, "");
    match parse(&ADD, &without_network(prev)) {
        Ok(Request::Add(attachment)) => assert_eq!(attachment.mode(), Mode::Chained),
        other => panic!("{other:?}"),
    }
    let (code, text) = refused(&ADD, &without_network(""));
    assert!(code == 7 && text.starts_with("network: is missing, and so is prevResult; hint:"), "{code} {text}");
    let (code, text) = refused(&ADD, &without_network(&format!(r#""delegated":true,{prev}"#)));
    assert!(code == 7 && text.starts_with("network: is missing; hint: `delegated` needs"), "{code} {text}");
    assert!(parse(&variables(&[("CNI_COMMAND", "STATUS")]), &without_network("")).is_ok());
}

#[test]
fn del_forgives_every_field_that_it_does_not_need() {
    let keys = [
        r#""runtimeConfig":{"ips":["x"],"mac":"zz"}"#,
        r#""prevResult":"x""#,
        r#""args":7"#,
        r#""delegated":"x""#,
        r#""cni.dev/valid-attachments":7"#,
    ];
    for keys in keys {
        assert_eq!(del(keys).netconf.name, "net");
    }
    let (code, text) = refused(&variables(&[("CNI_COMMAND", "DEL")]), &with(r#""socket":7"#));
    assert_eq!((code, text.as_str()), (7, "socket: is `7`, not text"));
}

#[test]
fn gc_tells_an_empty_list_of_attachments_from_none() {
    let valid = |keys: &str| gc(keys).valid_attachments;
    let one = |container_id: &str, ifname: &str| ValidAttachment {
        container_id: container_id.to_owned(),
        ifname: ifname.to_owned(),
    };
    assert_eq!(valid(""), None);
    assert_eq!(valid(r#""cni.dev/valid-attachments":[]"#), Some(vec![]));
    assert_eq!(valid(r#""cni.dev/valid-attachments":null"#), Some(vec![]));
    let listed = r#"[{"containerID":"c1","ifname":"eth0"},{"containerID":"c2","ifname":"net1"}]"#;
    let both = Some(vec![one("c1", "eth0"), one("c2", "net1")]);
    assert_eq!(valid(&format!(r#""cni.dev/valid-attachments":{listed}"#)), both);
    assert_eq!(valid(&format!(r#""cni.dev/attachments":{listed}"#)), both);
    assert_eq!(valid(&format!(r#""cni.dev/attachments":[],"cni.dev/valid-attachments":{listed}"#)), both);
}

#[test]
fn gc_refuses_a_list_that_it_cannot_read_whole() {
    let rows = [
        (r#"7"#, "cni.dev/valid-attachments: is `7`, not a list"),
        (r#"["c1"]"#, "cni.dev/valid-attachments[0]: is text, not an object"),
        (r#"[{"ifname":"eth0"}]"#, "cni.dev/valid-attachments[0].containerID: `` is not a container ID"),
        (r#"[{"containerID":"c1"}]"#, "cni.dev/valid-attachments[0].ifname: `` is not a name"),
    ];
    for (list, expected) in rows {
        let keys = format!(r#""cni.dev/valid-attachments":{list}"#);
        let (code, text) = refused(&[("CNI_COMMAND", "GC")], &with(&keys));
        assert!(code == 7 && text.starts_with(expected), "{list}: {code} {text}");
    }
}
