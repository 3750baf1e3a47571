"""The clients that docs/sidecar.md shows, run as they stand there."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from engine import HERE, WithEngine

DOCUMENT = HERE.parent.parent / "docs" / "sidecar.md"


def blocks(language: str) -> list:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


class Clients(WithEngine):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.temporary.name)
        facts, cls.answer = (json.loads(block) for block in blocks("json"))
        too_many = {**facts, "request": {"nicsMin": 3}}
        for name, content in (("facts", facts), ("denied", too_many), ("wrong", {"taken": [1]})):
            (cls.folder / f"{name}.json").write_text(json.dumps(content))

    def says(self, command: list):
        run = lambda facts: subprocess.run(
            [*command, str(self.engine.socket), str(self.folder / f"{facts}.json"), "rails"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        [chosen] = self.answer["outcome"]["decided"]["chosen"]
        self.assertEqual(f"{chosen['name']}: {chosen['reason']}\n", run("facts"))
        self.assertRegex(run("denied"), r"^denied \(too-few-nics\): 2 of 2 NICs are left and 3 are needed")
        self.assertRegex(run("wrong"), r"^422.*: the facts contradict themselves\n$")

    def test_the_answer_is_the_one_in_the_document(self):
        facts = json.loads((self.folder / "facts.json").read_text())
        answer = self.engine.decide("nic-selection", facts, "?network=rails").json
        self.assertEqual(self.answer["outcome"], answer["outcome"])
        self.assertEqual((self.answer["generation"], self.answer["strategy"]), (answer["generation"], answer["strategy"]))

    def test_the_python_client_runs_as_it_stands(self):
        [client] = blocks("python")
        (self.folder / "client.py").write_text(client)
        self.says([sys.executable, str(self.folder / "client.py")])

    def test_the_go_client_runs_as_it_stands(self):
        [client] = blocks("go")
        (self.folder / "client.go").write_text(client)
        build = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": "0", "GOCACHE": str(self.cache())}
        program = self.folder / "client"
        subprocess.run(["go", "build", "-o", program, "client.go"], cwd=self.folder, env=build, check=True, timeout=300)
        self.says([str(program)])

    def cache(self) -> Path:
        """Go compiles its library once into it."""
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        return base / "nicety" / "go-build"


if __name__ == "__main__":
    unittest.main()
