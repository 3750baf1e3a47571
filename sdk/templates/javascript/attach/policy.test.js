import assert from "node:assert/strict";
import { test } from "node:test";

import * as facts from "./nicety-policy/facts.js";
import { policy } from "./policy.js";

const asking = facts.annotated("example.com/storage", "true");

function networks(mode, pod, ...others) {
  return policy.decide({}, facts.attach(mode, pod, "pods", others)).map(({ network }) => network);
}

test("a pod that asks gets the network beside its own", () => {
  assert.deepEqual(networks("own-network", asking, "storage"), [0, 1]);
  assert.deepEqual(networks("chained", asking, "storage"), [1]);
  assert.deepEqual(networks("delegated", asking, "storage"), [0]);
});

test("a pod that does not ask gets its own alone", () => {
  assert.deepEqual(networks("own-network", facts.pod(), "storage"), [0]);
});

test("a network that is not on offer is named in the denial", () => {
  assert.throws(() => networks("own-network", asking, "fast"), ({ denial }) => {
    return denial.object === "storage" && denial.message.includes("`fast`");
  });
});

test("an empty name in the config is found", () => {
  assert.deepEqual(policy.validate({ network: " " }), ["`network` is empty"]);
});
