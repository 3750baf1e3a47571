"""The plugin binary called directly, as a runtime would: the verbs that containerd does not use, and wrong input on purpose."""

import json
import os
import shutil
import time

import kernel
import node
from plugin import CONTAINER, NETNS, PluginTest


class Plugin(PluginTest):
    def test_what_an_annotation_names_and_nobody_has_is_refused_by_its_name(self):
        self.refused(["`nosuch`"], "nosuch")
        self.refused(["`nic9`"], [{"name": "rails", "cni-args": {"masters": ["nic9"]}}])
        self.refused(["`nic0`", "outside the network"], [{"name": "rails", "cni-args": {"masters": ["nic0"]}}])
        self.refused(["`fast`"], [{"name": "rails", "cni-args": {"class": "fast"}}])
        self.refused(["averyverylongifname"], [{"name": "rails", "interface": "averyverylongifname"}])
        self.refused(["`eth0`"], [{"name": "rails", "interface": "eth0", "cni-args": {"nics": 1}}])

    def test_everything_that_is_wrong_is_said_at_once(self):
        self.refused(["`A_b`", "`nosuch`"], [{"name": "A_b"}, {"name": "nosuch"}])
        self.refused(["CNI_CONTAINERID", "CNI_IFNAME"], env={"CNI_CONTAINERID": None, "CNI_IFNAME": None})

    def test_a_configuration_that_is_none_is_refused(self):
        self.assertEqual(self.refused(["not JSON"], text='{"cniVersion": "1.0.0", "name"')["code"], 6)
        self.assertEqual(self.refused(["1048576"], text=" " * (1 << 20) + "{}")["code"], 6)
        self.assertEqual(self.refused(["`nosuch`"], network="nosuch")["code"], 108)
        self.assertEqual(self.refused(["0.2.0"], cniVersion="0.2.0")["code"], 1)

    def test_a_repeated_add_gets_the_same_answer_and_another_request_does_not(self):
        first = self.succeeds("ADD", "rails")
        self.assertEqual(self.succeeds("ADD", "rails"), first)
        code, answer = self.call("ADD", [{"name": "rails", "cni-args": {"nics": 1}}])
        self.assertEqual((code, answer["code"]), (1, 104))
        self.assertEqual(len(kernel.addresses(NETNS)), 4)

    def test_del_succeeds_however_often_and_with_whatever_is_left(self):
        self.succeeds("ADD", "rails")
        for netns in [NETNS, NETNS, "", "/run/netns/never-was"]:
            self.assertIsNone(self.succeeds("DEL", netns=netns))
        self.assertEqual(kernel.addresses(NETNS), {})

    def test_check_names_what_somebody_changed(self):
        self.succeeds("ADD", [{"name": "rails", "cni-args": {"nics": 1}}])
        self.succeeds("CHECK")
        address = kernel.addresses(NETNS)["net1"][0]
        kernel.run("ip", "-n", "plugin", "address", "delete", f"{address}/18", "dev", "net1")
        code, answer = self.call("CHECK")
        self.assertEqual((code, answer["code"]), (1, 107))
        self.assertIn(address, answer["msg"])

    def test_gc_takes_what_the_runtime_no_longer_knows_and_nothing_else(self):
        self.succeeds("ADD", "rails")
        held = node.subject.holdings()
        known = {"containerID": CONTAINER, "ifname": "eth0"}
        self.succeeds("GC", **{"cni.dev/valid-attachments": [known]})
        self.succeeds("GC")
        self.succeeds("GC", name="another", **{"cni.dev/valid-attachments": []})
        self.assertEqual(node.subject.holdings(), held)
        self.assertEqual(len(kernel.addresses(NETNS)), 4)
        self.succeeds("GC", **{"cni.dev/valid-attachments": []})
        self.assertEqual(kernel.addresses(NETNS), {})

    def test_status_answers_for_the_network_that_is_asked(self):
        self.succeeds("STATUS")
        code, answer = self.call("STATUS", network="nosuch")
        self.assertEqual((code, answer["code"]), (1, 50))

    def test_chained_without_a_wish_the_result_before_is_passed_on(self):
        before = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": NETNS}], "ips": [], "unknown": {"kept": 1}}
        conf = {key: value for key, value in node.subject.netconf().items() if key != "network"}
        keys = {"network": None, "prevResult": before}
        self.assertEqual(self.succeeds("ADD", **{**conf, **keys}), before)

    def test_chained_with_a_wish_the_extras_come_behind(self):
        before = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": NETNS}], "ips": [{"address": "10.1.1.1/24", "interface": 0}]}
        wish = [{"name": "rails", "cni-args": {"nics": 2}}]
        answer = self.succeeds("ADD", wish, network=None, prevResult=before)
        self.assertEqual([link["name"] for link in answer["interfaces"]], ["eth0", "net1-0", "net1-1"])
        self.assertEqual(sorted({ip["interface"] for ip in answer["ips"]}), [0, 1, 2])
        self.assertEqual(sorted(kernel.addresses(NETNS)), ["net1-0", "net1-1"])

    def test_older_versions_get_a_result_that_they_know(self):
        answer = self.succeeds("ADD", cniVersion="0.3.1")
        self.assertEqual({ip["version"] for ip in answer["ips"]}, {"4", "6"})
        self.assertNotIn("mtu", answer["interfaces"][0])

    def test_a_bad_manifest_leaves_the_good_ones_in_force(self):
        broken = node.root / "manifests" / "broken.yaml"
        broken.write_text("apiVersion: nicety.dev/v1alpha1\nkind: Network\nmetadata: {name: b}\nspec: {subnetz: [10.0.0.1/8]}\n")
        try:
            deadline = time.monotonic() + 10
            while not (refused := node.subject.refused()):
                self.assertLess(time.monotonic(), deadline, "the daemon never looked at the broken manifest")
                time.sleep(0.05)
            self.assertIn("subnetz", json.dumps(refused))
            self.succeeds("ADD", "rails")
            self.succeeds("DEL")
        finally:
            os.unlink(broken)
        while node.subject.refused():
            time.sleep(0.05)

    def test_a_module_that_is_no_file_of_a_module_is_refused_unread(self):
        wrong = node.root / "manifests" / "strategies.yaml"
        wrong.write_text("strategies: {mine: {policy: 'file:/dev/zero'}}\n")
        try:
            deadline = time.monotonic() + 10
            while "not a regular file" not in json.dumps(node.subject.refused()):
                self.assertLess(time.monotonic(), deadline, "the daemon never refused the module")
                time.sleep(0.05)
        finally:
            os.unlink(wrong)
        while node.subject.refused():
            time.sleep(0.05)

    def test_a_manifests_folder_that_is_replaced_whole_is_read_again(self):
        folder, aside = node.root / "manifests", node.root / "manifests.aside"
        shutil.copytree(folder, aside)
        (aside / "broken.yaml").write_text("kind: Nothing\n")
        old = node.root / "manifests.old"
        folder.rename(old)
        aside.rename(folder)
        deadline = time.monotonic() + 15
        while "broken.yaml" not in json.dumps(node.subject.refused()):
            self.assertLess(time.monotonic(), deadline, "the daemon still watches the old folder")
            time.sleep(0.05)
        (folder / "broken.yaml").unlink()
        while node.subject.refused():
            time.sleep(0.05)
        shutil.rmtree(old)

    def test_explain_tells_who_decided_what_and_why(self):
        self.succeeds("ADD", [{"name": "rails", "cni-args": {"nics": 1}}])
        page = node.subject.explain("default/plugin")
        for word in ["net1", "nic1", "strategy `networks-annotation`", "strategy `all`", "to decide"]:
            self.assertIn(word, page)
