use super::*;

const EXAMPLE: &str = include_str!("../../../../deploy/examples/overlay/node-1.yaml");

fn nic(name: &str) -> Nic {
    Nic { name: name.into(), driver: "veth".into(), mtu: 1500, ..Nic::default() }
}

fn refused(text: &str) -> Vec<String> {
    Overlay::parse(text).unwrap_err().iter().map(Finding::to_string).collect()
}

#[test]
fn what_the_overlay_says_replaces_what_was_discovered_and_nothing_else() {
    let overlay =
        Overlay::parse("nics: {eth1: {numa: 1, vendor: '0x15B3', pci: '00000000:0C:05.0', rdma: true, speed: 1000}}")
            .unwrap();
    let mut nics = [Nic { numa: Some(0), product: Some(7), ..nic("eth1") }, nic("eth2")];
    assert_eq!(apply(&overlay, &mut nics), []);
    assert_eq!(
        nics[0],
        Nic {
            numa: Some(1),
            vendor: Some(0x15b3),
            product: Some(7),
            pci: Some("0000:0c:05.0".parse().unwrap()),
            rdma: true,
            speed: Some(1000),
            ..nic("eth1")
        }
    );
    assert_eq!(nics[1], nic("eth2"));
}

#[test]
fn attributes_are_added_sorted_and_each_name_stands_once() {
    let overlay =
        Overlay::parse("nics: {eth1: {attributes: {rail: 3, fabric: storage, tags: [a, b], hot: true}}}").unwrap();
    let old = |name: &str| Attribute { name: name.into(), value: Fact::Text("old".into()) };
    let mut nics = [Nic { attributes: vec![old("rail"), old("zeta")], ..nic("eth1") }];
    assert_eq!(apply(&overlay, &mut nics), []);
    let names: Vec<&str> = nics[0].attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(names, ["fabric", "hot", "rail", "tags", "zeta"]);
    assert_eq!(nics[0].attributes[2].value, Fact::Number(3));
    assert_eq!(nics[0].attributes[3].value, Fact::Texts(vec!["a".into(), "b".into()]));
}

#[test]
fn a_nic_that_is_not_there_is_a_finding_and_the_others_are_served() {
    let overlay = Overlay::parse("nics: {eth7: {numa: 1}, eth1: {numa: 1}}").unwrap();
    let mut nics = [nic("eth1")];
    assert_eq!(apply(&overlay, &mut nics), [Finding::new("nics.eth7", "is no NIC of this node")]);
    assert_eq!(nics[0].numa, Some(1));
}

#[test]
fn a_pods_devices_are_those_whose_pattern_fits() {
    let text = "devices:\n- {pod: ns/a-*, kind: gpu, numa: 1}\n- {pod: ns/a-1, kind: gpu, pci: '0000:0d:00.0'}\n- {pod: other/a-1, kind: gpu}\n";
    let overlay = Overlay::parse(text).unwrap();
    assert_eq!(devices_of(&overlay, "ns", "a-1").len(), 2);
    assert_eq!(devices_of(&overlay, "ns", "a-2").iter().map(|device| device.numa).collect::<Vec<_>>(), [Some(1)]);
    assert_eq!(devices_of(&overlay, "ns", "b"), []);
}

#[test]
fn everything_wrong_with_an_overlay_is_said_at_once() {
    assert_eq!(
        refused("nics: {eth1: {numa: one, vendor: 15b33, attributes: {a: 1.5}}}\ndevices: [{pod: 'ns', kind: ''}]\n"),
        [
            "devices[0].kind: `` is shorter than 1 characters",
            "devices[0].pod: `ns` is not a pod as `namespace/name`, where the name may end with `*`",
            "nics.eth1.attributes.a: is `1.5`, but must be of type boolean or integer or string or array",
            "nics.eth1.numa: is `one`, but must be of type integer",
            "nics.eth1.vendor: `15b33` is not a PCI identifier of one to four hexadecimal digits, like `15b3`",
        ]
    );
    assert_eq!(refused("a: 1\n---\nb: 1\n"), ["has more than one document; hint: remove the `---`"]);
    assert_eq!(Overlay::parse("# nothing\n"), Ok(Overlay::default()));
}

#[test]
fn the_example_overlay_is_one() {
    let overlay = Overlay::parse(EXAMPLE).unwrap();
    let mut nics = [nic("eth1"), nic("eth2"), nic("eth3")];
    assert_eq!(apply(&overlay, &mut nics), []);
    assert_eq!(nics[2].functions, Some(Functions { total: 8, free: 8 }));
    assert_eq!(devices_of(&overlay, "training", "worker-0")[0].numa, Some(1));
}
