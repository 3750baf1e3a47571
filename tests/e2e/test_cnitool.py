"""The CNI project's own command-line runtime on the configuration that the container runtime uses."""

import json
import os
import subprocess
import unittest

import kernel
import node
from audit import AuditedTest

NETNS = "/run/netns/cnitool"
NETWORKS = "k8s.v1.cni.cncf.io/networks"


@unittest.skipUnless(node.cnitool, "no --cnitool given")
class Cnitool(AuditedTest):
    def setUp(self):
        kernel.run("ip", "netns", "add", "cnitool")
        self.addCleanup(kernel.run, "ip", "netns", "delete", "cnitool")
        super().setUp()

    def cnitool(self, verb: str) -> subprocess.CompletedProcess:
        wanted = json.dumps([{"name": "rails", "cni-args": {"nics": 3}}])
        annotations = {NETWORKS: wanted} if node.subject.extra_interfaces else None
        return subprocess.run(
            [node.cnitool, verb, node.CONFIGURATION, NETNS],
            env={
                **os.environ,
                "CNI_PATH": str(node.root / "bin"),
                "NETCONFPATH": str(node.root / "conf"),
                "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=cnitool",
                "CAP_ARGS": json.dumps({"io.kubernetes.cri.pod-annotations": annotations}),
            },
            capture_output=True, text=True, timeout=60, check=False,
        )

    def succeeds(self, verb: str) -> str:
        done = self.cnitool(verb)
        self.assertEqual(done.returncode, 0, f"cnitool {verb}: {done.stdout}{done.stderr}")
        return done.stdout

    def test_add_check_and_del_succeed(self):
        result = json.loads(self.succeeds("add"))
        given = sorted(address for addresses in kernel.addresses(NETNS).values() for address in addresses)
        self.assertEqual(sorted(entry["address"].split("/")[0] for entry in result["ips"]), given)
        self.assertEqual(len(given), node.subject.families * (4 if node.subject.extra_interfaces else 1))
        self.succeeds("check")
        self.succeeds("del")
        self.assertEqual(kernel.addresses(NETNS), {})

    def test_check_finds_a_link_that_somebody_took_away(self):
        self.succeeds("add")
        kernel.run("ip", "-n", "cnitool", "link", "delete", "eth0")
        self.assertNotEqual(self.cnitool("check").returncode, 0)
        self.succeeds("del")
