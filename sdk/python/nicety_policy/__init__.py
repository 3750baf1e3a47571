"""What a policy written in Python depends on: the contract as dataclasses, and `Policy`, which makes a component of a function.

The types are those that componentize-py makes of `wit/policy.wit`. In a component it makes them anew; outside of one they come from
`contract/`, so that a policy is tested by plain Python.
"""

import sys
from pathlib import Path

try:
    import wit_world
except ImportError:
    sys.path.append(str(Path(__file__).parent / "contract"))
    import wit_world

from wit_world.imports.types import Address, Attribute, Denial, Description, Group, Label, Node, Pci, Pod, Prefix, Request

from .policy import Denied, Policy, schema_beside

__all__ = [
    "Address", "Attribute", "Denial", "Denied", "Description", "Group", "Label", "Node", "Pci", "Pod", "Policy", "Prefix", "Request",
    "schema_beside",
]
