"""The leak checker: asks the kernel, not zoned's records, what is left on the machine.

A census lists everything that belongs to a Host, as (kind, what) pairs that no listed zone owns. A
Watch takes a census before a test and one after it; what is in the second and not in the first has
leaked. What the kernel takes away by itself a little later (a network namespace with its veth) is
waited for, 5 s at most.
"""

import contextlib
import json
import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from support.host import ACTIVE, pids

PATIENCE = 30.0
# File systems that a zone is made of: a new one of these in the host's own mount table is ours.
ZONE_FILE_SYSTEMS = {"overlay", "nsfs", "proc", "sysfs", "mqueue", "devpts", "cgroup2"}


def readLines(path):
    with contextlib.suppress(OSError):
        return Path(path).read_text(errors="replace").splitlines()
    return []


def runJson(*argv):
    """What the command lists; [] where what it is asked of is not there. A list that links come into or leave while it
    is read is refused by the kernel: that is no empty one, and it is asked for again."""
    for _ in range(50):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0 and "interrupted" not in done.stderr:
            return json.loads(done.stdout) if done.stdout.strip() else []
        if re.search("does not exist|No such file", done.stderr):
            return []
        time.sleep(0.02)
    raise AssertionError(f"{argv}: {done.stderr}")


class Census:
    def __init__(self, host):
        self.host = host
        self.states = host.zones() if host.alive() else {}
        self.active = {name for name, state in self.states.items() if state in ACTIVE}
        self.found = Counter()
        self.processesOf = self._processes()
        for look in (self._mounts, self._namespaces, self._links, self._firewall, self._cgroups, self._loops,
                     self._files, self._temporary, self._idRanges, self._objects):
            look()

    def add(self, kind, what):
        self.found[(kind, str(what))] += 1

    # ---- processes -------------------------------------------------------------------

    def _ownerByCgroup(self, pid):
        """The zone in whose cgroup a process is: ….slice/NAME/…, or …/zone@NAME.service/…"""
        for line in readLines(f"/proc/{pid}/cgroup"):
            path = line.split(":", 2)[2]
            if f"/{self.host.tag}.slice/" in path:
                below = path.split(f"/{self.host.tag}.slice/", 1)[1]
                part = re.sub(r"^zones-[a-z0-9_]+\.slice/", "", below).split("/")[0]  # of a group
                return re.sub(r"^zone@(.*)\.service$", r"\1", part)
        return None

    def _processes(self):
        """pid -> zone of the processes of active zones; all others of ours are leaks."""
        owned = {}
        daemon = self.host.process.pid if self.host.process else None
        supervisors = {pid: name for name in self.states for pid in self.host.supervisors(name)}
        for pid in self.host.processes():
            owner = self._ownerByCgroup(pid) or supervisors.get(pid)
            if pid == daemon or self._isClerkOf(daemon, pid):
                continue
            if owner in self.active:
                owned[pid] = owner
                continue
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    self.add("zombie", f"{pid} of zone {owner}")
                    continue
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                self.add("process", f"{pid} {command.strip()} (zone {owner})")
        return owned

    @staticmethod
    def _isClerkOf(daemon, pid):
        """The service's own, for a while after something was written."""
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            return parent == daemon and Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:] == [
                b"write-records", b""]
        return False

    # ---- mounts and namespaces ----------------------------------------------------------

    def _mounts(self):
        """Of every mount namespace, but not of the listed zones' own."""
        zoneSpaces = set()
        for pid in self.processesOf:
            with contextlib.suppress(OSError):
                zoneSpaces.add(os.readlink(f"/proc/{pid}/ns/mnt"))
        own = os.readlink("/proc/self/ns/mnt")
        zoneSpaces.discard(own)
        seen = set(zoneSpaces)
        for pid in pids():
            with contextlib.suppress(OSError):
                space = os.readlink(f"/proc/{pid}/ns/mnt")
                if space in seen:
                    continue
                seen.add(space)
                for line in readLines(f"/proc/{pid}/mountinfo"):
                    left, right = line.split(" - ", 1)
                    kind, source = right.split()[:2]
                    place = left.split()[4]
                    inHost = space == own and kind in ZONE_FILE_SYSTEMS
                    if str(self.host.base) in line or inHost:
                        self.add("mount", f"{kind} {source} on {place} (in {space if space != own else 'the host'})")

    def _namespaces(self):
        """Network namespaces that our processes hold by a descriptor, and those of processes without a zone."""
        for pid in self.host.processes():
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    with contextlib.suppress(OSError):
                        target = os.readlink(f"/proc/{pid}/fd/{fd}")
                        if re.match(r"(net|mnt|pid|user):\[", target) and pid not in self.processesOf:
                            self.add("namespace", f"{target.split(':')[0]} namespace held by process {pid}")
                space = os.readlink(f"/proc/{pid}/ns/net")
                if pid not in self.processesOf and space != os.readlink("/proc/self/ns/net"):
                    self.add("namespace", f"network namespace {space} of process {pid}")

    # ---- network ---------------------------------------------------------------------------

    def _links(self):
        """More ports on our bridge than the active zones have interfaces; links that say they are ours."""
        links = {link["ifname"]: link for link in runJson("ip", "-j", "link") if "ifname" in link}
        self.linkNames = set(links)
        ports = [link["ifname"] for link in runJson("ip", "-j", "link", "show", "master", self.host.tag)
                 if "ifname" in link]
        expected = 0
        for name in self.active:
            with contextlib.suppress(Exception):
                expected += len(self.host.bus.get(f"{self._path(name)}", "org.zoned1.Zone", "Addresses"))
        for port in ports[expected:]:
            self.add("link", f"one port too many on {self.host.tag}")
        # One that was a port of ours and is none any more; not one of another zoned on this machine.
        self.host.portsSeen.update(ports)
        for name in self.host.portsSeen & set(links):
            if "master" not in links[name]:
                self.add("link", name)

    @staticmethod
    def _path(name):
        from support.bus import zonePath
        return zonePath(name)

    def _firewall(self):
        """Elements of our tables' sets and maps that name an interface which is no more."""
        for family in ("inet", "bridge"):
            listing = runJson("nft", "-j", "list", "table", family, self.host.tag)
            for item in (listing or {}).get("nftables", []):
                for kind in ("set", "map"):
                    for element in item.get(kind, {}).get("elem", []):
                        text = json.dumps(element)
                        for name in re.findall(r'"(zv[0-9a-z]+)"', text):
                            if name not in self.linkNames:
                                self.add("nft element", f"{item[kind]['name']}: {text}")

    # ---- cgroups, loops ---------------------------------------------------------------------

    def _cgroups(self):
        top = self.host.cgroup
        if not top.is_dir():
            return
        folders = [entry for entry in top.iterdir() if entry.is_dir()]
        groups = [entry for entry in folders if re.fullmatch(r"zones-[a-z0-9_]+\.slice", entry.name)]
        members = {group: [entry for entry in group.iterdir() if entry.is_dir()] for group in groups}
        for group in (group for group in groups if not members[group]):
            self.add("cgroup", f"{group}: a group without zones")
        for folder in [entry for entry in folders if entry not in groups] + sum(members.values(), []):
            owner = re.sub(r"^zone@(.*)\.service$", r"\1", folder.name)
            if owner in self.active:
                payloads = [sub.name for sub in folder.iterdir() if sub.is_dir() and sub.name.startswith("payload")]
                if len(payloads) > 1:
                    self.add("cgroup", f"{folder}: {len(payloads)} payloads")
                continue
            for path, _, _ in os.walk(folder):
                self.add("cgroup", path)

    def _loops(self):
        for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
            for line in readLines(backing):
                if str(self.host.base) in line:
                    self.add("loop device", f"{backing.parts[3]} on {line}")

    # ---- files ---------------------------------------------------------------------------------

    def _files(self):
        root = self.host.root
        for top in ("var/lib/zoned", "etc/zoned", "run/zoned"):
            for folder, folders, files in os.walk(root / top):
                if "rootfs" in folders:
                    folders.remove("rootfs")
                if "layer" in folders:
                    folders.remove("layer")
                if re.search(r"/zones/[^/]+/gone$", folder) and folders + files:
                    self.add("unfinished file", f"{folder}: {len(folders + files)} entries")
                for name in folders + files:
                    if re.search(r"^\.(new|gone)-|\.(tmp|new)(\.|$)|^\.tmp|~$|^\.#", name):
                        self.add("unfinished file", f"{folder}/{name}")
        for top, allowed in (("var/lib/zoned/zones", self.states), ("run/zoned/zones", self.states),
                             ("var/lib/zoned/images", self._imageNames())):
            folder = root / top
            if folder.is_dir():
                for entry in folder.iterdir():
                    if entry.name not in allowed and not entry.name.startswith("."):
                        self.add("file", entry)
        for name in set(self.states) - self.active:
            folder = root / "run/zoned/zones" / name
            for entry in folder.iterdir() if folder.is_dir() else ():
                # exit.json is for a zoned that was not there; it reads and removes it when it comes.
                self.add("run record", entry)
        logs = root / "var/log/zoned"
        for entry in logs.iterdir() if logs.is_dir() else ():
            if entry.name.split(".")[0] not in self.states:
                self.add("log", entry)

    def _imageNames(self):
        return set(self.host.images()) if self.host.alive() else set()

    def _temporary(self):
        for top in ("/tmp", "/var/tmp", "/run", "/dev/shm"):
            for name in os.listdir(top):
                if re.search(r"zoned?[.-]|mmdebstrap", name) and not name.startswith("zoned-test-"):
                    self.add("temporary name", f"{top}/{name}")

    def _idRanges(self):
        """Two zones with one block, or a block kept for a zone that is not listed."""
        holders = {}
        for state in (self.host.root / "var/lib/zoned/zones").glob("*/state.json"):
            with contextlib.suppress(OSError, ValueError):
                record = json.loads(state.read_text())
                bases = [value for key, value in record.items() if re.search(r"id.?base", key, re.IGNORECASE) and value]
                for base in bases:
                    holders.setdefault(base, []).append(state.parent.name)
        for base, names in holders.items():
            if len(names) > 1:
                self.add("id range", f"{base} is held by {' and '.join(sorted(names))}")
            for name in names:
                if name not in self.states:
                    self.add("id range", f"{base} is held for {name}, which is no zone")

    # ---- the bus ---------------------------------------------------------------------------------

    def _objects(self):
        if not self.host.alive():
            return
        for row in self.host.bus.manager("ListJobs"):
            self.add("job", f"{row[1]} of {row[2]}")
        known = len(self.states) + len(self._imageNames())
        objects = [path for path in self.host.bus.objects() if "/zone/" in path or "/image/" in path]
        for path in sorted(objects)[known:]:
            self.add("bus object", f"one too many: {path}")


class Watch:
    def __init__(self, host):
        self.host = host
        self.before = Census(host).found

    def leaks(self, patience=PATIENCE):
        """What is there now and was not before, after waiting for what goes by itself."""
        deadline = time.monotonic() + patience
        while True:
            extra = Census(self.host).found - self.before
            if not extra or time.monotonic() > deadline:
                return sorted(f"{kind}: {what}" for kind, what in extra)
            time.sleep(0.1)

    def check(self):
        leaks = self.leaks()
        assert not leaks, "left behind:\n  " + "\n  ".join(leaks)
