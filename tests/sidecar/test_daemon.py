"""The daemon serves the same API over its own manifests."""

import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from engine import SPREAD, Engine, example, until


class Served(Engine):
    """A daemon in a network namespace of its own."""

    def start(self):
        manifests = self.folder / "manifests"
        manifests.mkdir()
        self.file = self.file.rename(manifests / "strategies.yaml")
        command = [os.environ["NICETY"], "daemon", "--manifests", manifests, "--run-dir", self.folder / "run"]
        command += ["--node", "node-a", "--engine-listen", f"unix:{self.socket}"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(["unshare", "--net", *command], stderr=log)
        until("the daemon serves", self.serves, 60)
        return self


@unittest.skipUnless(os.geteuid() == 0, "a daemon needs root")
class Daemon(unittest.TestCase):
    def test_a_daemon_decides_for_others_and_journals_it(self):
        with tempfile.TemporaryDirectory(prefix="nicety-sidecar-") as temporary:
            daemon = Served(Path(temporary)).start()
            try:
                self.assertEqual("0o600", oct(daemon.socket.stat().st_mode & 0o777))
                answer = daemon.decide("nic-selection", example("nic-selection")).json
                self.assertEqual("spread", answer["strategy"])
                self.assertEqual(2, len(answer["outcome"]["decided"]["chosen"]))
                daemon.file.write_text(SPREAD.replace("default: spread", "default: all"))
                until("generation 2 is in force", lambda: daemon.ask("GET", "/v1/health").json["generation"] == 2)
                self.assertEqual("all", daemon.decide("nic-selection", example("nic-selection")).json["strategy"])
            finally:
                daemon.process.send_signal(signal.SIGTERM)
                status = daemon.process.wait(timeout=30)
            self.assertEqual(0, status, daemon.log.read_text())
            journal = "".join(file.read_text() for file in daemon.folder.glob("run/**/*.jsonl"))
            self.assertIn(str(answer["record"]), journal)


if __name__ == "__main__":
    unittest.main()
