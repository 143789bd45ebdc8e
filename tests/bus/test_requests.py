"""Requests over the bus: their effects, their errors by name, their jobs and signals."""

import contextlib
import os
import socket
from pathlib import Path

import pytest
from gi.repository import GLib

from support import images
from support.bus import IMAGE, JOB, MANAGER, MANAGER_PATH, ZONE, BusFault, imagePath, zonePath
from support.wait import eventually


def define(host, name, text="", origin="", settings=()):
    return host.bus.manager("Define", "(sssa(ss))", name, text, origin, list(settings))


def fault(call, *args, **more):
    with pytest.raises(BusFault) as caught:
        call(*args, **more)
    return caught.value


# ---- definitions ------------------------------------------------------------------

def test_a_definition_is_kept_as_it_was_written(host):
    text = "zone: web\nimage: busybox   # the small one\ndescription: Customer web server\n"
    assert define(host, "", text) == (zonePath("web"), [])
    assert host.bus.call(zonePath("web"), ZONE, "GetDefinition") == text
    file = host.definitionFile("web")
    assert file.read_text() == text
    assert file.stat().st_mode & 0o7777 == 0o600 and file.stat().st_uid == 0


def test_a_zone_never_has_the_ids_of_a_worker_that_unpacks_an_archive(host, heldJob):
    def lent():
        for pid in host.processes():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"--id-base" in words:
                    return int(words[words.index(b"--id-base") + 1])
        return None
    worker = eventually(lent, what="the worker")
    zones = [host.zone(name) for name in ("first", "second")]
    assert len({worker} | {zone.idBase for zone in zones}) == 3
    assert heldJob.release().result == "failed"
    assert host.zone("third").idBase == worker  # which is free again


def test_a_root_that_has_lost_its_definition_is_not_taken_up_as_another_ones(host):
    host.image("other", images.busybox())
    zone = host.zone("z1")
    (host.storage("z1") / "layer/upper/mine").write_text("of the old zone")
    host.definitionFile("z1").unlink()
    refusal = fault(define, host, "z1", settings=[("image", "other")])
    assert refusal.name == "NameTaken" and "image busybox" in refusal.text and "delete it" in refusal.text, refusal.text
    assert not host.definitionFile("z1").exists()
    # of the same image it is the zone again, and says so
    _, warnings = define(host, "z1", settings=[("image", "busybox")])
    assert len(warnings) == 1 and "has a root already" in warnings[0], warnings
    zone.boot()
    assert zone.sh("cat /mine") == "of the old zone"


def test_what_cannot_be_looked_at_leaves_no_definition(host):
    """Of a process of another user's namespace even root may not see the root, where the service is confined."""
    source = "/" + "x" * 300  # too long a name: stat(2) fails, and not because it is absent
    try:
        define(host, "web", settings=[("image", "busybox"), ("mounts[0].source", source), ("mounts[0].target", "/mnt")])
    except BusFault:
        assert not host.definitionFile("web").exists() and "web" not in host.zones()
    else:
        assert host.definitionFile("web").exists()


def test_settings_are_put_into_the_definition(host):
    define(host, "web", settings=[("image", "busybox"), ("network[0].address", f"{host.subnet}.3.4/16"),
                                  ("environment.LANG", "C.UTF-8")])
    text = host.bus.call(zonePath("web"), ZONE, "GetDefinition")
    assert f"{host.subnet}.3.4/16" in text and "LANG" in text
    assert host.bus.get(zonePath("web"), ZONE, "Addresses") == [("eth0", f"{host.subnet}.3.4/16")]


def test_a_broken_definition_is_told_with_file_line_and_key(host):
    text = "zone: web\nimage: busybox\nresources:\n  memory: 12Q\nhostnme: x\n"
    told = fault(host.bus.manager, "Verify", "(ss)", text, "web.yaml")
    assert told.name == "InvalidDefinition"
    lines = told.text.splitlines()
    assert any(line.startswith("web.yaml:4:") and "resources.memory" in line for line in lines), told.text
    assert any(line.startswith("web.yaml:5:") and "hostnme" in line for line in lines), told.text


def test_verifying_changes_nothing(host):
    assert host.bus.manager("Verify", "(ss)", "zone: web\nimage: busybox\n", "web.yaml") == ("web", [])
    name, warnings = host.bus.manager("Verify", "(ss)", "zone: web\nimage: busybox\nmounts:\n"
                                      "  - {source: /nowhere, target: /mnt}\nnetwork: [{bridge: nosuch}]\n", "web.yaml")
    assert name == "web" and len(warnings) == 2, warnings
    assert "mounts[0].source" in warnings[0] and "/nowhere" in warnings[0]
    assert "network[0].bridge" in warnings[1] and "nosuch" in warnings[1]
    assert "web" not in host.zones()
    assert not host.definitionFile("web").exists()


def test_a_zone_whose_definition_was_refused_does_not_exist(host):
    """The rejected call must not leave a usable object (CVE-2026-4105)."""
    for settings in ([("image", "busybox"), ("hostname", "a b")], [("image", "nosuch")], [("nokey", "1")]):
        assert fault(define, host, "web", settings=settings).name in ("InvalidDefinition", "NoSuchImage")
        assert fault(host.bus.manager, "GetZone", "(s)", "web").name == "NoSuchZone"
        for method, signature, args in (("Install", "()", ()), ("Boot", "(a{sv})", ({},)), ("Delete", "()", ())):
            told = fault(host.bus.call, zonePath("web"), ZONE, method, signature, args)
            assert told.full in ("org.freedesktop.DBus.Error.UnknownObject",
                                 "org.freedesktop.DBus.Error.UnknownMethod"), told
        assert zonePath("web") not in host.bus.objects()
        assert not host.definitionFile("web").exists()


def test_a_name_is_taken_once(host):
    host.define("web")
    assert fault(define, host, "web", settings=[("image", "busybox")]).name == "NameTaken"
    assert fault(define, host, "", "zone: web\nimage: busybox\n").name == "NameTaken"


@pytest.mark.parametrize("name", ["..", "-x", "x-", "a/b", "A", "a.b", "a b", "global", "host", "a" * 64, "ä",
                                  "a\nb", "../../etc/x"])
def test_what_is_no_zone_name_is_refused(host, name):
    told = fault(define, host, name, settings=[("image", "busybox")])
    assert told.name in ("InvalidName", "InvalidDefinition")
    assert fault(host.bus.manager, "GetZone", "(s)", name).name in ("NoSuchZone", "InvalidName")
    assert host.zones() == {}


# ---- errors by name ------------------------------------------------------------------

def test_a_zone_that_does_not_exist_is_told(host):
    told = fault(host.bus.manager, "GetZone", "(s)", "nosuch")
    assert told.name == "NoSuchZone" and "nosuch" in told.text


@pytest.mark.parametrize("method, signature, args", [
    ("Boot", "(a{sv})", ({},)), ("Ready", "()", ()), ("Shutdown", "(u)", (0,)), ("Reboot", "(b)", (False,)),
    ("Exec", "(asa{sv})", (["/bin/true"], {})), ("OpenConsole", "()", ())])
def test_a_command_that_the_state_does_not_allow_is_refused_with_advice(host, method, signature, args):
    zone = host.define("z1")
    told = fault(host.bus.call, zone.path, ZONE, method, signature, args)
    assert told.name == "WrongState"
    assert "z1" in told.text and "configured" in told.text
    assert zone.state == "configured"


def test_a_busy_zone_names_the_job_that_holds_it(host):
    zone = host.zone("z1", image=host.image("slow", images.withInit("#!/bin/sh\nexec sleep 1000\n")),
                     init='["/bin/busybox", "sleep", "1000"]', **{"stop-timeout": "30s"}, boot=True)
    watch = host.bus.watch()
    job = host.bus.call(zone.path, ZONE, "Shutdown", "(u)", (3,))
    told = fault(host.bus.call, zone.path, ZONE, "Reboot", "(b)", (False,))
    assert told.name == "Busy" and "shutdown" in told.text
    assert zone.get("Job") == job
    assert host.bus.waitJob(job, watch).result == "done"
    assert zone.state == "installed" and zone.get("Job") == "/"


def test_unknown_options_are_refused(host):
    zone = host.zone("z1")
    told = fault(host.bus.call, zone.path, ZONE, "Boot", "(a{sv})", ({"wiat": GLib.Variant("b", True)},))
    assert told.name == "InvalidArgument" and "wiat" in told.text
    assert zone.state == "installed"


def test_an_option_of_the_wrong_type_is_refused(host):
    zone = host.zone("z1")
    told = fault(host.bus.call, zone.path, ZONE, "Boot", "(a{sv})", ({"wait": GLib.Variant("s", "yes")},))
    assert told.name == "InvalidArgument" and "wait" in told.text
    assert zone.state == "installed"


# ---- signals ----------------------------------------------------------------------------

def test_a_zones_states_are_told_as_they_change(host):
    watch = host.bus.watch()
    zone = host.zone("z1", boot=True)
    zone.shutdown()
    # Of an install is seen that it is under way, of a boot that the platform is up before init runs.
    assert watch.states("z1") == ["incomplete", "installed", "ready", "running", "shutting-down", "installed"]


def test_new_and_gone_zones_are_told_by_the_object_manager(host):
    watch = host.bus.watch()
    zone = host.define("z1")
    added = watch.wait(lambda s: s.member == "InterfacesAdded" and s.args[0] == zone.path)
    assert added.args[1][ZONE]["Name"] == "z1"
    zone.delete()
    removed = watch.wait(lambda s: s.member == "InterfacesRemoved" and s.args[0] == zone.path)
    assert ZONE in removed.args[1]


def test_new_and_gone_images_are_told_by_the_object_manager(host):
    watch = host.bus.watch()
    host.image("second", images.busybox())
    watch.wait(lambda s: s.member == "InterfacesAdded" and s.args[0] == imagePath("second"))
    host.bus.done(imagePath("second"), IMAGE, "Delete")
    watch.wait(lambda s: s.member == "InterfacesRemoved" and s.args[0] == imagePath("second"))


def test_a_job_is_told_from_its_begin_to_its_end(host):
    zone = host.define("z1")
    watch = host.bus.watch()
    job = host.bus.call(zone.path, ZONE, "Install")
    end = watch.wait(lambda s: s.member == "JobRemoved" and s.args[1] == job)
    new = next(s for s in watch.signals("JobNew") if s.args[1] == job)
    assert new.args[2:] == ("install", "z1")
    assert end.args[2:5] == ("install", "z1", "done") and end.args[5] == ""
    assert new.args[0] == end.args[0]
    assert job not in host.bus.objects()


def test_a_zone_is_told_as_booted_when_its_init_runs(host):
    zone = host.zone("z1", boot=True)
    assert zone.get("Booted") is True and zone.get("InitKind") == "busybox"
    zone.halt()
    assert zone.get("Booted") is False and zone.pid == 0 and zone.get("InitKind") == ""


# ---- jobs ---------------------------------------------------------------------------------

def test_a_running_job_is_listed(host, heldJob):
    rows = host.bus.manager("ListJobs")
    assert [(row[1], row[2], row[5]) for row in rows] == [("image-import", "held", heldJob.path)]


def test_a_cancelled_job_leaves_nothing(host, heldJob):
    host.bus.call(heldJob.path, JOB, "Cancel")
    end = host.bus.waitJob(heldJob.path, heldJob.watch)
    assert (end.result, end.errorName) == ("cancelled", "Cancelled")
    assert host.images() == ["busybox"]
    assert eventually(lambda: not [entry for entry in (host.root / "var/lib/zoned/images").iterdir()
                                   if entry.name.startswith(".")])


def test_an_archive_that_ends_at_once_is_refused_by_name(host, heldJob):
    end = heldJob.release()
    assert (end.result, end.errorName) == ("failed", "BadArchive")
    assert end.message


def test_a_name_that_is_being_imported_is_taken(host, heldJob):
    end = None
    try:
        end = host.importImage("held", images.busybox())
    except BusFault as told:
        assert told.name in ("NameTaken", "Busy")
    assert end is None or end.errorName in ("NameTaken", "Busy")


def test_an_image_in_use_names_its_zones(host):
    host.zone("z1")
    told = fault(host.bus.call, imagePath("busybox"), IMAGE, "Delete")
    assert told.name == "ImageInUse" and "z1" in told.text
    assert host.bus.get(imagePath("busybox"), IMAGE, "UsedBy") == ["z1"]


@pytest.mark.parametrize("suite", ["book worm", "-x", "../x", "", "BOOKWORM", "a\nb"])
def test_a_suite_that_cannot_be_one_is_refused_before_anything_runs(host, suite):
    told = fault(host.bus.call, MANAGER_PATH, MANAGER, "BuildImage", "(ssa{sv})", ("new", suite, {}))
    assert told.name == "InvalidArgument"
    assert host.bus.manager("ListJobs") == []


@pytest.mark.parametrize("option", [("mirror", GLib.Variant("s", "file:///etc")),
                                    ("mirror", GLib.Variant("s", "http://x y")),
                                    ("mirror", GLib.Variant("s", "--hook")),
                                    ("include", GLib.Variant("as", ["--setup-hook=reboot"])),
                                    ("include", GLib.Variant("as", ["a b"])),
                                    ("init", GLib.Variant("s", "upstart")),
                                    ("nokey", GLib.Variant("s", ""))])
def test_build_options_that_could_be_anything_else_are_refused(host, option):
    told = fault(host.bus.call, MANAGER_PATH, MANAGER, "BuildImage", "(ssa{sv})",
                 ("new", "bookworm", dict([option])))
    assert told.name == "InvalidArgument"
    assert host.bus.manager("ListJobs") == []


# ---- descriptors ------------------------------------------------------------------------------

def test_exec_hands_over_three_pipes_and_the_status(host, zone):
    (control, stdio), fds = host.bus.send(zone.path, ZONE, "Exec", GLib.Variant("(asa{sv})", (
        ["/bin/sh", "-c", "cat; echo problem >&2; exit 7"], {})))
    assert (control, stdio) == (0, [1, 2, 3]) and len(fds) == 4
    channel = socket.socket(fileno=fds[0])
    channel.settimeout(20)
    os.write(fds[1], b"some bytes")
    os.close(fds[1])
    with os.fdopen(fds[2], "rb") as out, os.fdopen(fds[3], "rb") as err:
        assert out.read() == b"some bytes" and err.read() == b"problem\n"
    assert b'"exited"' in (packet := channel.recv(4096)) and b"7" in packet
    channel.close()


def test_exec_tells_a_program_that_is_not_there(host, zone):
    (_, _), fds = host.bus.send(zone.path, ZONE, "Exec", GLib.Variant("(asa{sv})", (["/bin/nosuch"], {})))
    channel = socket.socket(fileno=fds[0])
    channel.settimeout(20)
    packet = channel.recv(4096)
    assert b'"error"' in packet and b"127" in packet
    channel.close()
    for fd in fds[1:]:
        os.close(fd)


def test_a_console_socket_can_be_opened_before_the_zone_boots(host):
    zone = host.zone("z1")
    (_,), fds = host.bus.send(zone.path, ZONE, "OpenConsole", None)
    console = socket.socket(fileno=fds[0])
    console.settimeout(20)
    zone.boot()
    seen = b""
    while b"zone z1 is up" not in seen:
        part = console.recv(4096)
        assert part, seen
        seen += part
    console.close()
