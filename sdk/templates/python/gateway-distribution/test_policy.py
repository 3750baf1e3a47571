import unittest

from nicety_policy import facts
from nicety_policy.gateways import NONE, Health
from policy import decide


def four(heavy={}, light={}, **fields):
    """Gateways of weights 2 and 1, and four endpoints."""
    gateways = [facts.gateway("g0", "192.0.2.1", weight=2, **heavy), facts.gateway("g1", "192.0.2.2", **light)]
    return facts.gateways(gateways, facts.endpoints({name: "10.0.0.1" for name in "abcd"}, **fields))


class Decisions(unittest.TestCase):
    def test_endpoints_are_shared_out_by_weight(self):
        assignment = decide({}, four())
        self.assertEqual(assignment.primary, [0, 0, 1, 0])
        self.assertEqual(assignment.standby, [1, 1, 0, 1])

    def test_an_endpoint_stays_where_it_is(self):
        facts = four(previous=[1, 1, 1, NONE])
        self.assertEqual(decide({}, facts).primary, [1, 1, 1, 0])
        self.assertEqual(decide({"sticky": False}, facts).primary, [0, 0, 1, 0])

    def test_a_draining_gateway_takes_no_new_endpoint(self):
        facts = four(heavy={"draining": True}, previous=[0, NONE, NONE, NONE])
        self.assertEqual(decide({}, facts).primary, [0, 1, 1, 1])

    def test_without_a_usable_gateway_the_reason_says_so(self):
        unhealthy = {"health": Health.UNHEALTHY}
        assignment = decide({}, four(heavy=unhealthy, light=unhealthy))
        self.assertEqual(assignment.primary, [NONE] * 4)
        self.assertEqual(assignment.reasons[assignment.reason[0]], "no usable gateway is allowed")


if __name__ == "__main__":
    unittest.main()
