"""zonectl log and the journal: what a zone wrote and what was done with it, within bounds and without its tricks."""

import os
import socket
import threading
import time

import pytest

from support.bus import ZONE, BusFault
from support.wait import eventually


def lines(host, *options):
    return host.zonectl("log", *options).stdout.splitlines()


def onConsole(zone, text):
    zone.sh(f"echo {text} >/dev/console")


def test_both_logs_are_shown_under_their_titles(host, zone):
    eventually(lambda: "is up" in host.zonectl("log", "--console", "z1").stdout)
    out = host.zonectl("log", "z1").stdout
    service, console = out.split("\n==> console <==\n")
    assert service.startswith("==> service <==\n") and "zone z1: running" in service
    assert "zone z1 is up" in console


def test_the_services_log_tells_when_the_zone_came_up_and_why_it_went_down(host, zone):
    zone.sh("kill -USR2 1")  # BusyBox: power off
    zone.until("installed")
    told = lines(host, "--service", "z1")
    said = [line.split(" ", 1)[1] for line in told]
    assert "zone z1: running" in said and said[-1] == "zone z1: installed (powered off from inside)"
    stamp = told[-1].split(" ")[0]
    assert abs(time.mktime(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) < 300


def test_a_zone_that_ran_before_a_start_of_the_service_is_found_not_booted(host, zone):
    host.kill()
    host.start()
    said = [line.split(" ", 1)[1] for line in lines(host, "--service", "z1")]
    assert [text for text in said if text.endswith("running")] == ["zone z1: running", "zone z1: found running"]


def test_a_failed_job_is_in_the_services_log(host):
    host.zone("z1", init='["/nothing/there"]')
    host.refused("boot", "z1")
    assert any("job" in line and "/nothing/there" in line for line in lines(host, "--service", "z1"))


def test_the_last_lines_only(host, zone):
    for word in ("first", "second", "third"):
        onConsole(zone, word)
    eventually(lambda: lines(host, "-c", "-n", "1", "z1") == ["third"])
    assert lines(host, "-c", "-n", "2", "z1") == ["second", "third"]
    assert lines(host, "-c", "-n", "0", "z1") == []
    host.refused("log", "-n", "many", "z1", status=(2,), says="many")


def test_following_goes_on_over_a_rotation_and_ends_with_its_reader(host, zone):
    client = host.popen("log", "-f", "-c", "z1")
    try:
        onConsole(zone, "before-the-flood")
        client.stdout.peek(1)
        zone.exec("sh", "-c", "head -c 1500000 /dev/zero | tr '\\0' x >/dev/console; echo >/dev/console", timeout=60)
        eventually(lambda: (host.root / "var/log/zoned/z1.console.1").exists(), what="a rotation")
        onConsole(zone, "after-the-flood")
        seen = b""
        deadline = time.monotonic() + 30
        while b"after-the-flood" not in seen:
            part = client.stdout.read1(1 << 16)
            assert part and time.monotonic() < deadline, seen[-200:]
            seen += part
        assert b"before-the-flood" in seen and seen.count(b"x") >= 1500000
        client.stdout.close()
        assert client.wait(10) == 0
    finally:
        client.kill()
        client.wait()


def test_it_can_be_read_when_the_zone_is_down_and_goes_with_the_zone(host, zone):
    eventually(lambda: "is up" in host.zonectl("log", "-c", "z1").stdout)
    zone.halt()
    assert "is up" in host.zonectl("log", "-c", "z1").stdout
    files = {entry.name for entry in (host.root / "var/log/zoned").iterdir()}
    assert {"z1.console", "z1.service"} <= files
    zone.delete()
    assert not [entry for entry in (host.root / "var/log/zoned").iterdir() if entry.name.startswith("z1.")]
    host.refused("log", "z1", says="z1")


def test_nothing_that_a_zone_wrote_drives_the_terminal(host, zone):
    zone.sh(r"printf 'a\033]0;owned\007b\302\233c\033[2Jd\n' >/dev/console")
    eventually(lambda: host.zonectl("log", "-c", "z1").stdout.rstrip().endswith("d"))
    out = host.zonectl("log", "z1", text=False).stdout
    assert b"\033" not in out and b"\007" not in out and b"\xc2\x9b" not in out


def test_a_link_in_the_place_of_a_log_is_not_followed(host, zone):
    log = host.root / "var/log/zoned/z1.service"
    log.unlink()
    log.symlink_to("/etc/shadow")
    try:
        with pytest.raises(BusFault, match="z1.service"):
            host.bus.call(zone.path, ZONE, "ReadLog", "(s)", ("service",))
    finally:
        log.unlink()


def test_a_log_of_another_name_is_refused_and_the_files_cannot_be_written(host, zone):
    with pytest.raises(BusFault) as caught:
        host.bus.call(zone.path, ZONE, "ReadLog", "(s)", ("../../etc/shadow",))
    assert caught.value.name == "InvalidArgument"
    from gi.repository import GLib
    _, fds = host.bus.send(zone.path, ZONE, "ReadLog", GLib.Variant("(s)", ("service",)))
    assert len(fds) == 1
    with pytest.raises(OSError):
        os.write(fds[0], b"x")
    os.close(fds[0])


def test_an_unprivileged_caller_reads_no_log(host, zone):
    answer, = host.asUser([[zone.path, ZONE, "ReadLog", "(s)", "('console',)", 0]])
    assert "NotPermitted" in str(answer)


# ---- the journal ------------------------------------------------------------------------------


@pytest.fixture
def journal(host):
    """A journald's socket for zones that boot from now on."""
    folder = host.root / "run/systemd/journal"
    folder.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(folder / "socket"))
    listener.settimeout(20)
    yield listener
    listener.close()
    (folder / "socket").unlink()
    folder.rmdir()
    folder.parent.rmdir()


def test_console_lines_go_to_the_journal_with_the_zones_name(host, journal):
    zone = host.zone("z1", boot=True)
    zone.sh(r"printf '\none \033[31mred\033[m\nMESSAGE=two\n' >/dev/console")
    seen = []
    while "MESSAGE=MESSAGE=two" not in (seen[-1] if seen else ()):
        seen.append(journal.recv(1 << 16).decode().splitlines())
    assert seen[-2:] == [["MESSAGE=one red", "PRIORITY=6", "SYSLOG_IDENTIFIER=zone-console", "ZONE=z1"],
                         ["MESSAGE=MESSAGE=two", "PRIORITY=6", "SYSLOG_IDENTIFIER=zone-console", "ZONE=z1"]]


def test_a_flood_on_the_console_does_not_become_one_of_the_journal(host, journal):
    zone = host.zone("z1", boot=True)
    seen = []

    def drain():
        while not seen or b"left out" not in seen[-1]:
            seen.append(journal.recv(1 << 16))
    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    zone.exec("sh", "-c", "yes | head -n 20000 >/dev/console", timeout=60)
    eventually(lambda: host.zonectl("log", "-c", "z1").stdout.count("y\n") >= 20000, what="the log to have it all")
    zone.halt()
    reader.join(30)
    assert not reader.is_alive(), "it is not told that lines were left out"
    assert b"ZONE=z1" in seen[-1] and len(seen) <= 2 * 1001


def test_a_journal_that_hangs_does_not_hold_up_the_zone(host, journal):
    zone = host.zone("z1", boot=True)
    zone.exec("sh", "-c", "yes | head -n 20000 >/dev/console", timeout=60)
    assert zone.exec("echo", "well").stdout == "well\n"


def test_console_lines_can_be_kept_out_of_the_journal(makeHost):
    host = makeHost(settings={"console-journal": False}).start()
    folder = host.root / "run/systemd/journal"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "socket"))
        listener.setblocking(False)
        host.busybox()
        zone = host.zone("z1", boot=True)
        onConsole(zone, "nothing-to-see")
        eventually(lambda: "nothing-to-see" in host.zonectl("log", "-c", "z1").stdout)
        with pytest.raises(BlockingIOError):
            listener.recv(1 << 16)
