"""zonectl stat on a host with all controllers: what is used is what is told, also to Prometheus."""

import json
import time

import pytest

from support.wait import eventually

SCRAPE = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen('http://127.0.0.1:9723/metrics', " \
         "timeout=60).read().decode())"


def reports(zones, *args):
    return [json.loads(line) for line in zones.zonectl("stat", "--json", *args, limit=120).splitlines()]


def of(report, name):
    return next(zone for zone in report["zones"] if zone["name"] == name)


@pytest.mark.every_host
def test_a_spinning_zone_is_near_its_cap(guest, zones):
    zones.create("spin", boot=True, resources__cpus="0.5")
    zones.create("idle", boot=True)
    zones.inside("spin", "(while :; do :; done) >/dev/null 2>&1 & (while :; do :; done) >/dev/null 2>&1 &")
    told = reports(zones, "4", "2")
    for report in told[:2]:
        spin, idle = of(report, "spin"), of(report, "idle")
        # a quota is kept in periods of 0.1 s, of which one may lie across either end; and the host may be a slow one
        assert 60 <= spin["cpu-cap"] <= 130, spin
        assert 0.3 <= spin["cpu"] <= 0.65
        assert abs(spin["cpu-host"] - 50 * spin["cpu"]) < 0.1, "the host has two processors"
        assert idle["cpu"] < 0.2 and idle["cpu-cap"] is None
        assert abs(report["total"]["cpu"] - spin["cpu"] - idle["cpu"]) < 0.001
        assert spin["cpu-some"] is not None and spin["cpu-some"] > 0, "two loops wait for half a processor"
    assert told[2]["peaks-of"] == 2


@pytest.mark.every_host
def test_memory_and_processes_are_the_cgroups(guest, zones):
    zones.create("hog", boot=True, resources__memory="128M", resources__processes="50")
    zones.inside("hog", "(dd if=/dev/zero of=/dev/null bs=60M count=1000000) >/dev/null 2>&1 &")

    def full():
        hog = of(reports(zones)[0], "hog")
        return 45 <= hog["memory-cap"] <= 60 and hog
    hog = eventually(full, 60, "the hog to have its memory") or of(reports(zones)[0], "hog")
    assert hog["memory-peak"] >= hog["memory"] >= 57 << 20  # 45 % of its cap, and it may still grow
    processes = int(zones.payload("hog", "pids.current"))
    assert abs(hog["processes"] - processes) <= 2 and abs(hog["processes-cap"] - 2 * processes) <= 4
    for kind in ("memory", "io", "cpu"):
        assert hog[f"{kind}-some"] is not None and hog[f"{kind}-full"] is not None


def test_a_reading_zone_is_near_its_cap(guest, zones):
    zones.create("reader", boot=True)
    zones.inside("reader", "dd if=/dev/zero of=/big bs=1M count=32 && sync")
    zones.zonectl("set", "reader", "resources.io=[{device: disk, read: 1M}]")
    guest.sh("echo 3 >/proc/sys/vm/drop_caches")
    zones.inside("reader", "cat /big >/dev/null 2>&1 &")
    told = reports(zones, "reader", "5", "2")
    reader = of(told[1], "reader")
    assert 50 <= reader["read-cap"] <= 160, reader  # readahead comes in large pieces
    assert reader["write-cap"] is None and reader["reads-cap"] is None
    assert 0 < reader["read-host"] <= 100
    assert 'zoned_zone_io_limit_bytes_per_second{zone="reader",direction="read"} 1048576' in \
        zones.zonectl("stat", "--openmetrics")


def test_a_zone_without_limits_is_counted_too(guest, zones):
    zones.create("free", boot=True)
    zones.inside("free", "dd if=/dev/zero of=/big bs=1M count=8 && sync")
    free = of(reports(zones)[0], "free")
    assert free["write-total"] >= 8 << 20 and free["writes-total"] > 0
    assert free["memory"] > 0 and free["memory-cap"] is None and free["processes"] > 0
    assert free["write-host"] is None, "the boots of zone and host are not to be compared"


def test_metrics_are_scraped_from_the_socket_unit(guest, zones):
    assert guest.run(["systemctl", "is-enabled", "zoned-metrics.socket"]).stdout.strip() == "disabled"
    zones.create("z1", boot=True)
    guest.sh(["systemd-sysusers", "zoned.conf"])
    guest.sh(["systemctl", "start", "zoned-metrics.socket"])
    try:
        text = guest.sh(["python3", "-c", SCRAPE])
        assert 'zoned_zone_state{zone="z1",zoned_zone_state="running"} 1' in text
        assert 'zoned_zone_memory_bytes{zone="z1"} ' in text and text.rstrip().endswith("# EOF")
        for _ in range(5):
            guest.sh(["python3", "-c", SCRAPE])
        assert guest.sh(["systemctl", "is-active", "zoned-metrics.socket"]) == "active"
        failed = guest.sh(["systemctl", "list-units", "--failed", "--plain", "--no-legend", "zoned-metrics*"])
        assert failed == ""
        said = guest.sh("journalctl --sync; journalctl -b -q | grep -F zoned-metrics@ || true")
        assert said == "", "a scrape that went well is not worth a line"
    finally:
        guest.sh(["systemctl", "stop", "zoned-metrics.socket"])


def test_events_and_wait_go_on_over_a_restart_of_the_unit(guest, zones):
    zones.create("z1", boot=True)
    guest.sh("systemd-run -q --unit test-events sh -c 'exec zonectl events --json >/run/test-events'")
    try:
        eventually(lambda: guest.sh("pgrep -f '^zonectl events'"), 30, "events to run")
        time.sleep(1)
        guest.sh(["systemctl", "restart", "zoned"])
        zones.zonectl("halt", "z1")
        zones.zonectl("wait", "z1", "installed", "--timeout", "1m")

        def told():
            events = [json.loads(line) for line in guest.sh(["cat", "/run/test-events"]).splitlines()]
            return any(event.get("state") == "installed" for event in events) and events
        eventually(told, 30, "the halt to be told")
        kinds = [event["event"] for event in told()]
        assert "service-stopped" in kinds and "service-restarted" in kinds
    finally:
        guest.run(["systemctl", "stop", "test-events"])
        guest.run(["rm", "-f", "/run/test-events"])
