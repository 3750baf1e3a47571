"""Who may connect, and what becomes of the socket's file."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from engine import Engine, example

STRANGER = 65534


class Socket(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="nicety-sidecar-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def engine(self, *options: str) -> Engine:
        engine = Engine(self.folder, *options).start()
        self.addCleanup(lambda: engine.process.poll() is None and engine.stop())
        return engine

    def mode(self, engine: Engine) -> str:
        return oct(engine.socket.stat().st_mode & 0o777)

    def test_the_file_is_for_its_owner_unless_it_is_said_otherwise(self):
        self.assertEqual("0o600", self.mode(engine := self.engine()))
        self.assertEqual(0, engine.stop())
        self.assertFalse(engine.socket.exists())
        self.assertEqual("0o660", self.mode(self.engine("--mode", "660")))

    def test_a_socket_that_was_left_behind_is_replaced_and_nothing_else(self):
        killed = self.engine()
        killed.process.kill()
        killed.process.wait()
        self.assertTrue(killed.socket.exists())
        running = self.engine()
        self.assertIn("another process listens there", self.refused(running.socket))
        self.assertTrue(running.serves())
        file = self.folder / "file"
        file.write_text("kept")
        self.assertIn("no socket", self.refused(file))
        self.assertEqual("kept", file.read_text())

    def refused(self, socket: Path) -> str:
        strategies = self.folder / "strategies.yaml"
        command = [os.environ["NICETY"], "engine", "--strategies", strategies, "--listen", f"unix:{socket}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(1, done.returncode, done.stderr)
        return done.stderr

    def test_strategies_with_findings_do_not_start(self):
        (self.folder / "strategies.yaml").write_text("nicSelection: {default: nowhere}\ncolour: red\n")
        command = [os.environ["NICETY"], "engine", "--strategies", self.folder / "strategies.yaml", "--listen", "unix:x"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn("colour", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "another user can be had by root alone")
    def test_another_user_is_turned_away_unless_it_is_allowed(self):
        self.folder.chmod(0o755)
        engine = self.engine("--mode", "666")
        self.assertEqual("403", self.as_stranger(engine))
        self.assertEqual(200, engine.ask("GET", "/v1/health").status)
        engine.stop()
        self.assertEqual("200", self.as_stranger(self.engine("--mode", "666", "--allow-uid", str(STRANGER))))

    def as_stranger(self, engine: Engine) -> str:
        curl = [shutil.which("curl"), "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
        command = [*curl, "--unix-socket", engine.socket, "http://nicety/v1/health"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, user=STRANGER, group=STRANGER, extra_groups=[])
        return done.stdout

    def test_decisions_are_journalled_where_it_is_asked_for(self):
        journal = self.folder / "journal"
        engine = self.engine("--journal", str(journal))
        record = engine.decide("nic-selection", example("nic-selection")).json["record"]
        self.assertEqual(0, engine.stop())
        lines = "".join(file.read_text() for file in journal.glob("*.jsonl"))
        self.assertIn(str(record), lines)
        again = self.engine()
        self.assertGreater(again.decide("nic-selection", example("nic-selection")).json["record"], record)


if __name__ == "__main__":
    unittest.main()
