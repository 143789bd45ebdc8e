"""The guest itself: what the other tests take for granted."""

import os

import pytest

from support.guest import GuestFault, TimeLimit


def test_requests_run_side_by_side_and_answer_in_their_own_order(guest):
    first = guest.begin(["/bin/bash", "-c", "until [ -e /run/go ]; do sleep 0.1; done; echo first"])
    assert guest.sh("touch /run/go && echo second") == "second"
    assert guest.finish(first).stdout == "first\n"
    guest.sh("rm /run/go")


def test_status_signal_and_every_byte_come_through(guest):
    data = bytes(range(256)) * 3 + b"\n\n"
    assert guest.run("cat; exit 7", input=data, text=False) == (7, data, b"")
    assert guest.run("kill -TERM $$").status == -15
    assert guest.run(["/bin/cat", "/no such file"]).stderr.endswith("cat: '/no such file': No such file or directory\n")
    with pytest.raises(GuestFault, match="FileNotFoundError"):
        guest.run(["/no/such/program"])


def test_a_command_that_does_not_end_is_ended(guest):
    with pytest.raises(TimeLimit, match="begun"):
        guest.run("echo begun; exec sleep 98765", limit=2)
    assert guest.run(["pgrep", "-f", "sleep 98765"]).status == 1


def test_files_are_pushed_and_pulled_whole(guest):
    data = os.urandom((2 << 20) + 5)
    guest.push(data, "/root/pushed", mode=0o640)
    assert guest.sh("stat -c %a:%s /root/pushed") == f"640:{len(data)}"
    assert guest.pull("/root/pushed") == data
    guest.push(b"", "/root/pushed")
    assert guest.pull("/root/pushed") == b""
    guest.sh("rm /root/pushed")


@pytest.mark.every_host
def test_the_host_is_a_complete_one(guest):
    assert guest.sh(["cat", "/proc/1/comm"]) == "systemd"
    assert {"cpuset", "cpu", "io", "memory", "pids"} <= set(guest.sh("cat /sys/fs/cgroup/cgroup.controllers").split())
    assert guest.sh("systemctl is-system-running || systemctl list-units --failed --plain --no-legend") == "running"
    for unit in ("dbus", "polkit", "systemd-logind"):
        assert guest.sh(["systemctl", "start", unit]) == ""


def test_a_power_cut_loses_what_was_not_written_and_keeps_what_was(guest):
    disk = guest.attachDisk("spare", "256M")
    guest.sh(f"mke2fs -q -t ext4 {disk} && mkdir -p /srv/spare && mount {disk} /srv/spare")
    guest.sh("echo kept >/srv/spare/kept && sync && echo 10000 >/proc/sys/vm/dirty_writeback_centisecs")
    guest.sh("echo lost >/srv/spare/lost")
    boot = guest.bootId
    guest.cutPower()
    guest.start()
    assert guest.bootId != boot
    guest.sh(f"mount {disk} /srv/spare")
    assert guest.sh("cat /srv/spare/kept; ls /srv/spare/lost 2>/dev/null || true") == "kept"
    guest.sh("umount /srv/spare")


def test_the_agent_outlives_daemon_reexec_and_its_own_end(guest):
    boot = guest.bootId
    guest.sh(["systemctl", "daemon-reexec"])
    assert guest.sh("echo still here") == "still here"
    with pytest.raises(GuestFault, match="anew"):
        guest.run("systemctl kill -s KILL zoned-test-agent; sleep 60")
    assert guest.sh("echo here again") == "here again"
    assert guest.bootId == boot
