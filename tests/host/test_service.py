"""zoned.service under systemd: how it starts, that its end harms no zone, and how it is confined."""

import re

import pytest

from support.wait import eventually


def service(guest, what):
    return guest.sh(["systemctl", "show", "--value", "-p", what, "zoned.service"])


def answers(zones):
    """zonectl gets an answer; what it is asked meanwhile may meet a bus or service that is being restarted."""
    eventually(lambda: zones.run("list").status == 0, 60, "zoned to answer")


@pytest.mark.every_host
def test_the_service_comes_with_the_host_and_tells_when_it_is_ready(guest):
    assert service(guest, "ActiveState") == "active"
    assert service(guest, "Type") == "notify"
    assert service(guest, "BusName") == "org.zoned1"
    assert service(guest, "WatchdogUSec") == "1min"
    assert "is ready" in guest.journal(units=["zoned"])
    assert guest.sh("systemctl list-units --failed --plain --no-legend") == ""


def test_a_request_starts_it_when_it_is_stopped(guest, zones):
    guest.sh(["systemctl", "stop", "zoned"])
    assert service(guest, "ActiveState") == "inactive"
    assert zones.states() == {}
    assert service(guest, "ActiveState") == "active"
    # the unit, not a program that the bus started by itself
    assert int(service(guest, "MainPID")) == int(guest.sh("pgrep -x zoned"))


@pytest.mark.every_host
def test_its_confinement_is_no_weaker_than_agreed(guest, measured):
    text = guest.sh(["systemd-analyze", "security", "--no-pager", "zoned.service"])
    exposure = float(re.search(r"Overall exposure level for zoned\.service: ([0-9.]+)", text).group(1))
    measured(f"exposure level of zoned.service: {exposure}, at most 6.2")
    assert exposure <= 6.2, text


@pytest.mark.every_host
def test_killed_it_comes_back_and_takes_up_what_runs(guest, zones):
    zones.create("z1", boot=True)
    before, supervisor = zones.show("z1"), zones.supervisor("z1")
    main = service(guest, "MainPID")
    guest.sh(["systemctl", "kill", "-s", "KILL", "zoned"])
    eventually(lambda: service(guest, "MainPID") not in ("0", main), 60, "systemd to start zoned again")
    answers(zones)
    after = zones.show("z1")
    assert (after["state"], after["init-pid"], after["since"]) == ("running", before["init-pid"], before["since"])
    assert zones.supervisor("z1") == supervisor
    assert zones.run("exec", "z1", "--", "sh", "-c", "cat; exit 7", input=b"\0\xff", text=False) == (7, b"\0\xff", b"")


def test_sessions_outlive_a_killed_service(guest, zones):
    zones.create("z1", boot=True)
    running = guest.begin(["zonectl", "exec", "z1", "--", "sh", "-c",
                           "touch /begun; until [ -e /go ]; do sleep 0.1; done; echo end; exit 5"])
    eventually(lambda: zones.run("exec", "z1", "--", "test", "-e", "/begun").status == 0, 60)
    guest.sh(["systemctl", "kill", "-s", "KILL", "zoned"])
    answers(zones)
    zones.inside("z1", "touch /go")
    assert guest.finish(running)[:2] == (5, "end\n")


@pytest.mark.every_host
@pytest.mark.parametrize("what", ["restart zoned zones.slice || true", "daemon-reload", "daemon-reexec", "restart dbus"])
def test_zones_are_left_alone_by(guest, zones, what):
    """The first is what the upgrade of a package does that restarts all it has (but zones.service, which is not to be)."""
    zones.create("z1", boot=True)
    zones.create("z2", boot=True)
    before = {name: (zones.show(name)["init-pid"], zones.supervisor(name)) for name in ("z1", "z2")}
    guest.sh(f"systemctl {what}")
    answers(zones)
    for name, (init, supervisor) in before.items():
        assert zones.state(name) == "running"
        assert (zones.show(name)["init-pid"], zones.supervisor(name)) == (init, supervisor)
    assert zones.inside("z1", "echo alive") == "alive"
    zones.zonectl("shutdown", "z1")
    zones.zonectl("boot", "--wait", "z1")
    guest.sh(["systemctl", "stop", "zone@z2"])
    assert zones.states() == {"z1": "running", "z2": "installed"}


@pytest.mark.parametrize("name", ["Bad_Name", ".."])
def test_a_unit_whose_name_is_no_zones_fails_at_once_and_leaves_nothing(guest, name):
    before = guest.sh("find /run/zoned | sort")
    done = guest.run(["systemctl", "start", f"zone@{name}.service"], limit=60)
    assert done.status == 1
    assert "is no zone's name" in guest.sh(["journalctl", "-b", "-u", f"zone@{name}.service", "-o", "cat"])
    assert guest.sh("find /run/zoned | sort") == before
    guest.sh(["systemctl", "reset-failed", f"zone@{name}.service"])


def test_the_unit_of_a_deleted_zone_is_not_shown_as_failed(guest, zones):
    zones.create("z1", boot=True)
    guest.sh(["kill", "-KILL", str(zones.supervisor("z1"))])
    zones.until("z1", "installed")
    eventually(lambda: zones.unit("z1") == "failed", what="the unit to fail")
    zones.zonectl("delete", "--force", "z1")
    eventually(lambda: guest.sh("systemctl list-units --failed --plain --no-legend") == "", what="its failure to go")


def test_an_unprivileged_user_may_look_and_nothing_else(guest, zones):
    zones.create("z1", boot=True)
    refusal = re.compile("zonectl: .*(not permitted|not allowed|only root|may not|permission)")

    def alice(*words):
        return guest.run(["runuser", "-u", "alice", "--", *words])
    assert "z1" in alice("zonectl", "list").stdout
    assert alice("zonectl", "show", "z1").status == 0
    for words in (["halt", "z1"], ["exec", "z1", "--", "true"], ["delete", "--force", "z1"],
                  ["create", "z2", "--image", "busybox"], ["image", "delete", "--force", "debian"]):
        done = alice("zonectl", *words)
        assert done.status == 1 and refusal.search(done.stderr), (words, done)
    login = alice("script", "-qec", "zonectl login z1", "/dev/null")
    assert login.status == 1 and refusal.search(login.stdout), login
    assert zones.states() == {"z1": "running"}


def test_an_image_is_imported_and_deleted(guest, zones):
    zones.zonectl("image", "import", "more", "/var/tmp/busybox.tar")
    assert "more" in zones.zonectl("image", "list")
    zones.create("z1", "more", boot=True)
    assert zones.inside("z1", "cat /etc/marker") == "from the image"
