"""Whether anything of ours wakes up while nothing happens: context switches of zoned and the supervisors."""

import time
from pathlib import Path

ZONES = 5
SETTLE = 10  # seconds: addresses are checked for duplicates, bridges learn
WATCHED = 75  # also what comes once a minute
WATCHED_QUICK = 20


def wakeUps(pid):
    """Of all its threads."""
    return sum(int(line.split()[1]) for status in Path(f"/proc/{pid}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary_ctxt_switches:"))


def measure(arena, results, options):
    zones = [arena.zone(f"idle{number}").boot() for number in range(ZONES)]
    daemon = arena.host.process.pid
    watched = {"zoned": [daemon], "supervisors": arena.host.supervisors()}
    arena.say("idle")
    time.sleep(SETTLE)
    before = {pid: wakeUps(pid) for pids in watched.values() for pid in pids}
    time.sleep(WATCHED_QUICK if options.quick else WATCHED)
    for subject, pids in watched.items():
        for pid in pids:
            results.add("idle", subject, wakeUps(pid) - before[pid])
    for zone in zones:
        zone.halt()
