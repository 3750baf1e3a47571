import unittest

from nicety_policy import facts
from nicety_policy.nic_selection import LinkState
from policy import decide


def chosen(config, *nics):
    return [choice.candidate for choice in decide(config, facts.selection(nics)).chosen]


class Decisions(unittest.TestCase):
    def test_the_fastest_is_first_and_of_equals_the_least_promised(self):
        nics = facts.nic("eth1", speed=10), facts.nic("eth2", speed=100, promised=50), facts.nic("eth3", speed=100)
        self.assertEqual(chosen({}, *nics), [2, 1, 0])

    def test_what_is_too_slow_or_down_is_dropped(self):
        down = facts.nic("eth3", speed=100, state=LinkState.DOWN)
        nics = facts.nic("eth1", speed=10), facts.nic("eth2", speed=100), down, facts.nic("eth4")
        self.assertEqual(chosen({"leastSpeed": 50}, *nics), [1])


if __name__ == "__main__":
    unittest.main()
