"""`zonectl set`: keys of a definition and of the running zone; what is refused changes nothing.

What limits do to the kernel's files is seen in tests/host: a machine without the cgroup controllers shows here that
a limit is refused in words, and that the refusal leaves everything as it was.
"""

import os
import re
import signal
import threading

import pytest
import yaml

from support.bus import ZONE, BusFault
from support.host import cgroupMount
from support.wait import eventually

CONTROLLERS = (cgroupMount() / "cgroup.controllers").read_text().split()
lacksController = pytest.mark.skipif("memory" in CONTROLLERS, reason="the controllers are here")


def stored(host, name):
    return yaml.safe_load(host.definitionFile(name).read_text())


def lines(done):
    return done.stdout.splitlines()


def test_a_key_of_the_file_is_in_effect_at_once(host):
    zone = host.zone("z1", boot=True)
    done = host.zonectl("set", "z1", "description=Web: the shop", "autoboot=true")
    assert lines(done) == ["description: in effect now", "autoboot: in effect now"]
    assert zone.get("Description") == "Web: the shop" and zone.get("Autoboot")
    assert zone.get("Changed") == []


def test_a_key_that_a_running_zone_cannot_take_waits_for_the_boot(host):
    zone = host.zone("z1", boot=True)
    done = host.zonectl("set", "z1", "hostname=www.example.org", "dns=[9.9.9.9]", "image=other", check=False)
    assert done.returncode == 1 and "image" in done.stderr  # there is no such image: nothing of it is done
    assert "hostname" not in stored(host, "z1")
    done = host.zonectl("set", "z1", "hostname=www.example.org", "dns=[9.9.9.9]")
    assert lines(done) == ["hostname: waits for the next boot", "dns: waits for the next boot"]
    assert zone.sh("hostname") == "z1"
    assert zone.get("Changed") == ["hostname", "dns"]
    assert "Changed since boot: hostname, dns" in " ".join(host.zonectl("show", "z1").stdout.split())
    host.restart()
    assert zone.get("Changed") == ["hostname", "dns"]
    zone.reboot()
    zone.untilBooted()
    assert zone.sh("hostname") == "www.example.org" and zone.get("Changed") == []


def test_an_edit_of_the_file_is_told_as_a_change_since_boot(host):
    zone = host.zone("z1", boot=True)
    definition = stored(host, "z1")
    definition["stop-timeout"] = "5s"
    host.definitionFile("z1").write_text(yaml.safe_dump(definition))
    eventually(lambda: zone.get("Changed") == ["stop-timeout"])
    zone.halt()
    assert zone.get("Changed") == []


def test_what_is_set_already_is_no_change(host):
    host.zone("z1", hostname="www")
    before = host.definitionFile("z1").stat().st_mtime_ns
    assert host.zonectl("set", "z1", "hostname=www").stdout == "nothing changed\n"
    assert host.definitionFile("z1").stat().st_mtime_ns == before


def test_what_the_host_lacks_for_the_next_boot_is_warned_of_once(host):
    host.zone("z1")
    done = host.zonectl("set", "z1", "mounts=[{source: /nosuchfolder, target: /data, read-only: true}]")
    assert "waits for the next boot" in done.stdout and "/nosuchfolder" in done.stderr
    assert "/nosuchfolder" not in host.zonectl("set", "z1", "description=x").stderr


def test_creating_a_zone_warns_of_what_the_host_lacks_as_verifying_does(host):
    mount = "[{source: /nosuchfolder, target: /data, read-only: true}]"
    lacks = "mounts[0].source: there is no /nosuchfolder on this host now"
    done = host.zonectl("create", "z1", "--image", "busybox", "--set", f"mounts={mount}")
    assert done.stderr == f"zonectl: warning: zone z1: {lacks}\n" and "zone z1: created" in done.stdout
    file = host.base / "z2.yaml"
    file.write_text(f"zone: z2\nimage: busybox\nmounts: {mount}\n")
    assert f"warning: {lacks}" in host.zonectl("verify", file).stderr
    assert f"warning: zone z2: {lacks}" in host.zonectl("create", "--file", file).stderr
    assert host.zonectl("create", "z3", "--image", "busybox").stderr == ""


def test_keys_are_taken_away(host):
    host.zone("z1", hostname="www", dns="[9.9.9.9]")
    done = host.zonectl("set", "z1", "hostname=", "--unset", "dns")
    assert lines(done) == ["hostname: waits for the next boot", "dns: waits for the next boot"]
    assert "hostname" not in stored(host, "z1") and "dns" not in stored(host, "z1")


def test_a_zone_that_is_not_up_takes_everything_at_its_boot(host):
    host.zone("z1")
    host.zonectl("set", "z1", "resources={memory: 64M, optional: true}")
    done = host.zonectl("set", "z1", "resources.memory=128M", "description=x")
    assert lines(done) == ["description: in effect now", "resources.memory: waits for the next boot"]
    assert stored(host, "z1")["resources"]["memory"] == "128M"
    host.refused("set", "z1", "--runtime", "description=y", says=("installed", "only a zone that is up"))


BAD = [
    ("zone=other", "zone:", "it cannot be changed"),
    ("resources.memoryy=1G", "resources.memoryy", "did you mean"),
    ("resources.memory=1M", "resources.memory", "16M or more"),
    ("resources.memory=lots", "resources.memory", "not a size"),
    ("resources.cpu-weight=0", "resources.cpu-weight", "1 to 10000"),
    ("resources.cpu-weight=10001", "resources.cpu-weight", "1 to 10000"),
    ("resources.io-weight=10001", "resources.io-weight", "1 to 10000"),
    (f"resources.cpu-set=0-{os.cpu_count() + 64}", "resources.cpu-set", "outside of the processors of this host"),
    ("resources.cpu-set=a", "resources.cpu-set", "no set of processors"),
    ("resources.io=[{device: /dev/nosuchdisk, read: 1M}]", "resources.io[0].device", "/dev/nosuchdisk"),
    ("resources.io=[{device: /dev/null, read: 1M}]", "resources.io[0].device", "no block device"),
    ("resources.io=[{device: disk}]", "resources.io[0]", "limits nothing"),
    ("resources.io=[{device: disk, read: 1}]", "resources.io[0].read", "1K or more"),
    ("group=nosuchgroup", "group", "has no group named"),
]


@pytest.mark.parametrize("setting, key, why", BAD, ids=[bad[0] for bad in BAD])
def test_bad_values_are_refused_with_their_key_and_nothing_is_changed(host, setting, key, why):
    zone = host.zone("z1", boot=True)
    before = host.definitionFile("z1").read_bytes()
    for how in ((), ("--runtime",), ("--stored",)):
        done = host.refused("set", "z1", *how, "description=new", setting, says=(key, why))
        assert done.stderr.startswith("zonectl: cannot set keys of zone z1:"), done
        if not setting.startswith("zone=") and "memoryy" not in setting:
            assert re.search(rf"^(.* )?z1\.yaml, with the changes:\d+: {re.escape(key)}", done.stderr, re.M), done
        assert host.definitionFile("z1").read_bytes() == before
    assert zone.get("Description") == "" and zone.get("Changed") == []


def test_the_same_is_refused_in_a_file_by_its_line(host, tmp_path):
    file = tmp_path / "z1.yaml"
    file.write_text("zone: z1\nimage: busybox\nresources:\n  cpu-set: 4000\n  io:\n    - device: /dev/nosuchdisk\n"
                    "      read: 1M\n  io-weight: 0\n")
    done = host.refused("verify", str(file), says=("z1.yaml:4: resources.cpu-set", "z1.yaml:8: resources.io-weight",
                                                   "z1.yaml:6: resources.io[0].device"))
    assert done.stderr.count("z1.yaml:") == 3
    host.refused("create", "-f", str(file))
    assert "z1" not in host.zones()


def test_wrong_usage_is_told(host):
    host.zone("z1")
    host.refused("set", "z1", status=(2,))
    host.refused("set", "z1", "--runtime", "--stored", "dns=[]", status=(2,))
    host.refused("set", "z1", "dns", status=(2,))
    host.refused("set", "nosuch", "dns=[]", says=("nosuch",))


@pytest.mark.parametrize("setting", ["description=x", "autoboot=false", "after=[]", "restart=always", "hostname=w"])
def test_runtime_takes_limits_only(host, setting):
    zone = host.zone("z1", boot=True)
    before = zone.get("Changed"), host.definitionFile("z1").read_text()
    host.refused("set", "z1", "--runtime", setting, says=(setting.split("=")[0], "without 'runtime'"))
    assert (zone.get("Changed"), host.definitionFile("z1").read_text()) == before


def test_a_broken_definition_can_be_mended(host):
    zone = host.zone("z1")
    host.definitionFile("z1").write_text("zone: z1\nimage: busybox\nhostname: -bad-\n")
    host.zonectl("set", "z1", "hostname=good")
    assert zone.get("Problem") == "" and stored(host, "z1")["hostname"] == "good"


def test_a_zone_that_a_job_holds_is_left_alone(host):
    zone = host.zone("z1", boot=True)
    supervisor = host.supervisors("z1")[0]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        job = host.bus.call(zone.path, ZONE, "Shutdown", "(u)", (0,))
        with pytest.raises(BusFault) as told:
            host.bus.call(zone.path, ZONE, "Set", "(a(ss)a{sv})", ([("hostname", "www")], {}))
        assert "Busy" in str(told.value) and job.rsplit("/", 1)[1] in str(told.value)
        assert "hostname" not in stored(host, "z1")
    finally:
        os.kill(supervisor, signal.SIGCONT)
    zone.until("installed")


@lacksController
def test_a_live_limit_without_its_controller_is_refused_and_changes_nothing(host):
    zone = host.zone("z1", boot=True)
    before = host.definitionFile("z1").read_bytes()
    for how in ((), ("--runtime",)):
        host.refused("set", "z1", *how, "resources.memory=64M", says=("resources.memory", "'memory'", "does not offer"))
    assert host.definitionFile("z1").read_bytes() == before and zone.get("Changed") == []
    done = host.zonectl("set", "z1", "resources={memory: 64M, optional: true}")
    assert "warning" in done.stderr and "without the limit" in done.stderr
    done = host.zonectl("set", "z1", "--stored", "resources={cpus: 2}")
    assert lines(done)[-1] == "resources.optional: waits for the next boot" and "resources.cpus" in done.stdout
    assert "resources.cpus" in zone.get("Changed")


def test_a_supervisor_that_died_leaves_the_file_as_it_was(host):
    """The kernel kills it while the limits are on their way: the zone goes down, the definition stays."""
    zone = host.zone("z1", boot=True)
    before = host.definitionFile("z1").read_bytes()
    supervisor = host.supervisors("z1")[0]
    os.kill(supervisor, signal.SIGSTOP)
    threading.Timer(1, os.kill, (supervisor, signal.SIGKILL)).start()
    done = host.zonectl("set", "z1", "description=x", check=False)
    assert done.returncode == 1 and "supervisor" in done.stderr
    assert host.definitionFile("z1").read_bytes() == before
    zone.until("installed")


def test_what_took_effect_when_the_service_was_killed_is_not_shown_as_waiting(host, zone):
    """Killed between its request and the supervisor's answer."""
    (supervisor,) = host.supervisors("z1")
    os.kill(supervisor, signal.SIGSTOP)
    setting = host.popen("set", "z1", "resources={memory: 64M, optional: true}", text=True)
    eventually(lambda: "64M" in host.definitionFile("z1").read_text(), what="the definition to be written")
    host.bus.manager("ListZones")  # answered when the supervisor has been asked, too
    booted = host.runFolder("z1") / "definition.yaml"
    assert "64M" not in booted.read_text()
    host.kill()
    os.kill(supervisor, signal.SIGCONT)
    eventually(lambda: "64M" in booted.read_text(), what="the supervisor to note what the zone has")
    setting.communicate(timeout=30)
    host.start()
    assert zone.get("Changed") == [] and zone.state == "running"
