/** The exports of the component, made of a policy. */

import { Denied } from "./index.js";

/** Whole numbers above this one are rounded: QuickJS gets the contract's 64-bit numbers as doubles. */
const LARGEST = Number.MAX_SAFE_INTEGER;
/** Gateways whose bits in a word of `allowed` are exact. */
const GATEWAYS = 53;

function parsed(config) {
  let value;
  try {
    value = JSON.parse(config.trim() || "{}");
  } catch (error) {
    throw new Denied("invalid-config", `the policy's config is not JSON: ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Denied("invalid-config", "the policy's config is not an object");
  }
  return value;
}

/** The contract's `describe`. */
export function describeOf(policy) {
  return {
    describe: () => ({
      name: policy.name,
      version: policy.version,
      summary: policy.summary,
      configSchema: JSON.stringify(policy.schema, null, 2),
      requires: policy.requires ?? [],
      wants: policy.wants ?? [],
    }),
    validateConfig(config) {
      const findings = policy.validate?.(parsed(config)) ?? [];
      if (findings.length > 0) throw findings;
    },
  };
}

/** The contract's `decide`: what the policy throws as `Denied` becomes its denial. */
export function decisionOf(policy) {
  return {
    decide(config, facts) {
      try {
        refuseManyGateways(facts);
        const answer = policy.decide(parsed(config), facts.gateways === undefined ? facts : withUnsignedIndexes(facts));
        refuseRounded(answer);
        return answer.primary === undefined ? answer : withWholeIndexes(answer);
      } catch (error) {
        throw error instanceof Denied ? error.denial : error;
      }
    },
  };
}

function refuseManyGateways(facts) {
  if ((facts.gateways?.length ?? 0) > GATEWAYS) {
    const what = `a policy in JavaScript tells at most ${GATEWAYS} gateways apart, and there are ${facts.gateways.length}`;
    throw new Denied("inexact-number", `${what}; use one in Rust or Python for these`);
  }
}

/** The interpreter's bindings show an unsigned number of 32 bits as a signed one: `NONE` comes in as -1. */
function withUnsignedIndexes(facts) {
  const all = (indexes) => indexes.map((index) => index >>> 0);
  const { node, zone, previous } = facts.endpoints;
  return {
    ...facts,
    zoneRegion: all(facts.zoneRegion),
    gateways: facts.gateways.map((gateway) => ({ ...gateway, node: gateway.node >>> 0, zone: gateway.zone >>> 0 })),
    endpoints: { ...facts.endpoints, node: all(node), zone: all(zone), previous: all(previous) },
  };
}

/** They cut one that is larger than 2^31 - 1, and take a negative one for its bits. */
function withWholeIndexes(assignment) {
  const bits = (index) => index | 0;
  return { ...assignment, primary: assignment.primary.map(bits), standby: assignment.standby.map(bits) };
}

/** A number that was rounded must not become an address. */
function refuseRounded(answer) {
  // Of a selection only this can be so large, and walking through all of it takes as long as making it.
  const { chosen, attributes } = answer;
  const isSmall = chosen?.every(({ reserve }) => !(reserve > LARGEST)) && !attributes?.length;
  const path = isSmall ? null : rounded(answer, "");
  if (path !== null) {
    const what = `the answer's \`${path}\` is larger than JavaScript can count, and would be another number`;
    throw new Denied("inexact-number", `${what}; use a policy in Rust or Python where IPv6 addresses are asked for`);
  }
}

/** Where the first number is that was rounded; null when there is none. */
function rounded(value, path) {
  if (typeof value === "number") return value > LARGEST ? path : null;
  if (typeof value !== "object" || value === null) return null;
  for (const key of Object.keys(value)) {
    const found = rounded(value[key], path === "" ? key : `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}
