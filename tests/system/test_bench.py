"""That the bench (tools/bench) works: what it measures is no test's business."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.host import BUILD, SOURCE, cgroupMount

LEFT = (Path("/var/tmp/bench-of-zoned"), cgroupMount() / "bench-of-zoned")


def test_the_bench_measures_a_default_zone_and_leaves_nothing(tmp_path):
    done = subprocess.run([SOURCE / "tools/bench", "--only", "version", "--only", "boot", "--rounds", "1", "--out",
                           tmp_path], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "ZONED_BENCH_BUILD": str(BUILD)}, timeout=120)
    if "another bench runs" in done.stderr:
        pytest.skip("another bench runs on this machine")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["checks"] and not [check for check in results["checks"] if check["problem"]]
    measured = {(series["measure"], series["subject"]) for series in results["series"]}
    assert {("boot.init", "floor"), ("boot.init", "zoned, D-Bus"), ("boot.whole", "zonectl"),
            ("version", "zonectl --version")} <= measured
    assert [goal for goal in results["goals"] if goal["goal"] == "D-Bus request to init's exec"][0]["value"] > 0
    assert "Goals" in (tmp_path / "tables.txt").read_text()
    assert not [str(place) for place in LEFT if place.exists()]
