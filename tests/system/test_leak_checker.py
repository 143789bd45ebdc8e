"""The leak checker can fail: a leak of each kind is made by hand, and must be told."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.leaks import Watch
from support.wait import eventually

pytestmark = pytest.mark.keeps_no_watch


def run(*argv):
    subprocess.run([str(arg) for arg in argv], check=True, capture_output=True)


@contextmanager
def process(host, *wrapper):
    """A process that works below the host's folder."""
    sleeper = subprocess.Popen([*wrapper, "sleep", "1000"], cwd=host.root)
    eventually(lambda: open(f"/proc/{sleeper.pid}/comm", encoding="ascii").read().strip() == "sleep")
    try:
        yield sleeper.pid
    finally:
        sleeper.kill()
        sleeper.wait()


@contextmanager
def mount(host):
    place = host.root / "leak"
    place.mkdir()
    run("mount", "-t", "tmpfs", "leak", place)
    try:
        yield
    finally:
        run("umount", place)
        place.rmdir()


@contextmanager
def port(host):
    run("ip", "link", "add", "zv" + host.tag, "type", "veth", "peer", "name", host.tag + "peer")
    run("ip", "link", "set", "zv" + host.tag, "master", host.tag)
    try:
        yield
    finally:
        run("ip", "link", "del", "zv" + host.tag)


@contextmanager
def element(host):
    """An element, for an interface that does not exist, in a set of the zone's table."""
    run("nft", "add", "table", "bridge", host.tag)
    run("nft", "add", "set", "bridge", host.tag, "leaktest", "{ type ifname; }")
    run("nft", "add", "element", "bridge", host.tag, "leaktest", '{ "zvgone" }')
    try:
        yield
    finally:
        run("nft", "delete", "set", "bridge", host.tag, "leaktest")


@contextmanager
def cgroup(host):
    place = host.cgroup / "gone"
    place.mkdir(parents=True)
    try:
        yield
    finally:
        place.rmdir()


@contextmanager
def cgroupOfProcess(host):
    """A process that is known only by its cgroup."""
    place = host.cgroup / "gone"
    place.mkdir(parents=True)
    sleeper = subprocess.Popen(["sleep", "1000"], cwd="/")
    (place / "cgroup.procs").write_text(str(sleeper.pid))
    try:
        yield
    finally:
        sleeper.kill()
        sleeper.wait()
        eventually(lambda: os.rmdir(place) is None)


@contextmanager
def uid(host):
    """A process that is known only by its user id, one of the zones' block."""
    sleeper = subprocess.Popen(["setpriv", "--reuid", str(host.idFirst + 1), "--clear-groups", "sleep", "1000"],
                               cwd="/")
    try:
        eventually(lambda: f"\t{host.idFirst + 1}\t" in Path(f"/proc/{sleeper.pid}/status").read_text())
        yield
    finally:
        sleeper.kill()
        sleeper.wait()


@contextmanager
def loop(host):
    image = host.root / "leak.img"
    image.write_bytes(bytes(1 << 20))
    device = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True,
                            text=True).stdout.strip()
    try:
        yield
    finally:
        run("losetup", "-d", device)
        image.unlink()


@contextmanager
def file(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def folder(path):
    path.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(path)


@contextmanager
def staleRecord(host):
    with folder(host.storage("gone")):
        (host.storage("gone") / "state.json").write_text(json.dumps({"idBase": host.idFirst}))
        yield


LEAKS = {
    "process": lambda host: process(host),
    "namespace": lambda host: process(host, "unshare", "--net"),
    "mount": mount,
    "link": port,
    "nft element": element,
    "cgroup": cgroup,
    "process: ": cgroupOfProcess,
    "process:": uid,
    "loop device": loop,
    "unfinished file": lambda host: folder(host.root / "var/lib/zoned/images/.new-x-123456"),
    "unfinished": lambda host: folder(host.root / "var/lib/zoned/zones/.gone-x-123456"),
    "file": lambda host: folder(host.root / "run/zoned/zones/gone"),
    "log": lambda host: file(host.root / "var/log/zoned/gone.console"),
    "temporary name": lambda host: file(host.base.parent / f"zoned.{host.tag}"),
    "id range": staleRecord,
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_told_and_its_end_is_seen(host, kind):
    host.zone("z1", boot=True).halt()  # the bridge and the packet filter's tables are there then
    watch = Watch(host)
    assert watch.leaks(0) == []
    with LEAKS[kind](host):
        leaks = watch.leaks(1)
        assert any(leak.startswith(kind) for leak in leaks), f"not told; told was {leaks}"
    assert watch.leaks() == []


def test_two_zones_with_one_id_block_are_told(host):
    host.zone("a")
    host.zone("b")
    watch = Watch(host)
    path = host.storage("b") / "state.json"
    kept = path.read_text()
    record, other = json.loads(kept), json.loads((host.storage("a") / "state.json").read_text())
    for key in record:
        if "id" in key.lower() and "base" in key.lower():
            record[key] = other[key]
    path.write_text(json.dumps(record))
    try:
        assert any(leak.startswith("id range") for leak in watch.leaks(0))
    finally:
        path.write_text(kept)


def test_what_a_listed_zone_owns_is_no_leak(host):
    watch = Watch(host)
    zone = host.zone("z1", boot=True)
    assert watch.leaks(0) == []
    zone.halt()
    assert watch.leaks() == []


def test_a_supervisor_of_a_deleted_zone_is_told(host):
    watch = Watch(host)
    host.zone("z1", boot=True)
    host.kill()
    # Without zoned no zone is listed, so that everything of the zone is ownerless.
    assert any(leak.startswith("process") for leak in watch.leaks(0))
    host.start()
    assert watch.leaks() == []
