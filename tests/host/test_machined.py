"""Zones as machines of systemd-machined, and the host's journal: what an administrator of containers types."""

import json

import pytest

from support.wait import eventually

PATIENCE = 120


def machines(guest):
    return {machine["machine"]: machine for machine in json.loads(guest.sh("machinectl list --output=json") or "[]")}


def leader(guest, name):
    return int(guest.sh(["machinectl", "show", name, "-p", "Leader", "--value"]))


@pytest.mark.every_host
def test_a_running_zone_is_a_machine_and_stays_in_its_unit(guest, zones, web):
    machine = machines(guest)[web]
    assert machine["class"] == "container" and machine["service"] == "zoned" and machine["os"] == "debian"
    show = zones.show(web)
    assert leader(guest, web) == show["init-pid"]
    status = guest.sh(["machinectl", "status", "--no-pager", web])
    assert show["machine-id"] not in status  # it is confidential, and anybody may ask machined
    assert "Unit: zone@web.service" in status and "payload" in status
    assert show["addresses"][0]["address"].split("/")[0] in status
    assert zones.unit(web, "ControlGroup") == "/zones.slice/zone@web.service"


@pytest.mark.every_host
def test_commands_of_systemd_reach_into_the_zone(guest, zones, web):
    done = guest.run(["machinectl", "shell", web, "/bin/true"], limit=PATIENCE)
    assert done.status == 0, done
    # the end of its input is the end of machinectl's session, whatever runs in it
    said = guest.sh(f"sleep 100 | {{ machinectl shell {web} /bin/echo said-in-the-zone; pkill -P $$ sleep; }}",
                    limit=PATIENCE)
    assert "said-in-the-zone" in said
    assert guest.sh(["systemctl", "-M", web, "is-system-running", "--wait"], limit=PATIENCE) == "running"
    assert guest.sh(["systemctl", "-M", web, "is-active", "dbus.service"]) == "active"
    zones.inside(web, "logger -t zone-test inside-the-zone; journalctl --sync")
    assert "inside-the-zone" in guest.sh(["journalctl", "-M", web, "-n", "1", "-t", "zone-test", "--no-pager"])


def test_machinectl_login_asks_for_a_name(guest, zones, web):
    screen = "/run/zoned-test-screen"
    session = guest.begin(f"script -qfc 'machinectl login {web}' {screen}", limit=PATIENCE)
    try:
        eventually(lambda: guest.run(["grep", "-q", f"{web} login:", screen]).status == 0, PATIENCE,
                   "the zone to ask for a name")
    finally:
        guest.run(["pkill", "-x", "machinectl"])
        guest.finish(session)
        guest.sh(["rm", "-f", screen])


def test_the_name_of_a_zone_resolves_to_its_address(guest, zones, web):
    address = zones.show(web)["addresses"][0]["address"].split("/")[0]
    found = guest.sh(["getent", "hosts", web])
    assert found.split()[0] == address, "not an address of the link, by which nothing reaches the zone"
    assert found.split()[-1] == web
    assert address in guest.sh(["getent", "ahostsv4", web])
    # the link-local address that comes with it is not the first choice: the managed network guards it off
    guest.sh(["ping", "-c", "1", "-W", "10", web])
    zones.zonectl("halt", web)
    eventually(lambda: guest.run(["getent", "hosts", web]).status == 2, 60, "the name to be gone")


@pytest.mark.parametrize("words", [("poweroff",), ("terminate",)])
def test_machinectl_brings_a_zone_down_cleanly(guest, zones, web, words):
    zones.inside(web, "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStop=/bin/touch /stopped\\n"
                      "ExecStart=/bin/true\\n' >/etc/systemd/system/last.service && systemctl start last")
    guest.sh(["machinectl", *words, web])
    eventually(lambda: zones.state(web) == "installed", PATIENCE, "the zone to be installed")
    assert zones.listed()[web]["note"] == ""
    eventually(lambda: not machines(guest), 30, "the machine to be gone")
    assert zones.unit(web) == "inactive"
    zones.zonectl("boot", "--wait", web, limit=PATIENCE)
    zones.inside(web, "test -e /stopped")


def test_a_reboot_and_a_restart_of_the_service_keep_the_machine_right(guest, zones):
    zones.create("z1", boot=True)
    first = zones.show("z1")["init-pid"]
    eventually(lambda: leader(guest, "z1") == first, 30)
    for act in ("restart", "kill -s KILL"):
        guest.sh(f"systemctl {act} zoned")
        eventually(lambda: zones.run("list").status == 0, 60, "zoned to answer")
        assert leader(guest, "z1") == first
    guest.sh("machinectl list >/dev/null && busctl call org.freedesktop.machine1 /org/freedesktop/machine1 "
             "org.freedesktop.machine1.Manager UnregisterMachine s z1")
    assert zones.state("z1") == "running", "unregistering kills nothing"
    guest.sh("systemctl restart zoned")
    eventually(lambda: "z1" in machines(guest), 60, "the zone to be registered again")
    zones.zonectl("reboot", "z1")
    second = zones.show("z1")["init-pid"]
    assert second != first
    eventually(lambda: leader(guest, "z1") == second, 30)
    zones.zonectl("halt", "z1")
    eventually(lambda: not machines(guest), 30, "the machine to be gone")


def test_without_machined_zones_boot_and_the_log_says_it(guest, zones):
    cursor = guest.journalCursor()
    guest.sh("systemctl mask --runtime systemd-machined && systemctl stop systemd-machined")
    try:
        guest.sh("systemctl restart zoned")
        zones.create("z1", boot=True)
        assert zones.state("z1") == "running"
        eventually(lambda: "with systemd-machined" in guest.journal(cursor, ["zoned"]) or
                   "no systemd-machined" in guest.journal(cursor, ["zoned"]), 60, "a warning")
        zones.zonectl("shutdown", "z1")
    finally:
        guest.sh("systemctl unmask --runtime systemd-machined && systemctl restart zoned")


@pytest.mark.every_host
def test_the_journal_has_console_and_events_under_the_zones_name(guest, zones):
    zones.create("z1", boot=True)
    zones.inside("z1", "echo from-the-console >/dev/console")

    def entries(*match):
        text = guest.sh(["journalctl", "-o", "json", "-b", "ZONE=z1", *match])
        return [json.loads(line) for line in text.splitlines()]

    def consoleLines():
        # a getty may have left its prompt at the line's beginning
        return [entry["MESSAGE"] for entry in entries("SYSLOG_IDENTIFIER=zone-console")]
    eventually(lambda: any("from-the-console" in line for line in consoleLines()), 30, "the console's line")
    events = entries("SYSLOG_IDENTIFIER=zoned")
    assert "zone z1: running" in [entry["MESSAGE"] for entry in events]
    assert {entry["_SYSTEMD_UNIT"] for entry in events} == {"zoned.service"}
    assert "from-the-console" in guest.sh(["journalctl", "-u", "zone@z1", "--no-pager"])
    assert "from-the-console" in zones.zonectl("log", "--console", "z1")
