"""zoned beside those that need a host with systemd: machinectl, podman, crun with systemd's cgroups, incus (Debian 13).

All run in a Debian host in QEMU, emulated: only the ratios of this one run mean anything, and those less than of a
run on real processors. Started by tools/bench --host.
"""

import json
import signal
import sys

from bench import options, report
from bench.arena import benchImage
from bench.peers.oci import configuration
from bench.place import ID_BASE, IDS, PROGRAMS
from bench.results import Results
from bench.rounds import inTurn
from bench.stopwatch import Failed, Lap
from support import guest_image
from support.guest import Guest, GuestFault

PODMAN = ("crun", "podman", "netavark", "iptables", "uidmap")
PACKAGES = {"bookworm": PODMAN, "trixie": (*PODMAN, "incus", "dnsmasq-base")}
STOPWATCH = "/usr/local/lib/zoned-bench-stopwatch"
IMAGES = ("bench", "debian")
PATIENCE = 600

NSPAWN = """\
[Exec]
PrivateUsers=pick
NotifyReady={ready}
[Files]
PrivateUsersOwnership=map
[Network]
Bridge=zones0
"""
INCUS_METADATA = "architecture: x86_64\ncreation_date: 1700000000\n"


class Clock:
    """The stopwatch in the guest."""

    def __init__(self, guest):
        self.guest = guest

    def laps(self, *commands):
        """Commands one after the other; all must succeed."""
        lines = "".join("\t".join(["run", *map(str, command)]) + "\n" for command in commands)
        done = self.guest.run([STOPWATCH], input=lines, limit=PATIENCE)
        laps = [Lap(*map(int, line.split())) for line in done.stdout.splitlines()]
        if done.status != 0 or len(laps) != len(commands) or any(lap.status for lap in laps):
            said = done.stderr.strip().splitlines()[-1:]
            raise Failed(f"{commands[max(0, len(laps) - 1)][0]}: {[lap.status for lap in laps]}: {' '.join(said)}")
        return laps

    def stamp(self, path):
        """When init began; takes its note away."""
        wait = f"for i in $(seq 200); do [ -s {path} ] && break; sleep 0.05; done; cat {path} && rm {path}"
        done = self.guest.run(["sh", "-c", wait])
        if done.status != 0:
            raise Failed(f"init left no note of its start: {done.stderr.strip()}")
        return int(done.stdout)


def span(first, last):
    return (last.end - first.begin) / 1e6


class Zonectl:
    """With a unit of systemd's for each zone, and registered with systemd-machined."""

    def __init__(self, clock):
        self.clock = clock
        for name in IMAGES:
            clock.guest.sh(["zonectl", "image", "import", name, f"/var/tmp/{name}.tar"], limit=PATIENCE)
            clock.guest.sh(["zonectl", "create", name, "--image", name])

    def once(self):
        boot, halt = self.clock.laps(["zonectl", "boot", "bench"], ["zonectl", "halt", "bench"])
        started = self.clock.stamp("/var/lib/zoned/zones/bench/layer/upper/started")
        return {"host.init": (started - boot.begin) / 1e6, "host.whole": boot.ms + halt.ms}

    def debian(self):
        boot, down = self.clock.laps(["zonectl", "boot", "--wait", "debian"], ["zonectl", "shutdown", "debian"])
        return {"host.debian.boot": boot.ms, "host.debian.shutdown": down.ms}


class Machinectl:
    """systemd-nspawn as a unit, registered with systemd-machined."""

    def __init__(self, clock):
        self.clock = clock
        for name in IMAGES:
            clock.guest.sh(f"mkdir -p /var/lib/machines/{name} /etc/systemd/nspawn && "
                           f"tar --numeric-owner -C /var/lib/machines/{name} -xf /var/tmp/{name}.tar", limit=PATIENCE)
            ready = "yes" if name == "debian" else "no"
            clock.guest.push(NSPAWN.format(ready=ready).encode(), f"/etc/systemd/nspawn/{name}.nspawn")

    def once(self):
        start, = self.clock.laps(["machinectl", "start", "bench"])
        started = self.clock.stamp("/var/lib/machines/bench/started")  # which may come after the unit's start
        kill, gone = self.clock.laps(
            # terminate would ask init, which does not listen, and halt does not ask either
            ["machinectl", "kill", "--kill-whom=leader", "--signal=KILL", "bench"],
            ["systemctl", "stop", "systemd-nspawn@bench"])  # until it is gone
        return {"host.init": (started - start.begin) / 1e6, "host.whole": start.ms + span(kill, gone)}

    def debian(self):
        start, stop = self.clock.laps(["machinectl", "start", "debian"], ["systemctl", "stop", "systemd-nspawn@debian"])
        return {"host.debian.boot": start.ms, "host.debian.shutdown": stop.ms}


class Podman:
    def __init__(self, clock):
        self.clock = clock
        clock.guest.sh(["podman", "import", "/var/tmp/bench.tar", "bench"], limit=PATIENCE)

    def once(self):
        run, = self.clock.laps(["podman", "run", "--rm", "--uidmap", f"0:{ID_BASE}:{IDS}", "--gidmap",
                                f"0:{ID_BASE}:{IDS}", "--entrypoint", "/sbin/init", "bench", "exit"])
        return {"host.whole": run.ms}


class Crun:
    """With a scope of systemd's for its cgroup, and no interface."""

    def __init__(self, clock):
        self.clock = clock
        tree = "/var/lib/bench-crun/rootfs"
        clock.guest.sh(f"mkdir -p {tree} && tar --numeric-owner -C {tree} -xf /var/tmp/bench.tar && "
                       f"chown -hR {ID_BASE}:{ID_BASE} {tree}", limit=PATIENCE)
        wish = configuration("bench-crun", tree)
        wish["linux"]["cgroupsPath"] = "system.slice:bench:crun"
        clock.guest.push(json.dumps(wish).encode(), "/var/lib/bench-crun/config.json")
        self.stamp = f"{tree}/started"

    def once(self):
        run, = self.clock.laps(["crun", "--systemd-cgroup", "run", "--bundle", "/var/lib/bench-crun", "bench-crun"])
        return {"host.init": (self.clock.stamp(self.stamp) - run.begin) / 1e6, "host.whole": run.ms}


class Incus:
    def __init__(self, clock):
        self.clock = clock
        clock.guest.sh("mkdir -p /var/tmp/incus")
        clock.guest.push(INCUS_METADATA.encode(), "/var/tmp/incus/metadata.yaml")
        clock.guest.sh("incus admin init --minimal && cd /var/tmp/incus && tar -czf meta.tar.gz metadata.yaml && "
                       "gzip -k /var/tmp/bench.tar && "
                       "incus image import meta.tar.gz /var/tmp/bench.tar.gz --alias bench && "
                       "incus init bench bench", limit=PATIENCE)

    def once(self):
        start, stop = self.clock.laps(["incus", "start", "bench"], ["incus", "stop", "--force", "bench"])
        return {"host.whole": start.ms + stop.ms}


SUBJECTS = {"zonectl": Zonectl, "machinectl": Machinectl, "crun --systemd-cgroup": Crun, "podman": Podman,
            "incus": Incus}


def subjects(guest, results):
    made = {}
    for name, kind in SUBJECTS.items():
        if name == "incus" and guest_image.SUITE == "bookworm":
            results.missing(name, "Debian 12 has none; with --suite trixie")
            continue
        report.say(f"{name} is set up")
        try:
            made[name] = kind(Clock(guest))
        except (AssertionError, GuestFault) as reason:
            results.failed(name, str(reason)[:500])
    return made


def measure(guest, results, wishes):
    guest.push(PROGRAMS / "stopwatch", STOPWATCH, 0o755)
    made = subjects(guest, results)
    inTurn(results, {name: subject.once for name, subject in made.items()}, wishes.rounds, report.say)
    inTurn(results, {name: subject.debian for name, subject in made.items() if hasattr(subject, "debian")},
           max(3, wishes.rounds // 3), report.say)


def main(argv):
    wishes = options.parse(argv)
    results = Results()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the guest's folder goes then, too
    report.say("a Debian host is made")
    guest = Guest({"bench.tar": benchImage(), "debian.tar": guest_image.zoneArchive(guest_image.SUITE)},
                  packages=PACKAGES[guest_image.SUITE])
    try:
        guest.start()
        measure(guest, results, wishes)
        guest.stop()
    finally:
        guest.discard()
    report.publish(results, [], wishes, "host-")
    return 1 if results.faulty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
