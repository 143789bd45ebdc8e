"""An unprivileged caller on a bus that lets everything through: zoned itself says no."""

import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from support.bus import IMAGE, JOB, MANAGER, MANAGER_PATH, ZONE, imagePath, zonePath
from support.fake_polkit import FakePolkit
from support.host import SOURCE, Host
from support.wait import eventually

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


@pytest.fixture
def openFolder():
    """A folder that anybody can reach: a step of the boot refuses to show it writable, and says which it is."""
    folder = Path(tempfile.mkdtemp(prefix="payroll-4711-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.rmdir()


def test_why_something_failed_is_told_to_those_who_may_see_its_details(host, openFolder):
    """A reason names folders of the host: everybody hears that there is one."""
    secret = openFolder.name
    zone = host.zone("z1", mounts=f"[{{source: {openFolder}, target: /{secret}}}]", autoboot="true",
                     **{"boot-retries": "0"})
    heard = host.bus.watch()
    failed = host.zonectl("boot", "z1", check=False)
    assert failed.returncode == 1 and str(openFolder) in failed.stderr
    assert host.bus.job(MANAGER_PATH, MANAGER, "Autoboot").result == "failed"
    assert str(openFolder) in zone.reason and str(openFolder) in zone.maintenance
    listing = [[MANAGER_PATH, MANAGER, method, "()", "()", 0] for method in ("ListZones", "ListJobs")]
    listing += [[MANAGER_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "()", "()", 0]]
    told = str(host.repliesTo(listing)) + str(heard.signals())
    assert "JobRemoved" in told and "those who may see its details are told why" in told
    assert secret not in told and zone.machineId not in told
    ended = [signal.args[0] for signal in heard.signals("JobRemoved")]
    assert host.asUser([[MANAGER_PATH, MANAGER, "GetJobEnd", "(u)", f"(uint32 {job},)", 0] for job in ended] +
                       [[zone.path, ZONE, "GetDetails", "()", "()", 0]]) == [NOT_PERMITTED] * (len(ended) + 1)
    shown = host.zonectl("show", "z1").stdout
    assert str(openFolder) in shown and zone.machineId in shown


def test_whoever_asked_for_a_job_is_told_why_it_failed(host, openFolder):
    polkit = FakePolkit(host.address, says=lambda asked: "yes" if asked.action == "org.zoned1.manage" else "no")
    try:
        zone = host.zone("z1", mounts=f"[{{source: {openFolder}, target: /data}}]")
        heard = host.bus.watch()
        assert host.asUser([[zone.path, ZONE, "Boot", "(a{sv})", "({},)", 0]]) == [""]
        job = heard.wait(lambda signal: signal.member == "JobRemoved").args[0]
        asked = [MANAGER_PATH, MANAGER, "GetJobEnd", "(u)", f"(uint32 {job},)", 0]
        (error, text), = host.repliesTo([asked])
        assert error == "" and "'failed', 'org.zoned1.Error.BootFailed'" in text and str(openFolder) in text
        assert host.asUser([asked], uid=1) == [NOT_PERMITTED]
    finally:
        polkit.close()


@pytest.fixture
def strictHost():
    """A zoned on a bus with nothing but the installed policy."""
    policies = [path for path in SOURCE.rglob("org.zoned1.conf*") if "build" not in path.parts[len(SOURCE.parts)]]
    assert policies, "no bus policy is shipped"
    host = Host(busPolicy='<policy context="default"><deny own="*"/><deny send_type="method_call"/>'
                          '<allow send_destination="org.freedesktop.DBus"/></policy>'
                          '<policy user="root"><allow own="org.freedesktop.PolicyKit1"/>'
                          '<allow send_destination="org.freedesktop.PolicyKit1"/></policy>'
                          f'<include>{policies[0]}</include>')
    host.start()
    yield host
    assert not host.close()


# Sends a TCP socket whose close waits for an hour, since nobody reads what was written to it, and keeps no copy.
LINGERING = """
import socket, struct, sys
sys.path.insert(0, sys.argv[1])
from support.bus import *
bus = Bus(sys.argv[2])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind(("127.0.0.1", 0))
listener.listen(1)
full = socket.create_connection(listener.getsockname())
full.setblocking(False)
try:
    while True:
        full.send(b"x" * 65536)
except BlockingIOError:
    pass
full.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
fds = Gio.UnixFDList.new()
fds.append(full.fileno())
body = GLib.Variant.parse(None, sys.argv[6], None, None)
call = (SERVICE, sys.argv[3], sys.argv[4], sys.argv[5], body, None, 0, 60000, fds, None)
if sys.argv[7] == "refused":  # by the bus, which has closed its copy then: else it would be the bus that waits
    try:
        bus.connection.call_with_unix_fd_list_sync(*call)
        print("taken", flush=True)
    except GLib.Error as error:
        print(Gio.DBusError.get_remote_error(error), flush=True)
else:
    bus.connection.call_with_unix_fd_list(*call, None)
    bus.connection.flush_sync(None)
    print("sent", flush=True)
del fds
full.close()  # waits itself where the bus has closed its copy already
sys.stdin.read()
"""


@pytest.mark.parametrize("path,interface,member,body", [
    (MANAGER_PATH, MANAGER, "GetZone", "('z1',)"), (MANAGER_PATH, MANAGER, "ListZones", "()"),
    (MANAGER_PATH, "org.freedesktop.DBus.Properties", "Get", f"('{MANAGER}', 'Version')"),
    ("/org/zoned1/zone/z1", ZONE, "Exec", "(@as [], @a{sv} {})"),
    (MANAGER_PATH, MANAGER, "ImportImage", "('im', handle 0, '')"), (MANAGER_PATH, MANAGER, "ImportImage", "('im',)"),
    ("/nowhere", MANAGER, "ImportImage", "('im',)")],
    ids=["GetZone", "ListZones", "Get", "Exec", "ImportImage", "malformed", "nowhere"])
def test_a_descriptor_that_takes_an_hour_to_close_holds_nobody_up(strictHost, path, interface, member, body):
    strictHost.busybox()
    strictHost.define("z1")
    passedOn = member == "ImportImage" and path == MANAGER_PATH  # no other call has a use for descriptors
    caller = subprocess.Popen(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3",
                               "-B", "-c", LINGERING, SOURCE / "tests", strictHost.address, path, interface, member,
                               body, "passed on" if passedOn else "refused"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        told = caller.stdout.readline()
        assert told == ("sent\n" if passedOn else "org.freedesktop.DBus.Error.AccessDenied\n")
        time.sleep(0.2)
        for _ in range(10):
            strictHost.bus.manager("ListZones", timeout=2)
            time.sleep(0.05)
        assert Path(f"/proc/{strictHost.process.pid}/wchan").read_text() != "wait_woken"
    finally:
        caller.kill()
        caller.wait()


def test_the_installed_bus_policy_lets_those_whom_polkit_allows_import_and_run(strictHost):
    polkit = FakePolkit(strictHost.address, says="yes")
    try:
        strictHost.busybox()
        strictHost.zone("z1", boot=True)
        zone = zonePath("z1")
        replies = strictHost.asUser([[MANAGER_PATH, MANAGER, "ImportImage", "(shs)", "('im', handle 0, '')", 1],
                                     [zone, ZONE, "Exec", "(asa{sv})", "(['/bin/true'], {})", 0],
                                     [zone, ZONE, "OpenConsole", "()", "()", 0],
                                     [zone, ZONE, "ReadLog", "(s)", "('console',)", 0]])
        assert replies == [""] * 4
        eventually(lambda: strictHost.bus.manager("ListJobs") == [])
    finally:
        polkit.close()


def test_the_installed_bus_policy_keeps_others_from_the_name_and_from_private_calls(strictHost):
    """The policy file itself, on a bus with nothing but it."""
    assert strictHost.bus.manager("ListZones") == []
    owner, listing, define = strictHost.asUser([
        ["/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", "('org.zoned1', uint32 7)", 0],
        [MANAGER_PATH, MANAGER, "ListZones", "()", "()", 0],
        [MANAGER_PATH, MANAGER, "Define", "(sssa(ss))", "('z1', '', '', [])", 0]])
    assert owner != "" and listing == ""
    assert define in (NOT_PERMITTED, "org.freedesktop.DBus.Error.AccessDenied")
