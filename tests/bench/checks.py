"""That what is measured is a default zone with all of its isolation, and that the floor makes the same objects."""

import json
import os
import subprocess
from pathlib import Path

from bench.peers.floor import Floor
from bench.place import CGROUP, ID_BASE, IDS
from support.wait import eventually

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
# CAP_SYS_MODULE, _RAWIO, _TIME, _MAC_OVERRIDE, _MAC_ADMIN, _SYSLOG, _PERFMON, _BPF: what no zone has
NEVER = (16, 17, 25, 32, 33, 34, 38, 39)


def status(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def mounts(pid):
    """Pairs of place and file system type."""
    out = set()
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        out.add((left.split()[4], right.split()[0]))
    return out


def shared(pid):
    return [name for name in NAMESPACES
            if os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")]


def cgroupOf(pid):
    return next(line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))


def addresses(pid):
    """IPv4 addresses of what a process has for interfaces, but for lo."""
    done = subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "-j", "-4", "address"], capture_output=True,
                          text=True, check=True)
    return [address["local"] for link in json.loads(done.stdout) if link.get("ifname") not in (None, "lo")
            for address in link["addr_info"]]


def namespacesOf(pid):
    same = shared(pid)
    return f"shared with the host: {', '.join(same)}" if same else None


def idMap(pid, base):
    wrong = [name for name in ("uid_map", "gid_map")
             if Path(f"/proc/{pid}/{name}").read_text().split() != ["0", str(base), str(IDS)]]
    return f"{' and '.join(wrong)} wrong" if wrong else None


def seccomp(pid):
    said = status(pid)
    inherited = int(status("self")["Seccomp_filters"])  # of a container that the bench runs in
    return None if said["Seccomp"].strip() == "2" and int(said["Seccomp_filters"]) > inherited else "no filter"


def bounding(pid):
    kept = [bit for bit in NEVER if int(status(pid)["CapBnd"], 16) >> bit & 1]
    return f"capabilities {kept} are in the bounding set" if kept else None


def cgroup(arena, zone):
    inside = cgroupOf(zone.pid)
    if not inside.startswith(f"/{arena.host.cgroup.name}/{zone.name}/"):
        return f"init is in {inside}"
    owner = (CGROUP / inside.lstrip("/") / "cgroup.procs").stat().st_uid
    return None if owner == zone.idBase else "not delegated to the zone"


def spoofing(arena, zone):
    """An honest ping must pass, one with a neighbour's address not."""
    if zone.exec("ping", "-c", "1", "-w", "10", arena.gateway, check=False).returncode != 0:
        return "the zone does not reach its gateway"
    forged = f"{arena.host.subnet}.251.7"
    zone.exec("ip", "address", "add", f"{forged}/16", "dev", "eth0")
    if zone.exec("ping", "-c", "1", "-W", "1", "-I", forged, arena.gateway, check=False).returncode == 0:
        return "a forged address passes"
    return None


def checkZone(arena, results):
    zone = arena.zone("checked").boot()
    pid = zone.pid
    results.check("every namespace of its own", namespacesOf(pid))
    results.check(f"ids mapped to a block of {IDS}", idMap(pid, zone.idBase))
    results.check("a seccomp filter", seccomp(pid))
    results.check("a trimmed bounding set", bounding(pid))
    results.check("a delegated cgroup of its own", cgroup(arena, zone))
    results.check("anti-spoofing on its port", spoofing(arena, zone))
    return zone


def checkFloor(arena, results, zone):
    floor = Floor(arena, "checked-floor", keep=1)
    try:
        floor.process.stdin.write("\n")
        folder = floor.cgroup / "floor-0/payload"
        eventually(lambda: (floor.layer / "0/upper/started").exists(), what="the floor's init")
        pid = int((folder / "cgroup.procs").read_text().split()[0])
        results.check("the floor: every namespace", namespacesOf(pid))
        results.check("the floor: the id map", idMap(pid, ID_BASE))
        # what zones have beyond these (their notify socket, folders of the console) is zoned's own
        less = {"/", "/dev", "/dev/pts", "/dev/shm", "/proc", "/run", "/sys", "/sys/fs/cgroup"} & {
            place for place, _ in mounts(zone.pid) - mounts(pid)}
        results.check("the floor: the same mounts", f"missing: {sorted(less)}" if less else None)
        results.check("the floor: an interface with an address", None if addresses(pid) else "none")
    finally:
        floor.close()


def check(arena, results):
    arena.say("checks")
    zone = checkZone(arena, results)
    try:
        checkFloor(arena, results, zone)
    finally:
        zone.halt()
