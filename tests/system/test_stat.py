"""zonectl stat: the numbers are those of the kernel, whatever way they are asked for."""

import json
import re
import signal
import socket
import subprocess
import time

import pytest

from support.bus import MANAGER, MANAGER_PATH, ZONE
from support.host import SOURCE
from support.wait import eventually

SPIN = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"


def numbers(zone):
    return zone.host.bus.call(zone.path, ZONE, "Stat")


def payload(host, zone):
    return host.cgroup / zone.name / "payload"


def usage(host, zone):
    return int((payload(host, zone) / "cpu.stat").read_text().split()[1])


def report(host, *args):
    return json.loads(host.zonectl("stat", "--json", *args).stdout)


def test_processor_time_is_the_cgroups(host, zone):
    zone.sh(SPIN)
    low = usage(host, zone)
    told = numbers(zone)
    high = usage(host, zone)
    assert low <= told["cpu-usage"] <= high
    assert told["cpu-usage"] > 10_000, "the loop was not counted"
    assert abs(told["cpu-user"] + told["cpu-system"] - told["cpu-usage"]) < 10_000
    shown = report(host, "z1")["zones"][0]
    assert shown["name"] == "z1" and shown["state"] == "running"
    assert shown["cpu-time"] * 1e6 >= told["cpu-usage"]
    assert 0 < shown["cpu-host"] <= 100 and shown["up"] > 0


def test_traffic_is_counted_as_the_zone_sees_it(host, zone):
    def inside():
        line = next(line for line in zone.sh("cat /proc/net/dev").splitlines() if "eth0:" in line)
        fields = [int(field) for field in line.split(":")[1].split()]
        return {"net-rx-bytes": fields[0], "net-rx-packets": fields[1], "net-tx-bytes": fields[8],
                "net-tx-packets": fields[9]}

    def agreed():
        before, told, after = inside(), numbers(zone), inside()
        return all(before[key] <= told[key] <= after[key] for key in before)
    # many bytes in, few out: the two cannot be taken for each other
    subprocess.run(["ping", "-c", "3", "-i", "0.2", "-s", "1000", "-W", "5", zone.address], check=True,
                   capture_output=True)
    zone.sh(f"dd if=/dev/zero bs=1000 count=100 2>/dev/null | nc -w 1 {host.gateway} 9 || true")
    eventually(agreed, what="the zone's own counters and ours to agree")
    subprocess.run(["ping", "-c", "5", "-i", "0.2", "-b", f"{host.subnet}.255.255"], check=False, capture_output=True)
    eventually(agreed, what="them to agree again")
    assert numbers(zone)["net-rx-bytes"] > 3000


def test_a_zone_without_interfaces_has_no_numbers_of_them(host):
    zone = host.zone("z1", network="[]", boot=True)
    assert not [key for key in numbers(zone) if key.startswith("net-")]
    shown = report(host, "z1")["zones"][0]
    assert shown["rx"] is None and shown["rx-total"] is None
    assert re.search(r"^z1\b.*\s-\s+-$", host.zonectl("stat", "z1").stdout, re.M)


def test_what_no_controller_counts_is_left_out(host, zone):
    told = numbers(zone)
    for file, key in (("memory.current", "memory"), ("pids.current", "processes"), ("io.stat", "io-reads"),
                      ("memory.swap.current", "swap"), ("cpu.pressure", "cpu-some-time"), ("pids.max", "processes")):
        assert (payload(host, zone) / file).exists() == (key in told), file
    assert "cpu-usage" in told
    shown = report(host, "z1")["zones"][0]
    assert (shown["memory"] is None) == ("memory" not in told)


def test_counters_begin_anew_with_each_boot(host, zone):
    zone.sh(SPIN)
    before = numbers(zone)
    zone.reboot()
    after = numbers(zone)
    assert after["cpu-usage"] < before["cpu-usage"] and after["time"] > before["time"]
    assert "net-rx-bytes" in after, "the interfaces of the new boot have new names"


def test_the_host_row_is_the_hosts(host, zone):
    told, zones = host.bus.manager("Stat", "(as)", [])
    meminfo = dict(line.split()[:2] for line in open("/proc/meminfo", encoding="ascii"))
    assert told["memory-cap"] == int(meminfo["MemTotal:"]) * 1024
    assert 0 < told["memory"] < told["memory-cap"]
    assert told["cpu-cap"] == 1000 * len([line for line in open("/proc/stat", encoding="ascii")
                                          if re.match(r"cpu\d", line)])
    assert told["cpu-usage"] > zones[0][2]["cpu-usage"]
    shown = report(host)
    assert 0 < shown["host"]["memory-host"] < 100 and 0 <= shown["host"]["cpu-host"] <= 100


def test_only_active_zones_are_told_unless_named(host, zone):
    host.zone("z2")
    _, zones = host.bus.manager("Stat", "(as)", [])
    assert [(row[0], row[1]) for row in zones] == [("z1", "running")]
    _, zones = host.bus.manager("Stat", "(as)", ["z2", "z1", "z2"])
    assert [(row[0], row[1]) for row in zones] == [("z1", "running"), ("z2", "installed")]
    assert zones[1][2] == {}
    assert host.bus.call(host.bus.manager("GetZone", "(s)", "z2"), ZONE, "Stat") == {}
    text = host.zonectl("stat", "z2", "-o", "name,state,cpu,memory").stdout
    assert re.search(r"^z2\s+installed\s+-\s+-$", text, re.M), text


def test_rates_are_between_two_samples_and_peaks_come_last(host, zone):
    spinning = zone.host.popen("exec", "z1", "--", "sh", "-c", "while :; do :; done")
    try:
        lines = host.zonectl("stat", "--json", "z1", "1", "3").stdout.splitlines()
    finally:
        spinning.terminate()
        spinning.wait()
    reports = [json.loads(line) for line in lines]
    assert len(reports) == 4
    for each in reports[:3]:
        assert 0.9 < each["interval"] < 3
        one = each["zones"][0]
        assert 0.05 < one["cpu"] <= each["interval"] * 2
        assert abs(each["total"]["cpu"] - one["cpu"]) < 1e-6
        # the host's clock has ticks of 10 ms, on every processor
        assert each["host"]["cpu"] >= one["cpu"] * 0.8
    assert reports[3]["peaks-of"] == 3 and "interval" not in reports[3]
    assert reports[3]["zones"][0]["cpu"] == max(each["zones"][0]["cpu"] for each in reports[:3])
    assert reports[3]["host"]["memory"] == max(each["host"]["memory"] for each in reports[:3])


def test_an_interrupt_ends_a_run_with_the_peaks(host, zone):
    running = host.popen("stat", "1", text=True)
    assert re.match(r"\d{4}-\d\d-\d\d ", running.stdout.readline())
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=10)
    assert running.returncode == 0 and err == ""
    assert "peaks of 1 report" in out and "[total]" in out and "[host]" in out


def test_a_run_goes_on_over_a_restart_of_the_service(host, zone):
    running = host.popen("stat", "z1", "1", "5", "--json", text=True)
    first = json.loads(running.stdout.readline())
    host.restart()
    out, _ = running.communicate(timeout=30)
    reports = [first] + [json.loads(line) for line in out.splitlines()]
    assert running.returncode == 0
    assert len(reports) == 6 and reports[4]["zones"][0]["cpu-time"] >= first["zones"][0]["cpu-time"]


def test_resources_and_columns_can_be_chosen(host, zone):
    head = host.zonectl("stat", "-r", "pressure,cpu").stdout.splitlines()[0].split()
    assert head == ["NAME", "CPU-SOME", "CPU-FULL", "MEMORY-SOME", "MEMORY-FULL", "IO-SOME", "IO-FULL", "CPU-TIME",
                    "CPU", "CPU-CAP", "CPU-HOST"]
    assert host.zonectl("stat", "-r", "net").stdout.splitlines()[0].split()[1] == "RX-TOTAL"
    assert host.zonectl("stat", "-r", "net", "1", "1").stdout.splitlines()[1].split()[1] == "RX"
    lines = host.zonectl("stat", "-n", "-o", "name,tx-total").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["z1", "[total]", "[host]"]
    assert set(report(host, "-o", "name,cpu")["zones"][0]) == {"name", "state", "cpu"}


def test_bad_usage_is_refused_in_a_sentence(host):
    for args, says in ((["-r", "gpu"], "gpu"), (["-o", "nosuch"], "nosuch"), (["0"], "INTERVAL"), (["1", "0"], "COUNT"),
                       (["1", "1s"], "COUNT"), (["25h"], "INTERVAL"), (["--http"], "--openmetrics"),
                       (["--openmetrics", "z1"], "--openmetrics"), (["-r", "cpu", "-o", "name"], "exclude"),
                       (["-o", ","], "column")):
        host.refused("stat", *args, status=(2,), says=says)
    host.refused("stat", "nosuch", status=(1,), says="nosuch")
    host.refused("stat", "--", "5", status=(1,), says="'5'")


def test_a_zone_whose_name_looks_like_a_number_goes_after_two_dashes(host):
    host.zone("5", boot=True)
    assert [zone["name"] for zone in report(host, "--", "5")["zones"]] == ["5"]


def test_an_unprivileged_user_may_look(host, zone):
    assert host.asUser([[MANAGER_PATH, MANAGER, "Stat", "(as)", "(@as [],)", 0],
                        [zone.path, ZONE, "Stat", "()", "()", 0]]) == ["", ""]


# ---- OpenMetrics -------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?\d+(?:\.\d+)?)")
SUFFIXES = {"counter": "_total", "gauge": "", "info": "_info", "stateset": ""}


def parseMetrics(text):
    """By the rules of OpenMetrics 1.0: {(sample, labels): value}; whatever breaks one is an assertion."""
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    families, samples, current = {}, {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            assert word in ("TYPE", "UNIT", "HELP")
            if word == "TYPE":
                assert name not in families, f"{name} is told in two places"
                current, families[name] = name, {}
            assert name == current and word not in families[name], line
            families[name][word] = rest
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        family = families[current]
        assert name == current + SUFFIXES[family["TYPE"]], line
        assert "UNIT" not in family or current.endswith("_" + family["UNIT"]), current
        labels = tuple(sorted(re.findall(LABEL, labels or "")))
        assert len({label.split("=")[0] for label in labels}) == len(labels), line
        assert (name, labels) not in samples, line
        samples[name, labels] = float(value)
        if family["TYPE"] == "stateset":
            assert value in "01" and any(label.startswith(current + "=") for label in labels)
    return samples


def test_openmetrics_is_valid_and_has_the_same_numbers(host, zone):
    host.define("idle")
    before = numbers(zone)
    samples = parseMetrics(host.zonectl("stat", "--openmetrics").stdout)
    after = numbers(zone)
    cpu = sum(samples["zoned_zone_cpu_seconds_total", (f'mode="{mode}"', 'zone="z1"')] for mode in ("user", "system"))
    assert before["cpu-usage"] / 1e6 - 0.01 <= cpu <= after["cpu-usage"] / 1e6 + 0.01
    received = samples["zoned_zone_network_bytes_total", ('direction="receive"', 'zone="z1"')]
    assert before["net-rx-bytes"] <= received <= after["net-rx-bytes"]
    state = {labels: value for (name, labels), value in samples.items() if name == "zoned_zone_state"}
    assert state['zone="z1"', 'zoned_zone_state="running"'] == 1
    assert state['zone="idle"', 'zoned_zone_state="configured"'] == 1
    assert sum(state.values()) == 2, "a zone is in one state"
    assert samples["zoned_host_memory_limit_bytes", ()] > 0
    assert not [labels for _, labels in samples if 'zone="idle"' in labels and len(labels) == 1]


def scrape(host, request):
    done = host.zonectl("stat", "--openmetrics", "--http", input=request.encode(), check=False, text=False)
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    return int(lines[0].split()[1]), fields, body


@pytest.mark.parametrize("request_, status, most", [(b"GET /metr", b"408", 5), (b"nonsense\r\n\r\n", b"400", 5)])
def test_who_sends_no_request_is_let_go_soon(host, request_, status, most):
    """Or a few such connections would keep every scraper out."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = host.popen("stat", "--openmetrics", "--http", stdin=theirs, stdout=theirs)
        ours.sendall(request_)
        begin = time.monotonic()
        for _ in range(100):  # and goes on with a byte now and then
            if client.poll() is not None:
                break
            time.sleep(0.2)
            ours.sendall(b"x")
        assert client.poll() is not None and time.monotonic() - begin < most
        assert status in ours.recv(4096)


def test_a_scrape_is_answered_in_http(host, zone):
    status, fields, body = scrape(host, "GET /metrics HTTP/1.1\r\nHost: localhost:9723\r\n\r\n")
    assert status == 200
    assert fields["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert int(fields["content-length"]) == len(body.encode())
    assert ("zoned_zone_state", ('zone="z1"', 'zoned_zone_state="running"')) in parseMetrics(body)
    assert scrape(host, "HEAD /metrics?x=1 HTTP/1.1\r\n\r\n")[::2] == (200, "")
    assert scrape(host, "GET / HTTP/1.1\r\n\r\n")[0] == 404
    status, fields, _ = scrape(host, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert status == 405 and "GET" in fields["allow"]
    assert scrape(host, "hello\r\n\r\n")[0] == 400
    assert scrape(host, "GET /metrics HTTP/1.1\r\n")[0] == 400
    assert scrape(host, "GET /metrics HTTP/1.1\r\nX: " + "x" * 9000 + "\r\n\r\n")[0] == 431


def test_a_scrape_while_the_service_is_away_says_so(host):
    host.stop()
    try:
        status, _, body = scrape(host, "GET /metrics HTTP/1.1\r\n\r\n")
    finally:
        host.start()
    assert status == 503 and "zoned is not running" in body


def test_the_manual_tells_every_column(host):
    told = host.refused("stat", "-o", "nosuch", status=(2,)).stderr
    columns = re.search(r"there are (.*)", told).group(1).split(", ")
    assert len(columns) > 30
    manual = (SOURCE / "man/zonectl.1").read_text()
    part = manual[manual.index(".It Nm Cm stat"):manual.index(".It Nm Cm events")]
    missing = [column for column in columns if not re.search(rf"\b{re.escape(column)}\b", part)]
    assert not missing


def test_many_who_ask_at_once_do_not_hold_the_service_up(host, zone):
    """Whoever asks for statistics in a storm shares the work of the others."""
    askers = [host.popen("stat", "--json") for _ in range(30)]
    begin = time.monotonic()
    assert host.zones()["z1"] == "running"
    assert time.monotonic() - begin < 5
    for asker in askers:
        out, _ = asker.communicate(timeout=60)
        assert json.loads(out)["zones"][0]["name"] == "z1"
