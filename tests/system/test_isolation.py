"""What a zone's root can and cannot do. Each attempt is judged by the kernel's answer (support/probe.cpp).

The numbers in comments are those of the project's list of threats.
"""

import hashlib
import os
import platform
import subprocess
from pathlib import Path

import pytest

from support.wait import eventually

REFUSED = {"EPERM", "EACCES", "ENOSYS"}
# Attempts that a profile may answer with any refusal at all.
X86 = platform.machine() == "x86_64"
NUMBERS = {  # x86-64, i386
    "bpf": (321, 357), "perf_event_open": (298, 336), "fanotify_init": (300, 338), "quotactl": (179, 131),
    "userfaultfd": (323, 374), "io_uring_setup": (425, 425), "kexec_load": (246, 283), "init_module": (175, 128),
    "finit_module": (313, 350), "delete_module": (176, 129), "swapon": (167, 87), "iopl": (172, 110),
    "ioperm": (173, 101), "acct": (163, 51), "open_by_handle_at": (304, 342), "add_key": (248, 286),
    "request_key": (249, 287), "keyctl": (250, 288), "lookup_dcookie": (212, 253),
}


def canary():
    """Facts of the host that no zone may change."""
    facts = {}
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic", "/proc/sys/kernel/modprobe",
                 "/proc/sys/kernel/hostname", "/etc/passwd", "/etc/shadow", "/etc/resolv.conf", "/etc/hostname"):
        if os.path.exists(path):
            facts[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    facts["routes"] = subprocess.run(["ip", "route", "show", "default"], capture_output=True, check=True).stdout
    return facts


@pytest.fixture
def untouched():
    before = canary()
    yield
    assert canary() == before


def statusOf(zone, pid="1"):
    return dict(line.split(":", 1) for line in zone.sh(f"cat /proc/{pid}/status").splitlines() if ":" in line)


# ---- what the zone is made of -------------------------------------------------------

def test_ids_are_mapped_to_a_block_of_the_zones_own(host, zone):
    for name in ("uid_map", "gid_map"):
        inside, outside, count = map(int, zone.sh(f"cat /proc/self/{name}").split())
        assert (inside, outside, count) == (0, zone.idBase, 65536)
    assert zone.idBase % 65536 == 0 and host.idFirst <= zone.idBase <= host.idLast
    other = host.zone("z2", boot=True)
    assert other.idBase != zone.idBase
    uid = next(line for line in Path(f"/proc/{zone.pid}/status").read_text().splitlines() if line.startswith("Uid:"))
    assert set(uid.split()[1:]) == {str(zone.idBase)}


def test_the_zone_shares_no_namespace_with_the_host_or_another_zone(host, zone):
    other = host.zone("z2", boot=True).namespaces()
    for name, space in zone.namespaces().items():
        assert space != os.readlink(f"/proc/self/ns/{name}"), name
        assert space != other[name], name


def test_exec_enters_every_namespace(host, zone):
    inside = zone.sh("for n in mnt pid net uts ipc user cgroup; do readlink /proc/self/ns/$n; done").split()
    assert inside == list(zone.namespaces().values())


@pytest.mark.parametrize("who", ["init", "exec"])
def test_a_filter_and_a_trimmed_bounding_set_hold(host, zone, who):
    status = statusOf(zone, "1" if who == "init" else "self")
    assert status["Seccomp"].strip() == "2"
    bounding = int(status["CapBnd"], 16)
    for name, bit in {"sys_module": 16, "sys_rawio": 17, "sys_time": 25, "syslog": 34, "mac_admin": 33,
                      "mac_override": 32, "bpf": 39, "perfmon": 38, "wake_alarm": 35}.items():
        assert not bounding >> bit & 1, f"CAP_{name.upper()} is in the bounding set"
    assert int(status["CapEff"], 16) & ~bounding == 0
    assert bounding >> 22 & 1, "without CAP_SYS_BOOT a zone cannot reboot itself"


def test_init_and_exec_have_the_same_bounding_set(host, zone):
    assert statusOf(zone)["CapBnd"] == statusOf(zone, "self")["CapBnd"]


def test_no_descriptor_of_the_host_is_inherited(host, zone):  # 13, 18
    for command in ("ls /proc/self/fd", "ls /proc/1/fd"):
        fds = set(zone.sh(command).split())
        # ls itself has the folder open.
        assert fds <= {"0", "1", "2", "3"}, command
    assert "/" not in zone.sh("readlink /proc/1/fd/3 || true")
    leaking = os.open("/etc/shadow", os.O_RDONLY)
    os.set_inheritable(leaking, True)
    try:
        done = subprocess.run(host.argv("exec", "z1", "--", "sh", "-c", "ls -l /proc/self/fd"), env=host.environment,
                              capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
                              pass_fds=[leaking])
    finally:
        os.close(leaking)
    assert "shadow" not in done.stdout


def test_the_session_keyring_is_the_zones_own(host, zone):  # 19
    word = zone.probe("keyring").split()
    if word[-1] == "ok":
        ours = [line for line in Path("/proc/keys").read_text().splitlines() if "_ses" in line or "_uid" in line]
        assert f"{int(word[0]):08x}" not in "\n".join(ours)
    else:
        assert word[-1] in REFUSED


def test_the_zones_cgroup_is_the_root_that_it_sees(host, zone):
    lines = zone.sh("cat /proc/1/cgroup").splitlines()
    v2 = next(line for line in lines if line.startswith("0::"))
    assert v2.startswith("0::/") and ".." not in v2 and host.tag not in v2
    assert "cgroup2" in zone.sh("grep ' /sys/fs/cgroup ' /proc/mounts")


def test_the_zone_can_make_cgroups_but_not_change_its_own_limits(host, zone):
    zone.sh("mkdir /sys/fs/cgroup/sub && rmdir /sys/fs/cgroup/sub")
    group = host.cgroup / "z1"
    assert group.is_dir() and group.stat().st_uid == 0
    for entry in group.iterdir():
        if entry.is_file() and (".max" in entry.name or entry.name == "cgroup.procs"):
            assert entry.stat().st_uid == 0, entry


def test_sysfs_is_read_only(host, zone):
    assert zone.exec("sh", "-c", "echo x >/sys/kernel/uevent_helper", check=False).returncode != 0
    options = zone.sh("grep ' /sys ' /proc/mounts").split()[3].split(",")
    assert "ro" in options


def test_the_devices_are_the_harmless_ones(host, zone):
    nodes = set(zone.sh("cd /dev; find . -type c -o -type b").split())
    made = {"./null", "./zero", "./full", "./random", "./urandom", "./tty", "./net/tun", "./fuse"}
    assert made <= nodes
    assert nodes <= made | {"./console", "./ptmx"} | {node for node in nodes if node.startswith("./pts/")}
    assert zone.sh("head -c 4 /dev/zero | wc -c") == "4"


def test_nothing_of_the_host_is_left_in_the_mount_table(host, zone):
    table = zone.sh("cat /proc/self/mountinfo")
    places = {line.split()[4] for line in table.splitlines()}
    assert str(host.root) not in " ".join(places)
    assert not any(place.startswith(("/var/tmp", "/home/")) for place in places)
    assert "/" in places and "overlay" in next(line for line in table.splitlines() if line.split()[4] == "/")


# ---- attempts ----------------------------------------------------------------------------

@pytest.mark.parametrize("node", [("c", "1", "3"), ("c", "1", "11"), ("b", "8", "0"), ("b", "254", "0")])
def test_device_nodes_cannot_be_made(host, zone, node):  # 2
    assert zone.probe("mknod", "/tmp/node", *node) in REFUSED
    assert zone.probe("mknod", "/run/node", *node) in REFUSED


def test_a_device_node_that_lay_in_the_layer_cannot_be_opened(host):  # 2
    zone = host.zone("z1")
    os.makedirs(zone.upper("/"), exist_ok=True)
    for name, kind in (("kmsg", os.makedev(1, 11)), ("zero", os.makedev(1, 5))):
        os.mknod(zone.upper(name), 0o20666, kind)
        os.chmod(zone.upper(name), 0o666)
    zone.boot()
    for name in ("kmsg", "zero"):
        assert zone.probe("open", f"/{name}") in REFUSED
    zone.exec("mount", "-o", "remount,bind,dev", "/", check=False)
    for name in ("kmsg", "zero"):
        assert zone.probe("open", f"/{name}") in REFUSED


@pytest.mark.parametrize("path", ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic",
                                  "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
                                  "/proc/sys/vm/drop_caches", "/proc/sys/kernel/printk"])
def test_the_kernels_settings_cannot_be_written(host, zone, untouched, path):  # 4, 6
    assert zone.probe("write", path, "1") in REFUSED | {"ENOENT", "EROFS"}


def test_nor_from_a_nested_namespace_with_all_masks_gone(host, zone, untouched):  # 5, 10
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"):
        script = (f"while umount -l {path} 2>/dev/null; do :; done; mount -o remount,rw /sys 2>/dev/null;"
                  f"mount -o remount,rw /proc/sys 2>/dev/null; /bin/probe write {path} 1")
        done = zone.exec("unshare", "-Urm", "sh", "-c", script, check=False)
        assert "ok" not in done.stdout.split()
        done = zone.exec("sh", "-c", f"mount -o remount,rw /sys; /bin/probe write {path} 1", check=False)
        assert "ok" not in done.stdout.split()


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_dangerous_calls_are_refused(host, zone, name):  # 6, 20
    native, _ = NUMBERS[name]
    if not X86:
        pytest.skip("the numbers are those of x86-64")
    assert zone.probe("syscall", native) in REFUSED


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_dangerous_calls_are_refused_by_every_entry(host, zone, name):  # 21
    if not X86:
        pytest.skip("only x86-64 has two more tables")
    native, old = NUMBERS[name]
    x32 = native | 0x40000000
    done = zone.exec("/bin/probe", "int80", old, check=False)
    assert done.returncode != 0 or done.stdout.strip() in REFUSED
    done = zone.exec("/bin/probe", "syscall", x32, check=False)
    assert done.returncode != 0 or done.stdout.strip() in REFUSED


@pytest.mark.parametrize("attempt", ["settime", "adjtime", "klog"])
def test_clock_and_kernel_log_are_out_of_reach(host, zone, untouched, attempt):  # 22, 27
    assert zone.probe(attempt) in REFUSED


@pytest.mark.parametrize("path", ["/dev/kmsg", "/dev/mem", "/proc/kcore", "/proc/kmsg", "/dev/rtc", "/dev/rtc0",
                                  "/dev/sda", "/dev/vda", "/sys/kernel/debug/tracing", "/dev/loop-control",
                                  "/dev/cuse", "/dev/kvm"])
def test_the_machines_memory_log_and_disks_are_out_of_reach(host, zone, path):  # 27
    assert zone.probe("open", path) in REFUSED | {"ENOENT", "ENXIO"}


def test_kernel_addresses_are_hidden(host, zone):  # 27
    assert set(zone.sh("cut -d' ' -f1 /proc/kallsyms | sort -u | head -2").split()) <= {"0" * 16}


def test_no_file_of_the_host_can_be_opened_by_handle(host, zone):  # 1
    for place in ("/", "/dev", "/etc"):
        for inode in (2, os.stat("/").st_ino, os.stat("/etc/shadow").st_ino, os.stat("/root").st_ino):
            for kind in ("file", "directory"):
                assert zone.probe("handle", place, inode, kind) in REFUSED | {"ESTALE", "EOPNOTSUPP"}


def test_disks_cannot_be_mounted(host, zone):  # 10
    for source, kind in (("/dev/vda", "ext4"), ("/dev/sda1", "ext4"), ("none", "devtmpfs"), ("none", "debugfs"),
                         ("none", "tracefs"), ("none", "securityfs"), ("none", "bpf"), ("none", "pstore")):
        done = zone.exec("sh", "-c", f"mkdir -p /mnt/x; /bin/probe mount {source} /mnt/x {kind}").stdout.strip()
        # A kind that user namespaces may mount (bpf) is empty and harmless, but the filter refuses the rest.
        assert done in REFUSED | {"ENODEV", "ENOENT", "ENOTBLK", "EINVAL"} or kind == "bpf", (kind, done)


def test_version_1_cgroups_give_no_release_agent(host, zone, untouched):  # 8
    script = ("mkdir -p /tmp/cg; for c in memory pids devices freezer cpu rdma misc; do"
              " mount -t cgroup -o $c cgroup /tmp/cg 2>/dev/null && echo x >/tmp/cg/release_agent 2>/dev/null"
              " && echo written; umount /tmp/cg 2>/dev/null; done; true")
    assert zone.sh(script) == ""
    assert zone.exec("unshare", "-UrC", "sh", "-c", script, check=False).stdout.strip() == ""


def test_the_hosts_processes_cannot_be_seen_or_signalled(host, zone):  # 26
    inside = {int(pid) for pid in zone.sh("cd /proc; ls -d [0-9]*").split()}
    assert len(inside) < 20 and 1 in inside
    outside = host.process.pid
    if outside not in inside:
        assert zone.probe("kill", outside) == "ESRCH"
    parent = next(line for line in zone.sh("cat /proc/1/status").splitlines() if line.startswith("PPid:"))
    assert parent.split()[1] == "0"


def test_abstract_sockets_of_the_host_are_out_of_reach(host, zone):  # 28
    import socket
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{host.tag}-canary")
        server.listen()
        assert zone.probe("abstract", f"{host.tag}-canary") == "ECONNREFUSED"


def test_audit_and_the_hypervisor_cannot_be_spoken_to(host, zone):  # 28
    assert zone.probe("audit") in REFUSED | {"EAFNOSUPPORT", "EPROTONOSUPPORT"}
    assert zone.probe("vsock") in REFUSED | {"EAFNOSUPPORT", "ENODEV", "ENETUNREACH", "EADDRNOTAVAIL"}


def test_input_cannot_be_typed_into_the_administrators_terminal(host, zone):  # 14
    import pexpect
    import shlex
    command = shlex.join(host.argv("exec", "z1", "--", "/bin/probe", "sti", "echo injected\n"))
    child = pexpect.spawn("/bin/sh", env={**host.environment, "PS1": "host$ "}, encoding="utf-8", timeout=20)
    child.expect(r"host\$ ")
    child.sendline(f"{command}; echo done-$((1+1))")
    child.expect("done-2")
    child.sendline("echo after-$((2+2))")
    child.expect("after-4")
    assert "\ninjected" not in child.before
    child.close(force=True)
    # Without a terminal the zone has none to inject into: standard input is a pipe.
    assert zone.probe("sti", "x") in REFUSED | {"ENOTTY", "EIO"}


def test_the_supervisors_program_cannot_be_overwritten_through_proc(host, zone):  # 12
    before = {name: hashlib.sha256((host.programs / name).read_bytes()).digest() for name in os.listdir(host.programs)}
    zone.sh("printf '#!/proc/self/exe\\n' >/bin/trap; chmod 755 /bin/trap")
    zone.exec("/bin/trap", check=False)
    zone.sh("for p in /proc/[0-9]*; do (: >$p/exe) 2>/dev/null; done; true")
    after = {name: hashlib.sha256((host.programs / name).read_bytes()).digest() for name in os.listdir(host.programs)}
    assert before == after
    zone.exec("true")


def test_a_setuid_program_of_a_zone_is_out_of_a_host_users_reach(host, zone):  # 23
    zone.sh("cp /bin/busybox /root-shell && chmod 6755 /root-shell")
    path = zone.upper("/root-shell")
    assert path.stat().st_mode & 0o6000 == 0o6000
    tried = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/bin/sh", "-c",
                            f"exec {path} true"], capture_output=True, check=False)
    assert tried.returncode != 0 and b"ermission" in tried.stderr
    assert host.storage("z1").stat().st_mode & 0o077 == 0


def test_the_shared_image_cannot_be_changed(host, zone):  # 25
    image = host.root / "var/lib/zoned/images/busybox/rootfs"
    before = (image / "etc/marker").read_bytes(), (image / "etc/marker").stat()
    zone.sh("echo mine >/etc/marker; rm /etc/profile; chown 1000 /etc/shells; chmod 4755 /bin/busybox")
    assert zone.sh("cat /etc/marker") == "mine"
    assert ((image / "etc/marker").read_bytes(), (image / "etc/marker").stat()) == before
    assert (image / "etc/profile").exists() and (image / "bin/busybox").stat().st_mode & 0o7777 == 0o755
    other = host.zone("z2", boot=True)
    assert other.sh("cat /etc/marker") == "from the image"
    attributes = zone.exec("sh", "-c", "mount -o remount,rw / ; setfattr -n trusted.overlay.opaque -v y /etc",
                           check=False)
    assert attributes.returncode != 0


def test_reboot_ends_the_zone_and_nothing_else(host, zone, untouched):  # 7
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    before = zone.pid
    zone.exec("reboot", "-f", check=False)
    eventually(lambda: zone.state == "running" and zone.pid not in (0, before), 30, "the zone to be up again")
    zone.exec("poweroff", "-f", check=False)
    zone.until("installed")
    assert float(Path("/proc/uptime").read_text().split()[0]) > uptime


def test_the_domain_name_is_the_zones_own(host, zone):  # 22
    before = Path("/proc/sys/kernel/domainname").read_text()
    zone.probe("domainname")
    assert Path("/proc/sys/kernel/domainname").read_text() == before


def test_a_working_folder_behind_a_descriptor_is_no_way_out(host, zone):  # 13
    for number in range(3, 12):
        done = zone.exec("ls", "-a", options=("--cwd", f"/proc/self/fd/{number}"), check=False)
        assert "zoned.log" not in done.stdout and "boot" not in done.stdout.split()


def test_a_privileged_zone_is_marked_wherever_it_is_shown(host):
    zone = host.zone("z1", privileged="true")
    assert zone.get("Privileged") is True
    for args in (("list",), ("show", "z1")):
        assert "not root-safe" in host.zonectl(*args).stdout.lower()
    zone.boot()
    assert zone.sh("cat /proc/self/uid_map").split() == ["0", "0", "4294967295"]
    assert "ro" in zone.sh("grep ' /proc/sys ' /proc/mounts").split()[3].split(",")
    assert zone.probe("write", "/proc/sys/kernel/panic", "1") in REFUSED | {"EROFS"}


MACHINE = ("/sys/firmware", "/sys/devices/virtual/dmi", "/sys/kernel/boot_params", "/sys/kernel/security",
           "/sys/fs/pstore", "/sys/kernel/debug")


@pytest.mark.parametrize("who", ["root", "user"])
def test_what_the_firmware_tells_of_the_machine_is_covered(host, zone, who):
    assert any(os.path.isdir(place) and os.listdir(place) for place in MACHINE)
    assert zone.sh(f"find {' '.join(MACHINE)} -type f 2>/dev/null; true", options=("--user", who)) == ""
    if who != "root":
        assert zone.exec("ls", "/run/host/kernel/sys", options=("--user", who), check=False).returncode != 0


@pytest.mark.parametrize("who", ["root", "user"])
def test_namespaces_inside_can_have_proc_and_sysfs_of_their_own(host, zone, who):
    """As containers in a zone want it; and what they see there, of what is root's on the host, nobody can read."""
    script = ("mount -t tmpfs none /mnt && mkdir /mnt/sys && mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /mnt/sys &&"
              " ls /mnt/sys && find /mnt/sys -type f -perm 400 | head -50 | while read f; do cat $f 2>/dev/null && echo read; done; true")
    done = zone.exec("unshare", "-Urmn", "sh", "-c", script, options=("--user", who))
    assert "kernel" in done.stdout.split() and "read" not in done.stdout.split()
    assert zone.exec("unshare", "-Urmpf", "sh", "-c", "mount -t proc proc /proc && cat /proc/1/comm; true",
                     options=("--user", who)).stdout == "sh\n"


# ---- doors of the host's ------------------------------------------------------------------------


CONNECT = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
    connection.connect(sys.argv[1])
    connection.settimeout(20)
    try:
        connection.send(b'{"type": "halt"}')
        print(connection.recv(1 << 20).decode())
    except ConnectionError:
        pass
"""


@pytest.mark.parametrize("wrapper", [("unshare", "-U", "--map-root-user"), ("unshare", "--pid", "--fork"),
                                     ("unshare", "--pid", "--fork", "-U", "--map-root-user")])
def test_a_supervisor_hears_nobody_but_the_hosts_root(host, zone, wrapper):
    """Its ids alone do not make him: a zone's root that was shown the socket has them, where its block has."""
    socket = str(host.runFolder("z1") / "socket")
    done = subprocess.run([*wrapper, "/usr/bin/python3", "-c", CONNECT, socket], capture_output=True, text=True,
                          check=True, timeout=60)
    assert done.stdout == ""
    assert zone.exec("echo", "alive").stdout == "alive\n" and zone.state == "running"
    done = subprocess.run(["/usr/bin/python3", "-c", CONNECT, socket], capture_output=True, text=True, check=True,
                          timeout=60)
    assert '"state"' in done.stdout
    zone.until("installed")


@pytest.fixture
def alias(host):
    """Another name for a folder: a bind mount, taken away again."""
    place = host.base / "alias"
    place.mkdir()

    def bind(source):
        subprocess.run(["umount", place], capture_output=True, check=False)
        subprocess.run(["mount", "--bind", source, place], check=True)
        return place
    yield bind
    subprocess.run(["umount", place], check=False)
    place.rmdir()


@pytest.mark.parametrize("way", ["by name", "by another mount", "below another mount"])
def test_no_folder_of_the_zone_managers_is_shown_in_a_zone(host, alias, way):  # also read-only
    host.zone("other", boot=True)
    host.zone("z1")
    for place in ("run/zoned", "var/lib/zoned", "var/log/zoned", "etc/zoned", "etc/zoned/zones", "", "var", "run",
                  "var/lib/zoned/images/busybox/rootfs/bin", "etc/zoned/zoned.yaml"):
        source = host.root / place
        if way == "below another mount" or way == "by another mount" and not source.is_dir():
            source = alias(source.parent) / source.name
        elif way == "by another mount":
            source = alias(source)
        host.zonectl("set", "z1", f"mounts=[{{source: {source}, target: /data, read-only: true}}]")
        host.refused("boot", "z1", says=("where the zone manager keeps", str(source)))


def test_a_mount_that_reaches_the_hosts_services_is_warned_of(host):
    host.zone("z1")
    for source in ("/", "/run", "/run/systemd", "/var/run"):
        done = host.zonectl("set", "z1", f"mounts=[{{source: {source}, target: /data, read-only: true}}]")
        assert "mounts[0].source" in done.stderr and f"{source} " in done.stderr, done


@pytest.fixture
def coreDumpsOfAll():
    """fs.suid_dumpable as hosts with a crash reporter have it: then a process that changes its ids is traceable."""
    setting = Path("/proc/sys/fs/suid_dumpable")
    before = setting.read_text()
    setting.write_text("1")
    yield
    setting.write_text(before)


@pytest.mark.parametrize("who", ["root", "user"])
def test_nobody_in_a_zone_can_trace_what_enters_it(host, zone, coreDumpsOfAll, who):
    tracer = host.popen("exec", "z1", "--", "/bin/probe", "seize", "3", stdin=subprocess.DEVNULL)
    while tracer.poll() is None:
        zone.exec("true", options=("--user", who), check=False)
    assert tracer.stdout.read() == b"ESRCH\n"


@pytest.mark.parametrize("family", [
    0, 3, 4, 5, 9, 15, 21, 26, 27, 29, 30, 31, 37, 38, 40, 41, 42, 43, 44, 45])  # AX25 … ALG 38, VSOCK 40, XDP 44
def test_sockets_of_families_that_nobody_needs_are_refused(host, zone, family):
    assert {zone.probe("socket", str(family), str(kind), "0") for kind in (1, 2, 3, 5)} == {"EAFNOSUPPORT"}


def test_those_that_a_userland_needs_are_not(host, zone):
    for family, kind, protocol in ((1, 1, 0), (2, 1, 0), (2, 2, 0), (10, 1, 0), (16, 3, 0), (16, 3, 15), (17, 3, 0)):
        assert zone.probe("socket", str(family), str(kind), str(protocol)) == "ok", family


@pytest.mark.parametrize("name", ["keyctl", "add_key", "request_key"])
def test_keyrings_look_absent(host, zone, name):
    """Container runtimes go on then; at EPERM they end."""
    if X86:
        assert zone.probe("syscall", NUMBERS[name][0]) == "ENOSYS"


# ---- the notification socket ------------------------------------------------------------------


def test_a_socket_that_lingers_for_an_hour_does_not_hang_the_supervisor(host, zone):
    """Whoever closes its last descriptor waits; from Linux 6.16 on the supervisor is handed none at all."""
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert zone.probe("linger", "/run/host/notify") == ("EPERM" if release >= (6, 16) else "ok")
    assert zone.exec("echo", "well", timeout=10).stdout == "well\n"
    zone.halt()


def test_only_the_zones_root_may_write_to_the_notification_socket(zone):
    done = zone.exec("/bin/probe", "linger", "/run/host/notify", options=("--user", "user"))
    assert done.stdout.strip() == "EACCES"
