"""attach: beside its own network, a pod that asks for it by annotation gets a NIC of one more."""

from nicety_policy import Denied, Policy, Request, schema_beside
from nicety_policy.attach import Facts, Mode, find_offer, not_ready, offered, primary_request, request

ANNOTATION = "example.com/storage"
NETWORK = "storage"


def validate(config: dict) -> list[str]:
    """What the schema cannot say: every finding, not the first."""
    return [f"`{field}` is empty" for field in ("annotation", "network") if not config.get(field, "x").strip()]


def decide(config: dict, facts: Facts) -> list[Request]:
    annotation, network = config.get("annotation", ANNOTATION), config.get("network", NETWORK)
    requests = [] if facts.call.mode == Mode.CHAINED else [primary_request(facts)]
    asks = any(label.key == annotation and label.value == "true" for label in facts.pod.annotations)
    # A meta plugin that asks for one attachment gets that one and no other.
    if facts.call.mode == Mode.DELEGATED or not asks:
        return requests
    found = find_offer(facts, network)
    if found is None:
        what = f"annotation `{annotation}` asks for network `{network}`, which is not on offer to this pod"
        raise Denied("unknown-network", f"{what}; {offered(facts)}", object=network)
    place, offer = found
    if not offer.ready:
        raise not_ready(offer)
    return [*requests, request(place, reason=f"annotation {annotation}")]


policy = Policy(
    name="my-policy",
    version="0.1.0",
    summary="one more network for pods that ask for it by annotation",
    schema=schema_beside(__file__),
    validate=validate,
    decide=decide,
)
