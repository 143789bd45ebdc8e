"""Root file systems for the tests, as tar archives: BusyBox made here, Debian by `zonectl image build` (cached)."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(os.environ.get("ZONED_TEST_CACHE", "/var/cache/zoned-tests"))
PROBE_SOURCE = Path(__file__).with_name("probe.cpp")

INITTAB = """\
::sysinit:/etc/rc.start
::respawn:-/bin/sh
::ctrlaltdel:/sbin/reboot
::shutdown:/etc/rc.stop
"""
START = """\
#!/bin/sh
cut -d' ' -f1 /proc/uptime >/run/started
echo "zone $(hostname) is up"
[ -x /etc/rc.local ] && /etc/rc.local
exit 0
"""
STOP = """\
#!/bin/sh
echo stopped-in-order >>/var/log/stops
echo "zone $(hostname) goes down"
"""
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
user:x:1000:1000:A User:/home/user:/bin/sh
"""
GROUP = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nusers:x:100:user\nuser:x:1000:\n"
OS_RELEASE = 'PRETTY_NAME="BusyBox for tests"\nID=busybox-test\nNAME=BusyBox\n'


class TarMaker:
    """A tar archive built member by member, nothing taken from the host's ownership."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def folder(self, name, mode=0o755, uid=0, gid=0, pax=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, uid, gid
        info.pax_headers = pax or {}
        self.tar.addfile(info)
        return self

    def file(self, name, data=b"", mode=0o644, uid=0, gid=0, pax=None):
        data = data.encode() if isinstance(data, str) else data
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.uid, info.gid = len(data), mode, uid, gid
        info.pax_headers = pax or {}
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def link(self, name, target):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)
        return self

    def hardlink(self, name, target):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.LNKTYPE, target
        self.tar.addfile(info)
        return self

    def device(self, name, major, minor, block=False, mode=0o666):
        info = tarfile.TarInfo(name)
        info.type = tarfile.BLKTYPE if block else tarfile.CHRTYPE
        info.devmajor, info.devminor, info.mode = major, minor, mode
        self.tar.addfile(info)
        return self

    def done(self):
        self.tar.close()
        return self.buffer.getvalue()


def buildProbe(folder):
    """The static program that tries system calls inside a zone (probe.cpp)."""
    probe = Path(folder) / "probe"
    subprocess.run(["g++", "-std=c++20", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", probe, PROBE_SOURCE],
                   check=True)
    return probe


class Below:
    """A TarMaker whose members all lie in a folder."""

    def __init__(self, tar, folder):
        self.inner, self.prefix = tar, folder + "/"

    def __getattr__(self, kind):
        def add(name, *args, **more):
            getattr(self.inner, kind)(self.prefix + name, *args, **more)
            return self
        return add


def busybox(probe=None, extra=None, without=(), below="", beside=None):
    """A complete BusyBox userland. extra(TarMaker) adds to it; `without` leaves members out; with `below` it
    lies in that folder of the archive, and beside(TarMaker) adds what lies beside it."""
    binary = Path("/bin/busybox").read_bytes()
    applets = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
    archive = TarMaker()
    if beside:
        beside(archive)
    tar = Below(archive.folder(below), below) if below else archive
    for name in ("bin", "sbin", "usr", "usr/bin", "etc", "dev", "proc", "sys", "run", "root", "home", "var",
                 "var/log", "srv", "mnt"):
        tar.folder(name)
    tar.folder("tmp", 0o1777).folder("home/user", 0o755, 1000, 1000)
    tar.file("bin/busybox", binary, 0o755)
    for applet in applets:
        if applet not in ("busybox", "init", "linuxrc"):
            tar.link(f"bin/{applet}", "busybox")
    if "sbin/init" not in without:
        tar.link("sbin/init", "../bin/busybox")
    for name in ("reboot", "poweroff", "halt"):
        tar.link(f"sbin/{name}", "../bin/busybox")
    tar.file("etc/inittab", INITTAB).file("etc/rc.start", START, 0o755).file("etc/rc.stop", STOP, 0o755)
    tar.file("etc/passwd", PASSWD).file("etc/group", GROUP).file("etc/os-release", OS_RELEASE)
    tar.file("etc/shells", "/bin/sh\n").file("etc/profile", "export PS1='# '\n")
    tar.file("etc/marker", "from the image\n")
    if probe:
        tar.file("bin/probe", Path(probe).read_bytes(), 0o755)
    if extra:
        extra(tar)
    return archive.done()


def withInit(script):
    """A BusyBox userland whose /sbin/init is a script of the test's own."""
    def add(tar):
        tar.file("sbin/init", script, 0o755)
    return busybox(extra=add, without=("sbin/init",))


# What a Debian userland has beside its init. Trixie is the one with a resolver of its own.
PACKAGES = {"trixie-systemd": "systemd-resolved,ifupdown"}


def debian(host, suite="bookworm", init="systemd"):
    """Builds a Debian userland as image SUITE-INIT and returns its name.

    bookworm-systemd is built in every run, which is the test of `image build`; the others are built
    once and kept as archives in CACHE, to spare time and the mirror (ZONED_TEST_REBUILD=1: not).
    """
    name = f"{suite}-{init}"
    if host.imageExists(name):
        return name
    packages = PACKAGES.get(name, "")
    cached = CACHE / f"{name}{'+' if packages else ''}{packages.replace(',', '+')}.tar"
    if cached.exists() and name != "bookworm-systemd" and not os.environ.get("ZONED_TEST_REBUILD"):
        host.image(name, cached)
    else:
        more = ["--include", packages] if packages else []
        host.zonectl("image", "build", name, "--suite", suite, "--init", init, *more, timeout=1500)
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = cached.with_suffix(".new")
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=security.*", "-C",
                        host.root / "var/lib/zoned/images" / name / "rootfs", "-cf", fresh, "."], check=True)
        fresh.rename(cached)
    host.keepImage(name)
    return name
