use std::path::Path;

use super::*;

fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into() }
}

fn refused(files: &[File]) -> Vec<String> {
    Set::parse(files).unwrap_err().iter().map(Finding::to_string).collect()
}

fn network(name: &str, subnet: &str) -> String {
    format!(
        "---\napiVersion: nicety.dev/v1alpha1\nkind: Network\nmetadata: {{name: {name}}}\n\
         spec: {{subnets: ['{subnet}'], link: {{kind: macvlan}}, ipam: {{type: blocks, interfaceBlock: 2, hostBlock: 8}}}}\n"
    )
}

fn block(name: &str, network: &str, node: &str, nic: &str, indexes: (u32, u32)) -> String {
    let (interface, host) = indexes;
    format!(
        "---\napiVersion: nicety.dev/v1alpha1\nkind: IPBlock\nmetadata: {{name: {name}}}\n\
         spec: {{network: {network}, node: {node}, interface: {nic}, interfaceIndex: {interface}, hostIndex: {host}}}\n"
    )
}

#[test]
fn the_standalone_example_is_a_set() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/standalone");
    let set = Set::load(&folder).unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert_eq!(set.networks.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["rails", "routed"]);
    assert_eq!((set.blocks.len(), set.classes.len()), (4, 1));
    assert_eq!(set.strategies.nic_selection.to("rails").as_str(), "gpu-rails");
    let rails = &set.networks[&"rails".parse().unwrap()];
    let pools = rails.pools(set.blocks.values(), &"node-2".parse().unwrap(), Some(&"eth2".parse().unwrap())).unwrap();
    assert_eq!(pools[0].first.to_string(), "192.168.65.1");
    assert!(rails.serves("training") && !rails.serves("default"));
}

#[test]
fn an_empty_folder_is_an_empty_set() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not: [a manifest").unwrap();
    std::fs::write(folder.path().join(".hidden.yaml"), "not: [a manifest").unwrap();
    assert_eq!(Set::load(folder.path()), Ok(Set::default()));
}

#[test]
fn a_folder_that_cannot_be_read_says_so() {
    let findings = Set::load(Path::new("/nonexistent/manifests")).unwrap_err();
    assert!(
        findings[0].to_string().starts_with("/nonexistent/manifests: the manifests folder cannot be read: "),
        "{findings:?}"
    );
}

#[test]
fn what_is_no_manifest_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "kind: [").unwrap();
    std::fs::write(folder.path().join("b.yaml"), [0xff, 0xfe]).unwrap();
    std::fs::create_dir(folder.path().join("c.json")).unwrap();
    let lines: Vec<String> = Set::load(folder.path()).unwrap_err().iter().map(Finding::to_string).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "b.yaml: is not UTF-8 from byte 0 on");
    assert_eq!(lines[1], "c.json: is not a regular file");
    assert!(lines[2].starts_with("a.yaml: cannot be read as YAML: "), "{lines:?}");
}

#[test]
fn findings_of_all_files_come_together_with_file_object_and_field() {
    let files = [
        file("a.yaml", &network("one", "192.168.77.0/16")),
        file(
            "b.yaml",
            "kind: Network\n---\napiVersion: nicety.dev/v1alpha1\nkind: Netwrok\nmetadata: {name: x}\n---\n- 1\n---\n3\n",
        ),
        file("c.json", r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "p"}}"#),
    ];
    assert_eq!(
        refused(&files),
        [
            "a.yaml: Network one: spec.subnets[0]: `192.168.77.0/16` has host bits set; hint: write `192.168.0.0/16`",
            "b.yaml: document 1: apiVersion: is missing; hint: write `nicety.dev/v1alpha1`",
            "b.yaml: Netwrok x: kind: `Netwrok` is not served; hint: Network, IPBlock, HostInterface, DeviceClass, EgressPolicy, EgressGateway, PodNetwork and PodNetworkAttachment are",
            "b.yaml: document 3: is not an object; hint: a manifest starts with `apiVersion` and `kind`",
            "b.yaml: document 4: is not an object; hint: a manifest starts with `apiVersion` and `kind`",
            "c.json: Service p: apiVersion: `v1` with kind `Service` is not served; hint: Network, IPBlock, HostInterface, DeviceClass, EgressPolicy, EgressGateway, PodNetwork and PodNetworkAttachment of `nicety.dev/v1alpha1` are, and Node, Pod and Namespace of `v1`",
        ]
    );
}

#[test]
fn an_objects_name_is_checked_like_its_fields() {
    let text = "apiVersion: nicety.dev/v1alpha1\nkind: DeviceClass\nmetadata: {name: Fast, label: x}\nspec: {ids: [{vendor: '1', products: []}]}";
    assert_eq!(
        refused(&[file("a.yaml", text)]),
        [
            "a.yaml: DeviceClass Fast: metadata.label: is not a known field; hint: did you mean `labels`?",
            "a.yaml: DeviceClass Fast: spec.ids[0].products: has fewer entries than 1",
            "a.yaml: DeviceClass Fast: metadata.name: `Fast` is not a name of lower-case letters, digits, `-` and `.`, \
             with a letter or digit at both ends, at most 253 bytes long",
        ]
    );
}

#[test]
fn one_name_of_one_kind_stands_once() {
    let files = [file("a.yaml", &network("one", "10.1.0.0/16")), file("b.yaml", &network("one", "10.2.0.0/16"))];
    assert_eq!(refused(&files), ["b.yaml: Network one: is there twice; the first stands in `a.yaml`"]);
}

#[test]
fn subnets_of_different_networks_stay_apart() {
    let text = network("one", "10.0.0.0/8") + &network("three", "10.2.0.0/16") + &network("two", "192.168.0.0/16");
    assert_eq!(
        refused(&[file("a.yaml", &text)]),
        ["a.yaml: Network three: spec.subnets[0]: `10.2.0.0/16` overlaps `10.0.0.0/8` of Network `one`"]
    );
}

#[test]
fn a_block_belongs_to_one_nic_and_a_nic_has_one_block() {
    let text = network("one", "10.0.0.0/16")
        + &block("a", "one", "node-1", "eth1", (0, 0))
        + &block("b", "one", "node-2", "eth1", (0, 0))
        + &block("c", "one", "node-1", "eth1", (0, 1))
        + &block("d", "one", "node-1", "eth2", (4, 0))
        + &block("e", "lost", "node-1", "eth2", (0, 0));
    assert_eq!(
        refused(&[file("a.yaml", &text)]),
        [
            "a.yaml: IPBlock d: spec.interfaceIndex: `4` is past the last index 3: the network has 2 bits for it",
            "a.yaml: IPBlock e: spec.network: there is no Network `lost`",
            "a.yaml: IPBlock b: spec: interfaceIndex 0 with hostIndex 0 of network `one` is IPBlock `a` already",
            "a.yaml: IPBlock c: spec: NIC `eth1` of node `node-1` has IPBlock `a` of network `one` already",
        ]
    );
}

#[test]
fn a_block_of_a_broken_network_is_not_told_that_the_network_is_missing() {
    let text = network("one", "10.0.0.1/16") + &block("a", "one", "node-1", "eth1", (0, 0));
    assert_eq!(refused(&[file("a.yaml", &text)]).len(), 1);
}

#[test]
fn strategies_come_from_a_file_or_from_the_config_map() {
    let plain = "nicSelection: {default: mine}\nstrategies: {mine: {policy: 'builtin:spread'}}\n";
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: nicety-strategies, namespace: nicety}}\ndata:\n  strategies.yaml: |\n    {}",
        plain.replace('\n', "\n    ")
    );
    let bare = Set::parse(&[file("strategies.yaml", plain)]).unwrap();
    assert_eq!(bare.strategies.nic_selection.default.as_str(), "mine");
    assert_eq!(Set::parse(&[file("config.yaml", &map)]).unwrap(), bare);
    assert_eq!(
        refused(&[file("config.yaml", &map), file("strategies.yaml", plain)]),
        [
            "strategies.yaml: the strategies are there twice; the first stand in `config.yaml: ConfigMap nicety-strategies`"
        ]
    );
    assert_eq!(
        refused(&[file("config.yaml", &map.replace("builtin:spread", "spread"))]),
        ["config.yaml: ConfigMap nicety-strategies: data[\"strategies.yaml\"].strategies.mine.policy: \
          `spread` is not a policy reference: `builtin:NAME`, `file:PATH`, `configmap:KEY` or `oci://REGISTRY/REPOSITORY@sha256:DIGEST`"]
    );
    assert_eq!(
        refused(&[file("config.yaml", &map.replace("nicety-strategies", "other"))]),
        [
            "config.yaml: ConfigMap other: metadata.name: `other` is no ConfigMap of ours; hint: the strategies are in `nicety-strategies`"
        ]
    );
}

#[test]
fn a_config_map_carries_modules_up_to_its_size() {
    let map = |encoded: &str| {
        let head =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nicety-strategies}\ndata: {strategies.yaml: ''}\n";
        file("config.yaml", &format!("{head}binaryData: {{mine.wasm: '{encoded}'}}\n"))
    };
    let set = Set::parse(&[map("AGFzbQ==")]).unwrap();
    assert_eq!(*set.strategies.modules["mine.wasm"].0, *b"\0asm");
    assert!(refused(&[map("!")])[0].contains("binaryData[\"mine.wasm\"]: is not base64"));
    let large = refused(&[map(&"A".repeat((900 << 10) / 3 * 4 + 4))]);
    assert!(
        large[0].contains("has 921603 bytes, and a module in a ConfigMap at most 921600; hint: push it"),
        "{large:?}"
    );
}

#[test]
fn a_networks_own_strategy_and_the_overrides_say_the_same() {
    let own = network("one", "10.0.0.0/16").replace("spec: {", "spec: {strategy: {nicSelection: spread}, ");
    let strategies = |of: &str| file("strategies.yaml", &format!("nicSelection: {{networks: {{{of}}}}}"));
    let set = Set::parse(&[file("a.yaml", &own)]).unwrap();
    assert_eq!(set.strategies.nic_selection.to("one").as_str(), "spread");
    assert!(Set::parse(&[file("a.yaml", &own), strategies("one: spread")]).is_ok());
    assert_eq!(
        refused(&[file("a.yaml", &own), strategies("one: all, lost: all")]),
        [
            "strategies.yaml: nicSelection.networks.lost: there is no Network of this name",
            "a.yaml: Network one: spec.strategy.nicSelection: is `spread`, but `strategies.yaml` says `all` under \
             `nicSelection.networks`; hint: say it once",
        ]
    );
}

#[test]
fn a_manifest_cut_off_or_garbled_anywhere_is_a_set_or_findings_with_its_file() {
    let text = include_str!("../../../../deploy/examples/standalone/networks.yaml");
    let mut garbled: Vec<String> = text.char_indices().map(|(end, _)| text[..end].to_owned()).collect();
    for (place, mark) in (0..text.len()).step_by(3).zip("{}[]:-&*!|>%@\t\0'\"#,?".chars().cycle()) {
        garbled.push(format!("{}{mark}{}", &text[..place], &text[place + 1..]));
    }
    let mut refused = 0;
    for text in garbled {
        if let Err(findings) = Set::parse(&[file("a.yaml", &text)]) {
            refused += 1;
            assert!(findings.iter().all(|finding| finding.path.starts_with("a.yaml")), "{findings:?}\n{text}");
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}

#[test]
fn an_egress_policy_s_own_strategy_joins_the_overrides() {
    let policy = |strategy: &str| {
        format!(
            "apiVersion: nicety.dev/v1alpha1\nkind: EgressPolicy\nmetadata: {{name: out}}\nspec:\n  selectors: [{{podSelector: {{}}}}]\n  \
             destinationCIDRs: [0.0.0.0/0]\n  egressGateways: [{{nodeSelector: {{}}}}]\n  strategy: {strategy}\n"
        )
    };
    let plain = "strategies: {mine: {policy: 'builtin:rendezvous'}, other: {policy: 'builtin:jump'}}\n";
    let set = Set::parse(&[file("a.yaml", &policy("mine")), file("strategies.yaml", plain)]).unwrap();
    assert_eq!(set.strategies.gateway_distribution.to("out").as_str(), "mine");
    let lost = refused(&[file("a.yaml", &policy("lost")), file("strategies.yaml", plain)]);
    let expected = "a.yaml: EgressPolicy out: spec.strategy: there is no strategy `lost`; hint: there are `";
    assert!(lost[0].starts_with(expected), "{lost:?}");
    let both = format!("gatewayDistribution: {{egressPolicies: {{out: other, gone: mine}}}}\n{plain}");
    assert_eq!(
        refused(&[file("a.yaml", &policy("mine")), file("strategies.yaml", &both)]),
        [
            "strategies.yaml: gatewayDistribution.egressPolicies.gone: there is no EgressPolicy of this name",
            "a.yaml: EgressPolicy out: spec.strategy: is `mine`, but `strategies.yaml` says `other` under \
             `gatewayDistribution.egressPolicies`; hint: say it once",
        ]
    );
}

#[test]
fn machines_and_pods_are_listed_as_kubernetes_has_them() {
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {nodeName: node-1, containers: []}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let set = Set::parse(&[file("a.yaml", text)]).unwrap();
    assert_eq!((set.nodes.len(), set.pods.len(), set.namespaces.len()), (1, 2, 1));
    assert!(set.pods.contains_key(&("default".to_owned(), "web".to_owned())));
}
