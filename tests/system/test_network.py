"""Zones on the managed network: they reach each other and the bridge, and cannot pretend to be another."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from support.frames import BROADCAST, Wire, arp, ethernet, reserved, routerAdvertisement, udp4
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
    listed = ["nft", "list", "set", "bridge", host.tag, "port_ipv4"]
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


# ---- frames that no honest network stack would send ----------------------------------------------------------------


IP, ARP, IP6 = 0x0800, 0x0806, 0x86DD


def macOf(zone):
    return zone.sh("cat /sys/class/net/eth0/address")


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def portsOf(bridge):
    return [link["ifname"] for link in json.loads(run("ip", "-j", "link", "show", "master", bridge))]


def bridgeMac(bridge):
    return json.loads(run("ip", "-j", "link", "show", bridge))[0]["address"]


def learned(bridge):
    """What the bridge says is behind its ports."""
    return {entry["mac"]: entry["ifname"] for entry in json.loads(run("bridge", "-j", "fdb", "show", "br", bridge))
            if entry.get("master") == bridge and entry.get("state") != "permanent"}


class Service:
    """Something of the host's that listens to anybody, and what it has heard."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def heard(self, last):
        """All up to the word `last`, which is waited for."""
        words = []
        self.socket.settimeout(15)
        while not words or words[-1] != last:
            words.append(self.socket.recv(100))
        return words


def test_frames_to_the_groups_of_bridges_take_nothing_from_neighbours_and_reach_no_socket(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    assert pings(a, b.address) and pings(b, host.gateway)
    own, neighbours = counterpart(a, b)
    with Service() as service, Wire(a) as wire:
        for last in range(16):
            for source, address in ((neighbours, "8.8.8.8"), (f"02:77:00:00:00:{last:02x}", b.address),
                                    (own, a.address)):
                wire.send(ethernet(source, reserved(last), IP, udp4(address, host.gateway, service.port, b"forged")))
        wire.send(ethernet(own, bridgeMac(host.tag), IP, udp4(a.address, host.gateway, service.port, b"honest")))
        assert service.heard(b"honest") == [b"honest"]
    table = learned(host.tag)
    assert set(table) == {own, neighbours}
    assert len(set(table.values())) == 2
    assert pings(b, host.gateway)


def test_a_zone_is_no_router_of_the_hosts(host):
    a = host.zone("a", boot=True)
    own = macOf(a)
    advertisement = routerAdvertisement("2001:db8:77::")
    with Service() as service, Wire(a) as wire:
        for destination in ("33:33:00:00:00:01", BROADCAST, bridgeMac(host.tag), *map(reserved, range(16))):
            wire.send(ethernet(own, destination, IP6, advertisement))
        wire.send(ethernet(own, bridgeMac(host.tag), IP, udp4(a.address, host.gateway, service.port, b"honest")))
        assert service.heard(b"honest") == [b"honest"]
    assert "2001:db8:77:" not in run("ip", "-6", "address") + run("ip", "-6", "route", "show", "table", "all")
    assert "fe80::bad" not in run("ip", "-6", "route", "show", "table", "all")
    for port in portsOf(host.tag):
        assert Path(f"/proc/sys/net/ipv6/conf/{port}/disable_ipv6").read_text() == "1\n"
    assert Path(f"/proc/sys/net/ipv6/conf/{host.tag}/accept_ra").read_text() == "0\n"


@pytest.mark.parametrize("end", ["halt", "poweroff", "crash"])
def test_what_goes_on_in_the_network_of_a_stopped_zone_reaches_nobody(host, end):
    a, b, c = (host.zone(name, boot=True) for name in "abc")
    assert pings(b, host.gateway)
    forged = [ethernet(source, BROADCAST, ARP, arp(source, host.gateway, b.address))
              for source in (macOf(a), macOf(c), "02:77:00:00:00:01")]
    honest = ethernet(macOf(c), BROADCAST, IP, udp4(c.address, b.address, 9, b"honest"))
    with Wire(a) as loop, Wire(b) as victim, Wire(c) as neighbour:
        if end == "halt":
            a.halt()
        elif end == "poweroff":
            a.exec("poweroff", "-f", check=False)
        else:
            os.kill(host.supervisors("a")[0], signal.SIGKILL)
        a.until("installed")
        loop.send(*forged)
        neighbour.send(honest)
        came = []
        eventually(lambda: came.extend(victim.received()) or honest in came, what="an honest frame")
        assert not set(forged) & set(came)
    assert run("nft", "list", "set", "bridge", host.tag, "port_ipv4").count("zv") == 2


def test_a_port_that_no_rule_speaks_of_passes_nothing(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    assert pings(a, b.address)
    for name in ("ports", "port_ipv4"):
        run("nft", "flush", "set", "bridge", host.tag, name)
    assert not pings(a, b.address)
    host.restart()
    assert pings(a, b.address)


def test_a_port_that_somebody_has_put_back_into_the_bridge_is_as_it_was(host):
    a, b = host.zone("a", boot=True), host.zone("b", boot=True)
    port = portsOf(host.tag)[0]
    before = run("bridge", "-d", "link", "show", "dev", port)
    run("ip", "link", "set", port, "nomaster")
    run("ip", "link", "set", port, "master", host.tag)
    assert run("bridge", "-d", "link", "show", "dev", port) != before
    host.restart()
    assert run("bridge", "-d", "link", "show", "dev", port) == before
    assert set(learned(host.tag)) == {macOf(a), macOf(b)}


def test_no_zone_fills_the_hosts_table_of_connections(makeHost):
    ownHost = makeHost()
    settings = yaml.safe_load((ownHost.root / "etc/zoned/zoned.yaml").read_text())
    settings["network"]["connections"] = 256
    (ownHost.root / "etc/zoned/zoned.yaml").write_text(yaml.safe_dump(settings))
    ownHost.start()
    ownHost.busybox()
    a = ownHost.zone("a", boot=True)
    own, gateway = macOf(a), bridgeMac(ownHost.tag)
    with Wire(a) as wire:
        for port in range(1024, 9024):
            wire.send(ethernet(own, gateway, IP, udp4(a.address, ownHost.gateway, 9, b"x", sourcePort=port)))
    entries = Path("/proc/net/nf_conntrack").read_text().count(f"src={a.address} ")
    assert 1 < entries <= 256
    eventually(lambda: pings(a, ownHost.gateway), what="the zone to speak again")


class Router:
    """A network namespace, in which a zoned may run as on a host of its own, beside networks with one machine each."""

    def __init__(self):
        self.processes = []
        self.inside = self._namespace()
        run(*self.inside, "ip", "link", "set", "lo", "up")
        self.forward(0)  # a new one has what the first one has

    def _namespace(self):
        process = subprocess.Popen(["unshare", "-n", "sleep", "600"])
        self.processes.append(process)
        eventually(lambda: os.readlink(f"/proc/{process.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        return "nsenter", "-t", str(process.pid), "-n", "--"

    def network(self, link, prefix):
        """One more, at the link; how to run something on its machine, which is PREFIX.2."""
        there = self._namespace()
        run(*self.inside, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", there[2])
        run(*self.inside, "ip", "address", "add", f"{prefix}.1/24", "dev", link)
        run(*self.inside, "ip", "link", "set", link, "up")
        for words in (("link", "set", "eth0", "up"), ("address", "add", f"{prefix}.2/24", "dev", "eth0"),
                      ("route", "add", "default", "via", f"{prefix}.1")):
            run(*there, "ip", *words)
        return there

    def setting(self, name):
        return run(*self.inside, "cat", f"/proc/sys/net/ipv4/{name}").strip()

    def forward(self, value):
        run(*self.inside, "sh", "-c", f"echo {value} >/proc/sys/net/ipv4/ip_forward")

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def test_the_host_routes_for_its_zones_and_for_nobody_else(makeHost):
    router = Router()
    try:
        one = router.network("one", "198.18.1")
        router.network("two", "198.18.2")
        ownHost = makeHost().start(wrapper=router.inside)
        ownHost.busybox()
        zone = ownHost.zone("z1", boot=True)

        def forwardsForAll():
            return subprocess.run([*one, "ping", "-c", "1", "-W", "1", "198.18.2.2"], capture_output=True,
                                  check=False).returncode == 0

        assert pings(zone, "198.18.1.2") and pings(zone, "198.18.2.2")
        assert router.setting("ip_forward") == "0"
        assert not forwardsForAll()
        ownHost.kill()  # what was opened is known to the next service
        ownHost.start(wrapper=router.inside)
        router.forward(1)  # a host that becomes a router routes for everybody
        eventually(forwardsForAll, what="the host to route as its administrator wants")
        assert pings(zone, "198.18.1.2")
        router.forward(0)  # which takes it from all links
        eventually(lambda: pings(zone, "198.18.1.2") and pings(zone, "198.18.2.2"), what="the zone to be routed again")
        assert not forwardsForAll()
        router.network("late", "198.18.3")
        eventually(lambda: pings(zone, "198.18.3.2"), what="a network that has come since")
        zone.halt()
        eventually(lambda: {router.setting(f"conf/{link}/forwarding") for link in ("one", "two", "late")} == {"0"},
                   what="forwarding to be put back")
        assert router.setting("ip_forward") == "0"
    finally:
        router.close()


# ---- bridges of the administrator's --------------------------------------------------------------------------------


@pytest.fixture
def ownBridge(host):
    """An administrator's bridge with an address, and the name of it."""
    name = f"{host.tag}x"
    run("ip", "link", "add", name, "type", "bridge")
    try:
        run("ip", "address", "add", "198.51.100.1/24", "dev", name)
        run("ip", "link", "set", name, "up")
        yield name
    finally:
        run("ip", "link", "del", name)


def test_on_an_own_bridge_a_zone_has_any_address_but_is_no_bridge_and_no_router(host, ownBridge):
    zone = host.zone("z1", network=f"[{{bridge: {ownBridge}, address: 198.51.100.7/24}}]", boot=True)
    port = portsOf(ownBridge)[0]
    own = macOf(zone)
    assert pings(zone, "198.51.100.1")
    with Service() as service, Wire(zone) as wire:
        for last in range(16):
            wire.send(ethernet(own, reserved(last), IP, udp4("198.51.100.7", "198.51.100.1", service.port, b"forged")),
                      ethernet(own, reserved(last), IP6, routerAdvertisement("2001:db8:77::")))
        wire.send(ethernet("02:77:00:00:00:01", bridgeMac(ownBridge), IP,
                           udp4("198.51.100.99", "198.51.100.1", service.port, b"other address")))
        assert service.heard(b"other address") == [b"other address"]
    assert "2001:db8:77:" not in run("ip", "-6", "address")
    assert Path(f"/proc/sys/net/ipv6/conf/{port}/disable_ipv6").read_text() == "1\n"
    assert learned(ownBridge)["02:77:00:00:00:01"] == port


def test_another_name_of_the_managed_bridge_leads_past_no_guard(host):
    host.zone("z0", boot=True)  # the bridge is there
    other = f"{host.tag}x"
    run("ip", "link", "property", "add", "dev", host.tag, "altname", other)
    zone = host.zone("z1", network=f"[{{bridge: {other}, address: 198.51.100.7/24}}]")
    refused = host.zonectl("boot", "z1", check=False)
    assert refused.returncode == 1 and "is the managed one" in refused.stderr
    assert zone.state == "installed"
    run("ip", "link", "property", "del", "dev", host.tag, "altname", other)


@pytest.mark.parametrize("size", [1400, 9000])
def test_an_interface_has_the_mtu_of_its_bridge(host, ownBridge, size):
    run("ip", "link", "set", ownBridge, "mtu", str(size))
    zone = host.zone("z1", network=f"[{{bridge: {ownBridge}, address: 198.51.100.7/24}}]", boot=True)
    assert zone.sh("cat /sys/class/net/eth0/mtu") == str(size)
    link = json.loads(run("ip", "-j", "link", "show", portsOf(ownBridge)[0]))[0]
    assert link["mtu"] == size
    assert json.loads(run("ip", "-j", "link", "show", ownBridge))[0]["mtu"] == size


def test_an_interface_has_no_ipv6_address_where_none_would_work(host, ownBridge):
    """nss-mymachines would name it before the one that does."""
    zone = host.zone("z1", network=f"[{{name: eth0}}, {{name: eth1, bridge: {ownBridge}}}]", boot=True)
    assert zone.sh("ip -6 address show dev eth0") == ""
    assert "inet6 fe80:" in zone.sh("ip -6 address show dev eth1")


# ---- names and routes ----------------------------------------------------------------------------------------------


def test_a_port_bears_the_name_of_its_zone_and_interface(host):
    first = host.zone("a", network="[{name: b-c}]", boot=True)
    second = host.zone("a-b", network="[{name: c}]", boot=True)
    for _ in range(3):  # at once: the links of the boot before are still there
        first.reboot(force=True)
        first.until("running")
        ports = {name: json.loads(run("ip", "-j", "link", "show", name))[0] for name in ("zone-a.b-c", "zone-a-b.c")}
        assert {link["operstate"] for link in ports.values()} == {"UP"}
        assert len({link["ifname"] for link in ports.values()}) == 2
    assert second.state == "running"


def test_a_network_that_a_route_of_the_hosts_leads_to_is_refused(makeHost):
    """As a VPN has it, whose link need not have an address there."""
    ownHost = makeHost()
    link, subnet = f"{ownHost.tag}x", ownHost.subnet
    run("ip", "link", "add", link, "type", "bridge")
    try:
        run("ip", "link", "set", link, "up")
        run("ip", "route", "add", f"{subnet}.128.0/17", "dev", link)
        run("ip", "route", "add", "0.0.0.0/1", "dev", link)
        ownHost.start()
        ownHost.busybox()
        zone = ownHost.zone("z1")
        ownHost.refused("boot", "z1", status=(1,), says=(f"route to {subnet}.128.0/17", link, "network.address"))
        run("ip", "route", "del", f"{subnet}.128.0/17", "dev", link)
        zone.boot()  # half of everything is no network
    finally:
        run("ip", "link", "del", link)
