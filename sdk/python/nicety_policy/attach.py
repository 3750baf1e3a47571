"""Facts of attach: which networks a pod is attached to, and how. The answer is a list of `Request`."""

from dataclasses import replace
from typing import Optional

from wit_world.exports.attach import Call, Facts, Mode, Offer
from wit_world.imports.types import Request

from .policy import Denied

__all__ = ["Call", "Facts", "Mode", "Offer", "Request", "not_ready", "offered", "find_offer", "primary_request", "request"]


def request(network: int, **fields) -> Request:
    """A request for one NIC of a network; other fields by name."""
    plain = Request(
        network=network, ifname=None, primary=False, nics_min=1, nics_max=1, distinct=None, masters=[], class_=None, target=None,
        addresses=[], pools=[], gateway4=None, gateway6=None, mac=None, mtu=None, reason="", attributes=[],
    )
    return replace(plain, **fields)


def primary_request(facts: Facts) -> Request:
    """The request for CNI_IFNAME: one NIC of the network that the NetConf names, with what the runtime asked for by capability."""
    for network, offer in enumerate(facts.networks):
        if offer.default:
            if not offer.ready:
                raise not_ready(offer)
            reason = "the network of the CNI configuration"
            return request(network, primary=True, addresses=facts.call.addresses, mac=facts.call.mac, reason=reason)
    raise Denied("unknown-network", "the network that the CNI configuration names is not on offer to this pod")


def find_offer(facts: Facts, name: str) -> Optional[tuple[int, Offer]]:
    """The place and the offer of a network."""
    return next(((place, offer) for place, offer in enumerate(facts.networks) if offer.name == name), None)


def offered(facts: Facts) -> str:
    """The names of all networks on offer, for messages."""
    names = ", ".join(f"`{offer.name}`" for offer in facts.networks)
    return f"there are {names}" if names else "there is none"


def not_ready(offer: Offer) -> Denied:
    """The denial for a network that is on offer and cannot be used now."""
    message = f"network `{offer.name}` is not usable on this node now"
    return Denied("network-not-ready", message, retryable=True, object=offer.name)
