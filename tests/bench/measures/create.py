"""A new zone from a small and from a large image, and the room that it takes on the disk."""

import io
import itertools
import os
import shutil
import tarfile

from bench.arena import folderSize
from bench.place import FOLDER
from bench.rounds import inTurn

MIB = 1 << 20
SIZES = {"20 MB": 20, "2 GB": 2000}


def makeImage(arena, name, megabytes):
    """The bench's image and files of 1 MiB, written one after the other: 2 GB are not held in memory."""
    archive = FOLDER / f"{name}.tar"
    shutil.copy(arena.archive, archive)
    block = os.urandom(MIB)
    with tarfile.open(archive, "a", format=tarfile.PAX_FORMAT) as tar:
        for number in range(megabytes):
            info = tarfile.TarInfo(f"srv/filler-{number}")
            info.size = MIB
            tar.addfile(info, io.BytesIO(block))
    arena.host.image(name, archive)
    archive.unlink()


class Create:
    numbers = itertools.count()

    def __init__(self, arena, image):
        self.arena, self.image = arena, image

    def remove(self, name):
        self.arena.zonectl("delete", "--force", name)

    def overBus(self):
        name = f"created-{next(self.numbers)}"
        lap = self.arena.stopwatch.take("create", name, self.image)
        size = folderSize(self.arena.host.storage(name), self.arena.host.definitionFile(name))
        self.remove(name)
        return {"create": lap.ms, "create.disk": size / 1024}

    def byZonectl(self):
        name = f"created-{next(self.numbers)}"
        lap = self.arena.zonectl("create", name, "--image", self.image)
        self.remove(name)
        return {"create": lap.ms}

    def byCopy(self):
        """What machinectl clone, lxc-copy and incus do on a file system without snapshots."""
        target = self.arena.trees / "copy"
        lap = self.arena.stopwatch.run("cp", "-a", "--reflink=auto", self.arena.imageFolder(self.image), target)
        size = folderSize(target)
        shutil.rmtree(target)
        return {"create": lap.ms, "create.disk": size / 1024}


def measure(arena, results, options):
    subjects = {}
    for label, megabytes in SIZES.items():
        image = "filled-" + label.replace(" ", "").lower()
        arena.say(f"an image of {label}")
        makeImage(arena, image, megabytes)
        one = Create(arena, image)
        subjects[f"zoned, D-Bus, {label}"] = one.overBus
        subjects[f"zonectl create, {label}"] = one.byZonectl
        if megabytes < 100:  # the copy of 2 GB would be measured in minutes
            subjects[f"cp -a, {label}"] = one.byCopy
    inTurn(results, subjects, options.rounds, arena.say)
