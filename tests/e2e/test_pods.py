"""Pods of a real container runtime, judged by the kernel and by packets between containers."""

import json
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc

import image
import kernel
import node
from audit import AuditedTest

# How a pod asks for further interfaces: the annotation of the Network Plumbing Working Group.
NETWORKS = "k8s.v1.cni.cncf.io/networks"
AT_ONCE = 20


class Pod:
    """A sandbox with one container, and what the kernel says of its network."""

    def __init__(self, name: str, extra: int = 0, network: str = "rails"):
        wanted = [{"name": network, "cni-args": {"nics": extra}}]
        self.config = node.runtime.sandbox_config(name, {NETWORKS: json.dumps(wanted)} if extra else {})
        self.sandbox = node.runtime.run_sandbox(self.config)
        self.netns = node.runtime.netns(self.sandbox)
        self.addresses = kernel.addresses(self.netns)
        self._container = None

    def execute(self, *command: str) -> tuple[int, str]:
        if self._container is None:
            self._container = node.runtime.start_container(self.sandbox, self.config, image.IMAGE, image.COMMAND)
        return node.runtime.execute(self._container, list(command))

    def remove(self):
        node.runtime.stop_sandbox(self.sandbox)
        node.runtime.remove_sandbox(self.sandbox)


class PodTest(AuditedTest):
    def reach_each_other(self, one: Pod, other: Pod):
        """Over every interface that both have, in both directions, from container to container."""
        shared = [ifname for ifname in one.addresses if ifname in other.addresses]
        for here, there in [(one, other), (other, one)]:
            for ifname in shared:
                for address in there.addresses[ifname]:
                    status, output = here.execute("ping", "-c", "1", "-W", "5", "-I", ifname, address)
                    self.assertEqual(status, 0, f"{here.config.hostname} does not reach {address} over {ifname}: {output}")


class EveryPlugin(PodTest):
    """What any plugin must do here. The reference plugins pass these too, which shows that the harness is sound."""

    def test_pods_without_extra_interfaces_reach_each_other(self):
        one, other = Pod("plain-1"), Pod("plain-2")
        for pod in [one, other]:
            self.assertEqual(list(pod.addresses), ["eth0"])
            self.assertEqual(pod.addresses["eth0"], node.runtime.addresses(pod.sandbox))
        self.reach_each_other(one, other)

    def test_the_audit_sees_a_pod_that_is_not_gone(self):
        before = node.holdings()
        Pod("seen")
        now = node.holdings()
        for what in ["leases", "network namespaces", "sandboxes", "control groups"]:
            self.assertNotEqual(now[what], before[what], f"{what} of a living pod are not audited")

    def test_every_repeated_del_succeeds(self):
        pod = Pod("repeated", extra=3 if node.subject.extra_interfaces else 0)
        node.runtime.stop_sandbox(pod.sandbox)
        node.runtime.stop_sandbox(pod.sandbox)
        node.runtime.remove_sandbox(pod.sandbox)
        add, first, *repeated = node.calls(pod.sandbox)
        self.assertEqual((add["verb"], first["verb"]), ("ADD", "DEL"))
        self.assertTrue(first["netns"] and first["prevResult"], "the first DEL names the namespace and the result")
        self.assertGreaterEqual(len(repeated), 2, "the runtime repeats DEL for the second stop and for the removal")
        for call in repeated:
            self.assertEqual((call["verb"], call["netns"], call["prevResult"]), ("DEL", "", None))

    def test_twenty_sandboxes_at_once_get_distinct_addresses(self):
        extra = 3 if node.subject.extra_interfaces else 0
        with ThreadPoolExecutor(AT_ONCE) as threads:
            pods = list(threads.map(lambda number: Pod(f"crowd-{number}", extra), range(AT_ONCE)))
            addresses = [address for pod in pods for given in pod.addresses.values() for address in given]
            self.assertEqual(len(addresses), AT_ONCE * node.subject.families * (1 + extra))
            self.assertEqual(len(set(addresses)), len(addresses), "an address was given twice")
            list(threads.map(Pod.remove, pods))


@unittest.skipUnless(node.subject.extra_interfaces, "the reference plugins give one interface a pod")
class ExtraInterfaces(PodTest):
    """What only a plugin that reads the pod's annotations does."""

    def test_pods_with_one_extra_interface_reach_each_other_over_both(self):
        one, other = Pod("pair-1", extra=1), Pod("pair-2", extra=1)
        self.assertEqual([len(pod.addresses) for pod in [one, other]], [2, 2])
        self.reach_each_other(one, other)

    def test_pods_with_three_extra_interfaces_reach_each_other_over_all_four(self):
        one, other = Pod("rails-1", extra=3), Pod("rails-2", extra=3)
        for pod in [one, other]:
            self.assertEqual(len(pod.addresses), 4)
            # The runtime reports the pod's own network only, whatever comes beside it.
            self.assertEqual(pod.addresses["eth0"][0], node.runtime.addresses(pod.sandbox)[0])
        self.reach_each_other(one, other)

    def test_each_extra_interface_is_a_macvlan_on_another_nic_of_the_network(self):
        pod = Pod("masters", extra=3)
        index = {link["ifindex"]: link["ifname"] for link in kernel.ip("link")}
        extra = [link for link in kernel.ip("-d", "link", netns=pod.netns) if link["ifname"] not in ("lo", "eth0")]
        self.assertEqual({link["linkinfo"]["info_kind"] for link in extra}, {"macvlan"})
        self.assertEqual(sorted(index[link["link_index"]] for link in extra), ["nic1", "nic2", "nic3"])

    def test_an_add_that_is_denied_fails_the_sandbox_with_the_reason_and_leaves_nothing(self):
        before = node.holdings()
        with self.assertRaises(grpc.RpcError) as refused:
            Pod("denied", extra=1, network="no-such-network")
        self.assertIn("no-such-network", refused.exception.details())
        self.assertEqual(before, node.holdings())

    def test_a_pod_that_goes_while_the_daemon_is_dead_leaves_nothing_after_its_restart(self):
        before = node.holdings()
        pod = Pod("orphan", extra=3)
        node.subject.kill()
        try:
            pod.remove()
        finally:
            node.subject.start()
        self.assertEqual(before, node.holdings())
