"""Facts of gateway-filter and gateway-distribution: parallel flat lists, one entry per endpoint.

A filter answers with `filtered(...)`; a distribution with an `Assignment`, which is in `nicety_policy.gateway_distribution`.
"""

from typing import Callable

from wit_world.imports.gateways import Column, Endpoints, Facts, Gateway, Health, Texts

__all__ = ["NONE", "Column", "Endpoints", "Facts", "Gateway", "Health", "Texts", "allows", "filtered", "texts"]

NONE = 0xFFFF_FFFF
"""An index that points nowhere: no gateway, node or zone."""


def texts(of: Texts) -> list[str]:
    """Texts that lie end to end, one by one."""
    starts = [0, *of.ends]
    return [of.bytes[start:end].decode() for start, end in zip(starts, of.ends)]


def words(facts: Facts) -> int:
    """Words of `allowed` per endpoint."""
    return (len(facts.gateways) + 63) // 64


def allows(facts: Facts, endpoint: int, gateway: int) -> bool:
    """May this endpoint use this gateway? An empty `allowed` allows all."""
    if not facts.allowed:
        return True
    word = endpoint * words(facts) + gateway // 64
    return word < len(facts.allowed) and facts.allowed[word] >> gateway % 64 & 1 == 1


def filtered(facts: Facts, keep: Callable[[int, int, Gateway], bool]) -> list[int]:
    """A filter's answer: of the gateways that each endpoint may use, those for which `keep(endpoint, index, gateway)` is true."""
    allowed = [0] * (len(facts.endpoints.identity.ends) * words(facts))
    for endpoint in range(len(facts.endpoints.identity.ends)):
        for index, gateway in enumerate(facts.gateways):
            if allows(facts, endpoint, index) and keep(endpoint, index, gateway):
                allowed[endpoint * words(facts) + index // 64] |= 1 << index % 64
    return allowed
