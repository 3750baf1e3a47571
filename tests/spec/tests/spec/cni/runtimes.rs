//! What container runtimes were seen to send.

use nicety_cni::{
    Request,
    netconf::{Bandwidth, PortMapping},
    result::Dns,
};

use super::{ADD, add, parse, variables};

#[test]
fn containerd_writes_some_capabilities_with_capital_letters() {
    let config = add(r#""runtimeConfig":{
            "io.kubernetes.cri.pod-annotations":{"k8s.v1.cni.cncf.io/networks":"a,b"},
            "portMappings":[{"HostPort":8080,"ContainerPort":80,"Protocol":"TCP","HostIP":""}],
            "bandwidth":{"IngressRate":1000,"IngressBurst":2000,"EgressRate":3000,"EgressBurst":4000},
            "dns":{"Servers":["10.0.0.2"],"Searches":["example.org"],"Options":["ndots:5"]},
            "cgroupPath":"/kubepods/pod1"}"#)
    .netconf
    .runtime_config;
    let annotations = config.pod_annotations.unwrap();
    assert_eq!(annotations["k8s.v1.cni.cncf.io/networks"], "a,b");
    let mapping = PortMapping { host_port: 8080, container_port: 80, protocol: "tcp".to_owned(), host_ip: None };
    assert_eq!(config.port_mappings, [mapping]);
    let rates = Bandwidth { ingress_rate: 1000, ingress_burst: 2000, egress_rate: 3000, egress_burst: 4000 };
    assert_eq!(config.bandwidth, Some(rates));
    let dns = Dns {
        nameservers: vec!["10.0.0.2".to_owned()],
        domain: None,
        search: vec!["example.org".to_owned()],
        options: vec!["ndots:5".to_owned()],
    };
    assert_eq!((config.dns, config.cgroup_path.as_deref()), (dns, Some("/kubepods/pod1")));
}

#[test]
fn podman_writes_the_same_in_small_letters() {
    let config = add(r#""runtimeConfig":{"ips":["10.0.0.9"],"mac":"02:AA:00:00:00:01","aliases":["web"],
            "portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"udp","hostIP":"127.0.0.1"}],
            "bandwidth":{"ingressRate":1000,"ingressBurst":0}}"#)
    .netconf
    .runtime_config;
    assert_eq!(config.ips, ["10.0.0.9/32".parse().unwrap()]);
    assert_eq!(config.mac.as_deref(), Some("02:aa:00:00:00:01"));
    assert_eq!(config.port_mappings[0].host_ip, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(config.bandwidth, Some(Bandwidth { ingress_rate: 1000, ..Bandwidth::default() }));
}

#[test]
fn both_spellings_of_the_device_are_read() {
    for key in ["deviceID", "deviceId"] {
        let config = add(&format!(r#""runtimeConfig":{{"{key}":"0000:0c:05.0"}}"#)).netconf.runtime_config;
        assert_eq!(config.device_id.as_deref(), Some("0000:0c:05.0"));
    }
}

#[test]
fn a_pod_without_annotations_is_not_a_runtime_that_sends_none() {
    let annotations = |keys: &str| add(keys).netconf.runtime_config.pod_annotations;
    assert_eq!(annotations(""), None);
    assert_eq!(annotations(r#""runtimeConfig":{}"#), None);
    let null = r#""runtimeConfig":{"io.kubernetes.cri.pod-annotations":null}"#;
    assert_eq!(annotations(null), Some(Default::default()));
}

#[test]
fn addresses_asked_for_come_from_the_newest_mechanism_that_names_some() {
    let asked = |args: &'static str, keys: &str| match parse(&variables(&[("CNI_ARGS", args)]), &super::with(keys)) {
        Ok(Request::Add(attachment)) => {
            let addresses: Vec<String> = attachment.asked_addresses().iter().map(ToString::to_string).collect();
            (addresses.join(","), attachment.asked_mac().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?}"),
    };
    let pair = |addresses: &str, mac: &str| (addresses.to_owned(), mac.to_owned());
    let cni_args = "IP=10.0.0.1/24;MAC=02:00:00:00:00:01";
    let args = r#""args":{"cni":{"ips":["10.0.0.2/24"]}}"#;
    let capability = r#""runtimeConfig":{"ips":["10.0.0.3/24","2001:db8::3/64"],"mac":"02:00:00:00:00:03"}"#;
    assert_eq!(asked("", ""), pair("", ""));
    assert_eq!(asked(cni_args, ""), pair("10.0.0.1/24", "02:00:00:00:00:01"));
    assert_eq!(asked(cni_args, args), pair("10.0.0.2/24", "02:00:00:00:00:01"));
    let newest = pair("10.0.0.3/24,2001:db8::3/64", "02:00:00:00:00:03");
    assert_eq!(asked(cni_args, &format!("{args},{capability}")), newest);
}

#[test]
fn a_repeated_del_has_no_namespace_and_no_prev_result() {
    let containerd = [
        ("CNI_COMMAND", "DEL"),
        ("CNI_NETNS", ""),
        (
            "CNI_ARGS",
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1",
        ),
    ];
    let stdin = super::with(r#""runtimeConfig":{"io.kubernetes.cri.pod-annotations":null,"portMappings":[]}"#);
    let Ok(Request::Del(attachment)) = parse(&variables(&containerd), &stdin) else { panic!() };
    assert_eq!((attachment.netns.as_str(), attachment.netconf.prev_result), ("", None));
    assert_eq!(attachment.args.pod_name, "web");
}

#[test]
fn status_and_gc_of_cnitool_carry_empty_variables_and_nothing_else() {
    for verb in ["STATUS", "GC"] {
        let empty = ADD.map(|(name, _)| (name, if name == "CNI_COMMAND" { verb } else { "" }));
        assert!(parse(&empty, super::OWN).is_ok(), "{verb}");
    }
}
