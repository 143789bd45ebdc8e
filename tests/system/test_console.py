"""zonectl console: there before the boot, across reboots, for several viewers, and kept on disk within bounds."""

import socket

import pexpect
import pytest

from support import images
from support.wait import eventually, holds


@pytest.fixture
def open_(host):
    """Opens consoles that are closed at the end."""
    opened = []

    def make(name="z1", *options):
        opened.append(host.spawn("console", *options, name))
        return opened[-1]

    yield make
    for child in opened:
        child.close(force=True)


def escape(child, char="~"):
    child.send("\r")
    child.send(f"{char}.")
    child.expect(pexpect.EOF)
    child.close()


def test_a_console_opened_before_the_boot_shows_the_whole_of_it(host, open_):
    zone = host.zone("z1")
    console = open_()
    eventually(lambda: host.supervisors("z1"), what="a supervisor for the console")
    zone.boot()
    console.expect("zone z1 is up")


def test_what_was_written_before_is_shown_again(host, zone, open_):
    eventually(lambda: (host.root / "var/log/zoned/z1.console").exists())
    console = open_()
    console.expect("zone z1 is up")


def test_what_is_typed_reaches_the_zone_and_its_answer_comes_back(host, zone, open_):
    console = open_()
    console.sendline("\necho typed-$((40+2))")
    console.expect("typed-42")


def test_the_escape_leaves_and_the_zone_goes_on(host, zone, open_):
    console = open_()
    console.expect("is up")
    escape(console)
    assert console.exitstatus == 0
    assert zone.state == "running"


def test_the_escape_character_can_be_changed(host, zone, open_):
    console = open_("z1", "-e", "%")
    console.expect("is up")
    console.send("\r~.")
    console.sendline("\necho still-$((1+2))")
    console.expect("still-3")
    escape(console, "%")
    assert console.exitstatus == 0


def test_a_tilde_within_a_line_is_a_tilde(host, zone, open_):
    console = open_()
    console.expect("is up")
    console.sendline("\necho a~.b")
    console.expect(r"\na~\.b")


def test_a_console_stays_across_reboots(host, zone, open_):
    console = open_()
    console.expect("is up")
    before = zone.pid
    zone.reboot()
    console.expect("goes down")
    console.expect("is up")
    assert zone.pid != before


def test_a_console_stays_across_halt_and_boot(host, zone, open_):
    console = open_()
    console.expect("is up")
    zone.halt()
    assert zone.state == "installed"
    zone.boot()
    console.expect("is up")


def test_several_viewers_see_the_same(host, zone, open_):
    consoles = [open_() for _ in range(3)]
    for console in consoles:
        console.expect("is up")
    zone.sh("echo for-everyone >/dev/console")
    for console in consoles:
        console.expect("for-everyone")


def test_a_viewer_that_does_not_read_holds_nobody_up(host, zone):
    from support.bus import ZONE
    (_,), fds = host.bus.send(zone.path, ZONE, "OpenConsole", None)
    deaf = socket.socket(fileno=fds[0])
    try:
        zone.exec("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x >/dev/console; echo >/dev/console",
                  timeout=60)
        zone.shutdown(20)
        assert zone.state == "installed"
    finally:
        deaf.close()


def test_what_is_shown_again_asks_the_viewers_terminal_nothing(host, zone):
    """Its answers would be typed at the shell that has the zone's console."""
    from support.bus import ZONE
    queries = rb"\033[c\033[6n\033[18t\033]11;?\007\033P$qm\033\134\005\033[?2004h"
    zone.sh(f"printf '{queries.decode()}\\033[31mred-\\303\\274\\033[0m\\n' >/dev/console")
    log = host.root / "var/log/zoned/z1.console"
    eventually(lambda: "red-" in log.read_text())
    _, fds = host.bus.send(zone.path, ZONE, "OpenConsole", None)
    with socket.socket(fileno=fds[0]) as console:
        seen = b""
        while b"red-" not in seen or not seen.endswith(b"\n"):
            seen += console.recv(65536)
        assert b"\033[31mred-\xc3\xbc\033[0m" in seen
        for query in (b"\033[c", b"6n", b"18t", b"\033]", b"\033P", b"\005", b"\033[?"):
            assert query not in seen, seen
        # from now on it is the zone's terminal
        zone.sh(r"printf '\033[c' >/dev/console")
        live = b""
        while b"\033[c" not in live:
            live += console.recv(4096)


def test_the_log_on_disk_holds_what_the_console_showed(host, zone):
    log = host.root / "var/log/zoned/z1.console"
    eventually(lambda: log.exists() and b"zone z1 is up" in log.read_bytes())
    assert log.stat().st_mode & 0o077 == 0 and log.stat().st_uid == 0


def test_the_log_is_rotated_and_bounded(host, zone):
    folder = host.root / "var/log/zoned"
    for _ in range(10):
        zone.exec("sh", "-c", "head -c 2000000 /dev/zero | tr '\\0' x >/dev/console", timeout=60)
    files = [entry for entry in folder.iterdir() if entry.name.startswith("z1.console")]
    assert len(files) > 1, "never rotated"
    assert sum(entry.stat().st_size for entry in files) < 16 << 20


def test_zone_written_bytes_do_not_reach_a_list(host, zone):
    zone.sh(r"printf '\033]0;owned\007\033[2J' >/dev/console")
    for output in (host.zonectl("list").stdout, host.zonectl("show", "z1").stdout):
        assert "\033" not in output


def test_a_terminal_size_query_is_answered(host):
    """systemd asks the console for its size and would wait for the answer, with nobody watching."""
    init = ("#!/bin/sh\nexec </dev/console >/dev/console\nstty raw -echo\nprintf '\\033[18t'\n"
            "IFS= read -r -n 4 -t 5 answer || answer=none\nprintf '%s' \"$answer\" | hexdump -C >/run/answer\n"
            "exec sleep 1000\n")
    host.image("asks", images.withInit(init))
    zone = host.zone("z1", image="asks", init='["/sbin/init"]', boot=True)
    answer = eventually(lambda: zone.exec("cat", "/run/answer", check=False).stdout, 20)
    assert "1b 5b 38 3b" in answer


def test_without_a_terminal_the_console_can_be_read_by_a_script(host, zone):
    client = host.popen("console", "z1", stdin=-3)
    try:
        seen = b""
        while b"is up" not in seen:
            part = client.stdout.read1(4096)
            assert part or client.poll() is None, (seen, client.stderr.read())
            seen += part
    finally:
        client.kill()
        client.wait()


def test_boot_with_console_shows_the_start(host, open_):
    host.zone("z1")
    child = host.spawn("boot", "--console", "z1")
    child.expect("zone z1 is up")
    escape(child)
    assert host.zones()["z1"] == "running"


def test_a_console_of_a_zone_without_a_root_is_refused(host):
    host.define("z1")
    host.refused("console", "z1", says="install")


def test_the_supervisor_stays_for_its_viewer_and_goes_with_it(host, zone, open_):
    console = open_()
    console.expect("is up")
    zone.halt()
    holds(lambda: host.supervisors("z1"), 0.5, "the supervisor left while the console was viewed")
    escape(console)
    eventually(lambda: not host.supervisors("z1"), what="the supervisor to end")
