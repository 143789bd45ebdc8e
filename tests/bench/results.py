"""What was measured: series of values by measure and subject, and what could not be measured, with the reason."""

from bench.rounds import median, quantile

# Of measures that are no milliseconds
UNITS = {"create.disk": "KiB", "disk.write": "MiB/s", "disk.read": "MiB/s", "net.stream": "MiB/s", "net.ping": "µs",
         "idle": "wake-ups", "scale.zoned": "KiB", "scale.supervisor": "KiB", "scale.slab": "KiB"}


def unitOf(measure):
    return UNITS.get(measure, "ms")


# What a machine may be without, or not let run. All else has to be measured.
PEERS = {"bwrap", "cp -a, 20 MB", "crun", "incus", "lxc-attach", "lxc-execute", "lxc-start", "machinectl", "podman", "runc",
         "systemd-nspawn"}


class Results:
    def __init__(self):
        self.series = {}  # (measure, subject) -> values
        self.reasons = {}  # subject -> why it was not measured here
        self.checks = []  # (what was checked, "" or what is wrong)
        self.faulty = False

    def add(self, measure, subject, value):
        self.series.setdefault((measure, subject), []).append(value)

    def missing(self, subject, reason):
        self.reasons[subject] = reason

    def fault(self, subject, reason):
        """As missing; but it should have been measured."""
        self.missing(subject, reason)
        self.faulty = True

    def failed(self, subject, reason):
        """A peer's failure is noted, anybody else's is a fault of the run."""
        (self.missing if subject in PEERS else self.fault)(subject, reason)

    def check(self, what, problem=None):
        self.checks.append((what, problem or ""))
        self.faulty = self.faulty or bool(problem)

    def measures(self):
        return list(dict.fromkeys(measure for measure, _ in self.series))

    def subjects(self, measure):
        return [subject for of, subject in self.series if of == measure]

    def median(self, measure, subject):
        """None where it was not measured."""
        values = self.series.get((measure, subject))
        return median(values) if values else None

    def spread(self, measure, subject):
        values = self.series[(measure, subject)]
        return quantile(values, 0.1), median(values), quantile(values, 0.9)

    def ratio(self, measure, subject, base, baseMeasure=None):
        """Of two medians; None where one is missing."""
        over, under = self.median(measure, subject), self.median(baseMeasure or measure, base)
        return over / under if over is not None and under else None
