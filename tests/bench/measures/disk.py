"""A large file written and read inside a zone, and in a folder of the same file system outside."""

import subprocess

from bench.place import FOLDER, PROGRAMS
from bench.rounds import inTurn
from bench.stopwatch import Failed

MIB = 128


def said(argv, environment=None):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, env=environment,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed(f"{argv[0]}: {done.stderr.strip()}")
    return float(done.stdout)


def writeAndRead(load, path, environment=None):
    return {"disk.write": said([*load, "write", path, MIB], environment),
            "disk.read": said([*load, "read", path, MIB], environment)}


def measure(arena, results, options):
    zone = arena.zone("disk").boot()
    inside = [*arena.host.argv("exec", zone.name, "--"), "/bin/load"]
    inTurn(results, {"outside": lambda: writeAndRead([PROGRAMS / "load"], FOLDER / "disk"),
                     "in a zone": lambda: writeAndRead(inside, "/disk", arena.host.environment)},
           options.rounds, arena.say)
    zone.halt()
