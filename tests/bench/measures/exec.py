"""A command inside: a static program that does nothing, and BusyBox's true; each from start to end as seen outside."""

from pathlib import Path

from bench.peers import lxc
from bench.place import PROGRAMS, CGROUP
from bench.rounds import inTurn
from bench.stopwatch import Failed

PROGRAM = {"exec.static": "/bin/empty", "exec.true": "/bin/true"}


def each(run):
    return lambda: {what: run(program).ms for what, program in PROGRAM.items()}


def cgroupOf(pid):
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return CGROUP / line[len("0::/"):]
    raise Failed(f"process {pid} has no cgroup v2")


def measure(arena, results, options):
    zone = arena.zone("exec").boot()
    enter = [PROGRAMS / "enter", zone.pid, cgroupOf(zone.pid)]
    subjects = {"setns+exec": each(lambda program: arena.stopwatch.run(*enter, program)),
                "zonectl exec": each(lambda program: arena.zonectl("exec", zone.name, "--", program))}
    container = None
    try:
        container = lxc.Container(arena, "lxc-attach")
        container.start()
        subjects["lxc-attach"] = each(lambda program: container.command("lxc-attach", "--", program))
    except (Failed, OSError) as reason:
        results.missing("lxc-attach", str(reason))
        container = None
    try:
        inTurn(results, subjects, options.rounds * 2, arena.say)
    finally:
        if container:
            container.stop()
        zone.halt()
