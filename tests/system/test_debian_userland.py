"""What whole Debian userlands need of a zone, beyond coming up: their own programs for mounts, names and networks."""

import os
import stat

import pytest

from support import images
from support.dns import NameServer
from support.wait import eventually

pytestmark = pytest.mark.debian

NETWORKD = "[Match]\nName=eth0\n[Network]\nDHCP=yes\n"
IFUPDOWN = "auto eth0\niface eth0 inet manual\n    up touch /run/set-up-by-ifup\n"

ONLINE = """\
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/touch /run/online
"""


def plant(zone, path, text):
    file = zone.upper(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def enable(zone, unit, target):
    folder = zone.upper(f"/etc/systemd/system/{target}.wants")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")


def failedUnits(zone):
    return zone.sh("systemctl list-units --failed --no-legend --plain || true")


@pytest.fixture
def furnished(debianHost):
    """Debian 13 with networkd, ifupdown and resolved, each set up for itself as images of others bring them."""
    source = debianHost.closedFolder() / "shown"
    source.mkdir(exist_ok=True)
    mounts = ", ".join(f"{{source: {source}, target: {target}}}" for target in ("/tmp/x", "/var/lock/x"))
    zone = debianHost.zone("furnished", images.debian(debianHost, "trixie"), mounts=f"[{mounts}]",
                           dns=f"[{debianHost.gateway}]")
    plant(zone, "/etc/systemd/network/10-cloud.network", NETWORKD)
    plant(zone, "/etc/network/interfaces", IFUPDOWN)
    enable(zone, "systemd-networkd.service", "multi-user.target")
    enable(zone, "systemd-networkd-wait-online.service", "network-online.target")
    enable(zone, "networking.service", "multi-user.target")
    # something that is started when the network is there
    plant(zone, "/etc/systemd/system/online.service", ONLINE)
    folder = zone.upper("/etc/systemd/system/multi-user.target.wants")
    (folder / "online.service").symlink_to("/etc/systemd/system/online.service")
    zone.boot()
    zone.source = source
    return zone


def test_a_userland_with_programs_of_its_own_keeps_what_its_definition_promises(debianHost, furnished):
    zone = furnished
    assert zone.exec("systemctl", "is-system-running", check=False).stdout.strip() == "running", failedUnits(zone)
    # the address, whatever manages networks in there, and nobody waits for what is there
    assert f"inet {zone.address}/16" in zone.sh("ip -4 address show eth0")
    assert f"default via {debianHost.gateway}" in zone.sh("ip route")
    assert zone.sh("systemctl is-active systemd-networkd") == "active"
    assert "unmanaged" in zone.sh("networkctl --no-legend --no-pager list eth0")
    assert zone.sh("ls /run/online") and zone.exec("ls", "/run/set-up-by-ifup", check=False).returncode != 0
    # the name servers, by way of the zone's own resolver
    with NameServer(debianHost.gateway, "192.0.2.77") as server:
        assert zone.sh("getent ahostsv4 one.example").split()[0] == "192.0.2.77"
        assert zone.sh("resolvectl query --legend=no -4 two.example").split()[1] == "192.0.2.77"
        assert {"one.example", "two.example"} <= server.asked
    # the mounts, whatever init mounts
    for target in ("/tmp/x", "/var/lock/x"):
        zone.sh(f"echo {target} >{target}/file")
        assert (zone.source / "file").read_text() == f"{target}\n"
    zone.shutdown()
    assert "killed" not in zone.reason


def test_a_resolver_that_is_installed_and_does_not_run_hides_no_name_server(debianHost):
    zone = debianHost.zone("r1", images.debian(debianHost, "trixie"), dns=f"[{debianHost.gateway}]")
    assert os.readlink(debianHost.root / "var/lib/zoned/images/trixie-systemd/rootfs/etc/resolv.conf").endswith(
        "systemd/resolve/stub-resolv.conf"), "or this shows nothing"
    folder = zone.upper("/etc/systemd/system")
    folder.mkdir(parents=True)
    (folder / "systemd-resolved.service").symlink_to("/dev/null")
    zone.boot()
    with NameServer(debianHost.gateway, "192.0.2.78"):
        assert zone.sh("getent ahostsv4 three.example").split()[0] == "192.0.2.78"


def test_services_get_their_credentials(debianHost, bookworm, trixie):
    for zone in (bookworm, trixie):
        zone.sh("echo secret >/root/s")
        done = zone.exec("systemd-run", "--wait", "--pipe", "-p", "LoadCredential=a:/root/s", "--", "sh", "-c",
                         "cat $CREDENTIALS_DIRECTORY/a")
        assert done.stdout == "secret\n"


def test_a_service_sees_what_is_mounted_after_its_start(debianHost, bookworm):
    zone = bookworm
    zone.sh("mkdir -p /mnt/later; systemd-run --quiet --unit=apart -p ProtectHome=yes sleep 1000")
    zone.sh("mount -t tmpfs none /mnt/later && echo there >/mnt/later/file")
    try:
        assert zone.sh("cat /proc/$(systemctl show -p MainPID --value apart)/root/mnt/later/file") == "there"
    finally:
        zone.sh("systemctl stop apart; umount /mnt/later")


def test_users_have_a_service_manager_of_their_own(debianHost, bookworm):
    """It needs its cgroup, below a /sys/fs/cgroup that users may enter."""
    assert stat.S_IMODE(int(bookworm.sh("stat -c %a /sys/fs/cgroup"), 8)) == 0o755
    # which pam_systemd says else, a package of its own
    bookworm.sh("mkdir -p /run/systemd/system/user@.service.d; cd /run/systemd/system/user@.service.d;"
                " printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' >dir.conf;"
                " systemctl daemon-reload; useradd -m manager && loginctl enable-linger manager")
    try:
        eventually(lambda: bookworm.exec("systemctl", "is-active", f"user@{bookworm.sh('id -u manager')}.service",
                                         check=False).stdout.strip() == "active", 20, "the user's manager")
    finally:
        bookworm.sh("loginctl disable-linger manager; loginctl terminate-user manager || true;"
                    " userdel -rf manager 2>/dev/null || true; rm -r /run/systemd/system/user@.service.d")


@pytest.mark.parametrize("init", ['["/lib/systemd/systemd"]', "systemd"])
def test_systemd_is_known_however_it_is_started(debianHost, init):
    """By its own name, or without the link from /sbin/init: booted when it says so, and shut down as it wants."""
    zone = debianHost.zone("i1", images.debian(debianHost), init=init, **{"stop-timeout": "30s"})
    folder = zone.upper("/usr/sbin")
    folder.mkdir(parents=True)
    os.mknod(folder / "init", stat.S_IFCHR, 0)  # overlayfs's mark of a file that was removed
    zone.boot()
    assert zone.get("InitKind") == "systemd" and zone.get("Booted")
    assert zone.exec("systemctl", "is-system-running", check=False).stdout.strip() == "running", failedUnits(zone)
    zone.shutdown()
    assert "killed" not in zone.reason.lower() and "systemd" not in zone.reason
