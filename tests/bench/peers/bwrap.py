"""bubblewrap, the lower neighbour: a sandbox for one program, with namespaces, but no interface, ids or cgroup."""

from bench.arena import readStamp


class Bwrap:
    def __init__(self, arena):
        self.arena = arena
        self.tree = arena.tree("bwrap")

    def once(self):
        whole = self.arena.stopwatch.run("bwrap", "--unshare-all", "--bind", self.tree, "/", "--proc", "/proc",
                                         "--dev", "/dev", "--tmpfs", "/run", "/sbin/init", "exit")
        return {"boot.init": (readStamp(self.tree / "started") - whole.begin) / 1e6, "boot.whole": whole.ms}

    def close(self):
        """Nothing runs between the rounds."""
