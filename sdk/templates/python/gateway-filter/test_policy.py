import unittest

from nicety_policy import facts
from nicety_policy.gateways import Health
from policy import decide


def in_zones(**fields):
    """Gateways in zones 0 and 1, endpoints in zones 0 and 2."""
    gateways = [facts.gateway("g0", "192.0.2.1", zone=0, **fields), facts.gateway("g1", "192.0.2.2", zone=1)]
    return facts.gateways(gateways, facts.endpoints({"a": "10.0.0.1", "b": "10.0.0.2"}, zone=[0, 2]))


class Decisions(unittest.TestCase):
    def test_a_gateway_in_the_zone_is_used_alone(self):
        self.assertEqual(decide({}, in_zones()), [0b01, 0b11])

    def test_without_one_none_may_be_used_if_the_config_says_so(self):
        self.assertEqual(decide({"otherwise": "none"}, in_zones()), [0b01, 0])

    def test_an_unhealthy_gateway_is_as_none(self):
        self.assertEqual(decide({}, in_zones(health=Health.UNHEALTHY)), [0b11, 0b11])


if __name__ == "__main__":
    unittest.main()
