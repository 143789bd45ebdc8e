"""systemd-nspawn with a user namespace and a port on the bridge; without a manager to register with."""

from bench.arena import readStamp
from bench.place import ID_BASE, IDS


def nspawn(arena, tree, *more):
    return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--private-users={ID_BASE}:{IDS}",
            "--private-users-ownership=map", f"--network-bridge={arena.bridge}", f"--directory={tree}", *more]


class Nspawn:
    def __init__(self, arena):
        self.arena = arena
        self.tree = arena.tree("nspawn")

    def once(self):
        whole = self.arena.stopwatch.run(*nspawn(self.arena, self.tree, "--machine=bench", "--console=pipe",
                                                       "/sbin/init", "exit"))
        return {"boot.init": (readStamp(self.tree / "started") - whole.begin) / 1e6, "boot.whole": whole.ms}

    def close(self):
        """Nothing runs between the rounds."""
