"""crun and runc: a container by a config.json, with a user namespace and a network namespace.

Neither makes a network interface: whoever calls them does, so they have less to do than the others.
"""

import json

from bench.arena import readStamp
from bench.place import FOLDER, ID_BASE, IDS

CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
                "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"]


def mount(place, kind, *options):
    return {"destination": place, "type": kind, "source": kind, "options": list(options)}


def configuration(name, tree):
    mapping = [{"containerID": 0, "hostID": ID_BASE, "size": IDS}]
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/sbin/init", "exit"], "env": ["PATH=/bin:/sbin"],
                    "cwd": "/", "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective",
                                                                                 "permitted")}},
        "root": {"path": str(tree)},
        "hostname": name,
        "mounts": [mount("/proc", "proc"),
                   mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
                   mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
                   mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
                   mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
                   mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime")],
        "linux": {"uidMappings": mapping, "gidMappings": mapping, "cgroupsPath": f"/{name}",
                  "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "user",
                                                             "cgroup")]}}


class Runtime:
    def __init__(self, arena, program):
        self.arena = arena
        self.program = program
        self.tree = arena.tree(program, owned=True)
        self.bundle = FOLDER / f"bundle-{program}"
        self.bundle.mkdir()
        (self.bundle / "config.json").write_text(json.dumps(configuration(f"bench-{program}", self.tree)))

    def once(self):
        whole = self.arena.stopwatch.run(self.program, "--root", FOLDER / f"state-{self.program}", "run", "--bundle",
                                         self.bundle, f"bench-{self.program}")
        return {"boot.init": (readStamp(self.tree / "started") - whole.begin) / 1e6, "boot.whole": whole.ms}

    def close(self):
        """Nothing runs between the rounds."""


class Crun(Runtime):
    def __init__(self, arena):
        super().__init__(arena, "crun")


class Runc(Runtime):
    def __init__(self, arena):
        super().__init__(arena, "runc")
