"""Whole Debian userlands: they come up complete, stop in order, and reboot when told from within."""

import re
import time

import pytest

from support.wait import eventually

pytestmark = pytest.mark.debian


def systemState(zone):
    return zone.exec("systemctl", "is-system-running", "--wait", check=False, timeout=60).stdout.strip()


def failedUnits(zone):
    return zone.sh("systemctl list-units --failed --no-legend --plain || true")


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_systemd_comes_up_without_a_failed_unit(request, debianHost, suite):
    zone = request.getfixturevalue(suite)
    assert systemState(zone) == "running", failedUnits(zone)
    assert f"VERSION_CODENAME={suite}" in zone.sh("cat /etc/os-release")
    assert zone.get("InitKind") == "systemd"
    assert zone.sh("systemd-detect-virt --container || true") not in ("", "none")


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_boot_with_wait_returns_when_the_zone_is_ready(request, debianHost, suite):
    zone = request.getfixturevalue(suite)
    zone.shutdown()
    debianHost.zonectl("boot", "--wait", zone.name)
    assert zone.get("Booted") is True
    assert zone.exec("systemctl", "is-system-running", check=False).stdout.strip() == "running", failedUnits(zone)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_shutdown_is_clean_and_quick(request, debianHost, suite):
    zone = request.getfixturevalue(suite)
    systemState(zone)
    zone.sh("cat >/etc/systemd/system/last-words.service <<'END'\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
            "ExecStart=/bin/true\nExecStop=/bin/sh -c 'echo stopped >/var/last-words'\n[Install]\n"
            "WantedBy=multi-user.target\nEND\nrm -f /var/last-words; systemctl daemon-reload;"
            "systemctl start last-words")
    begin = time.monotonic()
    zone.shutdown()
    # 0.1 s is usual, stop-timeout 90 s: this tells a clean stop from an escalated one.
    assert time.monotonic() - begin < 20
    assert zone.upper("/var/last-words").read_text() == "stopped\n"
    assert zone.state == "installed"


def test_who_waits_after_a_reboot_typed_inside_waits_for_the_boot_that_comes(debianHost, bookworm):
    """`reboot` returns while all still runs: it is the next init that is waited for."""
    systemState(bookworm)
    before = bookworm.pid
    # a shutdown that takes its time: without it, it is over before it can be missed
    bookworm.sh("systemd-run -q --unit slow -p ExecStop='/bin/sleep 1' -p RemainAfterExit=yes /bin/true")
    bookworm.exec("systemctl", "reboot")
    debianHost.zonectl("wait", bookworm.name, "booted", "--timeout", "60s")
    assert bookworm.pid not in (0, before) and bookworm.get("Booted") is True


def test_a_reboot_typed_inside_reboots_the_zone(debianHost, bookworm):
    systemState(bookworm)
    before, boots = bookworm.pid, bookworm.sh("cat /proc/sys/kernel/random/boot_id; cat /etc/machine-id")
    bookworm.exec("systemctl", "reboot", check=False)
    eventually(lambda: bookworm.state == "running" and bookworm.pid not in (0, before), 60, "the zone to be back")
    bookworm.untilBooted()
    assert bookworm.sh("cat /etc/machine-id") == boots.split()[1]
    assert systemState(bookworm) == "running"


def test_a_poweroff_typed_inside_leaves_the_zone_installed(debianHost, bookworm):
    systemState(bookworm)
    bookworm.exec("systemctl", "poweroff", check=False)
    bookworm.until("installed", 60)
    assert bookworm.pid == 0


def test_reboot_from_outside_is_a_clean_one(debianHost, bookworm):
    before = bookworm.pid
    debianHost.zonectl("reboot", bookworm.name)
    bookworm.untilBooted()
    assert bookworm.pid not in (0, before)
    assert systemState(bookworm) == "running"


def test_identity_and_network_are_in_place(debianHost, bookworm):
    assert bookworm.sh("hostname") == bookworm.name
    assert bookworm.sh("cat /etc/machine-id") == bookworm.machineId
    assert bookworm.sh("systemd-machine-id-setup --print") == bookworm.machineId
    assert bookworm.sh(f"getent hosts {bookworm.name}").split()[-1] == bookworm.name
    assert re.search(r"^nameserver ", bookworm.sh("cat /etc/resolv.conf"), re.MULTILINE)
    assert bookworm.sh("getent hosts localhost")


def test_services_can_be_run_as_a_user_and_confined(debianHost, bookworm):
    systemState(bookworm)
    done = bookworm.exec("systemd-run", "--wait", "--pipe", "--uid=nobody", "-p", "PrivateTmp=yes", "-p",
                         "ProtectSystem=strict", "id", "-un")
    assert done.stdout.strip() == "nobody"


def test_the_package_system_works_on_the_layer(debianHost, bookworm):
    assert bookworm.exec("dpkg", "--audit").stdout == ""
    bookworm.sh("useradd -m tester && su - tester -c 'id -un' | grep -x tester && userdel -r tester")
    bookworm.sh("install -m 0755 /bin/true /usr/local/bin/t && mv /usr/share/doc /usr/share/doc2 &&"
                "mv /usr/share/doc2 /usr/share/doc")


def test_nested_namespaces_work_for_the_zones_root(debianHost, bookworm):
    assert bookworm.sh("unshare -Urpf --mount-proc sh -c 'readlink /proc/self; cat /proc/1/comm'").split() == [
        "2", "sh"]


def test_the_journal_has_no_complaint_about_the_manager(debianHost, bookworm):
    systemState(bookworm)
    text = bookworm.sh("journalctl -b -p warning --no-pager -o cat || true")
    for bad in ("Failed to mount", "Failed to create /init.scope", "Failed to attach", "seccomp", "Freezing"):
        assert bad not in text, text


@pytest.mark.parametrize("kind", ["sysvinit", "openrc"])
def test_other_inits_boot_and_shut_down_cleanly(request, debianHost, kind):
    zone = request.getfixturevalue(kind)
    assert zone.get("InitKind") == kind and zone.get("Booted") is True
    eventually(lambda: "2" in zone.exec("/sbin/runlevel", check=False).stdout or kind == "openrc", 60)
    if kind == "openrc":
        eventually(lambda: zone.exec("rc-status", "--runlevel", check=False).stdout.strip() == "default", 60,
                   "OpenRC's default run level")
    begin = time.monotonic()
    zone.shutdown()
    assert time.monotonic() - begin < 45, "not a clean stop but an escalated one"
    assert zone.state == "installed"
    assert "killed" not in zone.reason.lower()


@pytest.mark.parametrize("kind", ["sysvinit", "openrc"])
def test_other_inits_reboot_and_power_off_from_within(request, debianHost, kind):
    zone = request.getfixturevalue(kind)
    before = zone.pid
    zone.exec("/sbin/reboot", check=False)
    eventually(lambda: zone.state == "running" and zone.pid not in (0, before), 60, "the zone to be back")
    zone.untilBooted()
    eventually(lambda: "2" in zone.exec("/sbin/runlevel", check=False).stdout or kind == "openrc", 60)
    zone.exec("/sbin/poweroff", check=False)
    zone.until("installed", 60)


def test_two_debian_zones_meet_and_survive_a_crash_of_the_service(debianHost, bookworm, trixie):
    for zone, other in ((bookworm, trixie), (trixie, bookworm)):
        zone.exec("sh", "-c", f"exec 3<>/dev/tcp/{other.address}/1", check=False)
        assert other.address != zone.address
    systemState(bookworm), systemState(trixie)
    debianHost.restart()
    begin = time.monotonic()
    debianHost.zonectl("shutdown", bookworm.name, trixie.name)
    assert time.monotonic() - begin < 20
    assert bookworm.state == trixie.state == "installed"
