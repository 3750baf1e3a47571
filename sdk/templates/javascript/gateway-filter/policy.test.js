import assert from "node:assert/strict";
import { test } from "node:test";

import * as facts from "./nicety-policy/facts.js";
import { policy } from "./policy.js";

/** Gateways in zones 0 and 1, endpoints in zones 0 and 2. */
function inZones(fields = {}) {
  const gateways = [facts.gateway("g0", "192.0.2.1", { zone: 0, ...fields }), facts.gateway("g1", "192.0.2.2", { zone: 1 })];
  return facts.gateways(gateways, facts.endpoints(["a", "b"], { zone: [0, 2] }));
}

test("a gateway in the zone is used alone", () => {
  assert.deepEqual(policy.decide({}, inZones()), [0b01, 0b11]);
});

test("without one none may be used if the config says so", () => {
  assert.deepEqual(policy.decide({ otherwise: "none" }, inZones()), [0b01, 0]);
});

test("an unhealthy gateway is as none", () => {
  assert.deepEqual(policy.decide({}, inZones({ health: "unhealthy" })), [0b11, 0b11]);
});
