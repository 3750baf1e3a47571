//! Section 2 of the specification, "Parameters": CNI_* variables.

use nicety_cni::{Env, Request, Verb};

use super::{ADD, OWN, parse, refused, variables};

#[test]
fn every_verb_is_read() {
    for verb in Verb::ALL {
        let request = parse(&variables(&[("CNI_COMMAND", verb.as_str())]), OWN).unwrap();
        assert_eq!(request.verb(), verb);
    }
}

#[test]
fn each_missing_variable_is_code_4_and_named() {
    let rows = [
        ("ADD", "CNI_CONTAINERID", true),
        ("ADD", "CNI_NETNS", true),
        ("ADD", "CNI_IFNAME", true),
        ("CHECK", "CNI_CONTAINERID", true),
        ("CHECK", "CNI_NETNS", true),
        ("CHECK", "CNI_IFNAME", true),
        ("DEL", "CNI_CONTAINERID", true),
        ("DEL", "CNI_NETNS", false),
        ("DEL", "CNI_IFNAME", true),
        ("GC", "CNI_CONTAINERID", false),
        ("GC", "CNI_IFNAME", false),
        ("STATUS", "CNI_CONTAINERID", false),
        ("STATUS", "CNI_IFNAME", false),
        ("VERSION", "CNI_CONTAINERID", false),
        ("VERSION", "CNI_IFNAME", false),
    ];
    for (verb, name, required) in rows {
        // An empty value is as good as none.
        let variables = variables(&[("CNI_COMMAND", verb), (name, "")]);
        if required {
            let (code, text) = refused(&variables, OWN);
            assert_eq!((code, text), (4, format!("{name}: is missing; {verb} needs it")));
        } else {
            assert!(parse(&variables, OWN).is_ok(), "{verb} without {name}");
        }
    }
}

#[test]
fn no_verb_and_an_unknown_verb_are_code_4() {
    let (code, text) = refused(&[], OWN);
    assert_eq!(code, 4);
    assert!(text.starts_with("CNI_COMMAND: is missing"), "{text}");
    let (code, text) = refused(&variables(&[("CNI_COMMAND", "add")]), OWN);
    assert_eq!((code, text.as_str()), (4, "CNI_COMMAND: `add` is none of ADD, DEL, CHECK, GC, STATUS, VERSION"));
}

#[test]
fn a_container_id_and_an_interface_name_follow_their_rules() {
    let rows = [
        ("CNI_CONTAINERID", "-c1"),
        ("CNI_CONTAINERID", "c/1"),
        ("CNI_CONTAINERID", "../c1"),
        ("CNI_IFNAME", "sixteencharsaaaa"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_IFNAME", "a b"),
        ("CNI_IFNAME", "a:b"),
        ("CNI_IFNAME", ".."),
    ];
    for (name, value) in rows {
        for verb in ["ADD", "DEL", "CHECK"] {
            let (code, text) = refused(&variables(&[("CNI_COMMAND", verb), (name, value)]), OWN);
            assert!(code == 4 && text.starts_with(&format!("{name}: `{value}`")), "{code} {text}");
        }
    }
    assert!(parse(&variables(&[("CNI_CONTAINERID", "0a-B_c.d"), ("CNI_IFNAME", "fifteencharsaaa")]), OWN).is_ok());
}

#[test]
fn every_finding_is_listed_and_the_deepest_gives_the_code() {
    let stdin = r#"{"cniVersion":"9.0.0","name":"-","runtimeConfig":{"mac":"zz"},"network":"a"}"#;
    let (code, text) = refused(&[("CNI_COMMAND", "ADD")], stdin);
    assert_eq!(code, 4);
    for part in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "`9.0.0`", "name: `-`", "runtimeConfig.mac: is `zz`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.starts_with("6 things are wrong with this call: "), "{text}");
    assert_eq!(refused(&ADD, stdin).0, 1);
    assert_eq!(refused(&ADD, &stdin.replace("9.0.0", "1.0.0")).0, 7);
    assert_eq!(refused(&[("CNI_COMMAND", "ADD")], "{").0, 4);
    assert_eq!(refused(&ADD, "{").0, 6);
}

#[test]
fn cni_args_are_pairs_in_any_order() {
    let args = |text: &'static str| match parse(&variables(&[("CNI_ARGS", text)]), OWN) {
        Ok(Request::Add(attachment)) => attachment.args,
        other => panic!("{text}: {other:?}"),
    };
    let read = args(
        "K8S_POD_UID=u-1;IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;NEW=x;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;",
    );
    assert_eq!(
        (read.pod_namespace.as_str(), read.pod_name.as_str(), read.pod_uid.as_str(), read.infra_container_id.as_str()),
        ("ns", "web-0", "u-1", "c1")
    );
    let read = args("MAC=02-AB-00-00-00-01;IP=10.0.0.5");
    assert_eq!((read.mac.as_deref(), read.ip), (Some("02:ab:00:00:00:01"), Some("10.0.0.5/32".parse().unwrap())));
    assert_eq!(args("IP=2001:db8::5/64").ip, Some("2001:db8::5/64".parse().unwrap()));
    assert_eq!(args(""), Default::default());
}

#[test]
fn malformed_cni_args_are_code_4_but_never_keep_a_pod_from_being_deleted() {
    let rows = [
        ("NAME", "CNI_ARGS: `NAME` is not of the form `KEY=VALUE`"),
        ("A=1;B=2", "CNI_ARGS: `A`, `B` is not known"),
        ("A=1;IgnoreUnknown=0", "CNI_ARGS: `A` is not known"),
        ("IgnoreUnknown=maybe", "CNI_ARGS: IgnoreUnknown: `maybe` is not a truth value"),
        ("IP=10.0.0.300", "CNI_ARGS: IP: `10.0.0.300` is not an address"),
        ("MAC=02:00", "CNI_ARGS: MAC: `02:00` is not a hardware address"),
    ];
    for (args, expected) in rows {
        let (code, text) = refused(&variables(&[("CNI_ARGS", args)]), OWN);
        assert!(code == 4 && text.starts_with(expected), "{code} {text}");
        assert!(parse(&variables(&[("CNI_COMMAND", "DEL"), ("CNI_ARGS", args)]), OWN).is_ok(), "{args}");
    }
}

#[test]
fn of_a_process_environment_only_the_variables_of_the_specification_are_kept() {
    let process = [("CNI_IFNAME", "eth0"), ("CNI_SECRET", "x"), ("PATH", "/bin"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let env = Env::of(process.map(|(name, value)| (name.into(), value.into()))).unwrap();
    assert_eq!(env.iter().collect::<Vec<_>>(), [("CNI_IFNAME", "eth0")]);
}

#[test]
fn a_variable_that_is_not_text_or_too_long_is_a_finding() {
    use std::os::unix::ffi::OsStringExt;
    let garbled = std::ffi::OsString::from_vec(vec![0xff]);
    let long = "x".repeat(40_000).into();
    let findings = Env::of([("CNI_IFNAME".into(), garbled), ("CNI_ARGS".into(), long)]).unwrap_err();
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["CNI_IFNAME: is not UTF-8", "CNI_ARGS: is 40000 bytes long, more than 32768"]);
}
