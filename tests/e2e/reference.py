"""The CNI project's own macvlan and host-local as the plugin under test: they prove the harness, not Nicety."""

import shutil
from pathlib import Path

PLUGINS = Path("/usr/lib/cni")


class Reference:
    extra_interfaces = False
    # Address families of every network here.
    families = 1

    def __init__(self, root: Path):
        self._data = root / "host-local"

    def install(self, bin_dir: Path):
        for plugin in ["macvlan", "host-local", "static"]:
            shutil.copy2(PLUGINS / plugin, bin_dir)

    def netconf(self) -> dict:
        return {
            "type": "macvlan",
            "master": "nic0",
            "mode": "bridge",
            "ipam": {"type": "host-local", "dataDir": str(self._data), "ranges": [[{"subnet": "10.80.0.0/24"}]]},
        }

    def start(self):
        pass

    def stop(self):
        pass

    def holdings(self) -> dict:
        """How many addresses are reserved, by its own files."""
        return {"leases": len(list(self._data.glob("*/*.*.*.*")))}
