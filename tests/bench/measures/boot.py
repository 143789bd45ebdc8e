"""From the request to the first instruction of init, the whole of a start and a stop, and halt."""

from bench.peers import bwrap, floor, lxc, nspawn, oci, zoned
from bench.rounds import inTurn
from bench.stopwatch import Failed

SUBJECTS = {"floor": floor.Floor, "zoned, D-Bus": zoned.Bus, "zonectl": zoned.Zonectl, "bwrap": bwrap.Bwrap,
            "crun": oci.Crun, "runc": oci.Runc, "lxc-start": lxc.Start, "lxc-execute": lxc.Execute,
            "systemd-nspawn": nspawn.Nspawn}


def measure(arena, results, options):
    made = {}
    try:
        for name, kind in SUBJECTS.items():
            try:
                made[name] = kind(arena)
            except (Failed, OSError) as reason:
                results.failed(name, str(reason))
        inTurn(results, {name: subject.once for name, subject in made.items()}, options.rounds, arena.say)
    finally:
        for subject in made.values():
            subject.close()
