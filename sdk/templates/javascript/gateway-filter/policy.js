// @ts-check
/** gateway-filter: gateways in the zone of the endpoint, as long as there is one. */

import { NONE, allows, filtered } from "./nicety-policy/index.js";
import { schema } from "./schema.js";

/** @type {import("./nicety-policy/index.js").GatewayFilterPolicy["decide"]} */
function decide({ otherwise = "any" }, facts) {
  const { identity, zone } = facts.endpoints;
  // The list is empty where no zone is known.
  const zoneOf = (endpoint) => zone[endpoint] ?? NONE;
  const near = (endpoint, gateway) => {
    return zoneOf(endpoint) !== NONE && gateway.zone === zoneOf(endpoint) && gateway.health !== "unhealthy";
  };
  const hasNear = (endpoint) => {
    return facts.gateways.some((gateway, index) => near(endpoint, gateway) && allows(facts, endpoint, index));
  };
  const free = identity.ends.map((_, endpoint) => otherwise === "any" && !hasNear(endpoint));
  return filtered(facts, (endpoint, _, gateway) => free[endpoint] || near(endpoint, gateway));
}

/** @type {import("./nicety-policy/index.js").GatewayFilterPolicy} */
export const policy = {
  name: "my-policy",
  version: "0.1.0",
  summary: "gateways in the zone of the endpoint, as long as there is one",
  schema,
  decide,
};
