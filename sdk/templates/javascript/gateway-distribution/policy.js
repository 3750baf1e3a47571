// @ts-check
/** gateway-distribution: each endpoint keeps its gateway, and new ones go to the gateway with the least load for its weight. */

import { NONE, allows, compareTexts, texts } from "./nicety-policy/index.js";
import { schema } from "./schema.js";

const [KEPT, LEAST_LOADED, NO_GATEWAY] = [0, 1, 2];
const reasons = ["kept", "the least load for its weight", "no usable gateway is allowed"];

function usable(gateway) {
  return gateway !== undefined && gateway.health !== "unhealthy" && gateway.weight > 0;
}

/** The gateway whose load, with one endpoint more, is the smallest share of its weight. Of equals the first by id. */
function leastLoaded(facts, endpoint, load, but) {
  let least = NONE;
  facts.gateways.forEach((gateway, index) => {
    if (index === but || gateway.draining || !usable(gateway) || !allows(facts, endpoint, index)) return;
    if (least === NONE) {
      least = index;
      return;
    }
    const best = facts.gateways[least];
    // a/b < c/d as a*d < c*b: no rounding.
    const difference = (load[index] + 1) * best.weight - (load[least] + 1) * gateway.weight;
    if (difference < 0 || (difference === 0 && compareTexts(gateway.id, best.id) < 0)) least = index;
  });
  return least;
}

/** @type {import("./nicety-policy/index.js").GatewayDistributionPolicy["decide"]} */
function decide({ sticky = true }, facts) {
  const identities = texts(facts.endpoints.identity);
  const primary = identities.map(() => NONE);
  const reason = identities.map(() => NO_GATEWAY);
  const load = facts.gateways.map(() => 0);
  const place = (endpoint, gateway, why) => {
    primary[endpoint] = gateway;
    reason[endpoint] = why;
    load[gateway] += 1;
  };
  if (sticky) {
    facts.endpoints.previous.forEach((gateway, endpoint) => {
      if (usable(facts.gateways[gateway]) && allows(facts, endpoint, gateway)) place(endpoint, gateway, KEPT);
    });
  }
  // By identity, so that the order in which endpoints are listed does not matter.
  const added = identities.map((_, endpoint) => endpoint).filter((endpoint) => primary[endpoint] === NONE);
  added.sort((one, other) => compareTexts(identities[one], identities[other]));
  for (const endpoint of added) {
    const gateway = leastLoaded(facts, endpoint, load, NONE);
    if (gateway !== NONE) place(endpoint, gateway, LEAST_LOADED);
  }
  const standby = primary.map((gateway, endpoint) => (gateway === NONE ? NONE : leastLoaded(facts, endpoint, load, gateway)));
  return { primary, standby, reason, reasons, attributes: [] };
}

/** @type {import("./nicety-policy/index.js").GatewayDistributionPolicy} */
export const policy = {
  name: "my-policy",
  version: "0.1.0",
  summary: "the gateway with the least load for its weight; endpoints keep theirs",
  schema,
  decide,
};
