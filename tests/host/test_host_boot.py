"""Zones come and go with the host: it is really rebooted, and its power cut."""

import re

import pytest

from support import images
from support.wait import eventually

# As systemd is waited for, and unlike other inits, which count as ready when they have run for a moment.
NEVER_READY = "#!/bin/sh\ntrap 'exit 0' RTMIN+4 TERM\nwhile :; do sleep 1; done\n"
ENDS_AT_ONCE = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def ordered(guest, zones):
    """Zones that name each other: those that are named are deleted last."""
    yield zones
    guest.sh(["systemctl", "start", "zoned"])
    left = list(zones.states())
    zones.run("halt", *left)
    while left:
        zones.run("delete", "--force", *left)
        assert len(zones.states()) < len(left), zones.listed()
        left = list(zones.states())
    guest.sh("rm -f /etc/zoned/zoned.yaml && cp /usr/share/zoned/zoned.yaml /etc/zoned/ && systemctl restart zoned")
    assert not zones.states()


def settings(guest, text):
    guest.push(text.encode(), "/etc/zoned/zoned.yaml")
    guest.sh(["systemctl", "restart", "zoned"])


def booted(guest, limit=400):
    """Waits until zoned has booted, or given up, what boots with the host."""
    eventually(lambda: guest.run("test -e /run/zoned/autoboot && ! test -s /run/zoned/autoboot").status == 0, limit,
               "the boots with the host to be over", step=1)


def serviceLog(guest, boot="0"):
    return guest.sh(["journalctl", "--no-pager", "-o", "cat", "-b", boot, "-u", "zoned"])


def at(log, line):
    assert line in log, f"{line!r} is not in\n{log}"
    return log.index(line)


def initStarted(guest, zones, name):
    """When the zone's init was started, in seconds of the host's uptime."""
    stat = guest.sh(["cat", f"/proc/{zones.show(name)['init-pid']}/stat"])
    return int(stat.rsplit(")", 1)[1].split()[19]) / 100


@pytest.mark.every_host
def test_five_zones_come_back_in_the_order_of_their_dependencies(guest, ordered):
    zones = ordered
    zones.create("db", "debian", autoboot="true")
    zones.create("app", requires="[db]", autoboot="true", **{"host-requires": "[network-online.target]"})
    zones.create("a-web", after="[app]", autoboot="true")
    zones.create("mail", after="[a-web]", autoboot="true")
    zones.create("other", autoboot="true", **{"boot-priority": "900", "host-shutdown": "halt"})
    zones.zonectl("boot", "--wait", *zones.states(), limit=300)
    guest.reboot()
    log = serviceLog(guest, "-1")
    assert at(log, "zone mail: installed") < at(log, "zone a-web: shutting-down")
    assert at(log, "zone a-web: installed") < at(log, "zone app: shutting-down")
    assert at(log, "zone app: installed") < at(log, "zone db: shutting-down")
    booted(guest)
    assert set(zones.states().values()) == {"running"}, zones.listed()
    for name in zones.states():
        assert zones.unit(name) == "active"
    log = serviceLog(guest)
    came = re.findall(r"zone (\S+): running", log)
    assert [name for name in came if name != "other"] == ["db", "app", "a-web", "mail"], log
    # for readiness, and for no delay: systemd of db had finished before app's init was started
    ready = int(zones.inside("db", "systemctl show --value -p FinishTimestampMonotonic")) / 1e6
    assert ready <= initStarted(guest, zones, "app")
    assert guest.sh(["systemctl", "is-active", "zones.service", "network-online.target"]).split() == ["active"] * 2
    assert zones.inside("app", "cat /var/log/stops") == "stopped-in-order"
    assert zones.run("exec", "other", "--", "test", "-e", "/var/log/stops").status == 1, "it was to be halted"


def test_bad_zones_keep_no_other_from_coming_up(guest, ordered):
    zones = ordered
    settings(guest, "boot: {ready-timeout: 20s}\n")
    for name, init in (("hanging", NEVER_READY), ("crashing", ENDS_AT_ONCE)):
        guest.push(images.withInit(init), f"/var/tmp/{name}.tar")
        zones.zonectl("image", "import", name, f"/var/tmp/{name}.tar")
    zones.create("hanging", "hanging", init="systemd", autoboot="true", **{"boot-retries": "0"})
    zones.create("crashing", "crashing", init="systemd", autoboot="true", **{"boot-retries": "1"})
    zones.create("needy", requires="[crashing]", autoboot="true")
    zones.create("mountless", autoboot="true", **{"host-requires": "[mnt-nowhere.mount]", "boot-retries": "0"})
    for name in ("corrupt", "rootless", "good", "patient"):
        zones.create(name, autoboot="true", **({"after": "[hanging]"} if name == "patient" else {}))
    guest.sh("echo 'zone: [' >/etc/zoned/zones/corrupt.yaml; rm -r /var/lib/zoned/zones/rootless/layer; sync")
    guest.reboot()
    booted(guest)
    listed = zones.listed()
    assert {name: row["state"] for name, row in listed.items()} == {
        "hanging": "installed", "crashing": "installed", "needy": "installed", "mountless": "installed",
        "corrupt": "installed", "rootless": "unavailable", "good": "running", "patient": "running"}
    assert "maintenance: it was not ready after 20 s" in listed["hanging"]["note"]
    assert listed["crashing"]["note"].startswith("maintenance: ")
    assert "maintenance: zone crashing, which it requires" in listed["needy"]["note"]
    assert "mnt-nowhere.mount" in zones.show("mountless")["maintenance"]
    assert listed["corrupt"]["note"].startswith("invalid: ")
    assert guest.sh(["systemctl", "is-active", "zones.service"]) == "active"
    zones.zonectl("clear", "crashing")
    assert "maintenance" not in zones.listed()["crashing"]["note"]


def test_a_power_cut_while_zones_are_booted_loses_nothing(guest, ordered):
    zones = ordered
    settings(guest, "boot: {parallel: 1}\n")
    zones.create("a-db", "debian", autoboot="true")
    for name in ("b", "c", "d"):
        zones.create(name, autoboot="true", requires="[a-db]")
    guest.sh(["sync"])
    guest.reboot(settle=False)
    eventually(lambda: guest.run("grep -q . /run/zoned/autoboot").status == 0, 200, "boots to be under way", step=0.2)
    guest.cutPower()
    guest.start()
    booted(guest)
    assert set(zones.states().values()) == {"running"}, zones.listed()
    for name in zones.states():
        assert guest.run(["test", "-d", f"/proc/{zones.show(name)['init-pid']}"]).status == 0
        assert zones.unit(name) == "active"


def unitSays(guest, name, why):
    """In its journal, which not everybody may read."""
    eventually(lambda: why in guest.sh(["journalctl", "--no-pager", "-o", "cat", "-u", f"zone@{name}"]),
               what=f"the unit of zone {name} to say why it failed")


@pytest.mark.every_host
def test_systemctl_start_boots_the_zone_or_fails_with_the_reason(guest, zones):
    zones.create("z1")
    guest.sh(["systemctl", "start", "zone@z1"])
    assert (zones.state("z1"), zones.unit("z1")) == ("running", "active")
    assert zones.inside("z1", "echo up") == "up"
    guest.sh(["systemctl", "restart", "zone@z1"])
    assert (zones.state("z1"), zones.unit("z1")) == ("running", "active")
    zones.zonectl("shutdown", "z1")
    eventually(lambda: zones.unit("z1") == "inactive", 30)
    guest.sh(["systemctl", "start", "zone@z1"])
    zones.zonectl("boot", "z1")
    guest.sh(["systemctl", "stop", "zone@z1"])
    assert zones.state("z1") == "installed"
    # also when the service has to be started for it
    guest.sh(["systemctl", "stop", "zoned"])
    guest.sh(["systemctl", "start", "zone@z1"])
    assert (zones.state("z1"), zones.unit("z1")) == ("running", "active")

    zones.create("bad", init="[/bin/nothing]")
    assert guest.run(["systemctl", "start", "zone@bad"]).status != 0
    assert zones.unit("bad") == "failed"
    unitSays(guest, "bad", "/bin/nothing")
    assert "it failed" in zones.unit("bad", "StatusText"), "everybody may read it"
    assert guest.run(["systemctl", "start", "zone@unheard-of"]).status != 0
    unitSays(guest, "unheard-of", "there is no zone")
    # more often within ten seconds than systemd lets an ordinary unit start
    for _ in range(7):
        zones.zonectl("boot", "z1")
        zones.zonectl("halt", "z1")


def test_a_crashed_zone_is_restarted_also_if_the_service_was_away(guest, zones):
    zones.create("z1", boot=True, restart="on-failure")
    first = zones.show("z1")["init-pid"]
    guest.sh(["systemctl", "stop", "zoned"])
    guest.sh(["kill", "-KILL", str(first)])
    eventually(lambda: zones.unit("z1") == "failed", 30, "the unit to fail")
    guest.sh(["systemctl", "start", "zoned"])
    eventually(lambda: zones.show("z1")["init-pid"] not in (0, first), 60, "the restart")
    guest.sh(["systemctl", "stop", "zone@z1"])
    guest.run(["sleep", "5"])
    assert zones.state("z1") == "installed"
