"""What busctl shows is what lib/api promises."""

import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from support.bus import BusFault, IMAGE, JOB, MANAGER, MANAGER_PATH, ZONE, imagePath, zonePath
from support.host import SOURCE

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def contract(element):
    """An interface as plain data: what a caller can rely on, without names of arguments."""
    def args(member, direction=None):
        return [arg.get("type") for arg in member.findall("arg")
                if direction is None or arg.get("direction", "in") == direction]

    def emits(prop):
        for note in prop.findall("annotation"):
            if note.get("name") == EMITS:
                return note.get("value")
        return "true"

    return {
        "methods": {m.get("name"): (args(m, "in"), args(m, "out")) for m in element.findall("method")},
        "signals": {s.get("name"): args(s) for s in element.findall("signal")},
        "properties": {p.get("name"): (p.get("type"), p.get("access"), emits(p)) for p in element.findall("property")},
    }


def written(interface):
    tree = ElementTree.parse(SOURCE / "lib/api" / f"{interface}.xml")
    return contract(tree.getroot().find("interface"))


def shown(bus, path, interface):
    root = ElementTree.fromstring(bus.introspect(path))
    found = [element for element in root.findall("interface") if element.get("name") == interface]
    assert found, f"{path} does not have {interface}"
    return contract(found[0])


@pytest.mark.parametrize("interface", [MANAGER, ZONE, IMAGE, JOB])
def test_an_object_introspects_as_its_contract_is_written(host, interface, heldJob):
    host.define("z1")
    path = {MANAGER: MANAGER_PATH, ZONE: zonePath("z1"), IMAGE: imagePath("busybox"), JOB: heldJob.path}[interface]
    assert shown(host.bus, path, interface) == written(interface)


@pytest.mark.parametrize("interface", [MANAGER, ZONE, IMAGE, JOB])
def test_every_property_can_be_read_and_has_its_type(host, interface, heldJob):
    host.define("z1")
    path = {MANAGER: MANAGER_PATH, ZONE: zonePath("z1"), IMAGE: imagePath("busybox"), JOB: heldJob.path}[interface]
    values = host.bus.getAll(path, interface)
    assert set(values) == set(written(interface)["properties"])


@pytest.mark.parametrize("interface, paths", [
    (ZONE, ("/org/zoned1/zone", zonePath("z2"), zonePath("z1") + "/deeper", "/org/zoned1/zone/_", "/org/zoned1/zonez1")),
    (IMAGE, ("/org/zoned1/image", imagePath("z1"))), (JOB, ("/org/zoned1/job/99", "/org/zoned1/job/web"))])
def test_what_is_beside_above_or_below_objects_is_none(host, interface, paths):
    host.define("z1")
    for path in paths:
        for ask in (lambda: host.bus.getAll(path, interface),
                    lambda: host.bus.call(path, interface, "Cancel" if interface == JOB else "Delete")):
            with pytest.raises(BusFault) as told:
                ask()
            assert told.value.full.startswith("org.freedesktop.DBus.Error.Unknown"), (path, told.value)


def test_the_manager_lists_every_object_with_its_properties(host):
    host.define("a-zone")
    objects = host.bus.objects()
    assert objects[zonePath("a-zone")][ZONE]["Name"] == "a-zone"
    assert objects[zonePath("a-zone")][ZONE]["State"] == "configured"
    assert objects[imagePath("busybox")][IMAGE]["Name"] == "busybox"


def test_names_with_dashes_and_leading_digits_have_valid_paths(host):
    for name in ("web-1", "1st", "9-x", "a--b"):
        host.define(name)
        assert host.bus.manager("GetZone", "(s)", name) == zonePath(name)
        assert host.bus.get(zonePath(name), ZONE, "Name") == name


def test_busctl_shows_the_tree_and_calls_a_method(host):
    host.define("z1")
    tree = subprocess.run(["busctl", f"--address={host.address}", "--list", "tree", "org.zoned1"],
                          capture_output=True, text=True, check=True).stdout.split()
    assert "/org/zoned1" in tree and zonePath("z1") in tree and imagePath("busybox") in tree
    listed = subprocess.run(["busctl", f"--address={host.address}", "call", "org.zoned1", MANAGER_PATH, MANAGER,
                             "ListZones"], capture_output=True, text=True, check=True).stdout
    assert '"z1" "configured"' in listed


def test_properties_cannot_be_set(host):
    from gi.repository import GLib

    from support.bus import PROPERTIES, BusFault
    zone = host.define("z1")
    for name in ("State", "Autoboot", "Privileged", "InitPid"):
        value = {"State": GLib.Variant("s", "running"), "InitPid": GLib.Variant("u", 1)}.get(
            name, GLib.Variant("b", True))
        with pytest.raises(BusFault):
            host.bus.call(zone.path, PROPERTIES, "Set", "(ssv)", (ZONE, name, value))
    assert zone.state == "configured"
