"""Every key of a definition has an effect that is seen inside a zone, and a test of it here.

A test claims its keys with @shows(…); test_every_key_has_a_test compares the claims with the keys that
`zonectl help definition` prints from the schema. A key without a test fails it, and so does a claim
of a key that is no more.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from support import images
from support.bus import BusFault
from support.host import cgroupMount
from support.wait import eventually

SHOWN = {}


def shows(*keys):
    def mark(test):
        for key in keys:
            SHOWN[key] = test.__name__
        return test
    return mark


def test_every_key_has_a_test(host):
    text = host.zonectl("help", "definition").stdout
    keys = re.findall(r"^([a-z][a-z.*\[\]-]*) \(", text, re.MULTILINE)
    assert len(keys) > 15
    assert sorted(SHOWN) == sorted(keys)


def test_the_manual_page_names_every_key(host):
    from support.host import BUILD
    text = next(BUILD.rglob("zone.yaml.5")).read_text()
    for key in SHOWN:
        assert key.replace("-", "\\-") in text or key in text, key


@shows("zone")
def test_the_zones_name_is_its_hostname_and_in_its_cgroup(host):
    zone = host.zone("named", boot=True)
    assert zone.sh("hostname") == "named"
    assert "named" in zone.get("CGroup")


@shows("description")
def test_the_description_is_shown_and_handed_to_nobody_else(host):
    zone = host.zone("z1", description="Customer web server", boot=True)
    assert zone.get("Description") == "Customer web server"
    assert "Customer web server" in host.zonectl("show", "z1").stdout
    assert "Customer" not in zone.sh("cat /proc/1/environ; hostname")


@shows("image")
def test_the_image_is_what_the_zone_starts_from(host):
    host.image("other", images.busybox(extra=lambda tar: tar.file("etc/other", "of another image\n")))
    assert host.zone("z1", image="other", boot=True).sh("cat /etc/other") == "of another image"
    assert host.zone("z2", boot=True).exec("cat", "/etc/other", check=False).returncode != 0


@shows("autoboot")
def test_only_zones_with_autoboot_come_up_with_the_service(host):
    """zoned boots them when it finds that the machine has started anew: its run folder is empty."""
    host.zone("comes", autoboot="true")
    host.zone("stays")
    host.stop()
    shutil.rmtree(host.root / "run/zoned")
    host.start()
    eventually(lambda: host.zones()["comes"] == "running", 30)
    assert host.zones()["stays"] == "installed"


def test_autoboot_does_not_boot_a_halted_zone_when_only_the_service_restarts(host):
    zone = host.zone("z1", autoboot="true")
    zone.boot()
    zone.halt()
    host.restart()
    time.sleep(1)
    assert zone.state == "installed"


def bootWithHost(host):
    since = len(host.log.read_text())
    host.stop()
    shutil.rmtree(host.root / "run/zoned")
    host.start()
    eventually(lambda: (host.root / "run/zoned/autoboot").read_text() == "", 60)
    return host.log.read_text()[since:]


@shows("boot-priority")
def test_zones_with_a_higher_priority_are_booted_first(makeHost):
    own = makeHost(settings={"boot": {"parallel": 1}}).start()
    own.busybox()
    for name, priority in (("a", 1), ("b", 900), ("c", 500)):
        own.zone(name, autoboot="true", **{"boot-priority": str(priority)})
    assert re.findall(r"zone (\w): running", bootWithHost(own)) == ["b", "c", "a"]


@shows("after", "requires")
def test_a_zone_is_booted_after_those_it_names(host):
    host.zone("c", autoboot="true")
    host.zone("b", autoboot="true", requires="[c]")
    host.zone("a", autoboot="true", after="[b]")
    assert re.findall(r"zone (\w): running", bootWithHost(host)) == ["c", "b", "a"]


@shows("host-requires")
def test_units_of_the_host_are_needed_for_a_boot(host):
    """That they are started, and waited for, is shown where systemd runs: tests/host/test_host_boot.py."""
    host.zone("z1", **{"host-requires": "[mnt-data.mount]"})
    host.refused("boot", "z1", says="mnt-data.mount")


@shows("boot-retries")
def test_a_failed_boot_with_the_host_is_tried_again_so_often(host):
    for name, retries in (("once", 0), ("twice", 1)):
        host.zone(name, init="[/bin/false]", autoboot="true", **{"boot-retries": str(retries)})
    log = bootWithHost(host)
    assert log.count("(boot of zone once) failed") == 1 and log.count("(boot of zone twice) failed") == 2


@shows("host-shutdown")
def test_the_zone_says_how_it_is_stopped_with_the_host(host):
    asked = host.zone("asked", boot=True)
    halted = host.zone("halted", boot=True, **{"host-shutdown": "halt"})
    host.zonectl("host", "shutdown")
    assert (asked.reason, halted.reason) == ("shut down", "halted")


@shows("restart")
def test_a_zone_whose_init_dies_is_booted_again(host):
    import os
    zone = host.zone("z1", restart="on-failure", boot=True)
    other = host.zone("z2", boot=True)
    pid = zone.pid
    for each in (zone, other):
        os.kill(each.pid, 9)
    eventually(lambda: zone.state == "running" and zone.pid not in (0, pid), 20)
    assert other.state == "installed"


@shows("init")
def test_the_init_program_and_its_arguments_can_be_given(host):
    zone = host.zone("z1", init='["/bin/sh", "-c", "echo mine >/run/mine; exec sleep 1000", "name"]', boot=True)
    eventually(lambda: zone.exec("cat", "/run/mine", check=False).stdout == "mine\n")
    assert zone.get("InitKind") == "custom"
    assert zone.sh("tr '\\0' ' ' </proc/1/cmdline") == "sleep 1000"


def test_the_kind_of_init_can_be_forced(host):
    zone = host.zone("z1", init="busybox", boot=True)
    assert zone.get("InitKind") == "busybox"


@shows("hostname")
def test_the_hostname_is_set_before_init_starts(host):
    zone = host.zone("z1", hostname="web.example.org", boot=True)
    assert zone.sh("cat /proc/sys/kernel/hostname") == "web.example.org"
    assert zone.sh("cat /etc/hostname").splitlines()[0] == "web.example.org"
    assert "web.example.org" in zone.sh("cat /etc/hosts")


@shows("network", "network[].name")
def test_interfaces_have_the_names_that_are_given(host):
    zone = host.zone("z1", network="[{name: lan0}, {name: back-1}]", boot=True)
    assert set(zone.sh("ls /sys/class/net").split()) >= {"lo", "lan0", "back-1"}
    none = host.zone("z2", network="[]", boot=True)
    assert none.sh("ls /sys/class/net").split() == ["lo"]
    assert "UP" in none.sh("ip link show lo")


@shows("network[].bridge")
def test_an_interface_can_be_on_the_administrators_own_bridge(host):
    import subprocess
    bridge = host.tag + "x"
    subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", "198.51.100.1/24", "dev", bridge], check=True)
        subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
        zone = host.zone("z1", network=f"[{{name: eth0, bridge: {bridge}, address: 198.51.100.7/24}}]", boot=True)
        zone.exec("ping", "-c", "1", "-W", "5", "198.51.100.1")
        ports = subprocess.run(["ip", "-br", "link", "show", "master", bridge], capture_output=True, text=True,
                               check=True).stdout.split()
        assert ports
        zone.halt()
    finally:
        subprocess.run(["ip", "link", "del", bridge], check=True)


@shows("network[].address")
def test_an_address_is_the_interfaces_before_init_starts(host):
    zone = host.zone("z1", network=f"[{{name: eth0, address: {host.subnet}.7.9/16}}]", boot=True)
    assert f"inet {host.subnet}.7.9/16" in zone.sh("ip -4 address show eth0")
    assert zone.get("Addresses") == [("eth0", f"{host.subnet}.7.9/16")]


@shows("network[].gateway")
def test_the_gateway_is_the_default_route(host):
    zone = host.zone("z1", network=f"[{{name: eth0, address: {host.subnet}.7.9/16, gateway: {host.subnet}.0.77}}]",
                     boot=True)
    assert f"default via {host.subnet}.0.77 dev eth0" in zone.sh("ip route")
    assert f"default via {host.gateway} dev eth0" in host.zone("z2", boot=True).sh("ip route")


@shows("dns")
def test_name_servers_are_in_resolv_conf(host):
    zone = host.zone("z1", dns="[192.0.2.53, 198.51.100.53]", boot=True)
    servers = re.findall(r"^nameserver (\S+)", zone.sh("cat /etc/resolv.conf"), re.MULTILINE)
    assert servers == ["192.0.2.53", "198.51.100.53"]


def hasController(name):
    return name in (cgroupMount() / "cgroup.controllers").read_text().split()


def limit(host, key, value, controller, file, expected):
    """With the controller: the limit is the kernel's. Without: the boot is refused in a sentence that names both."""
    zone = host.zone("z1", **{key: value})
    if hasController(controller):
        zone.boot()
        group = cgroupMount() / zone.get("CGroup").lstrip("/")
        found = [line for path in (group / file, *group.glob(f"*/{file}")) if path.exists()
                 for line in path.read_text().splitlines()]
        assert expected in found
    else:
        with pytest.raises((BusFault, AssertionError)) as told:
            zone.boot()
        assert "LimitUnavailable" in str(told.value) and key in str(told.value)
        assert controller.split(".")[0] in str(told.value)
        assert zone.state == "installed"


@shows("resources", "resources.cpus")
def test_processor_time_is_limited(host):
    limit(host, "resources.cpus", "1.5", "cpu", "cpu.max", "150000 100000")


@shows("resources.memory")
def test_memory_is_limited(host):
    limit(host, "resources.memory", "512M", "memory", "memory.max", str(512 << 20))


@shows("resources.processes")
def test_the_number_of_processes_is_limited(host):
    limit(host, "resources.processes", "512", "pids", "pids.max", "512")


@shows("resources.cpu-weight")
def test_the_share_of_the_processors_is_set(host):
    limit(host, "resources.cpu-weight", "200", "cpu", "cpu.weight", "200")


@shows("resources.cpu-set")
def test_the_processors_are_chosen(host):
    limit(host, "resources.cpu-set", "0", "cpuset", "cpuset.cpus", "0")


@shows("resources.memory-high")
def test_memory_is_reclaimed_from_a_mark_on(host):
    limit(host, "resources.memory-high", "256M", "memory", "memory.high", str(256 << 20))


@shows("resources.swap")
def test_swap_is_limited(host):
    limit(host, "resources.swap", "0", "memory", "memory.swap.max", "0")


@shows("resources.io-weight")
def test_the_share_of_the_disks_is_set(host):
    limit(host, "resources.io-weight", "50", "io", "io.weight", "default 50")


@shows("resources.io", "resources.io[].device", "resources.io[].read", "resources.io[].write",
       "resources.io[].read-iops", "resources.io[].write-iops")
def test_the_use_of_a_disk_is_limited(host):
    status = host.storage("z1").parent.stat()
    disk = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    whole = Path(f"/sys/dev/block/{disk}/partition").exists()
    disk = Path(f"/sys/dev/block/{disk}/../dev").read_text().strip() if whole else disk
    limit(host, "resources.io", "[{device: disk, read: 2M, write: 1M, read-iops: 100, write-iops: 50}]", "io",
          "io.max", f"{disk} rbps=2097152 wbps=1048576 riops=100 wiops=50")


@shows("group")
def test_a_zone_of_a_group_is_in_the_groups_cgroup(makeHost):
    host = makeHost(settings={"groups": {"customers": None}}).start()
    host.busybox()
    zone = host.zone("z1", group="customers", boot=True)
    assert zone.get("CGroup").endswith("/zones-customers.slice/z1")
    assert "/zones-customers.slice/z1/payload" in Path(f"/proc/{zone.pid}/cgroup").read_text()


@shows("resources.optional")
def test_a_limit_that_the_host_cannot_keep_may_be_optional(host):
    zone = host.zone("z1", resources="{cpus: 1.5, memory: 512M, processes: 512, optional: true}")
    done = host.zonectl("boot", "z1")
    zone.exec("true")
    missing = {"cpu", "memory", "pids"} - set((host.cgroup.parent / "cgroup.controllers").read_text().split())
    assert done.stderr.count("warning") == len(missing) == done.stderr.count("without the limit"), done


@pytest.fixture
def source(host):
    folder = host.closedFolder() / "volume"
    folder.mkdir()
    (folder / "file").write_text("of the host\n")
    yield folder
    shutil.rmtree(folder)


@shows("mounts", "mounts[].source", "mounts[].target")
def test_a_folder_of_the_host_is_mounted_and_writable(host, source):
    zone = host.zone("z1", mounts=f"[{{source: {source}, target: /var/www/deep}}]", boot=True)
    assert zone.sh("cat /var/www/deep/file") == "of the host"
    zone.sh("echo of the zone >/var/www/deep/new")
    assert (source / "new").read_text() == "of the zone\n"
    # Root in the zone is root of its files, never root of the host's: the owner is mapped.
    assert (source / "new").stat().st_uid == 0 and zone.sh("stat -c %u /var/www/deep/new") == "0"


def test_a_file_of_the_host_can_be_mounted(host, source):
    zone = host.zone("z1", mounts=f"[{{source: {source}/file, target: /etc/file}}]", boot=True)
    assert zone.sh("cat /etc/file") == "of the host"


@shows("mounts[].read-only")
def test_a_read_only_mount_stays_so(host, source):
    zone = host.zone("z1", mounts=f"[{{source: {source}, target: /data, read-only: true}}]", boot=True)
    assert zone.sh("cat /data/file") == "of the host"
    for attempt in ("echo x >/data/file", "mount -o remount,rw /data && echo x >/data/file",
                    "mount -o remount,bind,rw /data && echo x >/data/file",
                    "mkdir -p /mnt/y && mount --bind /data /mnt/y && mount -o remount,bind,rw /mnt/y &&"
                    " echo x >/mnt/y/file"):
        assert zone.exec("sh", "-c", attempt, check=False).returncode != 0
    assert (source / "file").read_text() == "of the host\n"


@pytest.fixture
def mountsBelow(source):
    """File systems mounted below a source, one below the other; the kernel's own beside them."""
    made = []

    def mount(place, *options):
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *options, "none", place], check=True)
        made.append(place)
        return place

    disk = mount(source / "a disk", "-t", "tmpfs", "-o", "suid,dev,mode=755")
    (disk / "file").write_text("of the disk\n")
    (mount(disk / "inner", "-t", "tmpfs", "-o", "mode=755") / "file").write_text("of the inner one\n")
    mount(source / "proc", "-t", "proc")
    yield disk
    for place in reversed(made):
        subprocess.run(["umount", place], check=True)


def test_what_is_mounted_below_a_source_is_seen_too(host, source, mountsBelow):
    zone = host.zone("z1", mounts=f"[{{source: {source}, target: /data}}]", boot=True)
    assert zone.sh("cat '/data/a disk/file' '/data/a disk/inner/file'") == "of the disk\nof the inner one"
    zone.sh("echo of the zone >'/data/a disk/inner/new'; cp /bin/busybox '/data/a disk/su'; chmod 4755 '/data/a disk/su'")
    assert (mountsBelow / "inner/new").read_text() == "of the zone\n" and (mountsBelow / "inner/new").stat().st_uid == 0
    for line in zone.sh("grep '/data' /proc/mounts").splitlines():
        assert {"nosuid", "nodev"} <= set(line.split()[3].split(",")), line
    assert zone.sh("ls /data/proc") == ""
    for attempt in ("umount '/data/a disk/inner'", "mount -o remount,bind,suid '/data/a disk'",
                    "mkdir -p /mnt/y && mount --bind /data /mnt/y"):  # what lies beneath the disk would show
        assert zone.exec("sh", "-c", attempt, check=False).returncode != 0, attempt


def test_a_read_only_mount_is_so_with_all_below_it(host, source, mountsBelow):
    zone = host.zone("z1", mounts=f"[{{source: {source}, target: /data, read-only: true}}]", boot=True)
    for place in ("/data/new", "/data/a disk/new", "/data/a disk/inner/new"):
        for attempt in (f"echo x >'{place}'", f"mount -o remount,bind,rw \"$(dirname '{place}')\" && echo x >'{place}'"):
            assert zone.exec("sh", "-c", attempt, check=False).returncode != 0, attempt
    assert zone.sh("cat '/data/a disk/inner/file'") == "of the inner one"


@shows("environment", "environment.*")
def test_environment_variables_reach_init_and_programs(host):
    zone = host.zone("z1", environment="{LANG: C.UTF-8, GREETING: 'good day'}", boot=True)
    inside = zone.sh("tr '\\0' '\\n' </proc/1/environ").splitlines()
    assert "LANG=C.UTF-8" in inside and "GREETING=good day" in inside
    assert zone.sh("echo $GREETING") == "good day"


@shows("stop-timeout")
def test_a_zone_that_does_not_stop_is_halted_after_its_time(host):
    host.image("deaf", images.withInit("#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nwhile :; do sleep 1; done\n"))
    zone = host.zone("z1", image="deaf", **{"stop-timeout": "2s"}, boot=True)
    begin = time.monotonic()
    zone.shutdown()
    assert 1.5 < time.monotonic() - begin < 20
    assert zone.state == "installed"


@shows("privileged")
def test_a_privileged_zone_has_no_user_namespace(host):
    zone = host.zone("z1", privileged="true", boot=True)
    assert Path(f"/proc/{zone.pid}/ns/user").readlink() == Path("/proc/self/ns/user").readlink()
    assert zone.namespaces()["pid"] != str(Path("/proc/self/ns/pid").readlink())


@shows("admins", "admins[].user", "admins[].group", "admins[].may")
def test_users_and_groups_of_the_host_may_what_is_listed(host):
    """User daemon is 1 and group games 60 on every Debian; tests/bus/test_polkit.py has the whole table."""
    from support.bus import ZONE
    zone = host.zone("z1", admins="[{user: daemon, may: [manage]}, {group: games, may: [login]}]")
    ready = [zone.path, ZONE, "Ready", "()", "()", 0]
    login = [zone.path, ZONE, "Exec", "(asa{sv})", "([], {})", 0]
    denied = "org.zoned1.Error.NotPermitted"
    assert host.asUser([ready, login], uid=2) == [denied, denied]
    assert host.asUser([ready, login], uid=1) == ["", denied]
    eventually(lambda: zone.state == "ready")
    zone.boot()
    assert host.asUser([ready, login], uid=2, groups=[60]) == [denied, ""]


@pytest.fixture
def openFolder():
    folder = Path(tempfile.mkdtemp(prefix="zoned-open-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_writable_source_that_everybody_can_reach_is_refused(host, openFolder):
    host.zone("z1", mounts=f"[{{source: {openFolder}, target: /data}}]")
    host.refused("boot", "z1", says=(str(openFolder), "mkdir -m 0700"))


def test_a_sources_own_mode_does_not_close_it(host, openFolder):
    """The zone's root owns the folder, and could open it with a chmod of its own."""
    zone = host.zone("z1", mounts=f"[{{source: {openFolder}, target: /data}}]")
    openFolder.chmod(0o700)
    host.refused("boot", "z1", says=(str(openFolder), "mkdir -m 0700"))
    inner = openFolder / "inner"
    inner.mkdir()
    inner.chmod(0o755)
    host.zonectl("set", "z1", f"mounts=[{{source: {inner}, target: /data}}]")
    zone.boot()
    zone.sh("cp /bin/busybox /data/sh && chmod 4755 /data/sh && chmod 777 /data")
    with pytest.raises(PermissionError):
        subprocess.run([str(inner / "sh"), "true"], user=65534, group=65534, extra_groups=[], check=False)


@pytest.mark.parametrize("mode, owner", [(0o700, 65534), (0o750, 0), (0o711, 0)])
def test_a_parent_that_others_can_pass_does_not_close_a_source(host, openFolder, mode, owner):
    """Not another user's home (its owner may put programs into the zone), nor one that a group can enter."""
    inner = openFolder / "inner"
    inner.mkdir()
    openFolder.chmod(mode)
    os.chown(openFolder, owner, 0)
    host.zone("z1", mounts=f"[{{source: {inner}, target: /data}}]")
    host.refused("boot", "z1", says=(str(inner), "mkdir -m 0700"))


def test_a_file_whose_folder_others_can_pass_is_refused(host, openFolder):
    (openFolder / "file").write_text("of the host\n")
    (openFolder / "file").chmod(0o600)
    host.zone("z1", mounts=f"[{{source: {openFolder}/file, target: /etc/file}}]")
    host.refused("boot", "z1", says=(f"{openFolder}/file", "mkdir -m 0700"))


def test_a_source_on_a_nosuid_mount_may_be_open_but_closes_nothing(host, openFolder):
    """A zone that may write to the mount could open a folder that lies in it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,mode=755", "none", openFolder], check=True)
    try:
        inner = openFolder / "closed" / "inner"
        inner.mkdir(parents=True)
        inner.parent.chmod(0o700)
        zone = host.zone("z1", mounts=f"[{{source: {openFolder}, target: /data}}]", boot=True)
        zone.halt()
        below = openFolder / "below"
        below.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "suid,mode=755", "none", below], check=True)
        try:
            host.refused("boot", "z1", says=(str(below), "mkdir -m 0700"))
        finally:
            subprocess.run(["umount", below], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "suid,mode=755", "none", inner], check=True)
        try:
            host.zonectl("set", "z1", f"mounts=[{{source: {inner}, target: /data}}]")
            host.refused("boot", "z1", says=(str(inner), "mkdir -m 0700"))
        finally:
            subprocess.run(["umount", inner], check=True)
    finally:
        subprocess.run(["umount", openFolder], check=True)


def test_a_source_with_a_link_in_it_is_refused(host, source):
    link = source.parent / "link"
    link.symlink_to("/etc")
    try:
        host.zone("z1", mounts=f"[{{source: {link}, target: /data, read-only: true}}]")
        host.refused("boot", "z1", says=(str(link), "symbolic link"))
    finally:
        link.unlink()
