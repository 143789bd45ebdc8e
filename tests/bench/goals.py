"""What zoned is to reach, each as a ratio of medians of one run or as a bound, and where it stands."""

from dataclasses import dataclass


@dataclass
class Stand:
    goal: str
    bound: str
    value: float | None  # None: not measured
    met: bool | None


def atMost(goal, bound, value, limit):
    return Stand(goal, bound, value, None if value is None else value <= limit)


def atLeast(goal, bound, value, limit):
    return Stand(goal, bound, value, None if value is None else value >= limit)


def bootGoals(r):
    return [
        atMost("D-Bus request to init's exec", "≤ 2 × floor", r.ratio("boot.init", "zoned, D-Bus", "floor"), 2),
        atMost("zonectl boot and halt, whole", "≤ 0.25 × lxc-execute", r.ratio("boot.whole", "zonectl", "lxc-execute"),
               0.25),
        atMost("zonectl boot and halt, whole", "≤ 0.12 × systemd-nspawn",
               r.ratio("boot.whole", "zonectl", "systemd-nspawn"), 0.12)]


def createGoals(r):
    small, large = (r.median("create", f"zonectl create, {size}") for size in ("20 MB", "2 GB"))
    difference = abs(large / small - 1) if small and large else None
    return [
        atMost("zonectl create, 20 MB image", "≤ 10 ms", small, 10),
        atMost("zonectl create, 2 GB image", "≤ 10 ms", large, 10),
        atMost("create: difference of the two", "≤ 0.2", difference, 0.2),
        atMost("a new zone on the disk", "< 64 KiB", r.median("create.disk", "zoned, 2 GB"), 63.99)]


def execGoals(r):
    return [
        atMost("exec of a static program", "≤ 0.5 × lxc-attach", r.ratio("exec.static", "zonectl exec", "lxc-attach"),
               0.5),
        atMost("exec of a static program", "≤ 3 × setns+exec", r.ratio("exec.static", "zonectl exec", "setns+exec"),
               3)]


def versionGoals(r):
    return [atMost("zonectl --version", "≤ 2 × bare C++", r.ratio("version", "zonectl --version", "bare C++"), 2)]


def judge(results):
    return [*bootGoals(results), *createGoals(results), *execGoals(results), *versionGoals(results)]
