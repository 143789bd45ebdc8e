"""Debian with systemd: boot until it says that it runs, reboot, shutdown."""

import os
import signal
import socket
import time
from pathlib import Path

from bench.peers.nspawn import nspawn
from bench.place import FOLDER
from bench.rounds import inTurn
from bench.stopwatch import Failed, Stopwatch
from support.images import CACHE

ARCHIVE = CACHE / "bookworm-systemd.tar"
IMAGE = "debian"
PATIENCE = 60
REBOOT = 133  # how systemd-nspawn --keep-unit asks its unit to start it again


class Zone:
    def __init__(self, arena):
        self.arena = arena
        self.zone = arena.zone("debian", IMAGE)

    def once(self):
        name = self.zone.name
        boot = self.arena.zonectl("boot", "--wait", name)
        reboot = self.arena.zonectl("reboot", name)
        booted = self.arena.zonectl("wait", name, "booted")
        down = self.arena.zonectl("shutdown", name)
        return {"debian.boot": boot.ms, "debian.reboot": (booted.end - reboot.begin) / 1e6, "debian.shutdown": down.ms}

    def close(self):
        """The zone goes with the arena."""


class Nspawn:
    """systemd tells systemd-nspawn when it runs, which tells us (sd_notify(3))."""

    def __init__(self, arena):
        self.tree = arena.tree("nspawn-debian", ARCHIVE)
        (self.tree / "etc/hostname").write_text("debian\n")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(FOLDER / "notify"))
        self.socket.settimeout(PATIENCE)
        self.stopwatch = Stopwatch(FOLDER / "nspawn.log",
                                   environment={**arena.host.environment, "NOTIFY_SOCKET": str(FOLDER / "notify")})
        # a console that nobody reads keeps systemd from going down: no --console=pipe
        self.command = nspawn(arena, self.tree, "--machine=debian", "--boot", "--notify-ready=yes",
                              "--console=read-only")
        self.pid = None

    def untilReady(self):
        while True:
            try:
                said = self.socket.recv(4096).decode(errors="replace")
            except TimeoutError:
                raise Failed(f"Debian in systemd-nspawn was not ready in {PATIENCE} s: {self.stopwatch.said()}") from None
            if "READY=1" in said.split("\n"):
                return time.monotonic_ns()

    def init(self):
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for child in map(int, children):
            if os.readlink(f"/proc/{child}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                return child
        raise Failed("systemd-nspawn has no init")

    def start(self):
        """The nanoseconds of the beginning, and of readiness."""
        start = self.stopwatch.ask("start", *self.command)
        if start.status < 0:
            raise Failed(self.stopwatch.said())
        self.pid = start.status
        return start.begin, self.untilReady()

    def stop(self, number):
        """Sends init a signal; the nanoseconds of that, and of the end."""
        begin = time.monotonic_ns()
        os.kill(self.init(), number)
        end = self.stopwatch.ask("end", self.pid)
        self.pid = None
        if end.status not in (0, REBOOT):
            raise Failed(f"systemd-nspawn ended with {end.status}: {self.stopwatch.said()}")
        return begin, end.end

    def once(self):
        begin, ready = self.start()
        again, _ = self.stop(signal.SIGRTMIN + 5)  # systemd(1): reboot; its unit would start it again
        _, readyAgain = self.start()
        down, end = self.stop(signal.SIGRTMIN + 4)  # systemd(1): power off
        return {"debian.boot": (ready - begin) / 1e6, "debian.reboot": (readyAgain - again) / 1e6,
                "debian.shutdown": (end - down) / 1e6}

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.stopwatch.close()
        self.socket.close()


def measure(arena, results, options):
    if not ARCHIVE.exists():
        results.missing("Debian", f"there is no {ARCHIVE}: its build failed")
        return
    arena.say("an image of Debian")
    arena.host.image(IMAGE, ARCHIVE)
    subjects = {"systemd-nspawn": Nspawn(arena), "zonectl": Zone(arena)}
    try:
        inTurn(results, {name: subject.once for name, subject in subjects.items()}, max(3, options.rounds // 2),
               arena.say)
    finally:
        for subject in subjects.values():
            subject.close()
