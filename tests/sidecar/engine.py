"""An engine of its own for each test, and ways to ask it."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SPREAD = """\
nicSelection:
  default: spread
strategies:
  spread:
    policy: builtin:spread
"""

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "host" / "sidecar" / "src" / "openapi"


def until(what, condition, seconds=15):
    """Waits for a condition, and gives what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def example(kind: str) -> dict:
    return json.loads((EXAMPLES / f"{kind}.json").read_text())


class Answer:
    def __init__(self, status: int, headers: str, text: str):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def fields(self) -> list:
        return [finding["path"] for finding in self.json["findings"]]


class Engine:
    def __init__(self, folder: Path, *options: str, strategies: str = SPREAD):
        self.folder, self.file, self.socket = folder, folder / "strategies.yaml", folder / "engine.sock"
        self.file.write_text(strategies)
        self.log = folder / "engine.log"
        self.options = options

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [os.environ["NICETY"], "engine", "--strategies", self.file, "--listen", f"unix:{self.socket}", *self.options],
                stderr=log,
            )
        until(f"the engine serves; {self.log.read_text()}", self.serves, 60)
        return self

    def serves(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the engine ended: {self.log.read_text()}")
        return self.socket.exists() and self.ask("GET", "/v1/health").status == 200

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def ask(self, method: str, path: str, body=None, *options: str) -> Answer:
        """By curl. `body` is data for JSON, or text as it is."""
        command = ["curl", "--silent", "--show-error", "--include", "--max-time", "30", "--unix-socket", self.socket]
        command += ["--request", method, "--header", "Expect:"]
        given = None
        if body is not None:
            given = body if isinstance(body, bytes) else json.dumps(body).encode()
            command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run([*command, *options, f"http://nicety{path}"], input=given, capture_output=True)
        if done.returncode != 0:
            return Answer(0, "", done.stderr.decode())
        head, _, text = done.stdout.decode().partition("\r\n\r\n")
        return Answer(int(head.split()[1]), head.lower(), text)

    def decide(self, kind: str, facts, query: str = "") -> Answer:
        return self.ask("POST", f"/v1/decisions/{kind}{query}", facts)


class WithEngine(unittest.TestCase):
    """One engine for all tests of a class."""

    options: tuple = ()
    strategies = SPREAD

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="nicety-sidecar-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.engine = Engine(Path(cls.temporary.name), *cls.options, strategies=cls.strategies).start()
        cls.addClassCleanup(cls.engine.stop)
