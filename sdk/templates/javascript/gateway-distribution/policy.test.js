import assert from "node:assert/strict";
import { test } from "node:test";

import * as facts from "./nicety-policy/facts.js";
import { NONE } from "./nicety-policy/index.js";
import { policy } from "./policy.js";

/** Gateways of weights 2 and 1, and four endpoints. */
function four({ heavy = {}, light = {}, ...fields } = {}) {
  const gateways = [facts.gateway("g0", "192.0.2.1", { weight: 2, ...heavy }), facts.gateway("g1", "192.0.2.2", light)];
  return facts.gateways(gateways, facts.endpoints(["a", "b", "c", "d"], fields));
}

test("endpoints are shared out by weight", () => {
  const { primary, standby } = policy.decide({}, four());
  assert.deepEqual(primary, [0, 0, 1, 0]);
  assert.deepEqual(standby, [1, 1, 0, 1]);
});

test("an endpoint stays where it is", () => {
  const facts = four({ previous: [1, 1, 1, NONE] });
  assert.deepEqual(policy.decide({}, facts).primary, [1, 1, 1, 0]);
  assert.deepEqual(policy.decide({ sticky: false }, facts).primary, [0, 0, 1, 0]);
});

test("a draining gateway takes no new endpoint", () => {
  const facts = four({ heavy: { draining: true }, previous: [0, NONE, NONE, NONE] });
  assert.deepEqual(policy.decide({}, facts).primary, [0, 1, 1, 1]);
});

test("without a usable gateway the reason says so", () => {
  const unhealthy = { health: "unhealthy" };
  const { primary, reason, reasons } = policy.decide({}, four({ heavy: unhealthy, light: unhealthy }));
  assert.deepEqual(primary, [NONE, NONE, NONE, NONE]);
  assert.equal(reasons[reason[0]], "no usable gateway is allowed");
});
