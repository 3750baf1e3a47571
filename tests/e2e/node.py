"""The one node that all tests share: fabrics, container runtime, plugin under test."""

import json
import platform
import shutil
from pathlib import Path

import cri
import image
import kernel
from containerd import Containerd
from nicety import Nicety
from reference import Reference

HERE = Path(__file__).parent
GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# The network configuration's name, as the runtime and cnitool know it.
CONFIGURATION = "pods"

root: Path
cnitool: Path | None
subject: Nicety | Reference
runtime: cri.Runtime
_containerd: Containerd | None = None


def start(chosen):
    global root, cnitool, subject, runtime, _containerd
    root, cnitool = chosen.inside, chosen.cnitool
    for folder in ["bin", "conf", "messages", "manifests"]:
        (root / folder).mkdir()
    kernel.lay_fabrics()

    subject = Reference(root) if chosen.reference else Nicety(root, chosen.nicety, chosen.shim)
    subject.install(root / "bin")
    shutil.copy2("/usr/lib/cni/loopback", root / "bin")
    shutil.copy2(HERE / "tap", root / "bin")
    configuration = {
        "cniVersion": "1.0.0",
        "name": CONFIGURATION,
        "plugins": [subject.netconf(), {"type": "tap", "log": str(calls_file()), "capabilities": {"io.kubernetes.cri.pod-annotations": True}}],
    }
    (root / "conf" / "10-pods.conflist").write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    subject.start()

    archive = root / "pause.tar"
    image.write_image(archive, GO_ARCHITECTURES[platform.machine()])
    _containerd = Containerd(root, root / "bin", root / "conf", image.IMAGE)
    runtime = cri.Runtime(_containerd.socket, cri.compile_messages(root / "messages"), cgroup_parent=f"/{root.name}")
    _containerd.start(archive, runtime)


def stop():
    if _containerd is not None:
        _containerd.stop()
    if "subject" in globals():
        subject.stop()


def calls_file() -> Path:
    return root / "calls.log"


def calls(container: str) -> list[dict]:
    """What the runtime asked of the chain for this container, in order."""
    lines = calls_file().read_text(encoding="utf-8").splitlines() if calls_file().exists() else []
    return [call for call in map(json.loads, lines) if call["container"] == container]


def holdings() -> dict:
    """Everything that must be the same again when all pods of a test are gone."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {
        **kernel.of_this_node(),
        **subject.holdings(),
        "network namespaces": [path for path in mounted if f"{root}/state" in path and "netns" in path],
        "sandboxes": runtime.sandboxes(),
        "control groups": sorted(str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{root.name}/*") if path.is_dir()),
    }
