"""gateway-distribution: each endpoint keeps its gateway, and new ones go to the gateway with the least load for its weight."""

from typing import Optional

from nicety_policy import Policy, schema_beside
from nicety_policy.gateway_distribution import Assignment
from nicety_policy.gateways import NONE, Facts, Gateway, Health, allows, texts

KEPT, LEAST_LOADED, NO_GATEWAY = range(3)
REASONS = ["kept", "the least load for its weight", "no usable gateway is allowed"]


def usable(gateway: Gateway) -> bool:
    return gateway.health != Health.UNHEALTHY and gateway.weight > 0


def least_loaded(facts: Facts, endpoint: int, load: list[int], but: int = NONE) -> Optional[int]:
    """The gateway whose load, with one endpoint more, is the smallest share of its weight. Of equals the first by id."""
    least = None
    for index, gateway in enumerate(facts.gateways):
        if index == but or gateway.draining or not usable(gateway) or not allows(facts, endpoint, index):
            continue
        if least is None:
            least = index
            continue
        best = facts.gateways[least]
        # a/b < c/d as a*d < c*b: no rounding.
        mine, its = (load[index] + 1) * best.weight, (load[least] + 1) * gateway.weight
        if (mine, gateway.id.encode()) < (its, best.id.encode()):
            least = index
    return least


def decide(config: dict, facts: Facts) -> Assignment:
    identities = texts(facts.endpoints.identity)
    primary = [NONE] * len(identities)
    reason = [NO_GATEWAY] * len(identities)
    load = [0] * len(facts.gateways)
    if config.get("sticky", True):
        for endpoint, gateway in enumerate(facts.endpoints.previous):
            if gateway < len(facts.gateways) and usable(facts.gateways[gateway]) and allows(facts, endpoint, gateway):
                primary[endpoint], reason[endpoint] = gateway, KEPT
                load[gateway] += 1
    # By identity, so that the order in which endpoints are listed does not matter.
    for endpoint in sorted(range(len(identities)), key=lambda endpoint: identities[endpoint].encode()):
        if primary[endpoint] == NONE:
            gateway = least_loaded(facts, endpoint, load)
            if gateway is not None:
                primary[endpoint], reason[endpoint] = gateway, LEAST_LOADED
                load[gateway] += 1
    standby = [NONE] * len(identities)
    for endpoint, gateway in enumerate(primary):
        second = None if gateway == NONE else least_loaded(facts, endpoint, load, but=gateway)
        if second is not None:
            standby[endpoint] = second
    return Assignment(primary, standby, bytes(reason), REASONS, [])


policy = Policy(
    name="my-policy",
    version="0.1.0",
    summary="the gateway with the least load for its weight; endpoints keep theirs",
    schema=schema_beside(__file__),
    decide=decide,
)
