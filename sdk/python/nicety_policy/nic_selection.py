"""Facts and answer of nic-selection: which NICs of the node serve one attachment, in order."""

from wit_world.exports.nic_selection import Choice, Device, DeviceClass, Facts, Functions, LinkState, Nic, Selection, UseBy, Verdict

__all__ = ["Choice", "Device", "DeviceClass", "Facts", "Functions", "LinkState", "Nic", "Selection", "UseBy", "Verdict"]
