"""Strategies as they change under a running daemon: candidates in shadow and as canaries, and sets that are refused."""

import json
import os
import time

import node
from plugin import PluginTest

WAIT_SECONDS = 15
RAILS = [{"name": "rails", "cni-args": {"nics": 1}}]


class Strategies(PluginTest):
    def setUp(self):
        super().setUp()
        self.file = node.root / "manifests" / "strategies.yaml"

    def tearDown(self):
        if self.file.exists():
            generation = self.status()["generation"]
            refused = bool(node.subject.refused())
            os.unlink(self.file)
            self.until(lambda: not node.subject.refused() and (refused or self.status()["generation"] > generation))
        super().tearDown()

    def status(self):
        return node.subject.status()

    def until(self, holds):
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := holds()):
            self.assertLess(time.monotonic(), deadline, json.dumps(self.status()["conditions"]))
            time.sleep(0.05)
        return found

    def put_in_force(self, strategies, **extension_points):
        generation = self.status()["generation"]
        self.file.write_text(json.dumps({**extension_points, "strategies": strategies}))
        self.until(lambda: node.subject.refused() or self.status()["generation"] > generation)
        self.assertEqual(node.subject.refused(), [])

    def add_and_delete(self, pod):
        variables = {"CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod}"}
        self.succeeds("ADD", RAILS, env=variables)
        self.succeeds("DEL", env=variables)

    def test_a_shadow_is_asked_after_the_answer_and_never_applied(self):
        self.put_in_force(
            {
                "rails": {"policy": "builtin:all", "shadow": ["spread", "same"]},
                "spread": {"policy": "builtin:device-class"},
                "same": {"policy": "builtin:all"},
            },
            nicSelection={"networks": {"rails": "rails"}},
        )
        for _ in range(3):
            self.succeeds("ADD", RAILS)
            self.succeeds("DEL")
            # The budget of processor time lets each of them through.
            time.sleep(0.3)
        pairs = self.until(lambda: self.compared("same", 1) and node.subject.shadow()["pairs"])
        agreements = {pair["candidate"]: [agreed["agreement"] for agreed in pair["agreements"]] for pair in pairs}
        self.assertEqual(agreements["same"], ["same"])
        self.assertEqual(agreements["spread"], ["other-reasons"])
        story = node.subject.explain("default/plugin")
        self.assertIn("shadow", story)
        self.assertIn('role="shadow"', node.subject.metrics())

    def compared(self, candidate, least):
        pairs = [pair for pair in node.subject.shadow()["pairs"] if pair["candidate"] == candidate]
        return any(sum(agreed["count"] for agreed in pair["agreements"]) >= least for pair in pairs)

    def test_a_canary_that_fails_costs_nobody_an_interface_and_is_rolled_back(self):
        self.put_in_force(
            {
                "rails": {
                    "policy": "builtin:all",
                    "canary": {"strategy": "starved", "percent": 100, "maxFailurePercent": 10, "judgedAfter": 3},
                },
                "starved": {"policy": "builtin:spread", "limits": {"fuel": 1}},
            },
            nicSelection={"networks": {"rails": "rails"}},
        )
        for count in range(4):
            self.add_and_delete(f"canary-{count}")
        conditions = {condition["type"]: condition for condition in self.status()["conditions"]}
        self.assertEqual(conditions["CanaryHealthy/rails"]["reason"], "RolledBack")
        self.assertFalse(conditions["CanaryHealthy/rails"]["status"])
        self.assertIn("3 of 3 decisions failed", conditions["CanaryHealthy/rails"]["message"])
        self.assertIn("nicety_canary_rolled_back", node.subject.metrics())

    def test_a_bad_set_says_everything_at_once_and_leaves_the_old_one_in_force(self):
        before = self.status()["generation"]
        digest = "0" * 64
        self.file.write_text(json.dumps({
            "nicSelection": {"default": "networks-annotation"},
            "strategies": {
                "loose": {"policy": "builtin:nothing"},
                "key": {"policy": "configmap:mine.wasm"},
                "config": {"policy": "builtin:spread", "config": {"count": "nobody"}},
                "away": {"policy": f"oci://127.0.0.1:9/team/policy@sha256:{digest}"},
            },
        }))
        text = "\n".join(self.until(lambda: [f"{one['path']}: {one['message']}" for one in node.subject.refused()]))
        for words in [
            "strategies.loose.policy: there is no built-in policy `nothing`",
            "strategies.key.policy: there is no `binaryData`",
            "strategies.config.config.count",
            "strategies.away.policy:",
            "nicSelection.default: strategy `networks-annotation` decides attach, not nic-selection",
        ]:
            self.assertIn(words, text)
        self.assertEqual(self.status()["generation"], before)
        conditions = {condition["type"]: condition for condition in self.status()["conditions"]}
        self.assertEqual((conditions["ManifestsInForce"]["status"], conditions["ManifestsInForce"]["reason"]), (False, "Refused"))
        self.assertIn("nicety_strategies_refused_findings 5", node.subject.metrics())
        self.succeeds("ADD", RAILS)
        self.succeeds("DEL")
