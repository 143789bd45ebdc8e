"""What zoned is to reach, each as a ratio of medians of one run or as a bound, and where it stands."""

from dataclasses import dataclass


@dataclass
class Stand:
    goal: str
    bound: str
    value: float | None  # None: not measured
    met: bool | None
    close: bool  # so near to the bound that another run may say otherwise


CLOSE = 0.1


def judged(goal, bound, value, limit, met):
    if value is None:
        return Stand(goal, bound, None, None, False)
    return Stand(goal, bound, value, met, limit != 0 and abs(value / limit - 1) < CLOSE)


def notAbove(goal, bound, value, limit):
    return judged(goal, bound, value, limit, value is not None and value <= limit)


def notBelow(goal, bound, value, limit):
    return judged(goal, bound, value, limit, value is not None and value >= limit)


def bootGoals(r):
    return [
        notAbove("D-Bus request to init's exec", "≤ 2 × floor", r.ratio("boot.init", "zoned, D-Bus", "floor"), 2),
        notAbove("zonectl boot and halt, whole", "≤ 0.25 × lxc-execute", r.ratio("boot.whole", "zonectl", "lxc-execute"),
               0.25),
        notAbove("zonectl boot and halt, whole", "≤ 0.12 × systemd-nspawn",
               r.ratio("boot.whole", "zonectl", "systemd-nspawn"), 0.12)]


def createGoals(r):
    small, large = (r.median("create", f"zonectl create, {size}") for size in ("20 MB", "2 GB"))
    difference = abs(large / small - 1) if small and large else None
    return [
        notAbove("zonectl create, 20 MB image", "≤ 10 ms", small, 10),
        notAbove("zonectl create, 2 GB image", "≤ 10 ms", large, 10),
        notAbove("create: difference of the two", "≤ 0.2", difference, 0.2),
        notAbove("a new zone on the disk", "< 64 KiB", r.median("create.disk", "zoned, D-Bus, 2 GB"), 63.99)]


def execGoals(r):
    return [
        notAbove("exec of a static program", "≤ 0.5 × lxc-attach", r.ratio("exec.static", "zonectl exec", "lxc-attach"),
               0.5),
        notAbove("exec of a static program", "≤ 3 × setns+exec", r.ratio("exec.static", "zonectl exec", "setns+exec"),
               3)]


def versionGoals(r):
    return [notAbove("zonectl --version", "≤ 2 × bare C++", r.ratio("version", "zonectl --version", "bare C++"), 2)]


def debianGoals(r):
    return [
        notAbove("Debian: boot until it runs", "≤ 1.03 × systemd-nspawn", r.ratio("debian.boot", "zonectl",
                                                                              "systemd-nspawn"), 1.03),
        notAbove("Debian: shutdown", "≤ 1 × systemd-nspawn", r.ratio("debian.shutdown", "zonectl", "systemd-nspawn"),
               1)]


def most(r, measure):
    """The number of zones up to which was measured, as its subject says."""
    subjects = r.subjects(measure)
    return subjects[-1] if subjects else "zone 1000" if measure == "scale.boot" else "1000 zones"


def scaleGoals(r):
    last, many = most(r, "scale.boot"), most(r, "scale.list")
    count = int(many.split()[0])
    enough = count >= 100  # with fewer, what zoned takes for itself weighs more than what it takes for them
    daemon, supervisor = r.median("scale.zoned", many), r.median("scale.supervisor", many)
    perZone = supervisor + daemon / count if daemon and supervisor and enough else None
    together = [subject for subject in r.subjects("scale.autoboot") if subject.endswith("floors")]
    floors = together[0] if together else "100 floors"
    zones = floors.replace("floors", "zones, autoboot")
    return [
        notAbove(f"boot of {last}", "≤ 1.5 × zone 1", r.ratio("scale.boot", last, "zone 1"), 1.5),
        notAbove(f"zoned and supervisors with {many}, KiB a zone", "≤ 512", perZone, 512),
        notAbove(f"zoned with {many}, KiB", f"≤ {12 * 1024 + 4 * count}", daemon, 12 * 1024 + 4 * count),
        notAbove(f"zonectl list of {many}, ms", "≤ 30", r.median("scale.list", many), 30),
        notAbove(f"autoboot of {zones.split(',')[0]}", f"≤ 1.5 × {floors}", r.ratio("scale.autoboot", zones, floors), 1.5)]


def idleGoals(r):
    worst = [max(r.series[("idle", subject)]) for subject in r.subjects("idle")]
    return [notAbove("idle: wake-ups of any process", "0", max(worst) if worst else None, 0)]


def networkGoals(r):
    return [
        notBelow("network, throughput", "≥ 0.95 × outside", r.ratio("net.stream", "zones", "bare namespaces"), 0.95),
        notAbove("network, there and back", "≤ 1 ÷ 0.95 × outside", r.ratio("net.ping", "zones", "bare namespaces"),
               1 / 0.95)]


def diskGoals(r):
    return [
        notBelow("disk, write", "≥ 0.95 × outside", r.ratio("disk.write", "in a zone", "outside"), 0.95),
        notBelow("disk, read", "≥ 0.95 × outside", r.ratio("disk.read", "in a zone", "outside"), 0.95)]


GOALS = {"boot": bootGoals, "create": createGoals, "exec": execGoals, "debian": debianGoals, "scale": scaleGoals,
         "idle": idleGoals, "network": networkGoals, "disk": diskGoals, "version": versionGoals}


def judge(results, measures):
    """Of the goals that these measures speak to."""
    wanted = dict.fromkeys(of for measure, of in GOALS.items() if measure in measures)
    return [stand for of in wanted for stand in of(results)]
