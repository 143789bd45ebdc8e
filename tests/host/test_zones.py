"""Zones as units of systemd: systemctl and zonectl are two ways to the same thing, in every order."""

import re

import pytest

from support.guest_zones import CGROUPS
from support.wait import eventually


@pytest.mark.every_host
def test_a_debian_zone_is_a_unit_in_its_slice(guest, zones, web):
    assert zones.unit(web) == "active"
    assert zones.unit(web, "Slice") == "zones.slice"
    assert zones.unit(web, "ControlGroup") == "/zones.slice/zone@web.service"
    status = guest.sh(["systemctl", "status", "--no-pager", "zone@web"])
    assert "Zone web" in status and "zone-supervisor" in status
    tree = guest.sh(["systemd-cgls", "--no-pager", "/zones.slice"])
    assert "zone@web.service" in tree and "payload" in tree
    assert "systemd-journald" in tree, "the zone's own services are below it"
    assert zones.inside(web, "systemctl is-system-running --wait || systemctl --failed") == "running"


def test_a_debian_zone_is_on_the_network_and_can_be_logged_into(guest, zones, web):
    address, = (entry["address"].split("/")[0] for entry in zones.show(web)["addresses"])
    assert zones.listed()[web]["addresses"]
    guest.sh(["ping", "-c", "2", "-W", "10", address])
    gateway = zones.inside(web, "ip route show default").split()[2]
    zones.inside(web, f"ping -c 2 -W 10 {gateway}")
    zones.create("z1", boot=True)
    zones.inside("z1", f"ping -c 2 -W 10 {address}")
    typed = "echo typed-$((20+3)) in $(hostname)\nexit 4\n"
    login = guest.run("script -qec 'zonectl login web' /dev/null", input=typed)
    assert "typed-23 in web" in login.stdout, login
    assert login.status == 4, login


@pytest.mark.every_host
def test_systemctl_and_zonectl_agree_in_every_order(guest, zones):
    zones.create("z1")
    guest.sh(["systemctl", "reset-failed"])

    def agreed(state, active):
        eventually(lambda: (zones.state("z1"), zones.unit("z1")) == (state, active), 60,
                   f"the zone to be {state} and its unit {active}")
    agreed("installed", "inactive")
    zones.zonectl("boot", "--wait", "z1")
    agreed("running", "active")
    guest.sh(["systemctl", "stop", "zone@z1"])
    agreed("installed", "inactive")
    zones.zonectl("boot", "--wait", "z1")
    zones.zonectl("shutdown", "z1")
    agreed("installed", "inactive")
    zones.zonectl("boot", "--wait", "z1")
    zones.zonectl("halt", "z1")
    agreed("installed", "inactive")
    zones.zonectl("boot", "--wait", "z1")
    zones.zonectl("reboot", "z1")
    agreed("running", "active")
    zones.inside("z1", "poweroff")
    agreed("installed", "inactive")


def test_systemctl_stop_is_a_clean_shutdown(guest, zones):
    zones.create("z1", boot=True)
    guest.sh(["systemctl", "stop", "zone@z1"])
    zones.zonectl("boot", "--wait", "z1")
    assert zones.inside("z1", "cat /var/log/stops") == "stopped-in-order"


@pytest.mark.every_host
def test_stopping_the_unit_of_a_zone_that_waits_for_its_restart_ends_the_wait(guest, zones):
    zones.create("z1", boot=True, restart="always")
    zones.create("z2", boot=True, restart="always")
    note = "/run/zoned/upkeep/z1"
    init = 0
    for _ in range(3):  # the third wait is of 4 s
        eventually(lambda: zones.show("z1")["init-pid"] not in (0, init), 60, "the zone's restart")
        init = zones.show("z1")["init-pid"]
        guest.sh(["kill", "-KILL", str(init)])
    # in one go: the wait must not be over before the stop
    guest.sh(f"until grep -q '\"pending\":true' {note}; do sleep 0.1; done; "
             "while machinectl show z1 >/dev/null 2>&1; do sleep 0.1; done; systemctl stop zone@z1")
    eventually(lambda: guest.run(f"grep -q '\"pending\":true' {note}").status == 1, 5, "the end of the wait")
    guest.sh("sleep 8")
    assert (zones.state("z1"), zones.unit("z1")) == ("installed", "failed")
    assert "zone z1 is not restarted: its unit was stopped" in guest.journal(units=["zoned"])
    # another's wait is its own affair, and so is a start
    guest.sh(["kill", "-KILL", str(zones.show("z2")["init-pid"])])
    guest.sh(["systemctl", "start", "zone@z1"])
    eventually(lambda: zones.states() == {"z1": "running", "z2": "running"}, 60, "both zones")
    guest.sh(["kill", "-KILL", str(zones.show("z1")["init-pid"])])
    eventually(lambda: zones.state("z1") != "running", 10)
    zones.until("z1", "running")


def test_stopping_the_unit_while_zoned_is_away_is_told_afterwards(guest, zones):
    zones.create("z1", boot=True)
    guest.sh(["systemctl", "stop", "zoned"])
    guest.sh(["systemctl", "stop", "zone@z1"])
    assert zones.state("z1") == "installed"
    assert zones.unit("z1") == "inactive"


def test_a_unit_that_waits_for_zoned_is_booted_when_zoned_is_back(guest, zones):
    """The supervisor listens, and zoned is killed before it has asked it for anything."""
    zones.create("z1")
    guest.sh(["systemctl", "kill", "-s", "STOP", "zoned"])
    guest.sh(["systemctl", "start", "--no-block", "zone@z1"])
    eventually(lambda: guest.run(["test", "-S", "/run/zoned/zones/z1/socket"]).status == 0, 60, "the supervisor")
    guest.sh(["systemctl", "kill", "-s", "KILL", "zoned"])
    eventually(lambda: zones.run("list").status == 0, 60, "zoned to answer")
    zones.until("z1", "running")
    assert zones.unit("z1") == "active"


def test_a_boot_whose_unit_was_not_started_in_time_does_not_come_later(guest, zones):
    zones.create("z1")
    folder = "/run/systemd/system"
    guest.sh(f"printf '[Service]\nType=oneshot\nExecStart=sleep 600\n' >{folder}/slow.service; "
             f"mkdir -p {folder}/zone@z1.service.d; "
             f"printf '[Unit]\nAfter=slow.service\n' >{folder}/zone@z1.service.d/slow.conf; "
             "systemctl daemon-reload; systemctl start --no-block slow")
    done = zones.run("boot", "z1")
    assert done.status == 1 and "does not answer" in done.stderr, done
    eventually(lambda: "zone@z1" not in guest.sh(["systemctl", "list-jobs", "--plain", "--no-legend"]), 10,
               "the start to be taken back")
    guest.sh(["systemctl", "stop", "slow"])
    guest.sh(f"rm -r {folder}/slow.service {folder}/zone@z1.service.d; systemctl daemon-reload; sleep 3")
    assert (zones.state("z1"), zones.supervisor("z1")) == ("installed", 0)
    zones.zonectl("boot", "--wait", "z1")


def test_a_killed_supervisor_is_cleaned_up_and_told(guest, zones):
    zones.create("z1", boot=True)
    zones.create("z2", boot=True)
    init = zones.show("z1")["init-pid"]
    guest.sh(["kill", "-KILL", str(zones.supervisor("z1"))])
    zones.until("z1", "installed")
    assert re.search("supervisor", zones.show("z1")["reason"]), zones.show("z1")
    assert guest.run(["test", "-e", f"/proc/{init}"]).status == 1
    assert guest.run(["test", "-e", f"{CGROUPS}/zone@z1.service"]).status == 1
    assert zones.state("z2") == "running"
    zones.zonectl("boot", "--wait", "z1")
    assert zones.inside("z1", "echo back") == "back"


def test_shutdown_and_halt_leave_nothing(guest, zones, web):
    for verb in ("shutdown", "halt"):
        zones.create(f"by-{verb}", boot=True)
    zones.zonectl("shutdown", "web", "by-shutdown", limit=300)
    zones.zonectl("halt", "by-halt")
    assert set(zones.states().values()) == {"installed"}
    left = zones.leaks().splitlines()
    # the layers and definitions of the three stay, and the log that a zone's state is told from
    assert all(re.match(r"file: /(etc|var/lib)/zoned/zones/", line) for line in left), "\n".join(left)


def test_after_a_reboot_of_the_host_what_ran_is_told_as_ended(guest, zones, web):
    zones.create("z1", boot=True)
    zones.create("z2")
    zones.zonectl("halt", "z1")
    zones.zonectl("boot", "--wait", "z1")
    zones.inside("z1", "echo kept >/root/kept")
    before = zones.show("z1")
    guest.reboot()
    assert guest.sh(["systemctl", "is-active", "zoned"]) == "active"
    assert zones.states() == {"web": "installed", "z1": "installed", "z2": "installed"}
    after = zones.show("z1")
    assert after["init-pid"] == 0
    # not what was recorded of an earlier end
    assert after["since"] > before["since"] and after["reason"] == "shut down", (before, after)
    zones.zonectl("boot", "--wait", "z1")
    assert zones.inside("z1", "cat /root/kept; cat /var/log/stops") == "kept\nstopped-in-order"


def test_after_a_power_cut_zones_can_be_booted_again(guest, zones):
    zones.create("z1", boot=True)
    zones.inside("z1", "echo kept >/root/kept; sync")
    guest.sh(["sync"])
    guest.cutPower()
    guest.start()
    assert zones.states() == {"z1": "installed"}
    assert zones.show("z1")["init-pid"] == 0
    zones.zonectl("boot", "--wait", "z1")
    assert zones.inside("z1", "cat /root/kept") == "kept"
    assert zones.run("exec", "z1", "--", "test", "-e", "/var/log/stops").status == 1, "that was no clean stop"


def test_a_further_disk_of_the_host_is_used_by_a_zone(guest, zones):
    disk = guest.attachDisk("data", "256M")
    guest.sh(f"mke2fs -q -t ext4 {disk} && mkdir -p -m 0700 /srv/zones && mkdir /srv/zones/data"
             f" && mount {disk} /srv/zones/data")
    guest.push(b"zone: z1\nimage: busybox\nmounts:\n- source: /srv/zones/data\n  target: /data\n", "/root/z1.yaml")
    zones.zonectl("create", "--file", "/root/z1.yaml", "--boot", "--wait")
    zones.inside("z1", "test -d /data/lost+found && echo written >/data/file")
    zones.zonectl("shutdown", "z1")
    # the zone held nothing of it: it can be unmounted at once
    assert guest.sh("cat /srv/zones/data/file && umount /srv/zones/data") == "written"
