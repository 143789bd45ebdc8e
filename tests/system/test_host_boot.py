"""Zones that come and go with the host, that crash, and that are started as a unit: order, retries, maintenance."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from support import images
from support.bus import BusFault
from support.wait import eventually, holds

NEVER_READY = "#!/bin/sh\ntrap 'exit 0' RTMIN+4 TERM\nwhile :; do sleep 1; done\n"


def hostComesUp(host):
    """What zoned sees of a boot of the host: its run folder is empty, and nothing runs."""
    host.stop()
    shutil.rmtree(host.root / "run/zoned")
    host.start()


def autobootEnded(host):
    eventually(lambda: (host.root / "run/zoned/autoboot").read_text() == "", 90, "the boots with the host to be over")


def settled(host, line, since):
    return host.log.read_text()[since:].index(line)


def rows(host):
    return {zone["name"]: zone for zone in json.loads(host.zonectl("list", "--all", "--json").stdout)["zones"]}


def crash(zone):
    os.kill(zone.pid, signal.SIGKILL)


# ---- booting with the host ------------------------------------------------------------------

def test_zones_come_up_in_the_order_of_their_dependencies(host):
    host.zone("db")
    host.zone("app", requires="[db]", autoboot="true")
    host.zone("a-web", after="[app]", autoboot="true")
    host.zone("other")
    since = len(host.log.read_text())
    hostComesUp(host)
    autobootEnded(host)
    states = host.zones()
    assert states == {"db": "running", "app": "running", "a-web": "running", "other": "installed"}, \
        "what is required is booted, too"
    at = [settled(host, f"zone {name}: running", since) for name in ("db", "app", "a-web")]
    assert at == sorted(at)


def test_a_zone_that_fails_is_left_in_maintenance_and_others_go_on(host):
    host.zone("bad", init="[/bin/false]", autoboot="true", **{"boot-retries": "1"})
    host.zone("needs-bad", requires="[bad]", autoboot="true")
    host.zone("after-bad", after="[bad]", autoboot="true")
    host.zone("good", autoboot="true")
    corrupt = host.zone("corrupt", autoboot="true")
    host.definitionFile("corrupt").write_text("zone: [\n")
    rootless = host.zone("rootless", autoboot="true")
    shutil.rmtree(host.storage("rootless") / "layer")
    since = len(host.log.read_text())
    hostComesUp(host)
    autobootEnded(host)
    assert host.zones() == {"bad": "installed", "needs-bad": "installed", "after-bad": "running", "good": "running",
                            "corrupt": "installed", "rootless": "unavailable"}
    assert len(re.findall(r"boot of zone bad\) failed", host.log.read_text()[since:])) == 2
    shown = rows(host)
    assert shown["bad"]["note"].startswith("maintenance: "), shown
    assert "zone bad, which it requires, was not booted" in shown["needs-bad"]["note"]
    assert shown["corrupt"]["note"].startswith("invalid: ")
    assert corrupt.maintenance == "" and rootless.maintenance == ""
    # a restart of the service changes nothing of that
    host.restart()
    assert rows(host)["bad"]["note"] == shown["bad"]["note"]
    host.zonectl("clear", "bad", "needs-bad")
    assert "maintenance" not in rows(host)["bad"]["note"] + rows(host)["needs-bad"]["note"]
    host.zonectl("clear", "bad")
    # by hand, too: who asks is told
    done = host.refused("host", "boot", status=(1,), says=(
        "cannot boot all zones of this host", "zone bad was not booted: its init exited with status 1",
        "zone needs-bad was not booted: zone bad, which it requires", "zone corrupt is not booted"))
    assert "zone good" not in done.stderr and "zone bad: zone bad" not in done.stderr, done
    assert rows(host)["bad"]["note"].startswith("maintenance: its init exited"), rows(host)
    host.definitionFile("corrupt").write_text("zone: corrupt\nimage: busybox\n")
    eventually(lambda: corrupt.get("Problem") == "", 10, "the mended definition to be read")
    host.refused("host", "boot", status=(1,), says="it is in maintenance")
    host.zonectl("set", "bad", "autoboot=false")
    host.zonectl("set", "needs-bad", "autoboot=false")
    host.zonectl("set", "rootless", "autoboot=false")
    assert host.zonectl("host", "boot").stderr == ""


def test_maintenance_ends_when_the_zone_is_booted(host):
    zone = host.zone("z1", mounts="[{source: /var/tmp/zoned-nowhere, target: /data, read-only: true}]",
                     autoboot="true", **{"boot-retries": "0"})
    hostComesUp(host)
    autobootEnded(host)
    assert "/var/tmp/zoned-nowhere" in zone.maintenance
    shown = json.loads(host.zonectl("show", "--json", "z1").stdout)
    assert shown["maintenance"] == zone.maintenance
    file = host.definitionFile("z1")
    file.write_text("".join(line for line in file.read_text().splitlines(True)
                            if not re.match(r"mounts|\s|-", line)))
    zone.boot()
    assert zone.maintenance == ""


def test_the_service_goes_on_where_it_was_killed_and_boots_nothing_twice(makeHost):
    host = makeHost(settings={"boot": {"parallel": 1}}).start()
    host.busybox()
    host.image("hanging", images.withInit(NEVER_READY))
    hanging = host.zone("hanging", image="hanging", init="systemd", autoboot="true", **{"boot-priority": "200"})
    host.zone("a", autoboot="true")
    stopped = host.zone("b", autoboot="true")
    hostComesUp(host)
    hanging.until("running")
    host.restart()
    holds(lambda: host.zones()["a"] == "installed", 0.5, "there is one place, and the zone in it is not ready")
    host.zonectl("halt", "hanging")
    autobootEnded(host)
    assert host.zones() == {"hanging": "installed", "a": "running", "b": "running"}
    assert hanging.maintenance == "", "somebody did not want it"
    stopped.halt()
    host.restart()
    holds(lambda: stopped.state == "installed", 0.5)


def test_a_zone_that_does_not_get_ready_is_halted_and_parked(makeHost):
    host = makeHost(settings={"boot": {"ready-timeout": "2s"}}).start()
    host.busybox()
    host.image("hanging", images.withInit(NEVER_READY))
    hanging = host.zone("hanging", image="hanging", init="systemd", autoboot="true", **{"boot-retries": "0"})
    host.zone("good", autoboot="true")
    hostComesUp(host)
    autobootEnded(host)
    assert host.zones() == {"hanging": "installed", "good": "running"}
    assert "not ready after 2 s" in hanging.maintenance


def test_booting_by_hand_without_what_is_required_is_warned_of(host):
    host.zone("db")
    zone = host.zone("app", requires="[db]")
    done = host.zonectl("boot", "app")
    assert "db" in done.stderr and zone.state == "running", done


def test_zones_that_are_booted_together_come_up_and_go_down_in_their_order(host):
    """The names are given in the wrong order; the first is ready before the next is asked for."""
    host.zone("db")
    host.zone("app", requires="[db]")
    host.zone("web", after="[app]")
    since = len(host.log.read_text())
    done = host.zonectl("boot", "web", "app", "db", "app")
    assert done.stderr == "" and done.stdout.count("zone app: booted") == 1, done
    states = [settled(host, f"zone {name}: running", since) for name in ("db", "app", "web")]
    assert states == sorted(states)
    host.zonectl("shutdown", "db", "web", "app")
    states = [settled(host, f"zone {name}: installed", since) for name in ("web", "app", "db")]
    assert states == sorted(states)
    # a zone that is not there is told, and holds up no other
    refused = host.refused("boot", "app", "nowhere", "db", status=(1,), says="nowhere")
    assert "zone db: booted" in refused.stdout and "zone app: booted" in refused.stdout


# ---- going down with the host ---------------------------------------------------------------

def test_zones_go_down_in_reverse_order_each_in_its_way(host):
    host.zone("a-db", boot=True)
    host.zone("app", requires="[a-db]", boot=True)
    halted = host.zone("halted", boot=True, **{"host-shutdown": "halt"})
    since = len(host.log.read_text())
    host.zonectl("host", "shutdown")
    assert set(host.zones().values()) == {"installed"}
    assert settled(host, "zone app: installed", since) < settled(host, "zone a-db: shutting-down", since)
    assert (host.storage("app") / "layer/upper/var/log/stops").exists()
    assert not halted.upper("/var/log/stops").exists()
    # and it can all come back
    host.zonectl("host", "boot")


def test_what_is_not_down_in_time_is_halted(makeHost):
    host = makeHost(settings={"boot": {"shutdown-timeout": "2s"}}).start()
    host.busybox()
    host.image("deaf", images.withInit("#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nwhile :; do sleep 1; done\n"))
    host.zone("deaf", image="deaf", boot=True)
    host.zone("db", boot=True)
    done = host.zonectl("host", "shutdown", timeout=30)
    assert set(host.zones().values()) == {"installed"}
    assert "zone deaf was halted: it was not down within the 2 s" in done.stderr, done


# ---- crashes ---------------------------------------------------------------------------------

def test_a_crashed_zone_is_restarted_also_if_the_service_was_away(host):
    zone = host.zone("z1", restart="on-failure", boot=True)
    first = zone.pid
    crash(zone)
    eventually(lambda: zone.state == "running" and zone.pid != first, 20, "the restart")
    second = zone.pid
    host.kill()
    os.kill(second, signal.SIGKILL)
    eventually(lambda: not host.supervisors("z1"), 20, "the supervisor to end")
    host.start()
    eventually(lambda: zone.state == "running" and zone.pid not in (0, second), 20, "the restart")
    for pid in host.supervisors("z1"):
        os.kill(pid, signal.SIGKILL)
    third = zone.pid
    eventually(lambda: zone.state == "running" and zone.pid not in (0, third), 30, "the restart")
    zone.shutdown()
    holds(lambda: zone.state == "installed", 2, "a zone that was shut down stays so")


def test_a_zone_that_powers_off_is_restarted_only_with_always(host):
    always = host.zone("always", restart="always", boot=True)
    failing = host.zone("failing", restart="on-failure", boot=True)
    first = always.pid
    for zone in (always, failing):
        zone.exec("poweroff", check=False)
    eventually(lambda: always.state == "running" and always.pid not in (0, first), 30, "the restart")
    failing.until("installed")
    always.halt()
    holds(lambda: always.state == failing.state == "installed", 2)


def test_a_zone_that_crashes_again_and_again_is_left_in_maintenance(makeHost):
    host = makeHost(settings={"boot": {"restart-limit": 2, "restart-window": "10m"}}).start()
    host.busybox()
    zone = host.zone("z1", init='[/bin/sh, -c, "sleep 1; exit 3"]', restart="always")
    zone.boot()
    eventually(lambda: zone.maintenance, 60, "maintenance")
    assert "restarted 2 times within 600 s" in zone.maintenance
    assert "status 3" in zone.maintenance
    host.zonectl("clear", "z1")
    holds(lambda: zone.state == "installed", 1.5, "clear boots nothing")


def test_halting_a_zone_that_waits_for_its_restart_ends_the_wait(host):
    zone = host.zone("z1", restart="always", boot=True)
    crash(zone)
    zone.until("installed")
    zone.halt()
    holds(lambda: zone.state == "installed", 2)


# ---- what is refused --------------------------------------------------------------------------

@pytest.mark.parametrize("setting, line, says", [
    ("after: [nosuch]", 3, "there is no zone 'nosuch'"), ("requires: [db, nosuch]", 3, "there is no zone"),
    ("requires: [web]", 3, "itself"), ("after: [db, db]", 3, "second time"),
    ("requires: [app]", 3, "web -> app -> db -> web"), ("boot-priority: 2000", 3, "0 to 1000"),
    ("restart: sometimes", 3, "none of no"), ("host-shutdown: kill", 3, "none of shutdown"),
    ("boot-retries: -1", 3, "boot-retries"), ("host-requires: [network]", 3, "full name of a unit")])
def test_bad_values_are_told_with_file_and_line(host, setting, line, says):
    host.define("web")
    host.define("db", after="[web]")
    host.define("app", requires="[db]")
    file = host.base / "web.yaml"
    file.write_text(f"zone: web\nimage: busybox\n{setting}\n")
    host.refused("verify", str(file), says=(f"web.yaml:{line}: ", says))


def test_a_zone_that_others_wait_for_cannot_be_deleted(host):
    host.define("db")
    host.define("app", requires="[db]")
    host.refused("delete", "--force", "db", says=("zone db is named in after or requires of app",))
    assert "zone app: deleted" in host.zonectl("delete", "--force", "app", "app").stdout
    host.define("app", requires="[db]")
    host.zonectl("delete", "--force", "app", "db")  # those that require it first
    host.define("db")
    host.define("app", requires="[db]")
    host.definitionFile("db").unlink()  # by hand, then
    eventually(lambda: rows(host)["app"]["note"].startswith("invalid: "), 10)
    assert "app.yaml:4: requires[0]" in rows(host)["app"]["note"]
    assert "there is no zone 'db'" in host.zonectl("show", "app").stdout


# ---- the unit ---------------------------------------------------------------------------------

class Unit:
    """A supervisor started by somebody else than zoned, as `systemctl start zone@NAME` does."""

    def __init__(self, host, name):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = host.base / f"notify-{name}"
        path.unlink(missing_ok=True)
        self.notify.bind(str(path))
        self.notify.settimeout(20)
        self.process = subprocess.Popen(
            [host.programs / "zone-supervisor", "--run", host.runFolder(name), "--log",
             host.root / f"var/log/zoned/{name}.console", "--cgroup", host.cgroup / name, name],
            env={"NOTIFY_SOCKET": str(path), "PATH": "/usr/bin:/bin"}, start_new_session=True,
            stderr=subprocess.PIPE, text=True)

    def told(self, until):
        said = []
        while not any(text.startswith(until) for text in said):
            said.append(self.notify.recv(4096).decode())
        return said[-1]

    def failed(self):
        """Its end with status 1; what it wrote to the journal, which is not for everybody as its status is."""
        _, journal = self.process.communicate(timeout=20)
        assert self.process.returncode == 1
        return journal


def test_starting_the_unit_boots_the_zone_and_stopping_it_shuts_it_down(host):
    zone = host.zone("z1")
    unit = Unit(host, "z1")
    unit.told("READY=1")
    assert zone.state == "running"
    assert zone.sh("echo inside") == "inside"
    unit.process.terminate()
    assert unit.process.wait(30) == 0
    zone.until("installed")
    assert zone.reason == "shut down"
    zone.boot()


def test_a_supervisor_that_nothing_was_asked_of_leaves_when_the_service_comes_back(host):
    """The service died between its start and the request that it was started for."""
    zone = host.zone("z1")
    host.kill()
    host.runFolder("z1").mkdir(parents=True, exist_ok=True)
    left = Unit(host, "z1")
    eventually(lambda: (host.runFolder("z1") / "socket").exists(), what="the supervisor to listen")
    host.start()
    assert left.process.wait(20) == 0
    zone.boot()


def test_the_unit_of_a_zone_that_cannot_be_booted_fails_and_says_why(host):
    host.define("bare")
    host.zone("bad", init="[/bin/nothing]")
    host.zone("nowhere", mounts="[{source: /var/tmp/zoned-nowhere, target: /data, read-only: true}]")
    for name, why in (("bare", "install it first"), ("bad", "/bin/nothing"), ("nowhere", "/var/tmp/zoned-nowhere"),
                      ("unheard-of", "there is no zone")):
        unit = Unit(host, name)
        said = ""
        while "it failed" not in said:
            said = unit.told("STATUS=")
            assert why not in said, "everybody may read it"
        assert why in unit.failed()


def test_host_requires_is_refused_where_no_systemd_runs(host):
    zone = host.zone("z1", **{"host-requires": "[network-online.target]"})
    with pytest.raises(BusFault, match="no systemd runs this host, so it has no unit network-online.target"):
        zone.boot()
