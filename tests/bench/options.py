"""The command line, and what is measured in which order."""

import argparse
import os
from pathlib import Path

from bench.measures import boot, create, debian, disk, exec, idle, network, scale, version

MEASURES = {"version": version, "boot": boot, "exec": exec, "create": create, "debian": debian, "disk": disk,
            "network": network, "idle": idle, "scale": scale}


MOST_ZONES = 1023  # ports of a Linux bridge


def count(text, most=None):
    number = int(text) if text.isdecimal() else 0
    if number < 1 or (most and number > most):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1{f' to {most}' if most else ''}")
    return number


def zones(text):
    return count(text, MOST_ZONES)


def parse(argv):
    parser = argparse.ArgumentParser(prog="tools/bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="few rounds, 100 zones")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(MEASURES),
                        help="only this measure, may be repeated: " + " ".join(MEASURES))
    parser.add_argument("--rounds", type=count, help="rounds of most measures (30; 7 with --quick)")
    parser.add_argument("--zones", type=zones, help="up to how many zones (1000; 100 with --quick)")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where the results go")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (7 if options.quick else 30)
    options.zones = options.zones or (100 if options.quick else 1000)
    options.only = options.only or list(MEASURES)
    # of others, before tools/bench built anything: a high one makes the numbers worthless
    options.load = float(os.environ.get("ZONED_BENCH_LOAD") or os.getloadavg()[0])
    return options
