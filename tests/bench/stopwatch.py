"""Times of commands and bus requests, taken by the program stopwatch (stopwatch.c)."""

import os
import subprocess
from dataclasses import dataclass

from bench.place import PROGRAMS


class Failed(Exception):
    """A command or request that should have succeeded did not."""


@dataclass
class Lap:
    begin: int  # ns of the monotonic clock
    end: int
    status: int

    @property
    def ms(self):
        return (self.end - self.begin) / 1e6


class Stopwatch:
    def __init__(self, log, address=None, environment=None):
        self.log = log
        self.before = 0  # its size before the last request
        self.errors = open(log, "wb")
        self.process = subprocess.Popen(
            [PROGRAMS / "stopwatch", *([address] if address else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, env=environment or os.environ, text=True, bufsize=1)

    def ask(self, *fields):
        """The lap of one request; its status may be anything."""
        self.before = self.log.stat().st_size
        self.process.stdin.write("\t".join(map(str, fields)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed(f"{self.brief(fields)}: {self.said()}")
        return Lap(*map(int, answer.split()))

    def take(self, *fields):
        """As ask; the status must be 0."""
        lap = self.ask(*fields)
        if lap.status != 0:
            raise Failed(f"{self.brief(fields)}: status {lap.status}: {self.said()}")
        return lap

    def run(self, *argv):
        return self.take("run", *argv)

    @staticmethod
    def brief(fields):
        return " ".join(str(field).rsplit("/", 1)[-1] for field in fields[:3])

    def said(self):
        """The last words of the last request, for a message."""
        with open(self.log, "rb") as log:
            log.seek(self.before)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        return "; ".join(lines[-3:]) or "nothing was said"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
