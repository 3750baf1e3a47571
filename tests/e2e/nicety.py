"""Nicety as the plugin under test: its daemon as a child of ours, its plugin binary installed where the runtime looks."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import kernel

# The CNI project's own plugins, as Debian installs them.
DELEGATES = "/usr/lib/cni"
MANIFESTS = Path(__file__).parent / "manifests"
START_SECONDS = 30


class Nicety:
    extra_interfaces = True
    # Address families of every network here.
    families = 2

    def __init__(self, root: Path, nicety: Path, shim: Path):
        self._nicety, self._shim = nicety, shim
        self._run_dir = root / "run"
        self._manifests = root / "manifests"
        self._log = (root / "daemon.log").open("wb")
        self._process = None

    def install(self, bin_dir: Path):
        shutil.copy2(self._shim, bin_dir / "nicety")
        shutil.copytree(MANIFESTS, self._manifests, dirs_exist_ok=True)

    def netconf(self) -> dict:
        return {
            "type": "nicety",
            "network": "pods",
            "socket": str(self._run_dir / "cni.sock"),
            "capabilities": {"io.kubernetes.cri.pod-annotations": True},
        }

    def start(self):
        """Returns when the daemon answers; an attachment before that would fail, as it would on a node."""
        self._process = subprocess.Popen(
            [
                self._nicety, "daemon", "--node", "lab", "--run-dir", self._run_dir, "--manifests", self._manifests,
                "--delegates", DELEGATES,
            ],
            stdout=self._log, stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.status()
                return
            except AssertionError as error:
                if self._process.poll() is not None:
                    raise AssertionError(f"the daemon ended with {self._process.returncode}; see {self._log.name}") from error
                if time.monotonic() > deadline:
                    raise AssertionError(f"the daemon does not answer after {START_SECONDS} s: {error}") from error
            time.sleep(0.05)

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_SECONDS)

    def kill(self):
        """As the kernel does when memory is short: no time to say goodbye."""
        self._process.kill()
        self._process.wait(timeout=START_SECONDS)

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """The `nicety` binary, however it ends."""
        return subprocess.run([self._nicety, *arguments], capture_output=True, text=True, timeout=120, check=False)

    @property
    def run_dir(self) -> Path:
        return self._run_dir

    @property
    def shim(self) -> Path:
        return self._shim

    def holdings(self) -> dict:
        """What the daemon's own records say that it holds."""
        status = self.status()
        nics = {nic["name"]: nic["attachments"] for nic in status["nics"]}
        return {"leases": status["leases"], "records": status["records"], "unfinished": status["unfinished"], "of each NIC": nics}

    def refused(self) -> list:
        """Why the manifests on disk are not in force."""
        return self.status()["refused"]

    def explain(self, pod: str) -> str:
        return kernel.run(str(self._nicety), "explain", pod, "--socket", str(self._run_dir / "admin.sock"))

    def shadow(self) -> dict:
        return json.loads(kernel.run(str(self._nicety), "policy", "shadow", "--json", "--socket", str(self._run_dir / "admin.sock")))

    def metrics(self) -> str:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(str(self._run_dir / "admin.sock"))
            stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: nicety\r\nConnection: close\r\n\r\n")
            answer = b""
            while chunk := stream.recv(65536):
                answer += chunk
        return answer.decode()

    def status(self) -> dict:
        return json.loads(kernel.run(str(self._nicety), "status", "--json", "--socket", str(self._run_dir / "admin.sock")))
