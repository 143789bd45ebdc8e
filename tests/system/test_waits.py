"""What may take for ever on the host holds up those alone whom it concerns: the service answers all others."""

import contextlib
import json
import os
import signal

import pytest

from support.bus import JOB, ZONE, zonePath
from support.dead_fuse import DeadFuse
from support.wait import eventually


@pytest.fixture
def dead(host):
    """Makes a file system dead that is mounted in the folder that is returned."""
    place = host.closedFolder() / "server"
    place.mkdir()
    made = []

    def die(unkillable=False):
        made.append(DeadFuse(place, unkillable))
        return made[-1]

    yield place, die
    for each in made:
        each.close()
    place.rmdir()


def lookups(host):
    """The workers that look things up."""
    found = []
    for pid in host.processes():
        with contextlib.suppress(OSError):
            if b"find-" in open(f"/proc/{pid}/cmdline", "rb").read():
                found.append(pid)
    return found


def othersAreServed(host):
    """The service lists, and another zone boots and halts."""
    other = host.zone("other", boot=True)
    assert host.zones()["other"] == "running"
    other.halt()
    other.delete()


@pytest.mark.parametrize("verb,unkillable", [("create", True), ("verify", False), ("set", False)])
def test_a_definition_whose_mount_does_not_answer_is_taken_with_a_warning(host, dead, verb, unkillable):
    place, die = dead
    mounts = f"mounts=[{{source: {place}/www, target: /srv}}]"
    host.define("old")
    server = die(unkillable)
    file = host.base / "new.yaml"
    file.write_text(f"zone: new\nimage: busybox\nmounts: [{{source: {place}/www, target: /srv}}]\n")
    asks = host.popen(*{"create": ["create", "-f", file], "verify": ["verify", file],
                        "set": ["set", "old", mounts]}[verb])
    eventually(lambda: lookups(host), what="somebody to look for the source")
    for pid in lookups(host):  # what everybody can read names no folder of a zone's
        assert str(place).encode() not in open(f"/proc/{pid}/cmdline", "rb").read()
    if unkillable:
        server.until(1)
    othersAreServed(host)
    _, told = asks.communicate(timeout=60)
    assert asks.returncode == 0
    assert b"mounts[0].source: whether there is" in told and b"a file system does not answer" in told
    server.close()
    eventually(lambda: not lookups(host), what="the end of who looked")


def test_a_boot_that_waits_for_a_dead_mount_holds_up_nobody_and_can_be_halted(host, dead):
    place, die = dead
    (place / "www").mkdir(mode=0o700)
    zone = host.zone("z1", mounts=f"[{{source: {place}/www, target: /srv}}]")
    server = die()
    try:
        watch = host.bus.watch()
        boot = host.bus.call(zone.path, ZONE, "Boot", "(a{sv})", ({},))
        eventually(lambda: host.supervisors("z1"))
        othersAreServed(host)
        assert not [signal for signal in watch.signals("JobRemoved") if signal.args[1] == boot]
        zone.halt()
        assert host.bus.waitJob(boot, watch).result == "cancelled"
        assert zone.state == "installed" and not host.supervisors("z1")
    finally:
        server.close()
        (place / "www").rmdir()


def test_a_boot_that_waits_for_a_dead_mount_can_be_cancelled(host, dead):
    place, die = dead
    (place / "www").mkdir(mode=0o700)
    zone = host.zone("z1", mounts=f"[{{source: {place}/www, target: /srv}}]")
    server = die()
    try:
        watch = host.bus.watch()
        boot = host.bus.call(zone.path, ZONE, "Boot", "(a{sv})", ({},))
        eventually(lambda: host.supervisors("z1"))
        othersAreServed(host)  # and meanwhile it has come to the mount
        host.bus.call(boot, JOB, "Cancel")
        assert host.bus.waitJob(boot, watch).result == "cancelled"
        eventually(lambda: zone.state == "installed" and not host.supervisors("z1"))
    finally:
        server.close()
        (place / "www").rmdir()


def test_dead_mounts_do_not_use_up_the_service(host, dead):
    """Ten questions whose askers cannot even be killed: all are answered, and no more than four of them wait."""
    place, die = dead
    server = die(unkillable=True)
    text = f"zone: new\nimage: busybox\nmounts: [{{source: {place}/www, target: /srv}}]\n"
    file = host.base / "new.yaml"
    file.write_text(text)
    asks = [host.popen("verify", file) for _ in range(10)]
    server.until(1)
    for each in asks:
        _, told = each.communicate(timeout=60)
        assert each.returncode == 0 and b"does not answer" in told
        assert len(lookups(host)) <= 4
    # users are asked about all the same
    assert host.zonectl("create", "z1", "--image", "busybox", "--set", "admins=[{user: daemon, may: [login]}]")
    server.close()
    eventually(lambda: not lookups(host))
    assert "there is no" in host.zonectl("verify", file).stderr


@contextlib.contextmanager
def silentDirectory(host):
    """No look-up of an account is answered: zone-worker stops as if in a directory service's client."""
    worker = host.programs / "zone-worker"
    real = host.programs / "zone-worker.real"
    worker.rename(real)
    worker.write_text(f"#!/bin/sh\n[ $1 = find-accounts ] && echo $$ >> {host.base}/silent && kill -STOP $$\n"
                      f"exec {real} \"$@\"\n")
    worker.chmod(0o755)
    try:
        yield
    finally:
        real.rename(worker)


def stopped(host):
    found = []
    with contextlib.suppress(OSError):
        for pid in map(int, (host.base / "silent").read_text().split()):
            with contextlib.suppress(OSError):
                if "\nState:\tT" in open(f"/proc/{pid}/status", encoding="ascii").read():
                    found.append(pid)
    return found


def test_an_offline_directory_service_holds_up_those_alone_who_ask_about_its_users(host):
    host.zone("z1", admins="[{user: daemon, may: [manage]}]")
    host.restart()  # which knows nobody
    with silentDirectory(host):
        calls = [[zonePath("z1"), ZONE, "Ready", "()", "()", 0]]
        asks = host.caller(calls, uid=1)
        eventually(lambda: stopped(host), what="a look-up")
        othersAreServed(host)
        out, _ = asks.communicate(timeout=60)
        assert "org.zoned1.Error.NotPermitted" in out, "every doubt is a no"
        done = host.refused("create", "z2", "--image", "busybox", "--set", "admins=[{user: bin, may: [login]}]",
                            says=("user 'bin'", "is not known", "does not answer"))
        assert "z2" not in host.zones(), done
        for pid in stopped(host):
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: not stopped(host) and not lookups(host))
    eventually(lambda: host.asUser(calls, uid=1) == [""], 30, "the directory to be asked again")


# ---- the disk -------------------------------------------------------------------------------------


@pytest.fixture
def busyDisk(host):
    """Stops what writes records, as a disk does that is busy; returns how to let it go on."""
    host.zone("first", boot=True).halt()  # it is started when there is something to write
    clerk, = clerks(host)
    os.kill(clerk, signal.SIGSTOP)

    def goOn():
        with contextlib.suppress(ProcessLookupError):
            os.kill(clerk, signal.SIGCONT)

    yield goOn
    goOn()


def clerks(host):
    found = []
    for pid in host.processes():
        with contextlib.suppress(OSError):
            if b"write-records" in open(f"/proc/{pid}/cmdline", "rb").read():
                found.append(pid)
    return found


def record(host, name):
    return json.loads((host.storage(name) / "state.json").read_text())


def test_a_busy_disk_holds_up_the_end_of_what_is_to_be_written_and_nothing_else(host, request):
    zone, other = host.zone("z1", boot=True), host.zone("other")
    goOn = request.getfixturevalue("busyDisk")
    watch = host.bus.watch()
    job = host.bus.call(zone.path, ZONE, "Halt")
    eventually(lambda: host.zones()["z1"] == "installed")
    assert "halted" in zone.reason
    other.boot().sh("true")
    assert not [signal for signal in watch.signals("JobRemoved") if signal.args[1] == job], "told before it is written"
    assert (host.storage("z1") / "running").exists() and record(host, "z1")["last-exit"] == ""
    assert host.zones()["other"] == "running"
    goOn()
    assert host.bus.waitJob(job, watch).result == "done"
    assert "halted" in record(host, "z1")["last-exit"] and not (host.storage("z1") / "running").exists()


def test_a_writer_that_dies_is_told_and_another_writes_on(host, request):
    zone = host.zone("z1", boot=True)
    request.getfixturevalue("busyDisk")
    watch = host.bus.watch()
    job = host.bus.call(zone.path, ZONE, "Halt")
    eventually(lambda: "halted" in zone.reason, what="something to write")
    os.kill(clerks(host)[0], signal.SIGKILL)
    end = host.bus.waitJob(job, watch)
    assert end.result == "done" and "the process that writes it was ended" in end.message
    zone.boot()
    zone.halt()
    assert "halted" in record(host, "z1")["last-exit"] and not (host.storage("z1") / "running").exists()


def test_what_is_to_be_written_is_written_when_the_service_ends(host, request):
    zone = host.zone("z1", boot=True)
    goOn = request.getfixturevalue("busyDisk")
    host.bus.call(zone.path, ZONE, "Halt")
    eventually(lambda: host.zones()["z1"] == "installed")
    host.process.terminate()
    goOn()
    assert host.process.wait(20) == 0
    host.process = None
    assert "halted" in record(host, "z1")["last-exit"] and not (host.storage("z1") / "running").exists()
    host.start()
    assert zone.state == "installed" and "halted" in zone.reason


def test_a_zone_whose_record_is_being_written_can_be_deleted(host, request):
    zone = host.zone("z1", boot=True)
    goOn = request.getfixturevalue("busyDisk")
    host.bus.call(zone.path, ZONE, "Halt")
    eventually(lambda: host.zones()["z1"] == "installed")
    watch = host.bus.watch()
    job = host.bus.call(zone.path, ZONE, "Delete")
    host.bus.manager("ListZones")
    goOn()
    assert host.bus.waitJob(job, watch).result == "done"
    assert "z1" not in host.zones() and not host.storage("z1").exists()
