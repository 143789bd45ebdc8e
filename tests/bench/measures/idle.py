"""Whether anything of ours wakes up while nothing happens: context switches of zoned and the supervisors."""

import time
from pathlib import Path

ZONES = 5
SETTLE = 10  # seconds: addresses are checked for duplicates, bridges learn
WATCHED = 20


def wakeUps(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} tells no context switches")


def measure(arena, results, options):
    zones = [arena.zone(f"idle{number}").boot() for number in range(ZONES)]
    daemon = arena.host.process.pid
    watched = {"zoned": [daemon], "supervisors": arena.host.supervisors()}
    arena.say("idle")
    time.sleep(SETTLE)
    before = {pid: wakeUps(pid) for pids in watched.values() for pid in pids}
    time.sleep(WATCHED)
    for subject, pids in watched.items():
        for pid in pids:
            results.add("idle", subject, wakeUps(pid) - before[pid])
    for zone in zones:
        zone.halt()
