"""`nicety install` and `nicety uninstall`: what stands where the runtime looks, and a node that is as it was."""

import json
import stat
import threading
import time

import kernel
import node
from plugin import PluginTest

YARD = {"network": "yard"}
BRIDGE = "br-yard"


class Install(PluginTest):
    def setUp(self):
        super().setUp()
        self.bin, self.conf = node.root / "install" / "bin", node.root / "install" / "conf"
        # The bridge is the node's: it is there before and after.
        self.succeeds("ADD", **YARD)
        self.succeeds("DEL", **YARD)
        self._before = node.holdings()

    def tearDown(self):
        node.subject.kill()
        node.subject.start()
        self.succeeds("ADD", **YARD)
        self.succeeds("DEL", **YARD)
        super().tearDown()

    def install(self, *more: str):
        return node.subject.command(
            "install", "--cni-bin-dir", str(self.bin), "--cni-conf-dir", str(self.conf), "--shim", str(node.subject.shim),
            "--socket", str(node.subject.run_dir / "cni.sock"), *more,
        )

    def uninstall(self, *more: str):
        return node.subject.command(
            "uninstall", "--cni-bin-dir", str(self.bin), "--cni-conf-dir", str(self.conf),
            "--run-dir", str(node.subject.run_dir), *more,
        )

    def test_a_runtime_finds_the_plugin_and_a_configuration_of_both_versions(self):
        done = self.install("--network", "yard", "--wait", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(stat.S_IMODE((self.bin / "nicety").stat().st_mode) == 0o755)
        files = [path.name for path in self.conf.iterdir()]
        self.assertEqual(files, ["05-nicety.conflist"])
        conflist = json.loads((self.conf / files[0]).read_text(encoding="utf-8"))
        self.assertEqual((conflist["cniVersion"], conflist["cniVersions"]), ("1.0.0", ["1.0.0", "1.1.0"]))
        self.assertEqual(conflist["plugins"][0]["network"], "yard")

    def test_no_configuration_is_written_for_a_daemon_that_does_not_answer(self):
        node.subject.kill()
        done = self.install("--network", "yard", "--conflist-name", "99-none.conflist", "--wait", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no daemon listens", done.stderr)
        self.assertFalse((self.conf / "99-none.conflist").exists())

    def test_uninstall_waits_for_the_daemon_and_the_last_pod_and_leaves_nothing(self):
        self.assertEqual(self.install("--network", "yard").returncode, 0)
        self.succeeds("ADD", **YARD)
        refused = self.uninstall()
        self.assertIn("the daemon runs still", refused.stderr)
        node.subject.kill()
        refused = self.uninstall()
        self.assertIn("1 attachments are there still", refused.stderr)
        self.assertTrue((self.conf / "05-nicety.conflist").exists() and (self.bin / "nicety").exists())

        # The runtime's DEL finds no daemon and is written down; an uninstall that waits carries it out.
        waiting = {}
        thread = threading.Thread(target=lambda: waiting.update(done=self.uninstall("--wait", "60")))
        thread.start()
        time.sleep(1)
        self.succeeds("DEL", **YARD)
        thread.join()
        self.assertEqual(waiting["done"].returncode, 0, waiting["done"].stderr)
        self.assertFalse((self.conf / "05-nicety.conflist").exists() or (self.bin / "nicety").exists())
        links = [link["ifname"] for link in kernel.ip("link")]
        self.assertNotIn(BRIDGE, links)
        self.assertEqual([name for name in links if name.startswith("nic0000")], [])
        self.assertFalse((node.subject.run_dir / "state.redb").exists())
        self.assertEqual(self.uninstall().returncode, 0)

    def test_force_takes_the_interfaces_of_pods_away(self):
        self.succeeds("ADD", **YARD)
        node.subject.kill()
        done = self.uninstall("--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(kernel.addresses("/run/netns/plugin"), {})
