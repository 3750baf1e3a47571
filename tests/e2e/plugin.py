"""The plugin binary called directly, as a runtime would."""

import json
import subprocess
import unittest

import kernel
import node
from audit import AuditedTest

NETNS = "/run/netns/plugin"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
CONTAINER = "plugin-test"


class PluginTest(AuditedTest):
    def setUp(self):
        if not node.subject.extra_interfaces:
            raise unittest.SkipTest("the reference plugins know no policies")
        kernel.run("ip", "netns", "add", "plugin")
        self.addCleanup(kernel.run, "ip", "netns", "delete", "plugin")
        super().setUp()

    def tearDown(self):
        self.call("DEL", netns="")
        super().tearDown()

    def call(self, verb, networks=None, netns=NETNS, text=None, env=None, more=None, **netconf):
        """Exit code and what was printed, as JSON. `more` goes into runtimeConfig."""
        annotations = {} if networks is None else {NETWORKS: networks if isinstance(networks, str) else json.dumps(networks)}
        conf = {"cniVersion": "1.1.0", "name": node.CONFIGURATION, **node.subject.netconf(), **netconf}
        conf["runtimeConfig"] = {"io.kubernetes.cri.pod-annotations": annotations, **(more or {})}
        conf = {key: value for key, value in conf.items() if value is not None}
        variables = {
            "CNI_COMMAND": verb, "CNI_CONTAINERID": CONTAINER, "CNI_NETNS": netns, "CNI_IFNAME": "eth0", "CNI_PATH": "/",
            "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=plugin",
        }
        for name, value in (env or {}).items():
            variables[name] = value
        variables = {name: value for name, value in variables.items() if value is not None}
        done = subprocess.run(
            [node.root / "bin" / "nicety"], env=variables, input=text if text is not None else json.dumps(conf),
            capture_output=True, text=True, timeout=60, check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None

    def succeeds(self, verb, *arguments, **keys):
        code, answer = self.call(verb, *arguments, **keys)
        self.assertEqual(code, 0, f"{verb}: {answer}")
        return answer

    def refused(self, words, *arguments, verb="ADD", **keys):
        """The error says all of `words`; the pod has no interface and the daemon holds nothing."""
        code, answer = self.call(verb, *arguments, **keys)
        self.assertEqual(code, 1, answer)
        said = f"{answer['msg']} {answer.get('details', '')}"
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(kernel.addresses(NETNS), {})
        self.assertEqual(node.subject.holdings(), {key: self._before[key] for key in node.subject.holdings()})
        return answer
