"""The floor: the same kernel objects by a small C program (floor.c)."""

import subprocess

from bench.place import CGROUP, ID_BASE, PROGRAMS
from bench.stopwatch import Failed


class Floor:
    """One process that makes a zone for each line it is sent."""

    def __init__(self, arena, name="floor", keep=0):
        """keep: how many zones will be made and stay until close()."""
        self.layer = arena.trees / name
        for layer in [self.layer / str(number) for number in range(keep)] if keep else [self.layer]:
            for folder in ("upper", "work"):
                (layer / folder).mkdir(parents=True)
        self.cgroup = CGROUP / name
        self.cgroup.mkdir()
        self.errors = open(arena.log, "ab")
        self.process = subprocess.Popen(
            [PROGRAMS / "floor", arena.imageFolder(), self.layer, self.cgroup, arena.bridge, arena.address(),
             arena.gateway, str(ID_BASE), *(["keep"] if keep else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, bufsize=1)

    def once(self):
        self.process.stdin.write("\n")
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the floor failed; see its message in the log of commands")
        begin, init, end = map(int, line.split())
        return {"boot.init": (init - begin) / 1e6, "boot.whole": (end - begin) / 1e6}

    def close(self):
        """The rounds that were kept: pairs of the ns of beginning and of init's start."""
        rest, _ = self.process.communicate()
        self.errors.close()
        self.cgroup.rmdir()
        return [tuple(map(int, line.split()[:2])) for line in rest.splitlines()]
