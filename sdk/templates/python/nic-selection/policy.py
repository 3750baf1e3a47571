"""nic-selection: the NICs that are up and fast enough, the fastest first."""

from nicety_policy import Policy, schema_beside
from nicety_policy.nic_selection import Choice, Facts, LinkState, Selection, Verdict


def decide(config: dict, facts: Facts) -> Selection:
    """Every candidate is chosen or dropped, with a reason for the decision record.

    Of NICs that are equally fast, the one with less bandwidth promised to others is first.
    """
    least_speed = config.get("leastSpeed", 0)
    fit, dropped = [], []
    for candidate, nic in enumerate(facts.candidates):
        speed = nic.speed or 0
        if nic.state == LinkState.DOWN:
            dropped.append(Verdict(candidate, "its link is down"))
        elif speed < least_speed:
            dropped.append(Verdict(candidate, f"{speed} bit/s is less than {least_speed}"))
        else:
            fit.append((-speed, nic.promised, candidate))
    chosen = [
        Choice(candidate, None, f"{-speed} bit/s, of which {promised} are promised")
        for speed, promised, candidate in sorted(fit)
    ]
    return Selection(chosen, dropped, [])


policy = Policy(
    name="my-policy",
    version="0.1.0",
    summary="the NICs that are up and fast enough, the fastest first",
    schema=schema_beside(__file__),
    decide=decide,
)
