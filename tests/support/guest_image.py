"""The disk of a complete Debian host with the product on it, and archives for the zones inside.

What comes from packages is built by mmdebstrap once and kept in the build folder, under a name that holds a hash of
everything that it depends on. The product is installed into a copy of it for each session; an ext4 image is made of
that by mke2fs alone, without a loop device or a mount.

    ZONED_GUEST_SUITE     bookworm (the default) or trixie
    ZONED_GUEST_PRODUCT   the product as a DESTDIR tree; without it, it is installed from the build folder
    ZONED_GUEST_BUILT_IN  the root of the system that this tree was built in, whose package database knows the
                          libraries; "/" by default
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from support.apart import asOutside
from support.host import BUILD, SOURCE

CACHE = BUILD / "host-cache"
AGENT = Path(__file__).with_name("guest_agent.py")
SUITE = os.environ.get("ZONED_GUEST_SUITE", "bookworm")
# Sparse: what is not written takes no place.
DISK_SIZE = "4G"

# What a plain Debian server has, and what the tests use in it.
PACKAGES = ("systemd-sysv", "udev", "dbus", "polkitd", "systemd-container", "libnss-mymachines", "libpam-systemd",
            "iproute2", "iputils-ping", "nftables", "kmod", "procps", "e2fsprogs", "python3", "linux-image-cloud-amd64")
ZONE_PACKAGES = ("systemd-sysv", "dbus", "iproute2", "iputils-ping", "procps")
OPTIONS = ("--variant=minbase", "--aptopt=APT::Install-Recommends false", "--dpkgopt=path-exclude=/usr/share/doc/*",
           "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*")
# Timers would run in the middle of a test; the journal has to outlive a reboot.
RECIPE = """\
set -e
echo zonehost >"$1/etc/hostname"
printf '127.0.0.1 localhost\\n127.0.1.1 zonehost\\n' >"$1/etc/hosts"
printf 'LABEL=zonehost / ext4 defaults 0 1\\n' >"$1/etc/fstab"
chroot "$1" install -d -m 2755 -g systemd-journal /var/log/journal
chroot "$1" useradd -m -s /bin/bash alice
chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \\
    e2scrub_all.timer e2scrub_reap.service
"""
AGENT_UNIT = """\
[Unit]
Description=The tests' agent
After=basic.target

[Service]
ExecStart=/usr/bin/python3 -B /usr/local/lib/zoned-test-agent
Restart=always
RestartSec=200ms
KillMode=process
TasksMax=infinity
OOMScoreAdjust=-1000

[Install]
WantedBy=multi-user.target
"""
PROGRAM_FOLDERS = ("usr/sbin", "usr/bin", "usr/libexec/zoned")


def command(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    said = (done.stdout + done.stderr)[-3000:]
    assert done.returncode == 0, f"{' '.join(map(str, argv))}: status {done.returncode}: {said}"
    return done.stdout


def mirror():
    """The mirror that this machine's own packages come from, as mmdebstrap's argument; [] leaves it to mmdebstrap."""
    with contextlib.suppress(AssertionError, FileNotFoundError):
        for line in command("apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL) $(SUITE)",
                            "Created-By: Packages").splitlines():
            uri, label, suite = (line.split() + ["", "", ""])[:3]
            if label == "Debian" and not suite.endswith(("-updates", "-backports")):
                return [uri]
    return []


def bootstrap(suite, packages, target, *options):
    # TMPDIR may be a small tmpfs, which mmdebstrap would unpack an archive's root in.
    argv = ["mmdebstrap", "--quiet", *OPTIONS, *options, "--include=" + ",".join(packages), suite, target, *mirror()]
    command(*asOutside(argv), stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(CACHE)}, timeout=900)


def cached(name, inputs, make):
    """CACHE/NAME-HASH, made by make(path) unless it is there; older ones of the name are removed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{name}-{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]}"
    with open(CACHE / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in CACHE.glob(f"{name}-*"):
                remove(old)
            fresh = path.with_name(f".new-{path.name}")
            remove(fresh)
            make(fresh)
            fresh.rename(path)
    return path


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def zoneArchive(suite):
    """A Debian userland with systemd for a zone, as a tar archive."""
    return cached(f"zone-{suite}.tar", [suite, ZONE_PACKAGES, OPTIONS],
                  lambda path: bootstrap(suite, ZONE_PACKAGES, path, "--format=tar"))


# ---- the product -----------------------------------------------------------------------------------


def installProduct(target):
    tree = os.environ.get("ZONED_GUEST_PRODUCT")
    if tree:
        command("cp", "-a", f"{tree}/.", target)
    else:
        command("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", target)


def libraryPackages(product):
    """The packages of the shared libraries that the product's programs name, as the system they were built in says."""
    root = Path(os.environ.get("ZONED_GUEST_BUILT_IN", "/"))
    needed = set()
    for folder in PROGRAM_FOLDERS:
        for program in sorted((product / folder).glob("zone*")):
            needed.update(re.findall(r"NEEDED\s+(\S+)", command("objdump", "-p", program)))
    assert needed, f"no programs in {product}"
    patterns = [f"*/{name}" for name in sorted(needed)]
    found = command("dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "--search", *patterns)
    # Several packages may hold a name (biarch, libc's optimised variants): those of this machine's own folder.
    triplet = command("gcc", "-print-multiarch").strip()
    own = {line.split(":")[0] for line in found.splitlines() if re.search(rf": (/usr)?/lib/{triplet}/[^/]+$", line)}
    assert own, f"no package of {found}"
    return sorted(own)


def baseRoot(product, suite=SUITE, more=()):
    packages = sorted({*PACKAGES, *libraryPackages(product), *more})
    # of each name one is kept
    return cached(f"{'more' if more else 'root'}-{suite}", [suite, packages, OPTIONS, RECIPE],
                  lambda path: bootstrap(suite, packages, path, "--format=directory", f"--customize-hook={RECIPE}"))


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def makeDisk(folder, archives, suite=SUITE, packages=()):
    """folder/disk.img, kernel and initrd: a host with the product, started at boot. archives: name -> path or bytes,
    put to /var/tmp/NAME."""
    product, root = folder / "product", folder / "root"
    product.mkdir()
    installProduct(product)
    command("cp", "-a", "--reflink=auto", baseRoot(product, suite, packages), root)
    # Debian's /lib and /bin are links, which a copy of plain folders would replace.
    for entry in product.iterdir():
        assert entry.name in ("usr", "etc", "var"), f"the product installs /{entry.name}"
    command("cp", "-a", f"{product}/.", root)
    write(root / "usr/local/lib/zoned-test-agent", AGENT.read_text())
    write(root / "etc/systemd/system/zoned-test-agent.service", AGENT_UNIT)
    command("systemctl", f"--root={root}", "enable", "zoned-test-agent.service", "zoned.service",
            "zones.service")
    for name, archive in archives.items():
        if isinstance(archive, bytes):
            (root / "var/tmp" / name).write_bytes(archive)
        else:
            shutil.copyfile(archive, root / "var/tmp" / name)
    for name in ("vmlinuz", "initrd.img"):
        source, = (root / "boot").glob(f"{name}-*")
        shutil.copyfile(source, folder / name)
    command("mke2fs", "-q", "-t", "ext4", "-L", "zonehost", "-d", root, folder / "disk.img", DISK_SIZE)
    shutil.rmtree(root)
    shutil.rmtree(product)


def version():
    """What is tested, for the report's first lines."""
    return f"{SUITE}, product of {os.environ.get('ZONED_GUEST_PRODUCT') or BUILD}, from {SOURCE}"
