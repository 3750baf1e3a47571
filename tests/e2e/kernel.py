"""What the kernel says, by `ip -j`: the only judge of links, addresses and routes in these tests."""

import json
import subprocess

NICS = ["nic0", "nic1", "nic2", "nic3"]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` failed with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def ip(*arguments: str, netns: str | None = None):
    """Answer of `ip -j ARGUMENTS`, in the network namespace at the path `netns` or in our own."""
    enter = ["nsenter", f"--net={netns}"] if netns else []
    return json.loads(run(*enter, "ip", "-j", *arguments) or "[]")


def lay_fabrics():
    """Four NICs of this node, each a veth whose other end hangs on a bridge of its own in the namespace `fabric`.

    The bridges live elsewhere because this node must see its own NICs and nothing of the network behind them.
    """
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", "fabric")
    for nic in NICS:
        run("ip", "link", "add", nic, "type", "veth", "peer", "name", f"{nic}-peer", "netns", "fabric")
        run("ip", "-n", "fabric", "link", "add", f"{nic}-br", "type", "bridge")
        run("ip", "-n", "fabric", "link", "set", f"{nic}-br", "up")
        run("ip", "-n", "fabric", "link", "set", f"{nic}-peer", "up", "master", f"{nic}-br")
        run("ip", "link", "set", nic, "up")
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")


def addresses(netns: str) -> dict[str, list[str]]:
    """ifname -> addresses of global scope, of the pod at `netns`; loopback left out."""
    return {
        link["ifname"]: [entry["local"] for entry in link["addr_info"] if entry["scope"] == "global"]
        for link in ip("address", netns=netns)
        if link["ifname"] != "lo"
    }


def of_this_node() -> dict[str, list[str]]:
    """Everything in the node's namespace that an attachment could leave behind, one text per item, in order."""
    # An address of the link alone comes with its link, once no duplicate of it was found.
    lasting = lambda link: [entry for entry in link["addr_info"] if entry["scope"] != "link"]
    rows = {
        "links": [f"{link['ifname']} {link.get('linkinfo', {}).get('info_kind', '')}" for link in ip("-d", "link")],
        "addresses": [f"{link['ifname']} {entry['local']}" for link in ip("address") for entry in lasting(link)],
        "neighbours": [f"{entry['dst']} {entry['dev']}" for entry in ip("neighbour", "show", "nud", "permanent")],
    }
    for family in ["-4", "-6"]:
        # Routes to addresses of links come and go by themselves, as duplicates are looked for; the addresses are compared above.
        routes = [route for route in ip(family, "route", "show", "table", "all") if not route["dst"].startswith("fe80:")]
        rows[f"routes {family}"] = [f"{route.get('table', '')} {route['dst']} {route.get('dev', '')}" for route in routes]
        rows[f"rules {family}"] = [json.dumps(rule, sort_keys=True) for rule in ip(family, "rule")]
    return {what: sorted(items) for what, items in rows.items()}
