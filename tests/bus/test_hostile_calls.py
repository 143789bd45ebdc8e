"""Whatever is sent, zoned answers with an error and stays alive."""

import os
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest
from gi.repository import GLib

from support.bus import IMAGE, MANAGER, MANAGER_PATH, SERVICE, ZONE, Bus, BusFault, imagePath
from support.wait import eventually

LONG = "x" * (1 << 20)
TEXTS = ["", " ", "\n", "\t", "'", '"', "../..", "/", "//", "-x", "--help", "%s%n", LONG, "a" * 300, "\x1b[2J",
         "\u202e", "\U0001f9a8", "z1\n", "$(reboot)", "; reboot", "{}", "[", "&a *a", "!!python/object:os.system"]


def attempt(host, path, interface, method, body, fds=()):
    try:
        host.bus.send(path, interface, method, body, fds=fds)
        return ""
    except BusFault as fault:
        return fault.full


@pytest.fixture
def same(host):
    """zoned is the same process before and after, has not grown much, and still lists zones."""
    def memory():
        lines = open(f"/proc/{host.process.pid}/status", encoding="ascii").read().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    pid, before = host.process.pid, memory()
    yield
    assert host.alive() and host.process.pid == pid, host.logTail()
    host.bus.manager("ListZones")
    assert memory() < before + 100_000, "grew by more than 100 MB"


def processorTime(pid):
    """Seconds that the process has used: what the machine does beside it does not matter."""
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)


def methods(host, path, interface):
    root = ElementTree.fromstring(host.bus.introspect(path))
    found = next(element for element in root.findall("interface") if element.get("name") == interface)
    return [method.get("name") for method in found.findall("method")]


BODIES = [None, GLib.Variant("(s)", ("x",)), GLib.Variant("(u)", (0xffffffff,)), GLib.Variant("(i)", (-1,)),
          GLib.Variant("(as)", ([],)), GLib.Variant("(a{sv})", ({"args": GLib.Variant("u", 1)},)),
          GLib.Variant("(v)", (GLib.Variant("v", GLib.Variant("s", "x")),)), GLib.Variant("(h)", (7,)),
          GLib.Variant("(shs)", ("x", 99, "x")), GLib.Variant("(ssa{sv})", ("", "", {})),
          GLib.Variant("(sssa(ss))", ("", "", "", [])), GLib.Variant("(asa{sv})", ([""], {})),
          GLib.Variant("(asa{sv})", ([], {"rows": GLib.Variant("t", 2**64 - 1)})),
          GLib.Variant("(ay)", (bytes(1 << 20),)), GLib.Variant("(b)", (True,))]
# Not tried with a body that could be right: they do what they say.
DESTRUCTIVE = {"Delete", "Uninstall", "Halt", "Install", "Ready"}


@pytest.mark.parametrize("interface", [MANAGER, ZONE, IMAGE])
def test_bodies_of_any_shape_are_answered(host, same, interface):
    host.define("z1")
    path = {MANAGER: MANAGER_PATH, ZONE: host.define("z2").path, IMAGE: imagePath("busybox")}[interface]
    for method in methods(host, path, interface):
        for body in BODIES:
            if method in DESTRUCTIVE and body is None:
                continue
            attempt(host, path, interface, method, body)
    assert set(host.zones()) >= {"z1", "z2"} and host.imageExists("busybox")


def test_texts_of_any_kind_are_refused_or_harmless(host, same):
    for text in TEXTS:
        for signature, args in (("(sssa(ss))", (text, "", "", [("image", "busybox")])),
                                ("(sssa(ss))", ("", text, "", [])),
                                ("(sssa(ss))", ("ok", "", "", [(text, "x")])),
                                ("(sssa(ss))", ("ok", "", "", [("image", text)])),
                                ("(sssa(ss))", ("ok", "", "", [("image", "busybox"), ("hostname", text)]))):
            reply = attempt(host, MANAGER_PATH, MANAGER, "Define", GLib.Variant(signature, args))
            # A hostname that is empty takes the key away, which is a good definition.
            assert reply or text == "", f"{signature} {args!r:.80} was taken"
        attempt(host, MANAGER_PATH, MANAGER, "Verify", GLib.Variant("(ss)", (text, text)))
        attempt(host, MANAGER_PATH, MANAGER, "GetZone", GLib.Variant("(s)", (text,)))
    assert set(host.zones()) <= {"ok"}
    assert sorted(entry.name for entry in (host.root / "etc/zoned/zones").iterdir()) == \
        sorted(f"{name}.yaml" for name in host.zones())


@pytest.mark.parametrize("text", [
    "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "zone: " + "[" * 10_000, "{" * 5000, "zone: !!binary aaaa\n",
    "zone: z1\nimage: busybox\nresources: {cpus: .nan}\n", "zone: z1\nimage: busybox\nresources: {cpus: 1e999}\n",
    "zone: z1\nimage: busybox\nzone: z2\n", "zone: z1\n---\nzone: z2\n", "- zone\n", "zone", "\ufeffzone: [\n",
    "zone: z1\nimage: busybox\nenvironment: {A: \"x\\ny\"}\n", "zone: z1\nimage: busybox\ndescription: \"a\\0b\"\n",
    "zone: z1\nimage: busybox\nhostname: \"a\\nb\"\n", "zone: z1\nimage: busybox\nenvironment: {\"A=B\": x}\n",
    "zone: z1\nimage: busybox\nmounts: [{source: relative, target: /x}]\n",
    "zone: z1\nimage: busybox\nmounts: [{source: /srv, target: /../..}]\n",
    "zone: z1\nimage: busybox\nnetwork: [{name: ../../x}]\n", "zone: z1\nimage: busybox\nstop-timeout: -1s\n",
    "zone: z1\nimage: busybox\nresources: {memory: 99999999999999999999T}\n",
    "zone: z1\nimage: ../../../etc\n", "zone: z1\nimage: busybox\ninit: []\n", "zone: z1\nimage: busybox\ninit: ['']\n",
    "? {a: b}\n: c\n"], ids=range(24))
def test_hostile_definitions_are_refused_by_name_and_quickly(host, same, text):
    with pytest.raises(BusFault) as caught:
        host.bus.call(MANAGER_PATH, MANAGER, "Verify", "(ss)", (text, "bad.yaml"), timeout=5)
    assert caught.value.name == "InvalidDefinition"
    assert len(caught.value.text) < 64 * 1024 and "\x00" not in caught.value.text


def test_a_long_name_is_not_sent_back(host, same):
    with pytest.raises(BusFault) as caught:
        host.bus.manager("GetZone", "(s)", "ä" * 50_000)
    assert caught.value.name == "NoSuchZone" and len(caught.value.text) < 200


def test_a_shutdown_takes_no_longer_than_a_definition_may_say(host, same):
    zone = host.zone("z1", boot=True)
    for timeout in (3601, 2**31, 2**32 - 1):
        with pytest.raises(BusFault) as caught:
            host.bus.call(zone.path, ZONE, "Shutdown", "(u)", (timeout,))
        assert caught.value.name == "InvalidArgument" and "1h" in caught.value.text
    assert zone.state == "running"


def test_what_everybody_may_ask_reads_no_file(host, same):
    zone = host.zone("z1")
    host.bus.manager("GetZone", "(s)", "z1")
    time.sleep(2.5)  # a file is known again once its time cannot be that of a later change too
    host.bus.manager("GetZone", "(s)", "z1")
    opened = host.base / "opened"
    tracer = subprocess.Popen(["strace", "-qq", "-e", "trace=open,openat,openat2", "-o", opened, "-p",
                               str(host.process.pid)])
    eventually(lambda: f"TracerPid:\t{tracer.pid}" in open(f"/proc/{host.process.pid}/status").read())
    for _ in range(20):
        host.bus.manager("GetZone", "(s)", "z1")
        assert host.asUser([[zone.path, ZONE, "GetDefinition", "()", "()", 0]]) == ["org.zoned1.Error.NotPermitted"]
    tracer.terminate()
    tracer.wait()
    assert "z1" not in opened.read_text()
    host.definitionFile("z1").write_text("zone: z1\nimage: busybox\ndescription: other\n")
    assert "other" in host.bus.call(zone.path, ZONE, "GetDefinition")


@pytest.mark.parametrize("settings", [[(f"environment.a{i}", "1") for i in range(257)],
                                      [(f"environment.a{i}", "1") for i in range(60_000)],
                                      [("environment.a", "[" + "a," * 2000 + "]")] * 200,
                                      [("a" * 70_000, "b")]], ids=["257", "60000", "lists", "long"])
@pytest.mark.parametrize("method", ["Define", "Set"])
def test_more_settings_than_a_definition_can_need_are_refused_before_they_are_read(host, same, method, settings):
    zone = host.define("z1")
    before = processorTime(host.process.pid)
    with pytest.raises(BusFault) as caught:
        if method == "Define":
            host.bus.call(MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", ("evil", "", "", settings), timeout=20)
        else:
            host.bus.call(zone.path, ZONE, "Set", "(a(ss)a{sv})", (settings, {}), timeout=20)
    assert caught.value.name == "InvalidArgument" and len(caught.value.text) < 200
    assert processorTime(host.process.pid) - before < 2


def test_as_many_settings_as_are_allowed_are_read(host, same):
    with pytest.raises(BusFault) as caught:
        host.bus.call(MANAGER_PATH, MANAGER, "Define", "(sssa(ss))",
                      ("z1", "", "", [("image", "busybox")] + [(f"environment.a{i}", "1") for i in range(255)]))
    assert caught.value.name == "InvalidDefinition" and "at most 64 variables" in caught.value.text


def test_surplus_and_unusable_descriptors_do_no_harm(host, same):
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    try:
        for _ in range(50):
            attempt(host, MANAGER_PATH, MANAGER, "ListZones", None, fds)
            attempt(host, MANAGER_PATH, MANAGER, "ImportImage", GLib.Variant("(shs)", ("x", 99, "x")), fds)
        eventually(lambda: len(os.listdir(f"/proc/{host.process.pid}/fd")) < 40,
                   what="zoned to close what it was sent")
    finally:
        for fd in fds:
            os.close(fd)


@pytest.mark.parametrize("kind", ["folder", "write-only", "socket"])
def test_an_archive_that_is_no_readable_file_is_refused(host, same, kind, tmp_path):
    import socket
    left, right = socket.socketpair()
    right.close()
    fd = {"folder": lambda: os.open(tmp_path, os.O_RDONLY), "socket": lambda: os.dup(left.fileno()),
          "write-only": lambda: os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT)}[kind]()
    try:
        end = host.bus.job(MANAGER_PATH, MANAGER, "ImportImage", "(shs)", ("bad", 0, "x"), fds=[fd])
        assert end.result == "failed" and end.message
    except BusFault as fault:
        assert fault.name in ("InvalidArgument", "BadArchive", "Failed")
    finally:
        os.close(fd)
        left.close()
    assert "bad" not in host.images()


def test_a_caller_that_goes_away_before_the_answer_does_no_harm(host, same):
    host.zone("z1")
    for method in ("Boot", "Halt") * 5:
        other = Bus(host.address)
        body = GLib.Variant("(a{sv})", ({},)) if method == "Boot" else None
        other.connection.call(SERVICE, "/org/zoned1/zone/z1", ZONE, method, body, None, 0, 1000, None, None)
        other.connection.flush_sync(None)
        other.close()
    host.bus.manager("ListZones")
    eventually(lambda: host.bus.get("/org/zoned1/zone/z1", ZONE, "Job") == "/")


def test_many_clients_at_once_are_all_answered(host, same):
    """24 connections, 50 calls each; a list of zones takes under a second all the while."""
    host.define("z1")
    wrong = []

    def client():
        bus = Bus(host.address)
        try:
            for _ in range(50):
                bus.connection.call_sync(SERVICE, MANAGER_PATH, MANAGER, "ListZones", None, None, 0, 10_000, None)
        except GLib.Error as error:
            wrong.append(error.message)
        finally:
            bus.close()

    threads = [threading.Thread(target=client) for _ in range(24)]
    for thread in threads:
        thread.start()
    host.bus.manager("ListZones", timeout=2)
    for thread in threads:
        thread.join()
    assert not wrong


# Sends signals to every connection there may be, as root's zonectl would like to hear them from the service.
PRETENDER = """\
import sys
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync(sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                                              Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
up = {"State": GLib.Variant("s", "running"), "Booted": GLib.Variant("b", True)}
for number in range(400):
    bus.emit_signal(f":1.{number}", "/org/zoned1/zone/z1", "org.freedesktop.DBus.Properties", "PropertiesChanged",
                    GLib.Variant("(sa{sv}as)", ("org.zoned1.Zone", up, [])))
    for job in range(1, 20):
        bus.emit_signal(f":1.{number}", "/org/zoned1", "org.zoned1.Manager", "JobRemoved", GLib.Variant(
            "(uosssss)", (job, f"/org/zoned1/job/{job}", "boot", "z1", "done", "", "a pretended warning")))
bus.flush_sync(None)
"""


def pretend(host):
    subprocess.run(["/usr/bin/python3", "-c", PRETENDER, host.address], user=65534, group=65534, check=True)


def test_signals_of_others_end_no_wait(host):
    host.define("z1")
    waits = subprocess.Popen(host.argv("wait", "z1", "running", "--timeout", "4"), env=host.environment,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while waits.poll() is None:
        pretend(host)
        time.sleep(0.2)
    assert waits.returncode == 1, waits.communicate()


def test_signals_of_others_end_no_job(host):
    """The job waits for an archive; the client hears of its end from the service alone."""
    imports = subprocess.Popen(host.argv("image", "import", "held", "-"), env=host.environment, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: host.bus.manager("ListJobs"))
        pretend(host)
        with pytest.raises(subprocess.TimeoutExpired):
            imports.wait(1)
    finally:
        told = "".join(imports.communicate())  # the end of the archive, which is none
    assert imports.returncode == 1 and "pretended" not in told, told
