/**
 * The contract (wit/policy.wit) as TypeScript sees it. Units and meanings are in wit/policy.wit. Absent is `null`.
 *
 * The contract's 64-bit numbers are numbers here, exact up to 2^53 - 1: MACs, speeds and IPv4 addresses are, the halves of an IPv6
 * address are rounded. An answer with a rounded number becomes the denial `inexact-number`.
 */

export declare const NONE: 0xffffffff;

export interface Address { high: number; low: number }
export interface Prefix { address: Address; length: number }
export interface Pci { domain: number; bus: number; device: number; function: number }
export type Value =
  | { tag: "text"; val: string }
  | { tag: "number"; val: number }
  | { tag: "flag"; val: boolean }
  | { tag: "texts"; val: string[] };
export interface Attribute { name: string; value: Value }
export interface Label { key: string; value: string }
export interface Pod {
  namespace: string;
  name: string;
  uid: string;
  serviceAccount: string | null;
  labels: Label[] | null;
  namespaceLabels: Label[] | null;
  annotations: Label[];
  attributes: Attribute[];
}
export interface Node { name: string; labels: Label[] | null; attributes: Attribute[] }
export interface Request {
  network: number;
  ifname: string | null;
  primary: boolean;
  nicsMin: number;
  nicsMax: number | null;
  distinct: "card" | "numa-node" | "upstream" | null;
  masters: string[];
  class: string | null;
  target: number | null;
  addresses: Prefix[];
  pools: string[];
  gateway4: Address | null;
  gateway6: Address | null;
  mac: number | null;
  mtu: number | null;
  reason: string;
  attributes: Attribute[];
}
export interface Denial { code: string; message: string; retryable: boolean; object: string | null; attributes: Attribute[] }

export interface Call {
  ifname: string;
  mode: "own-network" | "chained" | "delegated";
  addresses: Prefix[];
  mac: number | null;
  deviceId: string | null;
  attributes: Attribute[];
}
export interface Offer { name: string; default: boolean; ready: boolean; attributes: Attribute[] }
export interface AttachFacts { pod: Pod; node: Node; call: Call; networks: Offer[]; attributes: Attribute[] }

export interface Nic {
  name: string;
  mac: number;
  mtu: number;
  speed: number | null;
  state: "up" | "down" | "unknown";
  addresses: Prefix[];
  numa: number | null;
  pci: Pci | null;
  upstream: Pci | null;
  vendor: number | null;
  product: number | null;
  driver: string;
  card: number | null;
  functions: { total: number; free: number } | null;
  rdma: boolean;
  receive: number | null;
  transmit: number | null;
  masterOf: string | null;
  users: { namespace: string; tenant: string | null; attachments: number }[];
  promised: number;
  attributes: Attribute[];
}
export interface Device { kind: string; numa: number | null; pci: Pci | null; attributes: Attribute[] }
export interface NicSelectionFacts {
  pod: Pod;
  node: Node;
  request: Request;
  candidates: Nic[];
  taken: number[];
  devices: Device[];
  classes: { name: string; members: number[] }[];
  attributes: Attribute[];
}
export interface Choice { candidate: number; reserve: number | null; reason: string }
export interface Verdict { candidate: number; reason: string }
export interface Selection { chosen: Choice[]; dropped: Verdict[]; attributes: Attribute[] }

export interface Texts { bytes: Uint8Array; ends: number[] }
export interface Gateway {
  id: string;
  node: number;
  zone: number;
  addresses: Address[];
  weight: number;
  health: "healthy" | "unhealthy" | "unknown";
  draining: boolean;
  since: number | null;
  attributes: Attribute[];
}
export interface Endpoints {
  identity: Texts;
  uid: Texts;
  namespace: number[];
  addresses: number[];
  addressEnds: number[];
  node: number[];
  zone: number[];
  previous: number[];
  columns: { name: string; cells: { tag: "numbers"; val: number[] } | { tag: "texts"; val: Texts } }[];
}
export interface GatewayFacts {
  policy: string;
  nodes: string[];
  namespaces: string[];
  zones: string[];
  zoneRegion: number[];
  regions: string[];
  gateways: Gateway[];
  endpoints: Endpoints;
  allowed: number[];
  attributes: Attribute[];
}
export interface Assignment {
  primary: number[];
  standby: number[];
  reason: number[] | Uint8Array;
  reasons: string[];
  attributes: Attribute[];
}

/** What `policy.js` exports. `decide` throws `Denied` for a no, and is deterministic: the same arguments, the same answer. */
export interface Policy<Facts, Answer> {
  name: string;
  version: string;
  summary: string;
  schema: object;
  requires?: string[];
  wants?: string[];
  /** What a schema cannot say: every finding, not the first. */
  validate?(config: Record<string, any>): string[];
  decide(config: Record<string, any>, facts: Facts): Answer;
}
export type AttachPolicy = Policy<AttachFacts, Request[]>;
export type NicSelectionPolicy = Policy<NicSelectionFacts, Selection>;
export type GatewayFilterPolicy = Policy<GatewayFacts, number[]>;
export type GatewayDistributionPolicy = Policy<GatewayFacts, Assignment>;

export declare class Denied extends Error {
  constructor(code: string, message: string, more?: { retryable?: boolean; object?: string | null });
  denial: Denial;
}
export declare function request(network: number, fields?: Partial<Request>): Request;
export declare function primaryRequest(facts: AttachFacts): Request;
export declare function offered(facts: AttachFacts): string;
export declare function notReady(offer: Offer): Denied;
export declare function texts(of: Texts): string[];
export declare function compareTexts(one: string, other: string): number;
export declare function allows(facts: GatewayFacts, endpoint: number, gateway: number): boolean;
export declare function filtered(facts: GatewayFacts, keep: (endpoint: number, index: number, gateway: Gateway) => boolean): number[];
