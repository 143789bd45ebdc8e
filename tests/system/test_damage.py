"""Files of ours that are damaged, in every way that a file can be: told, survived, and in nobody's way."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from support.wait import eventually

HUGE = 200 << 20  # apparent: the file has no blocks


def becomeFolder(path):
    path.mkdir()
    (path / "inside").write_text("somebody's")


FORMS = {
    "empty": lambda path, good: path.write_bytes(b""),
    "torn early": lambda path, good: path.write_bytes(good[:7]),
    "torn in the middle": lambda path, good: path.write_bytes(good[:len(good) // 2]),
    "torn at the end": lambda path, good: path.write_bytes(good[:-2]),
    "zeros": lambda path, good: path.write_bytes(bytes(max(len(good), 64))),
    "no text": lambda path, good: path.write_bytes(bytes(range(256)) * 4),
    "another type": lambda path, good: path.write_bytes(b'[1, 2, {}]\n'),
    "wrong types": lambda path, good: path.write_bytes(turned(good, lambda v: 7 if isinstance(v, str) else "seven")),
    "wrong values": lambda path, good: path.write_bytes(turned(good, lambda v: "zz" if isinstance(v, str) else v)),
    "a folder": lambda path, good: becomeFolder(path),
    "a pipe": lambda path, good: os.mkfifo(path),
    "a link to itself": lambda path, good: path.symlink_to(path),
    "huge": lambda path, good: (path.write_bytes(good), os.truncate(path, HUGE)),
}


def turned(good, turn):
    """The JSON objects of a file, one a line or one in all, with each value turned into another."""
    def other(text):
        with contextlib.suppress(ValueError, AttributeError):
            return json.dumps({key: turn(value) for key, value in json.loads(text).items()}).encode()
        return text
    whole = other(good)
    return (whole if whole != good else b"\n".join(map(other, good.splitlines()))) + b"\n"


def clear(path):
    if path.is_dir() and not path.is_symlink():
        subprocess.run(["rm", "-rf", path], check=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def damaged(path, form):
    good = path.read_bytes()
    mode = path.stat().st_mode & 0o777
    clear(path)
    FORMS[form](path, good)
    try:
        yield
    finally:
        if path.parent.is_dir():  # else what it was about has gone
            clear(path)
            path.write_bytes(good)
            path.chmod(mode)


# ---- a definition, while its zone runs ------------------------------------------------------------

@pytest.mark.parametrize("form", ("a folder", "a pipe", "huge", "no text"))
def test_a_zone_can_be_stopped_whatever_its_definition_has_become(host, form):
    zone, other = host.zone("z1", boot=True), host.zone("other", boot=True)
    service = host.process.pid
    with damaged(host.definitionFile("z1"), form):
        # its problem is told …
        eventually(lambda: zone.get("Problem"), what="the problem to be seen")
        # … and keeps nobody from anything that stops it
        console = host.spawn("console", "z1")
        console.expect("is up")
        console.close(force=True)
        pid = zone.pid
        said = host.zonectl("reboot", "z1")
        assert zone.state == "running" and zone.pid != pid
        assert "with the definition that it had before" in said.stderr, said
        host.zonectl("shutdown", "z1")
        assert zone.state == "installed" and zone.reason == "shut down"
        host.refused("boot", "z1", says="z1")
        assert other.state == "running" and other.get("Problem") == ""
    host.zonectl("boot", "z1")
    with damaged(host.definitionFile("z1"), form):
        host.zonectl("halt", "z1")
        assert zone.state == "installed" and zone.reason == "halted"
    assert host.process.pid == service and host.alive()


@pytest.mark.parametrize("form", ("a folder", "huge"))
def test_the_end_of_a_zone_is_noted_whatever_its_definition_has_become(host, zone, form):
    with damaged(host.definitionFile("z1"), form):
        zone.exec("poweroff", check=False)
        eventually(lambda: not host.alive() or zone.state == "installed", 30, "the zone to be down")
        assert host.alive(), host.logTail()
        assert zone.reason == "powered off from inside"
        record = host.storage("z1") / "state.json"
        eventually(lambda: json.loads(record.read_text())["last-exit"] == zone.reason, what="the record to be written")


def test_a_set_whose_definition_becomes_unreadable_meanwhile_is_answered(host, zone):
    (supervisor,) = host.supervisors("z1")
    os.kill(supervisor, signal.SIGSTOP)
    setting = host.popen("set", "z1", "description=another", text=True)
    path = host.definitionFile("z1")
    eventually(lambda: "another" in path.read_text(), what="the definition to be written")
    with damaged(path, "a folder"):
        os.kill(supervisor, signal.SIGCONT)
        _, said = setting.communicate(timeout=30)
        assert setting.returncode == 0 and host.alive(), said
        assert zone.state == "running" and zone.get("Problem")
    eventually(lambda: zone.get("Problem") == "" and zone.get("Description") == "another", what="the mended file")


# ---- records -------------------------------------------------------------------------------------

def records(host):
    """Every file of the service's own of a zone that runs, one that is down, and an image: what it is, and where."""
    run, lib = host.root / "run/zoned", host.root / "var/lib/zoned"
    return {
        "state of a running zone": lib / "zones/up/state.json",
        "mark of a running zone": lib / "zones/up/running",
        "state of a zone that is down": lib / "zones/down/state.json",
        "image": lib / "images/busybox/image.json",
        "run record": run / "zones/up/record",
        "booted definition": run / "zones/up/definition.yaml",
        "end of a supervisor": run / "zones/gone/exit.json",
        "mark of a death": run / "zones/gone/died",
        "record of a dead supervisor": run / "zones/gone/record",
        "note for a restart": run / "upkeep/up",
        "zones to be booted": run / "autoboot",
        "numbers of jobs": run / "last-job",
        "system calls": run / "seccomp.bpf",
    }


def layOut(host):
    """What is not there by itself, as a service and a supervisor that were killed leave it."""
    run = host.root / "run/zoned"
    head = json.loads((run / "zones/up/record").read_bytes().splitlines()[0])
    spec = json.loads(head["spec"]) | {"zone": "gone", "nics": []}
    gone = run / "zones/gone"
    gone.mkdir(exist_ok=True)
    (gone / "record").write_text(json.dumps({"cgroup": str(host.cgroup / "gone"), "spec": json.dumps(spec)}) + "\n")
    (gone / "exit.json").write_text(json.dumps({"type": "status", "state": "installed", "reason": "halted"}))
    (gone / "died").write_text("")
    (run / "upkeep").mkdir(exist_ok=True)
    for name, text in (("upkeep/up", '{"up":true,"pending":false,"restarts":[],"maintenance":""}'),
                       ("autoboot", "down\n")):
        (run / name).write_text(text)


def test_the_service_survives_damage_of_every_record(makeHost):
    host = makeHost().start()
    host.busybox()
    up, down = host.zone("up", boot=True, restart="on-failure"), host.zone("down")
    pid = up.pid
    host.kill()
    for form in FORMS:
        layOut(host)
        with contextlib.ExitStack() as stack:
            for what, path in records(host).items():
                assert path.exists(), f"{what} is not where this test looks for it"
                stack.enter_context(damaged(path, form))
            host.start()
            # it answers to what is asked of all zones, and has lost none
            listed = host.zones()
            assert listed.get("up") == "running" and "down" in listed and up.pid == pid, (form, listed)
            host.zonectl("stat", "up")
            host.refused("boot", "down", says="down")
            assert host.alive(), (form, host.logTail())
            host.kill()
    host.start()
    assert up.state == "running" and up.pid == pid
    up.shutdown()
    up.boot()
    down.until("running")  # it was to be booted with the host
    down.halt()


@pytest.mark.parametrize("form", ("wrong types", "a folder", "a pipe"))
def test_a_zone_whose_run_record_is_damaged_is_taken_down_all_the_same(host, form):
    zone = host.zone("z1", boot=True)
    record = host.runFolder("z1") / "record"
    good = record.read_bytes()
    host.kill()
    for pid in host.supervisors("z1"):
        os.kill(pid, 9)
    eventually(lambda: not host.supervisors("z1"))
    clear(record)
    FORMS[form](record, good)
    host.start()
    eventually(lambda: zone.state == "installed", what="the zone to be taken down; log: " + host.logTail())
    assert not host.runFolder("z1").exists()
    zone.boot()
