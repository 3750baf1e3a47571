"""Writes the one container image of these tests: a docker archive that holds busybox and nothing else."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

IMAGE = "localhost/pause:1"
BUSYBOX = Path("/bin/busybox")
APPLETS = ["sleep", "ping", "ip", "sh"]
# Does nothing for longer than any test runs, as a pause image does.
COMMAND = ["/bin/sleep", "1000000"]


def _layer() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as layer:
        for folder in ["bin", "dev", "etc", "proc", "sys", "tmp"]:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        program = BUSYBOX.read_bytes()
        entry = tarfile.TarInfo("bin/busybox")
        entry.mode, entry.size = 0o755, len(program)
        layer.addfile(entry, io.BytesIO(program))
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(entry)
    return data.getvalue()


def write_image(path: Path, architecture: str):
    """`architecture` as Go spells it: amd64, arm64."""
    layer = _layer()
    config = json.dumps({
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": COMMAND, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, mode="w") as archive:
        for name, content in {"config.json": config, "layer.tar": layer, "manifest.json": manifest}.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o644, len(content)
            archive.addfile(entry, io.BytesIO(content))
