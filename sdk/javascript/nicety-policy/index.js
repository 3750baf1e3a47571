/**
 * What a policy written in JavaScript depends on: denials, lookups and the shapes of the contract (in index.d.ts). The component's
 * exports are made in component.js.
 */

/** An index that points nowhere: no gateway, node or zone. */
export const NONE = 0xffffffff;

/** A policy's no. `code` is kebab-case; `message` says what was wrong, where, and what to do. */
export class Denied extends Error {
  constructor(code, message, { retryable = false, object = null } = {}) {
    super(message);
    this.denial = { code, message, retryable, object, attributes: [] };
  }
}

/** A request for one NIC of a network; other fields by name. */
export function request(network, fields = {}) {
  return {
    network,
    ifname: null,
    primary: false,
    nicsMin: 1,
    nicsMax: 1,
    distinct: null,
    masters: [],
    class: null,
    target: null,
    addresses: [],
    pools: [],
    gateway4: null,
    gateway6: null,
    mac: null,
    mtu: null,
    reason: "",
    attributes: [],
    ...fields,
  };
}

/** The request for CNI_IFNAME: one NIC of the network that the NetConf names, with what the runtime asked for by capability. */
export function primaryRequest(facts) {
  const network = facts.networks.findIndex((offer) => offer.default);
  if (network < 0) {
    throw new Denied("unknown-network", "the network that the CNI configuration names is not on offer to this pod");
  }
  if (!facts.networks[network].ready) throw notReady(facts.networks[network]);
  const { addresses, mac } = facts.call;
  return request(network, { primary: true, addresses, mac, reason: "the network of the CNI configuration" });
}

/** The names of all networks on offer, for messages. */
export function offered(facts) {
  const names = facts.networks.map((offer) => `\`${offer.name}\``).join(", ");
  return names ? `there are ${names}` : "there is none";
}

/** The denial for a network that is on offer and cannot be used now. */
export function notReady(offer) {
  const message = `network \`${offer.name}\` is not usable on this node now`;
  return new Denied("network-not-ready", message, { retryable: true, object: offer.name });
}

/** Texts that lie end to end, one by one. */
export function texts({ bytes, ends }) {
  return ends.map((end, place) => utf8(bytes, place === 0 ? 0 : ends[place - 1], end));
}

/** UTF-8 as a string: QuickJS has no TextDecoder. */
function utf8(bytes, start, end) {
  let text = "";
  for (let at = start; at < end; ) {
    const first = bytes[at];
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let point = length === 1 ? first : first & (0x7f >> length);
    for (let more = 1; more < length; more++) point = (point << 6) | (bytes[at + more] & 0x3f);
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

/** Compares two strings by code point, which is the order of their UTF-8 and that of other languages. */
export function compareTexts(one, other) {
  const a = [...one];
  const b = [...other];
  const differs = a.findIndex((character, place) => character !== b[place]);
  if (differs < 0) return a.length - b.length;
  return differs < b.length ? a[differs].codePointAt(0) - b[differs].codePointAt(0) : 1;
}

/** Words of `allowed` per endpoint. */
function words(facts) {
  return Math.ceil(facts.gateways.length / 64);
}

/** May this endpoint use this gateway? An empty `allowed` allows all. */
export function allows(facts, endpoint, gateway) {
  if (facts.allowed.length === 0) return true;
  const word = facts.allowed[endpoint * words(facts) + Math.floor(gateway / 64)] ?? 0;
  return Math.floor(word / 2 ** (gateway % 64)) % 2 === 1;
}

/** A filter's answer: of the gateways that each endpoint may use, those for which `keep(endpoint, index, gateway)` is true. */
export function filtered(facts, keep) {
  const allowed = new Array(facts.endpoints.identity.ends.length * words(facts)).fill(0);
  for (let endpoint = 0; endpoint < facts.endpoints.identity.ends.length; endpoint++) {
    facts.gateways.forEach((gateway, index) => {
      if (allows(facts, endpoint, index) && keep(endpoint, index, gateway)) {
        allowed[endpoint * words(facts) + Math.floor(index / 64)] += 2 ** (index % 64);
      }
    });
  }
  return allowed;
}
