"""TCP between two zones, with all of zoned's rules, and between two bare network namespaces on a bridge without any."""

import subprocess

from bench.measures.disk import said
from bench.place import PROGRAMS
from bench.rounds import inTurn
from support.wait import eventually

PORT = 5001
SECONDS = 1
PINGS = 2000
BRIDGE = "zbare"
PREFIX = "192.0.2"  # TEST-NET-1: on no host


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def bareNamespaces():
    """Two namespaces with a veth each; they go with the bench's own network namespace and /run."""
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    for number in (1, 2):
        name = f"bare{number}"
        ip("netns", "add", name)
        ip("link", "add", name, "master", BRIDGE, "up", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "address", "add", f"{PREFIX}.{number}/24", "dev", "eth0")


def removeBareNamespaces():
    for number in (1, 2):
        ip("netns", "delete", f"bare{number}")
    ip("link", "delete", BRIDGE)


class Pair:
    """A server in one place, whom a client in another talks to."""

    def __init__(self, server, client, address, environment=None):
        self.client, self.address, self.environment = client, address, environment
        self.process = subprocess.Popen([str(word) for word in (*server, "serve", PORT)], stdin=subprocess.DEVNULL,
                                        env=environment)
        eventually(self.answers, 10, "the server of the network measure")

    def answers(self):
        done = subprocess.run([str(word) for word in (*self.client, "ping", self.address, PORT, 1)], check=False,
                              capture_output=True, env=self.environment, stdin=subprocess.DEVNULL)
        return done.returncode == 0

    def once(self):
        return {"net.stream": said([*self.client, "send", self.address, PORT, SECONDS], self.environment),
                "net.ping": said([*self.client, "ping", self.address, PORT, PINGS], self.environment)}

    def close(self):
        self.process.terminate()
        self.process.wait()


def measure(arena, results, options):
    zones = [arena.zone(name).boot() for name in ("net1", "net2")]
    bareNamespaces()
    pairs = {}
    try:
        bare = [["ip", "netns", "exec", f"bare{number}", PROGRAMS / "load"] for number in (1, 2)]
        pairs["bare namespaces"] = Pair(*bare, f"{PREFIX}.1")
        inside = [[*arena.host.argv("exec", zone.name, "--"), "/bin/load"] for zone in zones]
        pairs["zones"] = Pair(*inside, zones[0].address, arena.host.environment)
        inTurn(results, {name: pair.once for name, pair in pairs.items()}, options.rounds, arena.say)
    finally:
        for pair in pairs.values():
            pair.close()
        removeBareNamespaces()
        for zone in zones:
            zone.halt()
