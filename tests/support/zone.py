"""One zone of a test's Host: its state and verbs over the bus, its commands through zonectl exec."""

import os
from pathlib import Path

from support.bus import ZONE, zonePath
from support.wait import eventually


class Zone:
    def __init__(self, host, name):
        self.host = host
        self.name = name
        self.path = zonePath(name)

    # ---- what it is ----------------------------------------------------------------

    def get(self, name):
        return self.host.bus.get(self.path, ZONE, name)

    @property
    def state(self):
        return self.get("State")

    @property
    def details(self):
        """What is for root, and for whoever may read the definition."""
        return self.host.bus.call(self.path, ZONE, "GetDetails")

    @property
    def reason(self):
        return self.details["reason"]

    @property
    def maintenance(self):
        return self.details["maintenance"]

    @property
    def machineId(self):
        return self.details["machine-id"]

    @property
    def pid(self):
        return self.get("InitPid")

    @property
    def idBase(self):
        return self.get("IdBase")

    @property
    def address(self):
        """Of the first interface, without its prefix."""
        return self.get("Addresses")[0][1].split("/")[0]

    def exists(self):
        return self.name in self.host.zones()

    def until(self, state, timeout=30):
        eventually(lambda: self.state == state, timeout, f"zone {self.name} to be {state}")
        return self

    def untilBooted(self, timeout=60):
        eventually(lambda: self.get("Booted"), timeout, f"zone {self.name} to be booted")
        return self

    def truth(self):
        """The state as the kernel shows it: is there a live init in the zone's own id range or cgroup?"""
        pid = self.pid
        if pid and Path(f"/proc/{pid}/stat").exists():
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            if state not in "ZX" and self.host.isOurs(pid):
                return "running"
        return "not running"

    # ---- verbs -----------------------------------------------------------------------

    def _do(self, member, signature="()", *args, timeout=90):
        return self.host.bus.done(self.path, ZONE, member, signature, args, timeout=timeout)

    def install(self):
        self._do("Install")
        return self

    def boot(self, wait=True, args=()):
        from gi.repository import GLib
        options = {"wait": GLib.Variant("b", wait)}
        if args:
            options["args"] = GLib.Variant("as", list(args))
        self._do("Boot", "(a{sv})", options)
        self.host.notePorts()
        return self

    def ready(self):
        self._do("Ready")
        return self

    def halt(self):
        self._do("Halt")
        return self

    def shutdown(self, timeout=0):
        self._do("Shutdown", "(u)", timeout)
        return self

    def reboot(self, force=False):
        self._do("Reboot", "(b)", force)
        return self

    def uninstall(self):
        self._do("Uninstall")
        return self

    def delete(self):
        self._do("Delete")

    def plan(self):
        return [name for name, _ in self.host.bus.call(self.path, ZONE, "Plan")]

    # ---- inside ------------------------------------------------------------------------

    def exec(self, *argv, options=(), check=True, **more):
        return self.host.zonectl("exec", self.name, *options, "--", *argv, check=check, **more)

    def sh(self, script, **more):
        """Output of a shell script inside, stripped; it must succeed."""
        return self.exec("/bin/sh", "-c", script, **more).stdout.strip()

    def probe(self, *args):
        """What the probe program says: "ok" or an errno's name."""
        return self.exec("/bin/probe", *args).stdout.strip()

    def upper(self, name):
        """A file of the zone's own layer, seen from the host."""
        return self.host.storage(self.name) / "layer/upper" / name.lstrip("/")

    def namespaces(self):
        names = ("mnt", "pid", "net", "uts", "ipc", "user", "cgroup")
        return {name: os.readlink(f"/proc/{self.pid}/ns/{name}") for name in names}
