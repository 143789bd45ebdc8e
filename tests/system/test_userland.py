"""What a userland finds when it comes up: mounts, devices and cgroups as it needs them."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from support import images
from support.wait import eventually


def asUser(zone, *argv):
    return zone.exec(*argv, options=("--user", "user"), check=False)


# ---- mounts ------------------------------------------------------------------------------

def test_what_is_mounted_later_shows_in_a_service_that_runs_by_then(host, zone):
    """As systemd has it on a host: a service is in a mount namespace that follows that of init."""
    table = zone.sh("cat /proc/1/mountinfo").splitlines()
    assert table and all(" shared:" in line for line in table), table
    zone.sh("mkdir /mnt/later; unshare -m --propagation slave sh -c 'touch /run/apart; while [ ! -e /run/go ]; do"
            " usleep 10000; done; cat /mnt/later/file >/run/seen' >/dev/null 2>&1 &"
            " while [ ! -e /run/apart ]; do usleep 10000; done;"
            " mount -t tmpfs none /mnt/later && echo there >/mnt/later/file; touch /run/go")
    eventually(lambda: zone.exec("cat", "/run/seen", check=False).stdout == "there\n", 5, "the mount in the namespace")
    assert "/mnt/later" not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("target, shown", [("/tmp/x", "/tmp"), ("/tmp/a/b", "/tmp"), ("/var/lock/x", "/run/lock")])
def test_a_mount_lies_where_an_init_mounts_nothing_over_it(host, target, shown):
    """systemd, sysvinit and OpenRC leave a folder alone that is a mount already."""
    def add(tar):
        tar.link("var/lock", "/run/lock")
    image = host.image("locks", images.busybox(extra=add))
    source = host.closedFolder() / "shown"
    source.mkdir(exist_ok=True)
    zone = host.zone("z1", image=image, mounts=f"[{{source: {source}, target: {target}}}]", boot=True)
    places = [line.split()[4] for line in zone.sh("cat /proc/self/mountinfo").splitlines()]
    assert shown in places, places
    assert zone.sh(f"stat -c %a {shown}") == "1777"
    zone.sh(f"echo mine >{target}/file")
    assert (source / "file").read_text() == "mine\n"
    zone.sh(f"mv {shown} {shown} 2>/dev/null; echo kept >{shown}/other")


def test_folders_are_no_mounts_where_no_mount_needs_it(host, zone):
    places = [line.split()[4] for line in zone.sh("cat /proc/self/mountinfo").splitlines()]
    assert "/tmp" not in places and "/run/lock" not in places


def test_a_mount_that_cannot_be_is_named(host):
    def add(tar):
        tar.link("data", "/nowhere/at/all")
    image = host.image("odd", images.busybox(extra=add))
    source = host.closedFolder() / "shown"
    source.mkdir(exist_ok=True)
    host.zone("z1", image=image, mounts=f"[{{source: {source}, target: /data/x}}]")
    host.refused("boot", "z1", says="/data/x")


def test_a_zone_whose_layer_cannot_be_written_to_does_not_come_up_read_only(host):
    zone = host.zone("z1")
    layer = host.storage("z1") / "layer"
    # for the folder itself, upper and work: none is left for what overlayfs makes in the latter
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=3", "tmpfs", layer], check=True)
    try:
        for name in ("upper", "work"):
            (layer / name).mkdir()
        host.refused("boot", "z1", says="full")
        assert zone.state == "installed"
    finally:
        subprocess.run(["umount", layer], check=True)
    zone.boot()
    assert zone.sh("echo kept >/srv/file; cat /srv/file") == "kept"


# ---- devices, cgroups --------------------------------------------------------------------

def test_a_zone_makes_tunnels_and_file_systems_of_its_own(host, zone):
    for name, numbers in {"net/tun": "a:c8", "fuse": "a:e5"}.items():
        assert zone.sh(f"stat -c '%F %a %u %t:%T' /dev/{name}") == f"character special file 666 0 {numbers}"
    if os.path.exists("/sys/class/misc/tun"):
        mine = f"{host.tag}own"
        zone.sh(f"tunctl -t {mine} >/dev/null && ip link show {mine}")
        assert mine not in os.listdir("/sys/class/net")
        assert asUser(zone, "tunctl", "-t", "tun8").returncode != 0


def test_a_units_umask_shows_nowhere_in_a_zone(makeHost):
    """zone@.service has UMask=0077."""
    host = makeHost()
    host.start(wrapper=("sh", "-c", 'umask 077; exec "$@"', "-"))
    host.busybox()
    zone = host.zone("z1", boot=True)
    for place in ("/", "/dev", "/dev/net", "/run", "/run/host", "/sys/fs/cgroup", "/etc"):
        assert zone.sh(f"stat -c %a {place}") == "755", place
    assert asUser(zone, "cat", "/sys/fs/cgroup/cgroup.procs").returncode == 0
    assert asUser(zone, "ls", "/sys/fs/cgroup").returncode == 0
    assert zone.sh("touch /root/new; stat -c %a /root/new") == "644"
    assert stat.S_IMODE((host.storage("z1")).stat().st_mode) & 0o077 == 0, "closed to others outside"
