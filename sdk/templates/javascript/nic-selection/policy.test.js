import assert from "node:assert/strict";
import { test } from "node:test";

import * as facts from "./nicety-policy/facts.js";
import { policy } from "./policy.js";

function chosen(config, ...nics) {
  return policy.decide(config, facts.selection(nics)).chosen.map(({ candidate }) => candidate);
}

test("the fastest is first, and of equals the least promised", () => {
  const nics = [facts.nic("eth1", { speed: 10 }), facts.nic("eth2", { speed: 100, promised: 50 }), facts.nic("eth3", { speed: 100 })];
  assert.deepEqual(chosen({}, ...nics), [2, 1, 0]);
});

test("what is too slow or down is dropped", () => {
  const down = facts.nic("eth3", { speed: 100, state: "down" });
  const nics = [facts.nic("eth1", { speed: 10 }), facts.nic("eth2", { speed: 100 }), down, facts.nic("eth4")];
  assert.deepEqual(chosen({ leastSpeed: 50 }, ...nics), [1]);
});
