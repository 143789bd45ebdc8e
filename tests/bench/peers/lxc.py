"""LXC with a user namespace, a veth on the bridge and an address, as a zone has them."""

from bench.arena import readStamp
from bench.place import FOLDER, ID_BASE, IDS

CONFIG = """\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{tree}
lxc.rootfs.options = idmap=container
lxc.idmap = u 0 {base} {ids}
lxc.idmap = g 0 {base} {ids}
lxc.net.0.type = veth
lxc.net.0.link = {bridge}
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = {address}
lxc.net.0.ipv4.gateway = {gateway}
lxc.mount.auto = proc:mixed sys:ro cgroup:mixed
lxc.autodev = 1
lxc.apparmor.profile = unconfined
lxc.init.cmd = /sbin/init
lxc.log.level = ERROR
"""


class Container:
    def __init__(self, arena, name, archive=None):
        self.arena = arena
        self.name = name
        self.tree = arena.tree(name, archive)
        self.folder = FOLDER / "lxc"
        (self.folder / name).mkdir(parents=True)
        (self.folder / name / "config").write_text(CONFIG.format(
            name=name, tree=self.tree, base=ID_BASE, ids=IDS, bridge=arena.bridge, address=arena.address(),
            gateway=arena.gateway))

    def command(self, program, *more):
        return self.arena.stopwatch.run(program, "-P", self.folder, "-n", self.name, *more)

    def start(self):
        return self.command("lxc-start", "-d")

    def stop(self):
        return self.command("lxc-stop", "-k")


class Execute(Container):
    """lxc-execute: its own small init, which starts the program and ends with it."""

    def __init__(self, arena):
        super().__init__(arena, "lxc-execute")

    def once(self):
        whole = self.command("lxc-execute", "--", "/sbin/init", "exit")
        return {"boot.init": (readStamp(self.tree / "started") - whole.begin) / 1e6, "boot.whole": whole.ms}

    def close(self):
        """Nothing runs between the rounds."""


class Start(Container):
    """lxc-start with the image's init, and lxc-stop --kill."""

    def __init__(self, arena):
        super().__init__(arena, "lxc-start")

    def once(self):
        start = self.start()
        started = readStamp(self.tree / "started")
        stop = self.stop()
        return {"boot.init": (started - start.begin) / 1e6, "boot.job": start.ms, "boot.whole": start.ms + stop.ms,
                "halt": stop.ms}

    def close(self):
        """Nothing runs between the rounds."""
