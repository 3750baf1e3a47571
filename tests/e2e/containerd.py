"""Debian's containerd with everything that it owns in one folder, as a child of ours."""

import subprocess
import time
from pathlib import Path

import grpc

from cri import Runtime

CONFIG = Path(__file__).parent / "containerd.toml"
START_SECONDS = 30


class Containerd:
    def __init__(self, root: Path, bin_dir: Path, conf_dir: Path, image: str):
        self._root = root
        self.socket = root / "containerd.sock"
        self._config = root / "containerd.toml"
        text = CONFIG.read_text(encoding="utf-8")
        for word, value in {"root": root, "image": image, "bin_dir": bin_dir, "conf_dir": conf_dir}.items():
            text = text.replace(f"{{{word}}}", str(value))
        self._config.write_text(text, encoding="utf-8")
        self._log = (root / "containerd.log").open("wb")
        self._process = None

    def start(self, archive: Path, runtime: Runtime):
        """Returns when the runtime calls itself and its network ready."""
        self._process = subprocess.Popen(
            ["containerd", "--config", str(self._config)], stdout=self._log, stderr=subprocess.STDOUT, cwd=self._root
        )
        deadline = time.monotonic() + START_SECONDS
        imported = False
        while True:
            try:
                conditions = runtime.conditions()
                if not imported:
                    self._import(archive)
                    imported = True
                if all(conditions.values()):
                    return
                state = f"conditions {conditions}"
            except grpc.RpcError as error:
                state = error.details()
            if self._process.poll() is not None:
                raise AssertionError(f"containerd ended with {self._process.returncode}; see {self._log.name}")
            if time.monotonic() > deadline:
                raise AssertionError(f"containerd is not ready after {START_SECONDS} s: {state}; see {self._log.name}")
            time.sleep(0.05)

    def _import(self, archive: Path):
        subprocess.run(
            ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", "images", "import", "--snapshotter", "native", str(archive)],
            check=True, stdout=self._log, stderr=subprocess.STDOUT,
        )

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_SECONDS)
