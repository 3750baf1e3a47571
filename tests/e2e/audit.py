"""The promise that every test here holds besides its own: when its pods are gone, the node holds what it held before."""

import unittest

import node


class AuditedTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self._before = node.holdings()

    def tearDown(self):
        # A test that failed half-way leaves pods; only what survives their removal is a leak.
        for sandbox in node.runtime.sandboxes():
            node.runtime.stop_sandbox(sandbox)
            node.runtime.remove_sandbox(sandbox)
        self.assertEqual(self._before, node.holdings(), "something is left (or lost) when all pods are gone")
