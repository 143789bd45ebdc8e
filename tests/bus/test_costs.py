"""What callers cost who may nothing: bounded memory, and the others are answered meanwhile."""

import json
import subprocess

import pytest
from gi.repository import Gio, GLib

from support.bus import MANAGER, MANAGER_PATH, SERVICE, ZONE, Bus, BusFault, zonePath
from support.fake_polkit import FakePolkit
from support.host import SOURCE
from support.wait import eventually

LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded"
# 64 KiB that take long to read, and are a valid document
DEAR = "zone: evil\nimage: busybox\nenvironment: {" + "A: '" + "x" * 20_000 + "', " + \
    ", ".join(f"B{i}: y" for i in range(1500)) + "}\n"

# Connects `clients` times, sends `calls` calls of a kind over each, and says how they were answered.
FLOOD = """\
import collections, json, sys
sys.path.insert(0, sys.argv[1])
from support.bus import *
wish = json.load(sys.stdin)
body = GLib.Variant.parse(GLib.VariantType.new(wish["signature"]), wish["args"], None, None) if wish["args"] else None
flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if wish["interactive"] else Gio.DBusCallFlags.NONE
buses = [Bus(wish["address"]) for _ in range(wish["clients"])]
answers, owed = collections.Counter(), wish["clients"] * wish["calls"]
def answered(connection, result):
    try:
        connection.call_finish(result)
        answers[""] += 1
    except GLib.Error as error:
        answers[faultOf(error).full] += 1
for bus in buses:
    for _ in range(wish["calls"]):
        bus.connection.call(SERVICE, wish["path"], wish["interface"], wish["method"], body, None, flags, 60_000, None,
                            answered)
print("sent", flush=True)
while sum(answers.values()) < owed:
    GLib.MainContext.default().iteration(True)
print(json.dumps(answers), flush=True)
"""


class Flood:
    """Calls of a process of `nobody`."""

    def __init__(self, host, method, signature, args, path=MANAGER_PATH, interface=MANAGER, clients=24, calls=30,
                 interactive=False, uid=65534):
        self.process = subprocess.Popen(
            ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "/usr/bin/python3", "-B", "-c",
             FLOOD, SOURCE / "tests"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(
            {"address": host.address, "path": path, "interface": interface, "method": method, "signature": signature,
             "args": args, "clients": clients, "calls": calls, "interactive": interactive}))
        self.process.stdin.close()
        self.process.stdin = None

    def sent(self):
        assert self.process.stdout.readline() == "sent\n"
        return self

    def answers(self):
        """How many of the calls were answered how."""
        out, _ = self.process.communicate(timeout=120)
        return json.loads(out.splitlines()[-1])

    def end(self):
        self.process.kill()
        self.process.communicate()


def memory(host, what="VmHWM"):
    """Of zoned, in MiB: at most so far, or with VmRSS now."""
    lines = open(f"/proc/{host.process.pid}/status", encoding="ascii").read().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


@pytest.fixture
def polkit(host):
    fake = FakePolkit(host.address)
    yield fake
    fake.close()


TEXT = repr(DEAR)
DEFINE = ("Define", "(sssa(ss))", f"('', {TEXT}, '', @a(ss) [])")
VERIFY = ("Verify", "(ss)", f"({TEXT}, '')")


@pytest.mark.parametrize("call", [DEFINE, VERIFY], ids=["Define", "Verify"])
def test_many_dear_definitions_of_nobody_cost_little_and_hold_root_up_for_nothing(host, polkit, call):
    """Each takes the old way some 40 ms and a few copies of 64 KiB: 720 of them half a minute and a GiB."""
    host.define("z1")
    before = memory(host)
    flood = Flood(host, *call).sent()
    answered = 0
    while flood.process.poll() is None and answered < 50:
        host.bus.manager("ListZones", timeout=10)
        answered += 1
    answers = flood.answers()
    assert set(answers) <= {"org.zoned1.Error.NotPermitted", LIMITS_EXCEEDED} and sum(answers.values()) == 720
    assert memory(host) - before < 48, "MiB more than before, at most"
    assert host.zones() == {"z1": "configured"}


def test_the_text_of_who_may_not_is_not_read(host, polkit):
    """One that makes every reader of it stumble is refused as any other."""
    bad = "('', 'zone: ok\\nimage: [', '', @a(ss) [])"
    assert host.asUser([[MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", bad, 0]]) == ["org.zoned1.Error.NotPermitted"]
    assert [(asked.action, asked.details) for asked in polkit.asked] == [("org.zoned1.create", {"zone": "ok"})]


def test_while_polkit_thinks_a_user_has_a_bounded_number_of_bytes_and_calls_under_way(host, polkit):
    polkit.says = "nothing"
    before = memory(host)
    flood = Flood(host, "Define", "(sssa(ss))", f"('evil', '{'x' * 250_000}', '', @a(ss) [])", clients=8, calls=50)
    try:
        flood.sent()
        polkit.until(1)
        host.bus.manager("ListZones", timeout=10)
        eventually(lambda: memory(host, "VmRSS") - before < 24, what="what was refused to be given back")
        assert len(polkit.asked) <= 4, "questions for a MiB of calls under way"
        assert memory(host) - before < 48
        # those of others are looked at all the same
        assert host.asUser([[MANAGER_PATH, MANAGER, "ListZones", "()", "()", 0]], uid=2) == [""]
    finally:
        flood.end()
    eventually(lambda: len(polkit.cancelled) == len(polkit.asked))
    # and his own again, once he has none under way
    polkit.says = "no"
    assert host.asUser([[MANAGER_PATH, MANAGER, "Verify", "(ss)", "('zone: a', '')", 0]]) == [
        "org.zoned1.Error.NotPermitted"]


@pytest.mark.parametrize("call", [
    (MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", lambda big: ("", big, "", [])),
    (MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", lambda big: ("", "", "", [("a", "b")] * (len(big) // 16))),
    (MANAGER_PATH, MANAGER, "Verify", "(ss)", lambda big: (big, "")),
    (MANAGER_PATH, MANAGER, "Stat", "(as)", lambda big: ([""] * (len(big) // 8),)),
    (MANAGER_PATH, MANAGER, "BuildImage", "(ssa{sv})", lambda big: ("a", "b", {"mirror": GLib.Variant("s", big)})),
    (zonePath("z1"), ZONE, "Exec", "(asa{sv})", lambda big: ([big], {})),
    (zonePath("z1"), ZONE, "Set", "(a(ss)a{sv})", lambda big: ([("description", big)], {})),
    (zonePath("z1"), ZONE, "Boot", "(a{sv})", lambda big: ({"args": GLib.Variant("as", [big])},)),
    (zonePath("z1"), ZONE, "ReadLog", "(s)", lambda big: (big,)),
    (MANAGER_PATH, MANAGER, "NoSuchMethod", "(s)", lambda big: (big,))],
    ids=lambda call: call[2])
def test_a_call_that_is_too_large_is_refused_before_it_is_looked_at(host, call):
    host.define("z1")
    path, interface, method, signature, arguments = call
    with pytest.raises(BusFault) as caught:
        host.bus.call(path, interface, method, signature, arguments("x" * 300_000))
    assert caught.value.name == "InvalidArgument" and "larger than 256 KiB" in caught.value.text


def test_who_keeps_the_service_busy_with_what_everybody_may_holds_up_nobody_else(host):
    """The whole tree of objects, again and again. (How many are turned away is the machine's: unit/daemon/turnstile.)"""
    for number in range(40):
        host.define(f"z{number}")
    flood = Flood(host, "GetManagedObjects", "()", "()", interface="org.freedesktop.DBus.ObjectManager", calls=40)
    flood.sent()
    host.bus.manager("ListZones", timeout=10)
    answers = flood.answers()
    assert set(answers) <= {"", LIMITS_EXCEEDED} and sum(answers.values()) == 960
    assert answers.get("", 0) > 0
    eventually(lambda: host.asUser([[MANAGER_PATH, MANAGER, "ListZones", "()", "()", 0]]) == [""])


def test_who_a_caller_is_is_asked_once_and_not_of_those_who_have_gone(host):
    """Names on the bus are never used again, and root's calls cost no question."""
    seen = []

    def heard(_connection, message, incoming):
        if incoming and message.get_member() == "GetConnectionCredentials":
            seen.append(message.get_sender())
        return None if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL else message

    watcher = Bus(host.address)
    watcher.connection.add_filter(heard)
    watcher.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
                                 "BecomeMonitor", GLib.Variant("(asu)", (["member='GetConnectionCredentials'"], 0)),
                                 None, 0, -1, None)
    try:
        other = Bus(host.address)
        for _ in range(5):
            other.manager("ListZones")
        eventually(lambda: len(seen) == 1)
        other.manager("ListZones")
        other.close()
        another = Bus(host.address)
        another.manager("ListZones")
        eventually(lambda: len(seen) == 2)
        another.close()
        assert len(set(seen)) == 1, "asked over one connection"
    finally:
        watcher.close()
