"""A zone's own names, and the name servers and addresses that its definition promises, whatever the image brings."""

import os
import subprocess

import pytest

from support import images
from support.wait import eventually


def test_a_host_name_set_inside_stays(host, zone):
    zone.sh("echo mail.example.org >/etc/hostname")
    zone.halt().boot()
    assert zone.sh("hostname; cat /etc/hostname") == "mail.example.org\nmail.example.org"
    assert zone.sh("ping -c 1 mail.example.org | head -1").startswith(f"PING mail.example.org ({zone.address})")
    # what is no name is not taken for one, and stays what the zone's administrator wrote
    zone.sh("echo 'no name/here' >/etc/hostname")
    host.zonectl("set", "z1", "hostname=www")
    zone.halt().boot()
    assert zone.sh("hostname; cat /etc/hostname") == "www\nwww", "the definition's word counts where it has one"


def test_of_the_hosts_file_one_line_is_zoneds(host, zone):
    own = zone.sh("grep z1 /etc/hosts")
    assert own.split()[:2] == [zone.address, "z1"]
    zone.sh("echo '192.0.2.1 mine' >>/etc/hosts; sed -i 's/^::1 .*/::1 me6/' /etc/hosts")
    before = zone.sh("sort /etc/hosts")
    inode = zone.sh("stat -c %i /etc/hosts")
    zone.halt().boot()
    assert zone.sh("sort /etc/hosts") == before and zone.sh("stat -c %i /etc/hosts") == inode, "nothing to be written"
    # a zone that says itself what its name means is left alone
    zone.sh("sed -i '/ z1 /d' /etc/hosts; echo '127.0.0.1 z1' >>/etc/hosts")
    zone.halt().boot()
    assert zone.sh("grep -w z1 /etc/hosts") == "127.0.0.1 z1"
    assert "mine" in zone.sh("cat /etc/hosts")


def test_an_image_with_a_hosts_file_of_its_own_knows_its_own_name(host):
    def add(tar):
        tar.file("etc/hosts", "127.0.0.1 localhost\n192.0.2.7 database")  # no newline at its end
    zone = host.zone("z1", image=host.image("hosts", images.busybox(extra=add)), boot=True)
    assert zone.sh("ping -c 1 z1 | head -1").startswith(f"PING z1 ({zone.address})")
    assert "192.0.2.7 database\n" in zone.sh("cat /etc/hosts")


def test_a_hosts_file_that_zoned_made_whole_before_keeps_what_was_added(host):
    zone = host.zone("z1")
    zone.upper("etc").mkdir(exist_ok=True)
    mark = "# Made by zoned at each boot of the zone; take this line away to keep your own.\n"
    zone.upper("etc/hosts").write_text(mark + "127.0.0.1 localhost\n10.9.9.9 z1\n192.0.2.1 mine\n")
    zone.boot()
    lines = zone.sh("cat /etc/hosts").splitlines()
    assert [lines[0], lines[2]] == ["127.0.0.1 localhost", "192.0.2.1 mine"]
    assert len(lines) == 3 and lines[1].split()[:2] == [zone.address, "z1"]


@pytest.mark.parametrize("link", ["../run/systemd/resolve/stub-resolv.conf", "/run/resolvconf/resolv.conf",
                                  "/nosuch/resolv.conf", "resolv.conf.real"])
def test_a_resolv_conf_that_leads_nowhere_leads_to_the_definitions_servers(host, link):
    def add(tar):
        tar.link("etc/resolv.conf", link)
    image = host.image("linked", images.busybox(extra=add))
    zone = host.zone("z1", image=image, dns="[192.0.2.53]", boot=True)
    for _ in range(2):
        assert "nameserver 192.0.2.53" in zone.sh("cat /etc/resolv.conf")
        zone.halt().boot()


def test_that_a_zone_gets_no_name_server_is_said(makeHost, tmp_path):
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.53\n")
    host = makeHost()
    host.start(wrapper=("unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "-"))
    host.busybox()
    told = host.zonectl("create", "z1", "--image", "busybox")
    assert "name server" in told.stderr, told
    told = host.zonectl("boot", "z1")
    assert "name server" in told.stderr and "dns" in told.stderr, told
    host.zonectl("halt", "z1")
    host.zonectl("set", "z1", "dns=[192.0.2.53]")
    assert "name server" not in host.zonectl("boot", "z1").stderr


def test_a_new_zone_has_the_hosts_time_zone_and_may_have_another(host, zone):
    assert zone.sh("readlink -f /etc/localtime || readlink /etc/localtime").endswith(
        os.path.realpath("/etc/localtime").split("zoneinfo/")[-1])
    zone.sh("ln -sf ../usr/share/zoneinfo/Pacific/Apia /etc/localtime")
    zone.halt().boot()
    assert zone.sh("readlink /etc/localtime") == "../usr/share/zoneinfo/Pacific/Apia"


# ---- the image's own network programs ----------------------------------------------------

INTERFACES = """\
auto eth0 lan
iface eth0 inet manual
    up touch /run/set-up-eth0
iface lan inet manual
    up touch /run/set-up-lan
"""


def test_an_images_own_network_setup_leaves_the_definitions_addresses_alone(host):
    """BusyBox's ifup, by what it records itself; the interface without an address is the zone's."""
    def add(tar):
        tar.folder("etc/network").file("etc/network/interfaces", INTERFACES).link("var/run", "../run")
        for when in ("if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"):
            tar.folder(f"etc/network/{when}")
        tar.file("etc/rc.local", "#!/bin/sh\nifup -a\ntouch /run/networks\n", 0o755)
    image = host.image("ifup", images.busybox(extra=add))
    subprocess.run(["ip", "link", "add", f"{host.tag}b", "type", "bridge"], check=True)
    try:
        zone = host.zone("z1", image=image, boot=True,
                         network=f"[{{name: eth0}}, {{name: lan, bridge: {host.tag}b}}]")
        eventually(lambda: zone.exec("test", "-e", "/run/networks", check=False).returncode == 0)
        assert zone.sh("ls /run | grep set-up") == "set-up-lan"
        assert zone.address in zone.sh("ip -4 address show eth0")
        zone.halt()
    finally:
        subprocess.run(["ip", "link", "del", f"{host.tag}b"], check=True)
