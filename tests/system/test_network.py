"""Zones on the managed network: they reach each other and the bridge, and cannot pretend to be another."""

import json
import subprocess

import pytest

from support.wait import eventually


def pings(zone, address, count=1):
    return zone.exec("ping", "-c", str(count), "-W", "2", address, check=False).returncode == 0


def test_two_zones_reach_each_other_and_the_bridge(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    for zone, other in ((a, b), (b, a)):
        assert pings(zone, other.address) and pings(zone, host.gateway)
    assert subprocess.run(["ping", "-c", "1", "-W", "5", a.address], capture_output=True, check=False).returncode == 0


def test_an_address_is_assigned_once_and_kept(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    first = a.address
    assert first != b.address and first.startswith(host.subnet + ".") and first != host.gateway
    a.halt()
    host.restart()
    a.boot()
    assert a.address == first
    assert f"inet {first}/16" in a.sh("ip -4 address show eth0")


def test_the_network_is_there_when_init_starts(host):
    zone = host.zone("z1", init='["/bin/sh", "-c", "ip route >/route; ip addr >/addr; cp /etc/resolv.conf /r;'
                                ' exec sleep 1000"]', boot=True)
    eventually(lambda: zone.exec("test", "-e", "/r", check=False).returncode == 0)
    assert f"default via {host.gateway}" in zone.sh("cat /route")
    assert zone.address in zone.sh("cat /addr")


def test_show_names_the_hosts_end_of_each_interface_and_what_the_zone_waits_for(host):
    host.zone("db")
    zone = host.zone("web", boot=True, after="[db]", restart="on-failure", **{"boot-priority": "7"},
                     network="[{name: eth0}, {name: back}]")
    shown = json.loads(host.zonectl("show", "--json", "web").stdout)
    links = {entry["interface"]: entry["host-interface"] for entry in shown["host-interfaces"]}
    assert set(links) == {"eth0", "back"}
    for name, link in links.items():
        there, = json.loads(subprocess.run(["ip", "-j", "link", "show", link], capture_output=True, check=True).stdout)
        assert there["master"] == host.tag
        assert int(zone.sh(f"cat /sys/class/net/{name}/iflink")) == there["ifindex"]
    assert (shown["after"], shown["requires"], shown["restart"], shown["boot-priority"]) == (["db"], [], "on-failure", 7)
    text = host.zonectl("show", "web").stdout
    for line in (f"eth0 is {links['eth0']} on the host", "Boots after:", "Restart:", "Boot priority:"):
        assert line in text
    # whoever may not see the details sees the rest, and is not asked for a password
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           *host.argv("show", "--json", "web")], env=host.environment, capture_output=True, text=True,
                          check=True)
    public = json.loads(done.stdout)
    assert public["state"] == "running" and public["machine-id"] == "" and public["restart"] is None
    zone.halt()
    assert json.loads(host.zonectl("show", "--json", "web").stdout)["host-interfaces"] == []


def test_identity_files_are_the_zones_own(host):
    zone = host.zone("z1", boot=True)
    machine = zone.sh("cat /etc/machine-id")
    assert machine == zone.machineId and len(machine) == 32
    assert zone.sh("cat /etc/hostname") == "z1"
    hosts = zone.sh("cat /etc/hosts")
    assert "127.0.0.1" in hosts and "localhost" in hosts and "z1" in hosts
    assert zone.sh("hostname -i || true") is not None
    before = machine
    zone.halt()
    zone.boot()
    assert zone.sh("cat /etc/machine-id") == before
    assert host.zone("z2", boot=True).machineId != before


def test_what_the_zone_wrote_into_its_hosts_file_is_not_lost_without_need(host):
    zone = host.zone("z1", boot=True)
    zone.sh("echo '192.0.2.1 mine' >>/etc/hosts")
    zone.reboot()
    assert "z1" in zone.sh("cat /etc/hosts")


def counterpart(a, b):
    return a.sh("cat /sys/class/net/eth0/address"), b.sh("cat /sys/class/net/eth0/address")


def test_a_source_address_of_another_is_dropped(host):  # threat 29
    a, b, c = (host.zone(name, boot=True) for name in "abc")
    assert pings(a, b.address)
    stolen = c.address
    a.sh(f"ip address add {stolen}/32 dev eth0")
    for source in (stolen, f"{host.subnet}.99.99", "192.0.2.9"):
        a.exec("ip", "address", "add", f"{source}/32", "dev", "eth0", check=False)
        done = a.exec("ping", "-c", "2", "-W", "1", "-I", source, b.address, check=False)
        assert done.returncode != 0 and " 0 packets received" in done.stdout
    assert pings(a, b.address), "honest traffic must go on"
    assert pings(c, b.address)
    # b has not learnt a false neighbour by the ARP requests either.
    assert counterpart(a, c)[0] not in b.sh(f"ip neigh show {stolen} || true")


def test_a_changed_hardware_address_is_dropped(host):  # threat 30
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    own, neighbours = counterpart(a, b)
    for address in ("02:00:00:12:34:56", neighbours):
        a.sh(f"ip link set eth0 down; ip link set eth0 address {address}; ip link set eth0 up;"
             f"ip route add default via {host.gateway} || true")
        assert not pings(a, b.address)
    assert pings(b, host.gateway), "the neighbour is unharmed"
    a.sh(f"ip link set eth0 down; ip link set eth0 address {own}; ip link set eth0 up")
    eventually(lambda: pings(a, b.address), 15)


def test_a_zone_cannot_reach_into_the_hosts_interfaces(host):  # threat 35
    zone = host.zone("z1", boot=True)
    before = subprocess.run(["ip", "-br", "link"], capture_output=True, check=True).stdout
    for attempt in ("ip link add x type veth peer name y netns 1", "ip link set eth0 netns 1",
                    f"ip link set {host.tag} down"):
        zone.exec("sh", "-c", attempt, check=False)
    after = subprocess.run(["ip", "-br", "link"], capture_output=True, check=True).stdout
    assert {line.split()[0].split(b"@")[0] for line in after.splitlines()} == \
        {line.split()[0].split(b"@")[0] for line in before.splitlines()}
    zone.halt()
    assert zone.state == "installed"


def test_a_zone_that_deletes_or_renames_its_interface_stops_cleanly(host):
    for command in ("ip link del eth0", "ip link set eth0 down; ip link set eth0 name other0"):
        zone = host.zone("z1", boot=True)
        zone.exec("sh", "-c", command, check=False)
        zone.shutdown(20)
        zone.boot()
        assert pings(zone, host.gateway)
        zone.halt()
        zone.delete()


def test_the_firewall_masquerades_to_the_outside_only(host):
    host.zone("z1", boot=True)
    rules = json.loads(subprocess.run(["nft", "-j", "list", "table", "inet", host.tag], capture_output=True,
                                      check=True).stdout)
    assert "masquerade" in json.dumps(rules)


def test_rules_do_not_grow_with_the_number_of_zones(host):
    def rules():
        count = 0
        for family in ("inet", "bridge"):
            listing = json.loads(subprocess.run(["nft", "-j", "list", "table", family, host.tag],
                                                capture_output=True, check=True).stdout)
            count += sum("rule" in item for item in listing["nftables"])
        return count

    host.zone("a", boot=True)
    one = rules()
    for name in "bcd":
        host.zone(name, boot=True)
    assert rules() == one > 0


def test_a_firewall_that_was_flushed_is_whole_again_after_a_restart(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    for family in ("inet", "bridge"):
        subprocess.run(["nft", "delete", "table", family, host.tag], check=True)
    host.restart()
    assert pings(a, b.address)
    a.sh("ip address add 192.0.2.9/32 dev eth0")
    assert a.exec("ping", "-c", "1", "-W", "1", "-I", "192.0.2.9", b.address, check=False).returncode != 0


def test_a_bridge_that_was_deleted_is_made_again(host):
    zone = host.zone("z1", boot=True)
    zone.halt()
    subprocess.run(["ip", "link", "del", host.tag], check=True)
    host.restart()
    zone.boot()
    assert pings(zone, host.gateway)


@pytest.mark.parametrize("address, says", [("192.0.2.7/24", "outside"), ("GATEWAY/16", ""), ("BASE.0.0/16", ""),
                                           ("BASE.255.255/16", "")])
def test_an_address_that_cannot_be_is_refused(host, address, says):
    address = address.replace("GATEWAY", host.gateway).replace("BASE", host.subnet)
    host.refused("create", "z1", "--image", "busybox", "--set", f"network[0].address={address}",
                 says=("network[0].address", says))
    assert host.zones() == {}


def test_an_address_is_not_given_twice(host):
    host.zonectl("create", "a", "--image", "busybox", "--set", f"network[0].address={host.subnet}.4.4/16")
    host.refused("create", "b", "--image", "busybox", "--set", f"network[0].address={host.subnet}.4.4/16",
                 says=(f"{host.subnet}.4.4", "a"))
    host.zonectl("create", "c", "--image", "busybox", "--boot")
    taken = host.bus.get("/org/zoned1/zone/c", "org.zoned1.Zone", "Addresses")[0][1]
    host.refused("create", "b", "--image", "busybox", "--set", f"network[0].address={taken}", says="c")


def test_a_flushed_packet_filter_is_made_again_with_the_guards_of_running_zones(host):
    zone = host.zone("z1", boot=True)
    for family in ("inet", "bridge"):
        subprocess.run(["nft", "delete", "table", family, host.tag], check=True)
    host.restart()
    assert pings(zone, host.gateway)
    zone.sh(f"ip address add {host.subnet}.9.9/16 dev eth0")
    assert zone.exec("ping", "-c", "1", "-W", "1", "-I", f"{host.subnet}.9.9", host.gateway, check=False).returncode != 0


def test_a_packet_filter_flushed_under_running_zones_is_whole_again_by_itself(host):
    zone = host.zone("z1", boot=True)
    for family in ("inet", "bridge"):
        subprocess.run(["nft", "delete", "table", family, host.tag], check=True)
    listed = ["nft", "list", "set", "bridge", host.tag, "ports"]
    eventually(lambda: '"zv' in subprocess.run(listed, capture_output=True, text=True, check=False).stdout,
               what="the guard of the running zone")
    assert pings(zone, host.gateway)
    zone.sh(f"ip address add {host.subnet}.9.9/16 dev eth0")
    assert zone.exec("ping", "-c", "1", "-W", "1", "-I", f"{host.subnet}.9.9", host.gateway, check=False).returncode != 0


def test_a_network_that_the_host_is_on_already_is_refused(makeHost):
    """Its route would take the host's traffic away."""
    ownHost = makeHost()
    link, subnet = f"{ownHost.tag}x", ownHost.subnet
    subprocess.run(["ip", "link", "add", link, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"{subnet}.7.1/24", "dev", link], check=True)
        ownHost.start()
        ownHost.busybox()
        ownHost.zone("z1")
        ownHost.refused("boot", "z1", status=(1,), says=(f"{subnet}.7.1/24", link, "network.address"))
        assert subprocess.run(["ip", "link", "show", ownHost.tag], capture_output=True, check=False).returncode != 0
    finally:
        subprocess.run(["ip", "link", "del", link], check=True)
    assert ownHost.zones() == {"z1": "installed"}
    ownHost.zonectl("boot", "z1")


def test_a_bridge_made_anew_gets_the_ports_of_running_zones_back(host):
    zone = host.zone("z1", boot=True)
    subprocess.run(["ip", "link", "del", host.tag], check=True)
    host.restart()
    assert pings(zone, host.gateway)
