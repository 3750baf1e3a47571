"""Beside other plugins: as the node's only one with a bridge, behind another in the list, under a meta plugin, and with the CNI
project's own plugins as delegates for the pod's own interface."""

import json
import subprocess
from pathlib import Path

import kernel
import node
from plugin import NETNS, PluginTest

BRIDGE = "br-yard"
DELEGATE = {
    "plugins": [
        {
            "type": "bridge", "bridge": "br-deleg", "isGateway": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/24"}]], "dataDir": "/run/host-local"},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


def bridge_links(*arguments: str):
    return json.loads(kernel.run("bridge", "-j", "-d", "link", "show", *arguments) or "[]")


def kept() -> list[str]:
    """Addresses that host-local holds."""
    done = subprocess.run("ls /run/host-local/pods 2>/dev/null", shell=True, capture_output=True, text=True, check=False)
    return [name for name in done.stdout.split() if name.startswith("10.")]


class Bridge(PluginTest):
    """The bridge is the node's and stays, so that the node is looked at once it is there."""

    def setUp(self):
        super().setUp()
        self.succeeds("ADD", network="yard")
        self.succeeds("DEL", network="yard")
        self._before = node.holdings()

    def test_a_pod_of_its_own_has_the_bridge_as_its_gateway_and_reaches_it(self):
        result = self.succeeds("ADD", network="yard")
        addresses = [ip["address"] for ip in result["ips"]]
        self.assertEqual([ip["gateway"] for ip in result["ips"]], ["10.84.1.1", "fd00:84::100:0:0:1"])
        self.assertTrue(addresses[0].startswith("10.84.1.") and addresses[0].endswith("/24"), addresses)
        port = next(link for link in bridge_links() if link.get("master") == BRIDGE)
        self.assertTrue(port["hairpin"] and not port["isolated"], port)
        made = kernel.ip("-d", "address", "show", BRIDGE)[0]
        self.assertEqual(made["linkinfo"]["info_kind"], "bridge")
        self.assertIn("10.84.1.1", [entry["local"] for entry in made["addr_info"]])
        kernel.run("nsenter", f"--net={NETNS}", "ping", "-c", "1", "-w", "10", "10.84.1.1")
        kernel.run("nsenter", f"--net={NETNS}", "ping", "-c", "1", "-w", "10", "fd00:84::100:0:0:1")
        self.succeeds("CHECK", network="yard")
        self.succeeds("STATUS", network="yard")
        self.succeeds("DEL", network="yard")
        self.assertEqual([link for link in bridge_links() if link.get("master") == BRIDGE], [])

    def test_check_tells_what_the_pod_has_lost_and_gc_takes_the_rest(self):
        self.succeeds("ADD", network="yard")
        kernel.run("ip", "-n", "plugin", "route", "delete", "default")
        code, answer = self.call("CHECK", network="yard")
        self.assertEqual((code, answer["code"]), (1, 107))
        self.assertIn("0.0.0.0/0", answer["msg"])
        self.succeeds("GC", network="yard", **{"cni.dev/valid-attachments": []})
        self.assertEqual(kernel.addresses(NETNS), {})

    def test_a_bridge_that_somebody_deleted_is_made_anew(self):
        kernel.run("ip", "link", "delete", BRIDGE)
        self.succeeds("ADD", network="yard")
        kernel.run("nsenter", f"--net={NETNS}", "ping", "-c", "1", "-w", "10", "10.84.1.1")

    def test_a_daemon_that_is_killed_takes_back_what_it_had_begun_and_the_bridge_stays(self):
        self.succeeds("ADD", network="yard")
        node.subject.kill()
        node.subject.start()
        self.succeeds("CHECK", network="yard")
        self.succeeds("DEL", network="yard")
        self.assertEqual(kernel.ip("link", "show", BRIDGE)[0]["ifname"], BRIDGE)

    def tearDown(self):
        self.call("DEL", netns="", network="yard")
        super().tearDown()


class Delegates(PluginTest):
    """`bridge`, `host-local` and `portmap` make eth0; what we add stands beside it."""

    def setUp(self):
        super().setUp()
        self.delegated("ADD")
        self.delegated("DEL")
        self._before = node.holdings()

    def tearDown(self):
        self.delegated("DEL", netns="")
        super().tearDown()
        self.assertEqual(kept(), [])

    def delegated(self, verb, *arguments, delegate=None, ports=None, **keys):
        runtime = {"portMappings": ports} if ports else {}
        keys = {"network": None, "delegate": delegate or DELEGATE, **keys}
        return self.call(verb, *arguments, more=runtime, **keys)

    def test_their_interface_is_the_pods_own_and_ours_are_beside_it(self):
        code, result = self.delegated("ADD", "rails")
        self.assertEqual(code, 0, result)
        self.assertEqual([ip["address"].split(".")[:3] for ip in result["ips"]][0], ["10", "99", "0"])
        inside = [interface["name"] for interface in result["interfaces"] if interface.get("sandbox")]
        self.assertEqual(inside[0], "eth0")
        self.assertEqual({interface["sandbox"] for interface in result["interfaces"] if interface.get("sandbox")}, {NETNS})
        self.assertGreater(len(inside), 1)
        self.assertIn("eth0", kernel.addresses(NETNS))
        self.assertEqual(self.delegated("ADD", "rails"), (0, result))
        self.assertEqual(len(kept()), 1)
        self.assertEqual(self.delegated("CHECK", "rails"), (0, None))
        kernel.run("nsenter", f"--net={NETNS}", "ping", "-c", "1", "-w", "10", "10.99.0.1")
        self.assertEqual(self.delegated("DEL"), (0, None))
        self.assertEqual((kernel.addresses(NETNS), kept()), ({}, []))

    def test_what_they_made_is_undone_when_ours_is_refused(self):
        kernel.run("ip", "-n", "plugin", "link", "add", "net1", "type", "bridge")
        code, answer = self.delegated("ADD", [{"name": "rails", "interface": "net1", "cni-args": {"nics": 1}}])
        self.assertEqual(code, 1, answer)
        self.assertEqual((kernel.addresses(NETNS), kept()), ({"net1": []}, []))
        kernel.run("ip", "-n", "plugin", "link", "delete", "net1")

    def test_what_they_refuse_is_told_in_their_words_and_leaves_nothing(self):
        one = [{"subnet": "10.98.0.0/30", "rangeStart": "10.98.0.2", "rangeEnd": "10.98.0.2"}]
        full = {"type": "bridge", "bridge": "br-deleg", "ipam": {"type": "host-local", "ranges": [one], "dataDir": "/run/host-local"}}
        taken = Path("/run/host-local/pods/10.98.0.2")
        taken.write_text("another\neth0", encoding="utf-8")
        self.addCleanup(taken.unlink, missing_ok=True)
        code, answer = self.delegated("ADD", delegate=full)
        self.assertEqual(code, 1)
        self.assertIn("delegate `bridge`", answer["msg"])
        self.assertIn("no IP addresses available", answer["msg"])
        self.assertEqual((kernel.addresses(NETNS), kept()), ({}, ["10.98.0.2"]))
        taken.unlink()

    def test_del_works_by_the_record_whatever_the_configuration_says_by_then(self):
        self.assertEqual(self.delegated("ADD")[0], 0)
        self.assertEqual(self.delegated("DEL", delegate={"type": "nosuch"}), (0, None))
        self.assertEqual((kernel.addresses(NETNS), kept()), ({}, []))

    def test_a_del_without_a_namespace_and_after_a_restart_frees_their_address(self):
        self.assertEqual(self.delegated("ADD")[0], 0)
        node.subject.kill()
        node.subject.start()
        self.assertEqual(self.delegated("DEL", netns=""), (0, None))
        self.assertEqual(kept(), [])

    def test_only_files_of_the_folder_are_run(self):
        for kind, words in [("../../bin/sh", "is a path"), ("nosuch", "there is no delegate"), ("nicety", "its own delegate")]:
            code, answer = self.delegated("ADD", delegate={"type": kind})
            self.assertEqual(code, 1)
            self.assertIn(words, f"{answer['msg']} {answer.get('details', '')}")

    def test_ports_reach_the_plugin_that_declares_them(self):
        code, answer = self.delegated("ADD", ports=[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])
        if code != 0 and "iptables" in str(answer):
            self.skipTest("this machine has no iptables, which `portmap` runs")
        self.assertEqual(code, 0, answer)


class Chained(PluginTest):
    """Behind another plugin in the list."""

    PREVIOUS = {
        "cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": NETNS}],
        "ips": [{"address": "10.7.0.2/24", "interface": 0}], "routes": [], "dns": {}, "of-others": {"kept": True},
    }

    def test_a_result_is_passed_on_untouched_when_nothing_is_added(self):
        answer = self.succeeds("ADD", network=None, cniVersion="1.0.0", prevResult=self.PREVIOUS)
        self.assertEqual(answer, self.PREVIOUS)

    def test_what_is_added_stands_behind_what_was_there(self):
        answer = self.succeeds("ADD", [{"name": "rails", "cni-args": {"nics": 1}}], network=None, prevResult=self.PREVIOUS)
        self.assertEqual([interface["name"] for interface in answer["interfaces"]], ["eth0", "net1"])
        self.assertEqual(answer["ips"][0]["address"], "10.7.0.2/24")
        self.assertEqual({ip["interface"] for ip in answer["ips"][1:]}, {1})
        self.assertEqual(list(kernel.addresses(NETNS)), ["net1"])


class MetaPlugin(PluginTest):
    """Under a meta plugin: one call is one attachment, and the pod's own annotation is the meta plugin's to read."""

    def test_one_call_is_one_attachment_whatever_the_annotation_says(self):
        args = {"cni": {"nics": 1}}
        answer = self.succeeds(
            "ADD", "yard, rails", network="rails", delegated=True, args=args, env={"CNI_IFNAME": "net7"},
        )
        self.assertEqual([interface["name"] for interface in answer["interfaces"]], ["net7"])
        self.assertEqual(list(kernel.addresses(NETNS)), ["net7"])
        self.succeeds("DEL", network="rails", delegated=True, env={"CNI_IFNAME": "net7"})
        self.assertEqual(kernel.addresses(NETNS), {})
