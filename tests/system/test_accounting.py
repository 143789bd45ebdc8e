"""Who pays: what the kernel counts for a user is counted for each zone by itself, never for the host's root."""

import contextlib
import ctypes
import fcntl
import os
import signal
import struct
from pathlib import Path

import pytest

from support import images
from support.host import SOURCE, pids
from support.wait import eventually

NS_GET_USERNS, NS_GET_OWNER_UID = 0xB701, 0xB704  # linux/nsfs.h
INSTANCES = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
LIBC = ctypes.CDLL(None, use_errno=True)


def ownerOf(path):
    """The host's user id that a user namespace belongs to."""
    fd = os.open(path, os.O_RDONLY) if isinstance(path, (str, Path)) else path
    try:
        return struct.unpack("I", fcntl.ioctl(fd, NS_GET_OWNER_UID, struct.pack("I", 0)))[0]
    finally:
        os.close(fd)


def userNamespaceOf(path):
    """Inode of the user namespace that another namespace belongs to."""
    fd = os.open(path, os.O_RDONLY)
    try:
        above = fcntl.ioctl(fd, NS_GET_USERNS)
    finally:
        os.close(fd)
    try:
        return os.fstat(above).st_ino
    finally:
        os.close(above)


def taken(zone, most=10_000, **more):
    number, word = zone.exec("/bin/probe", "inotify", str(most), **more).stdout.split()
    assert word == "ok"
    return int(number)


def hostRootCanMakeOne():
    fd = LIBC.inotify_init1(os.O_CLOEXEC)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def test_all_namespaces_of_a_zone_were_made_by_its_own_user(host, zone):
    own = f"/proc/{zone.pid}/ns"
    assert ownerOf(f"{own}/user") == zone.idBase
    for name in ("mnt", "pid", "net", "uts", "ipc", "cgroup"):
        assert userNamespaceOf(f"{own}/{name}") == os.stat(f"{own}/user").st_ino, name


def test_a_supervisor_is_root_again_and_nobody_elses(host, zone):
    """It takes the zone's id only for the moment in which it makes the namespaces."""
    status = Path(f"/proc/{host.supervisors('z1')[0]}/status").read_text().splitlines()
    for key in ("Uid:", "Gid:"):
        assert next(line for line in status if line.startswith(key)).split()[1:] == ["0"] * 4
    capabilities = {line.split()[0]: line.split()[1] for line in status if line.startswith("Cap")}
    assert capabilities["CapEff:"] == capabilities["CapPrm:"]


def test_a_zone_that_takes_all_inotify_instances_leaves_the_others_theirs(host):
    greedy, other = host.zone("greedy", boot=True), host.zone("other", boot=True)
    assert taken(greedy) <= INSTANCES
    assert taken(greedy, options=("--user", "user")) == 0, "the zone's users share what the zone has"
    assert taken(other, INSTANCES) == INSTANCES
    assert hostRootCanMakeOne()
    host.restart()  # and the service has what it needs
    assert host.zone("late", boot=True).sh("echo works") == "works"


def test_zones_have_more_inotify_instances_together_than_a_user_may(host):
    each = 20
    names = [f"n{number}" for number in range(2 * INSTANCES // each)]
    host.zonectl("create", *names, "--image", "busybox", "--boot")
    for name in names:
        number, _ = host.zonectl("exec", name, "--", "/bin/probe", "inotify", str(each)).stdout.split()
        assert int(number) == each, name
    assert hostRootCanMakeOne()


def test_a_zone_that_fills_its_message_queues_leaves_the_others_theirs(host):
    counts = []
    for name in ("greedy", "other"):
        number, word = host.zone(name, boot=True).exec("/bin/probe", "queues", "q").stdout.split()
        assert word == "ok"
        counts.append(int(number))
    assert 0 < counts[0] < 100 and counts[1] == counts[0], counts


def test_the_sandbox_of_an_import_was_made_by_its_own_user(host):
    reader, writer = os.pipe()
    client = host.popen("image", "import", "new", "-", stdin=reader)
    os.close(reader)
    os.write(writer, images.busybox()[:60_000])

    def owners():
        found = set()
        for pid in pids():
            with contextlib.suppress(OSError, ValueError):
                uid = int(next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                               if line.startswith("Uid:")).split()[1])
                if host.idFirst <= uid <= host.idLast:
                    found.add((uid, ownerOf(f"/proc/{pid}/ns/user")))
        return found
    try:
        eventually(owners, what="a worker's sandbox")
        assert all(uid == owner for uid, owner in owners())
    finally:
        client.send_signal(signal.SIGINT)
        client.wait(30)
        os.close(writer)


def test_an_image_is_imported_with_the_capabilities_that_the_unit_leaves_the_service(makeHost):
    """Without CAP_SYS_PTRACE nobody looks into the namespaces of another user's process."""
    unit = (SOURCE / "units/zoned.service.in").read_text()
    without = next(line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=~")).split("~")[1]
    assert "CAP_SYS_PTRACE" in without
    host = makeHost()
    host.start(wrapper=("setpriv", "--bounding-set", ",".join(
        "-" + name.removeprefix("CAP_").lower() for name in without.split())))
    assert host.busybox() == "busybox"


@pytest.mark.debian
def test_more_debian_zones_come_up_whole_than_one_user_has_inotify_instances_for(debianHost):
    """A booted Debian holds eight or so of a user's 128."""
    image = images.debian(debianHost)
    names = [f"d{number}" for number in range(20)]
    debianHost.zonectl("create", *names, "--image", image, timeout=120)
    for start in range(0, len(names), 5):
        debianHost.zonectl("boot", "--wait", *names[start:start + 5], timeout=180)
    for name in names:
        done = debianHost.zonectl("exec", name, "--", "systemctl", "is-system-running", check=False)
        assert done.stdout.strip() == "running", name
    assert hostRootCanMakeOne()
    debianHost.zonectl("halt", *names, timeout=120)
