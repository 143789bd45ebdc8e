"""The boot of a BusyBox zone, step by step as it is seen from inside and outside."""

import os
import subprocess
import time
from pathlib import Path

from support.host import ACTIVE
from support.wait import eventually


def test_a_zone_sees_itself_as_a_machine_of_its_own(host, zone):
    assert zone.sh("cat /proc/1/comm") == "init"
    assert zone.sh("hostname") == "z1"
    environment = zone.sh("tr '\\0' '\\n' </proc/1/environ").splitlines()
    names = dict(line.split("=", 1) for line in environment if "=" in line)
    assert names["container"] and names["container_uuid"].replace("-", "") == zone.machineId
    assert zone.sh("cat /etc/marker") == "from the image"


def test_init_is_a_child_of_the_zones_one_supervisor(host, zone):
    supervisors = host.supervisors("z1")
    assert len(supervisors) == 1
    stat = Path(f"/proc/{zone.pid}/stat").read_text()
    assert int(stat.rsplit(")", 1)[1].split()[1]) == supervisors[0]
    session = Path(f"/proc/{supervisors[0]}/stat").read_text().rsplit(")", 1)[1].split()[3]
    assert int(session) != os.getsid(host.process.pid), "the supervisor must not be in zoned's session"


def test_the_zones_processes_are_in_its_cgroup_and_the_supervisor_beside_them(host, zone):
    group = host.cgroup / "z1"
    inside = [int(pid) for path in group.rglob("cgroup.procs") if "payload" in str(path)
              for pid in path.read_text().split()]
    assert zone.pid in inside
    assert host.supervisors("z1")[0] not in inside
    assert str(group).endswith(zone.get("CGroup").rstrip("/")) or zone.get("CGroup") in str(group)


def test_a_ready_zone_has_its_platform_but_no_init(host):
    zone = host.zone("z1").ready()
    assert zone.state == "ready" and zone.get("InitPid") == 0 and zone.get("Booted") is False
    assert host.supervisors("z1") and (host.cgroup / "z1").is_dir()
    zone.boot()
    assert zone.sh("cat /run/started")
    zone.halt()


def test_a_ready_zone_can_be_halted_and_adopted(host):
    zone = host.zone("z1").ready()
    host.restart()
    assert zone.state == "ready"
    zone.halt()
    assert zone.state == "installed"
    eventually(lambda: not host.supervisors("z1"), what="the supervisor to end")


def test_nothing_is_left_on_the_host_after_a_halt(host, zone):
    pid = zone.pid
    zone.halt()
    assert not os.path.exists(f"/proc/{pid}")
    eventually(lambda: not host.supervisors("z1"))
    eventually(lambda: not (host.cgroup / "z1").exists())
    eventually(lambda: len(subprocess.run(["ip", "-br", "link", "show", "master", host.tag], capture_output=True,
                                          text=True, check=True).stdout.split()) == 0)


def test_the_host_has_no_mount_of_a_running_zone(host, zone):
    table = Path("/proc/self/mountinfo").read_text()
    assert str(host.root) not in table and "z1" not in table


def test_a_reboot_typed_inside_boots_anew_and_poweroff_leaves_it_installed(host, zone):
    first, started = zone.pid, zone.sh("cat /run/started")
    zone.exec("reboot", check=False)
    eventually(lambda: zone.state == "running" and zone.pid not in (0, first), 30)
    eventually(lambda: zone.exec("cat", "/run/started", check=False).stdout.strip() not in ("", started), 15)
    assert "stopped-in-order" in zone.sh("cat /var/log/stops")
    zone.exec("poweroff", check=False)
    zone.until("installed")
    eventually(lambda: not host.supervisors("z1"))


def test_eight_zones_boot_at_once(host):
    names = [f"n{number}" for number in range(8)]
    host.zonectl("create", *names, "--image", "busybox", "--boot")
    assert set(host.zones().values()) == {"running"}
    blocks = {host.bus.get(f"/org/zoned1/zone/{name}", "org.zoned1.Zone", "IdBase") for name in names}
    assert len(blocks) == 8
    host.zonectl("halt", *names)
    assert not any(state in ACTIVE for state in host.zones().values())


def test_boots_and_halts_in_a_row_leave_nothing_behind(host):
    zone = host.zone("z1")
    for _ in range(10):
        zone.boot()
        zone.halt()
    assert zone.state == "installed"


def test_a_zone_is_up_within_a_second(host):
    """A guard against an accidental wait; tests/bench measures."""
    zone = host.zone("z1")
    begin = time.monotonic()
    zone.boot(wait=False)
    assert time.monotonic() - begin < 1.0


def test_a_supervisor_is_small(host, zone):
    """The budget is 0.5 MiB of a zone's own memory; the program's pages are shared by all."""
    lines = Path(f"/proc/{host.supervisors('z1')[0]}/smaps_rollup").read_text().splitlines()
    pss = next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
    assert pss < 512, f"{pss} KiB"
