"""zoned, asked over the bus and by zonectl."""

from bench.arena import readStamp


class Bus:
    """The requests themselves, by a client that is connected already."""

    def __init__(self, arena):
        self.arena = arena
        self.zone = arena.zone("bus")

    def once(self):
        boot = self.arena.boot(self.zone)
        started = readStamp(self.zone.upper("started"))
        halt = self.arena.job(self.zone, "Halt")
        return {"boot.init": (started - boot.begin) / 1e6, "boot.job": boot.ms, "boot.whole": boot.ms + halt.ms,
                "halt": halt.ms}

    def close(self):
        """The zone goes with the arena."""


class Zonectl:
    """Whole commands."""

    def __init__(self, arena):
        self.arena = arena
        self.zone = arena.zone("commands")

    def once(self):
        boot = self.arena.zonectl("boot", self.zone.name)
        started = readStamp(self.zone.upper("started"))
        halt = self.arena.zonectl("halt", self.zone.name)
        return {"boot.init": (started - boot.begin) / 1e6, "boot.job": boot.ms, "boot.whole": boot.ms + halt.ms,
                "halt": halt.ms}

    def close(self):
        """The zone goes with the arena."""
