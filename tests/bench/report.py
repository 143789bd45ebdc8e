"""What a run says: how far it is, and at its end tables for people, JSON for programs and a plot."""

import datetime
import json
import os
import platform
import sys
from pathlib import Path

from bench import plot
from bench.results import unitOf

TITLES = {
    "boot.init": "Boot: from the request to init's first instruction",
    "boot.job": "Boot: until the request or command says that it is done",
    "boot.whole": "Start and stop of a zone or container, whole",
    "halt": "Halt, without asking init",
    "create": "Create",
    "create.disk": "A new zone on the disk",
    "exec.static": "Exec of a static program that does nothing, whole command",
    "exec.true": "Exec of BusyBox's true, whole command",
    "version": "A program that prints a line",
    "debian.boot": "Debian with systemd: boot until it says that it runs",
    "debian.reboot": "Debian with systemd: reboot until it runs again",
    "debian.shutdown": "Debian with systemd: shutdown",
    "disk.write": "Disk: a large file written and synced",
    "disk.read": "Disk: that file read from the disk",
    "net.stream": "Network: one TCP connection",
    "net.ping": "Network: a byte there and back",
    "idle": "Idle: wake-ups of each process, all its threads, while it was watched",
    "host.init": "On a host with systemd: from the request to init's first instruction",
    "host.whole": "On a host with systemd: start and stop, whole",
    "host.debian.boot": "On a host with systemd: Debian, boot until it says that it runs",
    "host.debian.shutdown": "On a host with systemd: Debian, shutdown",
    "scale.boot": "Boot to init, while so many zones run",
    "scale.list": "zonectl list, whole command",
    "scale.stat": "zonectl stat, whole command",
    "scale.zoned": "Memory: zoned (PSS)",
    "scale.supervisor": "Memory: supervisors, a zone (PSS)",
    "scale.slab": "Memory: the kernel's, a zone (slab, stacks, page tables)",
    "scale.autoboot": "Autoboot, until the last init has started",
}

NOTES = {measure: "(crun and runc make no network interface; bwrap makes neither that nor a range of ids nor a cgroup)"
         for measure in ("boot.init", "boot.whole")}


def say(text):
    """How far it is: one line, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r    {text}\033[K")
        sys.stderr.flush()


def machine():
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"kernel": platform.release(), "processors": os.cpu_count(), "processor": model}


def row(cells, widths):
    return "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width)
                     for index, (cell, width) in enumerate(zip(cells, widths))).rstrip()


def table(title, head, rows):
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join([title, *("  " + row(line, widths) for line in lines)])


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) >= 100 else f"{value:.2f}"


def measureTable(results, measure):
    subjects = results.subjects(measure)
    base = subjects[0]
    rows = []
    if not measure.startswith("scale."):  # those are in the order of their number
        subjects = sorted(subjects, key=lambda one: results.median(measure, one))
    for subject in subjects:
        low, middle, high = results.spread(measure, subject)
        against = f"{middle / results.median(measure, base):.2f}" if results.median(measure, base) else "-"
        rows.append([subject, number(middle), f"{number(low)} … {number(high)}", against,
                     str(len(results.series[(measure, subject)]))])
    unit = unitOf(measure)
    lines = table(TITLES.get(measure, measure), ["", f"median, {unit}", "10 % … 90 %", f"× {base}", "rounds"], rows)
    return f"{lines}\n  {NOTES[measure]}" if measure in NOTES else lines


def goalTable(stands):
    verdict = {True: "met", False: "NOT met", None: "not measured"}
    return table("Goals", ["", "bound", "measured", ""],
                 [[stand.goal, stand.bound, number(stand.value),
                   verdict[stand.met] + (", by a hair" if stand.close else "")] for stand in stands])


def checkTable(results):
    return "\n".join(["What the measured zone is made of",
                      *(f"  {what}: {problem or 'yes'}" for what, problem in results.checks)])


def text(results, stands, wishes):
    host = machine()
    parts = [f"{host['processors']} × {host['processor']}, Linux {host['kernel']}; {wishes.rounds} rounds in turn; "
             f"load of the machine before: {wishes.load:.1f}"]
    if results.checks:
        parts.append(checkTable(results))
    parts += [measureTable(results, measure) for measure in results.measures()]
    if results.reasons:
        parts.append("\n".join(["Not measured here",
                                *(f"  {subject}: {reason}" for subject, reason in results.reasons.items())]))
    if stands:
        parts.append(goalTable(stands))
    return "\n\n".join(parts)


def writeJson(results, stands, wishes, path):
    series = []
    for (measure, subject), values in results.series.items():
        low, middle, high = results.spread(measure, subject)
        series.append({"measure": measure, "subject": subject, "unit": unitOf(measure), "median": middle, "p10": low,
                       "p90": high, "values": values})
    path.write_text(json.dumps({
        "taken": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": wishes.rounds,
        "load": wishes.load,
        "checks": [{"what": what, "problem": problem} for what, problem in results.checks],
        "series": series,
        "missing": results.reasons,
        "goals": [vars(stand) for stand in stands],
    }, indent=1, ensure_ascii=False) + "\n")


def publish(results, stands, wishes, prefix=""):
    """Prints the tables and writes all to the folder of the results; prefix: of the files' names."""
    tables = text(results, stands, wishes)
    print(tables)  # first: whatever becomes of the files, an hour's work is seen
    (wishes.out / f"{prefix}tables.txt").write_text(tables + "\n")
    writeJson(results, stands, wishes, wishes.out / f"{prefix}results.json")
    drawn = [f"{prefix}plot.svg"] if plot.draw(results, wishes.out / f"{prefix}plot.svg") else []
    print(f"\n{wishes.out}: {', '.join([f'{prefix}tables.txt', f'{prefix}results.json', *drawn])}")
