"""An unprivileged caller on a bus that lets everything through: zoned itself says no."""

import xml.etree.ElementTree as ElementTree

import pytest

from support.bus import IMAGE, JOB, MANAGER, MANAGER_PATH, ZONE, imagePath
from support.host import SOURCE, Host

# What everyone may do; everything else that introspection shows must be refused.
PUBLIC = {(MANAGER, "ListZones"), (MANAGER, "GetZone"), (MANAGER, "ListImages"), (MANAGER, "ListJobs"),
          (MANAGER, "Stat"), (ZONE, "Stat")}
NOT_PERMITTED = "org.zoned1.Error.NotPermitted"
# A well-formed value of each type, in GVariant text.
VALUES = {"s": "'z1'", "as": "['z1']", "a(ss)": "[('image', 'busybox')]", "a{sv}": "{}", "u": "uint32 0",
          "b": "true", "h": "handle 0"}


def calls(bus, path, interface):
    """One well-formed call for each method that the object shows."""
    root = ElementTree.fromstring(bus.introspect(path))
    found = next(element for element in root.findall("interface") if element.get("name") == interface)
    for method in found.findall("method"):
        types = [arg.get("type") for arg in method.findall("arg") if arg.get("direction") == "in"]
        text = "(" + ", ".join(VALUES[each] for each in types) + ("," if len(types) == 1 else "") + ")"
        yield method.get("name"), [path, interface, method.get("name"), f"({''.join(types)})", text,
                                   types.count("h")]


@pytest.mark.parametrize("interface", [MANAGER, ZONE, IMAGE, JOB])
def test_only_public_methods_answer_an_unprivileged_caller(host, heldJob, interface):
    zone = host.zone("z1")
    path = {MANAGER: MANAGER_PATH, ZONE: zone.path, IMAGE: imagePath("busybox"), JOB: heldJob.path}[interface]
    made = list(calls(host.bus, path, interface))
    assert made
    replies = dict(zip((name for name, _ in made), host.asUser([call for _, call in made])))
    wrong = {name: reply for name, reply in replies.items()
             if ((interface, name) in PUBLIC) != (reply == "") or reply not in ("", NOT_PERMITTED)}
    assert not wrong
    assert zone.state == "installed" and host.imageExists("busybox")
    assert [row[5] for row in host.bus.manager("ListJobs")] == [heldJob.path]


def test_a_running_zone_gives_an_unprivileged_caller_neither_shell_nor_console(host, zone):
    replies = host.asUser([[zone.path, ZONE, "Exec", "(asa{sv})", "(['/bin/sh'], {})", 0],
                           [zone.path, ZONE, "OpenConsole", "()", "()", 0],
                           [zone.path, ZONE, "Halt", "()", "()", 0],
                           [zone.path, ZONE, "GetDefinition", "()", "()", 0]])
    assert replies == [NOT_PERMITTED] * 4
    assert zone.state == "running"


def test_the_answer_for_a_zone_that_is_not_there_tells_an_unprivileged_caller_no_secret(host):
    """Define of a taken and of a free name are refused alike: the right is asked before the argument is judged."""
    host.define("taken")
    replies = host.asUser([[MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", f"('{name}', '', '', [])", 0]
                           for name in ("taken", "free", "../bad")])
    assert replies == [NOT_PERMITTED] * 3


def test_environment_values_are_not_shown_to_everyone(host):
    host.define("z1", **{"environment.PASSWORD": "sesame-4711"})
    assert "sesame-4711" not in str(host.bus.objects())


def test_the_installed_bus_policy_keeps_others_from_the_name_and_from_private_calls():
    """The policy file itself, on a bus with nothing but it."""
    policies = [path for path in SOURCE.rglob("org.zoned1.conf*") if "build" not in path.parts[len(SOURCE.parts)]]
    assert policies, "no bus policy is shipped"
    include = f"<include>{policies[0]}</include>"
    host = Host(busPolicy='<policy context="default"><deny own="*"/><deny send_type="method_call"/>'
                          '<allow send_destination="org.freedesktop.DBus"/></policy>' + include)
    try:
        host.start()
        assert host.bus.manager("ListZones") == []
        owner, listing, define = host.asUser([
            ["/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", "('org.zoned1', uint32 7)", 0],
            [MANAGER_PATH, MANAGER, "ListZones", "()", "()", 0],
            [MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", "('z1', '', '', [])", 0]])
        assert owner != "" and listing == ""
        assert define in (NOT_PERMITTED, "org.freedesktop.DBus.Error.AccessDenied")
    finally:
        assert not host.close()
