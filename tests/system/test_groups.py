"""Groups of zones: the cgroup between the folder of all zones and those of the members."""

import os
import signal
from pathlib import Path

import pytest

from support.host import cgroupMount
from support.wait import eventually


@pytest.fixture
def grouped(makeHost):
    """With a group that asks for what this machine may not have, and one without limits."""
    host = makeHost(settings={"groups": {"customers": {"optional": True, "memory": "1G"}, "staff": None}}).start()
    host.busybox()
    return host


def test_a_zone_is_in_its_groups_cgroup(grouped):
    zone = grouped.zone("z1", group="customers", boot=True)
    assert zone.get("Group") == "customers"
    assert zone.get("CGroup").endswith(f"/{grouped.tag}.slice/zones-customers.slice/z1")
    assert "/zones-customers.slice/z1/payload" in Path(f"/proc/{zone.pid}/cgroup").read_text()
    alone = grouped.zone("z2", boot=True)
    assert alone.get("Group") == "" and alone.get("CGroup").endswith(f"/{grouped.tag}.slice/z2")
    zone.halt()
    # the last one puts out the light, once its supervisor has left
    eventually(lambda: not (grouped.cgroup / "zones-customers.slice").exists(), what="the group's cgroup to go")


def test_another_group_is_entered_at_the_boot_after_a_halt(grouped):
    zone = grouped.zone("z1", group="customers", boot=True)
    assert grouped.zonectl("set", "z1", "group=staff").stdout == "group: waits for the next boot\n"
    assert zone.get("Changed") == ["group"]
    zone.halt()
    zone.boot()
    assert zone.get("CGroup").endswith("zones-staff.slice/z1")
    grouped.zonectl("set", "z1", "--unset", "group")
    zone.halt()
    zone.boot()
    assert zone.get("CGroup").endswith(f"{grouped.tag}.slice/z1")


def test_a_reboot_stays_in_the_group_and_says_so(grouped):
    zone = grouped.zone("z1", boot=True)
    grouped.zonectl("set", "z1", "group=staff", "hostname=www")
    assert sorted(zone.get("Changed")) == ["group", "hostname"]
    assert "stays in the group that it is in" in grouped.zonectl("reboot", "--force", "z1").stderr
    assert zone.get("CGroup").endswith(f"{grouped.tag}.slice/z1")
    assert zone.get("Changed") == ["group"]


def test_a_supervisor_killed_in_a_group_is_cleaned_up_after(grouped):
    zone = grouped.zone("z1", group="customers", boot=True)
    grouped.zonectl("set", "z1", "group=staff")  # where it would be made now is not where it is
    os.kill(grouped.supervisors("z1")[0], signal.SIGKILL)
    zone.until("installed")
    assert not list(grouped.cgroup.rglob("z1"))
    zone.boot()
    assert zone.get("CGroup").endswith("zones-staff.slice/z1")


def test_a_group_is_adopted_after_a_restart_of_the_service(grouped):
    zone = grouped.zone("z1", group="customers", boot=True)
    grouped.kill()
    grouped.start()
    assert zone.state == "running"
    zone.halt()
    eventually(lambda: not list(grouped.cgroup.rglob("z1")), what="the zone's cgroup to go with its supervisor")


def test_a_group_that_does_not_exist_is_refused_with_its_line(grouped, tmp_path):
    file = tmp_path / "z1.yaml"
    file.write_text("zone: z1\nimage: busybox\ngroup: custommers\n")
    grouped.refused("verify", str(file), says=("z1.yaml:3: group: ", "did you mean 'customers'?"))


@pytest.mark.skipif("memory" in (cgroupMount() / "cgroup.controllers").read_text().split(),
                    reason="the controllers are here")
def test_a_groups_limit_that_the_host_cannot_keep_is_told(grouped):
    grouped.zone("z1", group="customers")
    done = grouped.zonectl("boot", "z1")
    assert "groups.customers.memory" in done.stderr and "without the limit" in done.stderr
