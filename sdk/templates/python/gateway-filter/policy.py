"""gateway-filter: gateways in the zone of the endpoint, as long as there is one."""

from nicety_policy import Policy, schema_beside
from nicety_policy.gateways import NONE, Facts, Gateway, Health, allows, filtered


def decide(config: dict, facts: Facts) -> list[int]:
    endpoints = len(facts.endpoints.identity.ends)
    # The list is empty where no zone is known.
    zones = facts.endpoints.zone or [NONE] * endpoints

    def near(endpoint: int, gateway: Gateway) -> bool:
        return zones[endpoint] != NONE and gateway.zone == zones[endpoint] and gateway.health != Health.UNHEALTHY

    def has_near(endpoint: int) -> bool:
        return any(near(endpoint, gateway) and allows(facts, endpoint, index) for index, gateway in enumerate(facts.gateways))

    any_else = config.get("otherwise", "any") == "any"
    free = [any_else and not has_near(endpoint) for endpoint in range(endpoints)]
    return filtered(facts, lambda endpoint, index, gateway: free[endpoint] or near(endpoint, gateway))


policy = Policy(
    name="my-policy",
    version="0.1.0",
    summary="gateways in the zone of the endpoint, as long as there is one",
    schema=schema_beside(__file__),
    decide=decide,
)
