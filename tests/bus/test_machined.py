"""Running zones are machines of systemd-machined: registered, unregistered, and never at the price of a boot."""

import json
import os
import signal
import subprocess

import pytest

from support.host import SOURCE
from support.wait import eventually, holds

NEWEST = ("RegisterMachineEx", "RegisterMachineWithNetwork", "RegisterMachine")


class Machined:
    def __init__(self, host):
        self.host = host
        self.folder = host.base / "machined"
        self.folder.mkdir()
        self.process = None

    def start(self, calls=NEWEST, foreign=()):
        (self.folder / "foreign").write_text(" ".join(foreign))
        self.process = subprocess.Popen(["/usr/bin/python3", "-B", SOURCE / "tests/support/fake_machined.py",
                                         self.host.address, self.folder, *calls], start_new_session=True)
        eventually(self.owned, what="the fake machined on the bus")
        return self

    def owned(self):
        from gi.repository import GLib
        result, _ = self.host.bus.send("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                                       GLib.Variant("(s)", ("org.freedesktop.machine1",)),
                                       service="org.freedesktop.DBus")
        return result[0]

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def refuse(self, text):
        (self.folder / "refuse").write_text(text)

    def machines(self):
        return json.loads((self.folder / "machines").read_text())

    def calls(self):
        path = self.folder / "log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def leader(self, name):
        return self.machines().get(name, {}).get("leader")


@pytest.fixture
def bare(makeHost):
    """A host of its own whose zoned does not run yet, and a machined that does not either."""
    host = makeHost()
    machined = Machined(host)
    yield host, machined
    machined.stop()


def started(bare, calls=NEWEST, **more):
    host, machined = bare
    machined.start(calls, **more)
    host.start()
    host.busybox()
    return host, machined, host.zone("z1")


@pytest.mark.parametrize("calls", [NEWEST, NEWEST[1:], NEWEST[2:]])
def test_a_zone_is_registered_by_the_newest_call_there_is_and_unregistered_when_it_is_down(bare, calls):
    host, machined, zone = started(bare, calls)
    zone.boot()
    eventually(lambda: machined.leader("z1") == zone.pid, what="the registration")
    machine = machined.machines()["z1"]
    assert machine["service"] == "zoned" and machine["class"] == "container" and machine["root"] == ""
    assert not machine["id"], "machined shows it to everybody, and a machine id is confidential"
    if calls[0] != "RegisterMachine":
        assert machine["interfaces"] == []  # of the managed network; see the next test
    assert machined.calls()[0][0] == calls[0]
    zone.shutdown(20)
    eventually(lambda: not machined.machines(), what="the end of the registration")
    assert [call[0] for call in machined.calls()] == [calls[0], "UnregisterMachine"]


def test_zones_that_are_registered_at_once_all_are_by_the_call_there_is(bare):
    host, machined, _ = started(bare, NEWEST[1:])
    names = {f"m{number}" for number in range(6)}
    for name in names:
        host.zone(name, boot=True)
    eventually(lambda: set(machined.machines()) == names, what="the registrations")
    host.kill()
    host.start()
    eventually(lambda: [call[0] for call in machined.calls()].count("RegisterMachineWithNetwork") >= 2 * len(names),
               what="the registrations of the second start")
    holds(lambda: set(machined.machines()) == names, 0.5)
    assert "not registered" not in host.log.read_text()


def test_the_administrators_bridge_is_the_machines_interface(bare):
    host, machined, _ = started(bare)
    subprocess.run(["ip", "link", "add", "mbr0", "type", "bridge"], check=True)
    try:
        host.zone("z2", boot=True, **{"network[0].bridge": "mbr0", "network[0].address": "192.0.2.5/24"})
        link, = json.loads(subprocess.run(["ip", "-j", "link", "show", "mbr0"], capture_output=True, check=True).stdout)
        eventually(lambda: machined.machines().get("z2", {}).get("interfaces") == [link["ifindex"]])
    finally:
        subprocess.run(["ip", "link", "del", "mbr0"], check=True)


def test_a_reboot_unregisters_before_it_registers_again(bare):
    _, machined, zone = started(bare)
    zone.boot()
    first = zone.pid
    eventually(lambda: machined.leader("z1") == first)
    zone.reboot()
    eventually(lambda: machined.leader("z1") == zone.pid)
    assert zone.pid != first
    assert [(call[0], call[2]["leader"] if len(call) > 2 else None) for call in machined.calls()] == [
        ("RegisterMachineEx", first), ("UnregisterMachine", None), ("RegisterMachineEx", zone.pid)]


def test_after_a_restart_of_the_service_what_is_not_registered_is_and_what_is_stays(bare):
    host, machined, zone = started(bare)
    zone.boot()
    eventually(lambda: machined.leader("z1") == zone.pid)
    host.restart()
    eventually(lambda: "GetMachine" in [call[0] for call in machined.calls()], what="a look at the registered machine")
    holds(lambda: machined.leader("z1") == zone.pid, 0.5)
    assert "UnregisterMachine" not in [call[0] for call in machined.calls()]
    machined.stop()
    host.kill()
    machined.start()
    assert not machined.machines()
    host.start()
    eventually(lambda: machined.leader("z1") == zone.pid, what="the zone to be registered again")


def test_one_that_was_rebooted_while_no_service_ran_is_registered_with_its_new_init(bare):
    host, machined, zone = started(bare)
    zone.boot()
    first = zone.pid
    eventually(lambda: machined.leader("z1") == first)
    host.kill()
    os.kill(first, signal.SIGTERM)  # BusyBox: reboot
    eventually(lambda: not os.path.exists(f"/proc/{first}"), what="the end of the first init")
    host.start()
    eventually(lambda: zone.state == "running" and zone.pid != first and machined.leader("z1") == zone.pid,
               what="the registration of the new init")


def test_without_machined_a_zone_boots_and_the_log_says_so_once(bare):
    host, _ = bare
    host.start()
    host.busybox()
    for name in ("z1", "z2"):
        host.zone(name, boot=True)
    assert host.zones() == {"z1": "running", "z2": "running"}
    eventually(lambda: "no systemd-machined" in host.logTail(100000), what="a warning")
    assert host.logTail(100000).count("no systemd-machined") == 1


def test_a_refusal_is_a_warning_and_the_zone_boots(bare):
    host, machined, zone = started(bare)
    machined.refuse("it is Sunday")
    zone.boot()
    assert zone.state == "running"
    eventually(lambda: "it is Sunday" in host.logTail(100000), what="a warning")
    assert "zone z1: not registered with systemd-machined" in host.logTail(100000)
    zone.shutdown(20)
    assert [call[0] for call in machined.calls()] == ["RegisterMachineEx"]


def test_a_machine_of_that_name_that_is_not_ours_is_left_alone_and_told(bare):
    host, machined, zone = started(bare, foreign=["z1"])
    zone.boot()
    eventually(lambda: "of the service 'other'; it is left alone" in host.logTail(100000), what="a warning")
    zone.shutdown(20)
    holds(lambda: machined.machines()["z1"]["service"] == "other", 0.5)
    assert "UnregisterMachine" not in [call[0] for call in machined.calls()]


def test_it_can_be_switched_off(makeHost):
    host = makeHost(settings={"machined": False})
    machined = Machined(host).start()
    try:
        host.start()
        host.busybox()
        zone = host.zone("z1", boot=True)
        holds(lambda: zone.state == "running", 0.5)
        assert machined.calls() == []
    finally:
        machined.stop()


def test_machined_does_not_end_the_service(bare):
    """From systemd 258 on it takes who registered a machine for its supervisor, and ends that with the machine."""
    host, _ = bare
    host.start()
    pretender = ["/usr/bin/python3", "-c", "import os, sys\n"
                 "open('/proc/self/comm', 'w').write('systemd-machine')\nos.kill(int(sys.argv[1]), 15)\n"
                 "sys.stdin.read()", str(host.process.pid)]
    with subprocess.Popen(pretender, stdin=subprocess.PIPE):  # it is looked at while it lives
        eventually(lambda: "systemd-machined asks this service to end" in host.logTail(100000))
    assert host.alive() and host.zones() == {}
    assert host.stop() == 0  # anybody else's SIGTERM is obeyed
