"""From one zone to a thousand: each boot, and at some numbers what lists cost and what memory is taken; then autoboot.

Memory is that of zoned and of the supervisors (PSS), and the growth of the kernel's slab; the zones' own processes are
not zoned's.
"""

import os
import time
from pathlib import Path

from bench.arena import readStamp
from bench.peers.floor import Floor
from support.wait import eventually

ASKED = 5  # how often a list is asked for at each number
TOGETHER = 100  # zones of the autoboot that is held against floors
NEAR = 10  # boots whose median stands for the one at a number


def pss(pid):
    """KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} tells no Pss")


def slab():
    """KiB that the kernel cannot give back, with the stacks and page tables."""
    wanted = ("SUnreclaim:", "KernelStack:", "PageTables:")
    return sum(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()
               if line.startswith(wanted))


def settle():
    """Until what ended before has given its memory back; the kernel takes its time with that."""
    before = slab()
    for _ in range(60):
        time.sleep(1)
        now = slab()
        if now >= before:
            return
        before = now


class Scale:
    def __init__(self, arena, results, options):
        self.arena, self.results = arena, results
        self.count = options.zones
        self.zones = []
        self.slabBefore = 0

    def make(self):
        for number in range(self.count):
            self.arena.say(f"zone {number + 1} of {self.count} is made")
            settings = {"autoboot": "true"} if number < TOGETHER else {}
            self.zones.append(self.arena.zone(f"n{number}", **settings))

    def bootAll(self):
        """Milliseconds from each request to init."""
        times = []
        stations = {1, *range(100, self.count + 1, 100), self.count}
        settle()
        self.slabBefore = slab()
        try:
            for number, zone in enumerate(self.zones, 1):
                self.arena.say(f"boot {number} of {self.count}")
                lap = self.arena.boot(zone)
                times.append((readStamp(zone.upper("started")) - lap.begin) / 1e6)
                if number in stations:
                    self.lookAround(number)
        finally:
            self.noteBoots(times, [number for number in sorted(stations) if number <= len(times)])

    def noteBoots(self, times, stations):
        for number in stations:
            near = times[:NEAR] if number == 1 else times[max(0, number - NEAR):number]
            for value in near:
                self.results.add("scale.boot", f"zone {number}", value)

    def lookAround(self, number):
        subject = f"{number} zones"
        daemon = self.arena.host.process.pid
        for _ in range(ASKED):
            self.results.add("scale.list", subject, self.arena.zonectl("list").ms)
            self.results.add("scale.stat", subject, self.arena.zonectl("stat").ms)
        self.results.add("scale.zoned", subject, pss(daemon))
        supervisors = self.arena.host.supervisors()
        self.results.add("scale.supervisor", subject, sum(map(pss, supervisors)) / number)
        if number > 1:  # one zone's is less than what comes and goes meanwhile
            self.results.add("scale.slab", subject, (slab() - self.slabBefore) / number)

    def haltAll(self, zones):
        for number, zone in enumerate(zones, 1):
            self.arena.say(f"halt {number} of {len(zones)}")
            self.arena.job(zone, "Halt")
        # their network namespaces go later; what comes next shall not pay for that
        ports = Path("/sys/class/net") / self.arena.bridge / "brif"
        eventually(lambda: not os.listdir(ports), 120, "the ports of the bridge to go")


def autobootOnce(arena, zones):
    lap = arena.stopwatch.take("autoboot")
    return (max(readStamp(zone.upper("started")) for zone in zones) - lap.begin) / 1e6


def floorsOnce(arena, count, round_):
    """As many processes as zoned boots zones at once, each making its share of floors."""
    parallel = os.cpu_count()
    shares = [count // parallel + (index < count % parallel) for index in range(parallel)]
    floors = [Floor(arena, f"floors-{round_}-{index}", keep=share) for index, share in enumerate(shares) if share]
    time.sleep(0.2)  # until all have read their plan
    begin = time.monotonic_ns()
    for floor, share in zip(floors, shares):
        floor.process.stdin.write("\n" * share)
    for floor in floors:
        floor.process.stdin.flush()
    last = max(init for floor in floors for _, init in floor.close())
    return (last - begin) / 1e6


def together(scale, options):
    """Autoboot of a hundred zones in turn with a hundred floors."""
    zones = scale.zones[:TOGETHER]
    arena = scale.arena
    for number in range(max(3, options.rounds // 6) + 1):
        arena.say(f"autoboot, round {number}")
        floors = floorsOnce(arena, len(zones), number)
        booted = autobootOnce(arena, zones)
        scale.haltAll(zones)
        if number > 0:  # the first warms up
            scale.results.add("scale.autoboot", f"{len(zones)} floors", floors)
            scale.results.add("scale.autoboot", f"{len(zones)} zones, autoboot", booted)


def everyZone(scale):
    for zone in scale.zones[TOGETHER:]:
        scale.arena.zonectl("set", zone.name, "autoboot=true")
    if scale.count > TOGETHER:
        scale.results.add("scale.autoboot", f"{scale.count} zones, autoboot", autobootOnce(scale.arena, scale.zones))
        scale.haltAll(scale.zones)


def measure(arena, results, options):
    scale = Scale(arena, results, options)
    scale.make()
    together(scale, options)
    scale.bootAll()
    scale.haltAll(scale.zones)
    everyZone(scale)
