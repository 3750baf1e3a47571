"""Builders of facts for tests: each makes the smallest value that means something, and takes other fields by name."""

import ipaddress
from dataclasses import replace
from typing import Iterable

from wit_world.imports.types import Address, Label, Node, Pod

# Each builder imports the types of its own kind: a component has those of one kind alone.


def pod(namespace: str = "podns", name: str = "pod", **fields) -> Pod:
    plain = Pod(namespace, name, f"uid-{name}", None, None, None, [], [])
    return replace(plain, **fields)


def annotated(key: str, value: str) -> Pod:
    """The pod `podns/pod` with one annotation."""
    return pod(annotations=[Label(key, value)])


def node(name: str = "node1") -> Node:
    return Node(name, None, [])


def address(text: str) -> Address:
    number = int(ipaddress.ip_address(text))
    if "." in text:
        number |= 0xFFFF_0000_0000
    return Address(number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF)


def nic(name: str, **fields):
    """A NIC that is up, with an MTU of 1500 and a made-up MAC."""
    from .nic_selection import LinkState, Nic

    plain = Nic(
        name=name, mac=0x0200_0000_0000 + sum(name.encode()), mtu=1500, speed=None, state=LinkState.UP, addresses=[], numa=None,
        pci=None, upstream=None, vendor=None, product=None, driver="", card=None, functions=None, rdma=False, receive=None,
        transmit=None, master_of=None, users=[], promised=0, attributes=[],
    )
    return replace(plain, **fields)


def selection(candidates: Iterable, **fields):
    """Facts of nic-selection: these candidates, and a request that leaves all open."""
    from .attach import request
    from .nic_selection import Facts

    plain = Facts(pod(), node(), request(0, nics_max=None), list(candidates), [], [], [], [])
    return replace(plain, **fields)


def offer(name: str, **fields):
    """A network on offer that is ready and not the default one."""
    from .attach import Offer

    return replace(Offer(name, False, True, []), **fields)


def attach(mode, pod: Pod, default: str, others: Iterable[str]):
    """Facts of attach: a call for `eth0`, and on offer first the default network, then the others."""
    from .attach import Call, Facts

    networks = [offer(default, default=True), *(offer(name) for name in others)]
    return Facts(pod, node(), Call("eth0", mode, [], None, None, []), networks, [])


def gateway(id: str, ip: str, **fields):
    """A healthy gateway of weight 1."""
    from .gateways import NONE, Gateway, Health

    plain = Gateway(
        id=id, node=NONE, zone=NONE, addresses=[address(ip)], weight=1, health=Health.HEALTHY, draining=False, since=None, attributes=[],
    )
    return replace(plain, **fields)


def texts(of: Iterable[str]):
    """Texts end to end."""
    from .gateways import Texts

    bytes, ends = b"", []
    for text in of:
        bytes += text.encode()
        ends.append(len(bytes))
    return Texts(bytes, ends)


def endpoints(of: dict[str, str], **fields):
    """Endpoints by identity and address, in one namespace, without a gateway before."""
    from .gateways import NONE, Endpoints

    halves = [half for ip in of.values() for half in (address(ip).high, address(ip).low)]
    none = [NONE] * len(of)
    plain = Endpoints(
        identity=texts(of), uid=texts(f"uid-{identity}" for identity in of), namespace=[0] * len(of), addresses=halves,
        address_ends=list(range(1, len(of) + 1)), node=none, zone=none, previous=none, columns=[],
    )
    return replace(plain, **fields)


def gateways(gateways: Iterable, endpoints, **fields):
    """Facts of a gateway policy."""
    from .gateways import Facts

    plain = Facts("egress", [], ["podns"], [], [], [], list(gateways), endpoints, [], [])
    return replace(plain, **fields)
