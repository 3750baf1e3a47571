/** Builders of facts for tests: each makes the smallest value that means something, and takes other fields by name. */

import { NONE, request } from "./index.js";

export function pod(fields = {}) {
  return {
    namespace: "podns",
    name: "pod",
    uid: "uid-pod",
    serviceAccount: null,
    labels: null,
    namespaceLabels: null,
    annotations: [],
    attributes: [],
    ...fields,
  };
}

/** The pod `podns/pod` with one annotation. */
export function annotated(key, value) {
  return pod({ annotations: [{ key, value }] });
}

export function node(name = "node1") {
  return { name, labels: null, attributes: [] };
}

/** An IPv4 address. */
export function address(text) {
  return { high: 0, low: text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0xffff) };
}

/** A NIC that is up, with an MTU of 1500 and a made-up MAC. */
export function nic(name, fields = {}) {
  return {
    name,
    mac: [...name].reduce((mac, character) => mac + character.codePointAt(0), 0x020000000000),
    mtu: 1500,
    speed: null,
    state: "up",
    addresses: [],
    numa: null,
    pci: null,
    upstream: null,
    vendor: null,
    product: null,
    driver: "",
    card: null,
    functions: null,
    rdma: false,
    receive: null,
    transmit: null,
    masterOf: null,
    users: [],
    promised: 0,
    attributes: [],
    ...fields,
  };
}

/** Facts of nic-selection: these candidates, and a request that leaves all open. */
export function selection(candidates, fields = {}) {
  return {
    pod: pod(),
    node: node(),
    request: request(0, { nicsMax: null }),
    candidates,
    taken: [],
    devices: [],
    classes: [],
    attributes: [],
    ...fields,
  };
}

/** Facts of attach: a call for `eth0`, and on offer first the default network, then the others. */
export function attach(mode, pod, network, others) {
  const offer = (name, isDefault) => ({ name, default: isDefault, ready: true, attributes: [] });
  return {
    pod,
    node: node(),
    call: { ifname: "eth0", mode, addresses: [], mac: null, deviceId: null, attributes: [] },
    networks: [offer(network, true), ...others.map((name) => offer(name, false))],
    attributes: [],
  };
}

/** A healthy gateway of weight 1. */
export function gateway(id, ip, fields = {}) {
  return {
    id,
    node: NONE,
    zone: NONE,
    addresses: [address(ip)],
    weight: 1,
    health: "healthy",
    draining: false,
    since: null,
    attributes: [],
    ...fields,
  };
}

/** Texts of ASCII end to end. */
export function texts(list) {
  let end = 0;
  const bytes = Uint8Array.from(list.join(""), (character) => character.codePointAt(0));
  return { bytes, ends: list.map((text) => (end += text.length)) };
}

/** Endpoints by identity, in one namespace, without a gateway before. */
export function endpoints(identities, fields = {}) {
  const none = identities.map(() => NONE);
  return {
    identity: texts(identities),
    uid: texts(identities.map((identity) => `uid-${identity}`)),
    namespace: identities.map(() => 0),
    addresses: identities.flatMap((_, index) => [0, address(`10.0.0.${index + 1}`).low]),
    addressEnds: identities.map((_, index) => index + 1),
    node: none,
    zone: none,
    previous: none,
    columns: [],
    ...fields,
  };
}

/** Facts of a gateway policy. */
export function gateways(gateways, endpoints, fields = {}) {
  return {
    policy: "egress",
    nodes: [],
    namespaces: ["podns"],
    zones: [],
    zoneRegion: [],
    regions: [],
    gateways,
    endpoints,
    allowed: [],
    attributes: [],
    ...fields,
  };
}
