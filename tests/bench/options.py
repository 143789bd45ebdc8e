"""The command line, and what is measured in which order."""

import argparse
import os
from pathlib import Path

from bench.measures import boot, create, debian, disk, exec, idle, network, scale, version

MEASURES = {"version": version, "boot": boot, "exec": exec, "create": create, "debian": debian, "disk": disk,
            "network": network, "idle": idle, "scale": scale}


def parse(argv):
    parser = argparse.ArgumentParser(prog="tools/bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="few rounds, 100 zones")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(MEASURES),
                        help="only this measure, may be repeated: " + " ".join(MEASURES))
    parser.add_argument("--rounds", type=int, help="how often everything is measured (30; 7 with --quick)")
    parser.add_argument("--zones", type=int, help="up to how many zones (1000; 100 with --quick)")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where the results go")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (7 if options.quick else 30)
    options.zones = options.zones or (100 if options.quick else 1000)
    options.only = options.only or list(MEASURES)
    options.load = os.getloadavg()[0]  # of others: a high one makes the numbers worthless
    return options
