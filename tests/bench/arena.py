"""What all measures share: a zoned of our own, the image, trees for the peers and the bridge that all are on."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from bench.place import FOLDER, ID_BASE, ID_FIRST, PROGRAMS
from bench.stopwatch import Failed, Stopwatch
from support import images
from support.host import Host

IMAGE = "bench"


def benchImage():
    """BusyBox with an init that notes the time of its start, and the bench's programs for inside."""
    def add(tar):
        tar.file("sbin/init", (PROGRAMS / "stamp-init").read_bytes(), 0o755)
        for name in ("empty", "load"):
            tar.file(f"bin/{name}", (PROGRAMS / name).read_bytes(), 0o755)
    return images.busybox(extra=add, without=("sbin/init",))


def readStamp(path):
    """When init began, in ns of the monotonic clock; takes the note away for the next start."""
    deadline = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > deadline:
            raise Failed(f"init did not start: no {path}")
        time.sleep(0.0005)
    value = int(path.read_text())
    path.unlink()
    return value


class Arena:
    def __init__(self, say):
        self.say = say
        FOLDER.mkdir(exist_ok=True)
        FOLDER.chmod(0o711)  # peers look their trees up as users of their zones
        self.log = FOLDER / "commands.log"
        self.trees = FOLDER / "trees"
        self.trees.mkdir()
        # the range of a Host of the tests has room for 64 zones
        self.host = Host(FOLDER / "host", settings={"log-level": "info", "ids": {"first": ID_FIRST,
                                                                                 "last": ID_BASE - 1}})
        self.host.giveUpIds()
        self.host.idFirst, self.host.idLast = ID_FIRST, ID_BASE - 1
        # on a tmpfs, as a host's own is; the peers have theirs there
        run = Path("/run/host-of-bench")
        run.mkdir()
        (self.host.root / "run").symlink_to(run)
        self.host.start()
        self.stopwatch = Stopwatch(self.log, self.host.address, self.host.environment)
        self.archive = FOLDER / "bench.tar"
        self.archive.write_bytes(benchImage())
        self.host.image(IMAGE, self.archive)
        self.host.keepImage(IMAGE)
        self._addresses = 0

    # ---- for the peers ---------------------------------------------------------------

    @property
    def bridge(self):
        return self.host.tag

    @property
    def gateway(self):
        return self.host.gateway

    def address(self):
        """One that zoned will hardly give to a zone: it counts from below."""
        self._addresses += 1
        return f"{self.host.subnet}.250.{self._addresses}/16"

    def tree(self, name, archive=None, owned=False):
        """A root file system of the peer's own; owned: by the ids of its user namespace, else as in the archive."""
        folder = self.trees / name
        folder.mkdir()
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=security.*", "-C", folder, "-xf",
                        archive or self.archive], check=True)
        if owned:
            for place, folders, files in os.walk(folder):
                for entry in [place, *(os.path.join(place, one) for one in folders + files)]:
                    status = os.lstat(entry)
                    os.lchown(entry, ID_BASE + status.st_uid, ID_BASE + status.st_gid)
        return folder

    def imageFolder(self, name=IMAGE):
        return self.host.root / "var/lib/zoned/images" / name / "rootfs"

    # ---- for zones -------------------------------------------------------------------

    def zone(self, name, image=IMAGE, **settings):
        """An installed zone."""
        return self.host.zone(name, image, **settings)

    def zonectl(self, *args):
        return self.stopwatch.run(self.host.argv()[0], *args)

    def job(self, zone, member):
        return self.stopwatch.take("job", zone.path, member)

    def boot(self, zone):
        return self.stopwatch.take("boot", zone.path)

    def clear(self):
        """Takes away the zones, and the images that a measure brought; returns what was in the way."""
        self.say("zones are taken away")
        return self.host.reset()

    def close(self):
        self.stopwatch.close()
        problems = self.host.close()
        shutil.rmtree(self.trees, ignore_errors=True)
        return problems


def folderSize(*places):
    """Bytes that files take on the disk, their folders included."""
    total = 0
    for place in map(Path, places):
        total += os.lstat(place).st_blocks * 512
        for folder, folders, files in os.walk(place):
            total += sum(os.lstat(os.path.join(folder, one)).st_blocks * 512 for one in folders + files)
    return total
