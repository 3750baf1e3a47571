import unittest

from nicety_policy import Denied, facts
from nicety_policy.attach import Mode
from policy import decide, policy

ASKING = facts.annotated("example.com/storage", "true")


def networks(mode, pod, *others):
    return [request.network for request in decide({}, facts.attach(mode, pod, "pods", others))]


class Decisions(unittest.TestCase):
    def test_a_pod_that_asks_gets_the_network_beside_its_own(self):
        self.assertEqual(networks(Mode.OWN_NETWORK, ASKING, "storage"), [0, 1])
        self.assertEqual(networks(Mode.CHAINED, ASKING, "storage"), [1])
        self.assertEqual(networks(Mode.DELEGATED, ASKING, "storage"), [0])

    def test_a_pod_that_does_not_ask_gets_its_own_alone(self):
        self.assertEqual(networks(Mode.OWN_NETWORK, facts.pod(), "storage"), [0])

    def test_a_network_that_is_not_on_offer_is_named_in_the_denial(self):
        with self.assertRaises(Denied) as denied:
            networks(Mode.OWN_NETWORK, ASKING, "fast")
        self.assertEqual(denied.exception.denial.object, "storage")
        self.assertIn("`fast`", denied.exception.denial.message)

    def test_an_empty_name_in_the_config_is_found(self):
        self.assertEqual(policy.findings('{"network": " "}'), ["`network` is empty"])


if __name__ == "__main__":
    unittest.main()
