"""The issue's list of bad input: each time a clear sentence, exit status 1 or 2, and nothing left behind.

That nothing is left is checked after every test by the `host` fixture's leak checker.
"""

import os
import signal
import subprocess

import pytest

from support import images
from support.bus import BusFault
from support.leaks import Watch
from support.wait import eventually


def createIs(host, says, *settings, image="busybox", name="z1"):
    args = [word for setting in settings for word in ("--set", setting)]
    host.refused("create", name, "--image", image, *args, says=says)
    assert host.zones() == {}
    assert not host.definitionFile(name).exists() and not host.storage(name).exists()


@pytest.mark.parametrize("name", ["Bad_Name", "..", "a/b", ""])
def test_a_supervisor_started_for_no_zones_name_makes_nothing(host, name):
    before = sorted(host.root.rglob("*"))
    for mode in ([], ["--cleanup"]):
        done = subprocess.run([host.programs / "zone-supervisor", *mode, "--run", host.root / "run/zoned/zones" / name,
                               "--log", "/dev/null", "--cgroup", host.cgroup / "x", name],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2, done
    assert sorted(host.root.rglob("*")) == before
    assert not (host.cgroup / "x").exists()


def test_an_unknown_image(host):
    createIs(host, "nosuch", image="nosuch")


@pytest.mark.parametrize("verb", [("boot",), ("halt",), ("shutdown",), ("reboot",), ("ready",), ("install",),
                                  ("show",), ("console",), ("delete", "--force"),
                                  ("uninstall", "--force"), ("boot", "--dry-run")])
def test_an_unknown_zone(host, verb):
    host.refused(*verb, "nosuch", status=(1,), says="nosuch")


def test_an_unknown_zone_to_run_a_program_in(host):
    host.refused("exec", "nosuch", "--", "true", status=(1, 2, 125), says="nosuch")


def test_an_unknown_key(host):
    createIs(host, "nosuchkey", "nosuchkey=1")
    createIs(host, "memmory", "resources.memmory=1G")


def test_a_name_that_is_taken(host):
    host.zone("z1", description="the first")
    host.refused("create", "z1", "--image", "busybox", status=(1,), says="z1")
    assert "the first" in host.zonectl("show", "z1").stdout


@pytest.mark.parametrize("name", ["../x", "UPPER", "a_b", "-x", "global", "a" * 64])
def test_a_name_that_is_none(host, name):
    host.refused("create", "--image", "busybox", "--", name) if name.startswith("-") else \
        host.refused("create", name, "--image", "busybox", says=name[:20])
    assert host.zones() == {}


@pytest.mark.parametrize("text, line, key", [
    ("zone: z1\nimage: [\n", 3, ""), ("zone: z1\nimage: busybox\nresources: {memory: 12Q}\n", 3, "resources.memory"),
    ("zone: z1\nimage: busybox\nautoboot: perhaps\n", 3, "autoboot"),
    ("zone: z1\nimage: busybox\nzone: z2\n", 3, "zone"), ("zone: z1\nimage: busybox\ncolour: red\n", 3, "colour"),
    ("zone: z1\nimage: busybox\nnetwork:\n  - name: eth0\n    adress: 10.0.0.1/8\n", 5, "adress"),
    ("zone: z1\nimage: busybox\nstop-timeout: soon\n", 3, "stop-timeout"), ("zone: z1\n", 0, "image"),
    ("zone: z1\nimage: busybox\nmounts:\n  - {source: /nosuch/folder, target: /x}\n", 0, "mounts[0]"),
    ("zone: z1\nimage: busybox\nenvironment: {'A B': x}\n", 3, "environment"),
    ("zone: z1\nimage: busybox\nresources: {cpus: -1}\n", 3, "resources.cpus"), ("", 0, "")])
def test_a_malformed_definition_is_told_with_file_line_and_key(host, text, line, key):
    file = host.base / "bad.yaml"
    file.write_text(text)
    if "nosuch/folder" in text:
        # What the host lacks is told when the zone is to boot, or before.
        done = host.zonectl("create", "--boot", "-f", file, check=False)
        assert done.returncode == 1 and "/nosuch/folder" in done.stderr
        return
    for args in (("verify", file), ("create", "-f", file)):
        done = host.refused(*args, status=(1,), says=("bad.yaml", key))
        if line:
            assert f"bad.yaml:{line}:" in done.stderr, done.stderr
    assert host.zones() == {}


def test_several_problems_are_told_together(host):
    file = host.base / "bad.yaml"
    file.write_text("zone: z1\nimage: nosuch\nautoboot: perhaps\nstop-timeout: soon\n")
    done = host.refused("verify", file, status=(1,))
    assert "bad.yaml:3:" in done.stderr and "bad.yaml:4:" in done.stderr


def test_a_good_definition_is_told_as_good(host):
    file = host.base / "good.yaml"
    file.write_text("zone: z1\nimage: busybox\n")
    assert "z1" in host.zonectl("verify", file).stdout
    assert host.zones() == {}


def test_a_file_that_is_not_there_or_no_text(host):
    host.refused("create", "-f", host.base / "nosuch.yaml", says="nosuch.yaml")
    host.refused("create", "-f", "/bin/busybox", says="busybox")
    host.refused("verify", "/", says="/")


def test_an_address_outside_the_subnet(host):
    createIs(host, ("192.0.2.1", "outside"), "network[0].address=192.0.2.1/24")


@pytest.mark.parametrize("value", ["12Q", "-1", "1.5.2G", "lots", "0", "1K"])
def test_a_size_that_is_none(host, value):
    createIs(host, "resources.memory", f"resources.memory={value}")


def test_a_mount_whose_source_is_missing(host):
    file = host.base / "absent"
    done = host.zonectl("create", "z1", "--image", "busybox", "--boot", "--set",
                        f"mounts=[{{source: {file}, target: /x}}]", check=False)
    assert done.returncode == 1 and str(file) in done.stderr
    assert host.zones().get("z1") in (None, "installed")


def test_an_image_without_an_init(host):
    host.image("bare", images.busybox(without=("sbin/init",)))
    zone = host.zone("z1", image="bare")
    host.refused("boot", "z1", status=(1,), says=("z1", "init"))
    assert zone.state == "installed" and zone.reason
    eventually(lambda: not host.supervisors("z1"), what="the supervisor to end")


def test_an_init_that_cannot_be_executed(host):
    host.image("broken", images.busybox(extra=lambda tar: tar.file("sbin/init", "not a program", 0o644),
                                        without=("sbin/init",)))
    zone = host.zone("z1", image="broken")
    host.refused("boot", "z1", status=(1,), says="/sbin/init")
    assert zone.state == "installed"


def test_an_init_that_exits_at_once(host):
    """The zone ends `installed` with the reason and the console's last lines."""
    host.image("short", images.withInit("#!/bin/sh\necho 'kernel panic, said the mouse' >/dev/console\nexit 3\n"))
    zone = host.zone("z1", image="short")
    host.zonectl("boot", "z1", check=False)
    zone.until("installed")
    assert "3" in eventually(lambda: zone.reason)
    shown = host.zonectl("show", "z1").stdout
    assert "3" in shown
    assert "said the mouse" in shown + host.refused("boot", "--wait", "z1", status=(1,)).stderr


def test_an_init_that_is_killed_at_once_is_told_by_its_signal(host):
    host.image("killed", images.withInit("#!/bin/sh\nkill -SEGV $$\nexec /bin/probe nosuch\n"))
    zone = host.zone("z1", image="killed")
    host.zonectl("boot", "z1", check=False)
    zone.until("installed")
    assert eventually(lambda: zone.reason)


def test_a_definition_edited_by_hand_to_nonsense(host):
    bad, good = host.zone("bad"), host.zone("good")
    host.definitionFile("bad").write_text("zone: bad\nimage: busybox\nresources:\n  memory: 12Q\n")
    shown = eventually(lambda: (text := host.zonectl("show", "bad").stdout) and "bad.yaml:4" in text and text)
    assert "resources.memory" in shown
    assert "bad.yaml" in host.zonectl("list").stdout or "invalid" in host.zonectl("list").stdout
    host.refused("boot", "bad", status=(1,), says="bad.yaml:4")
    good.boot()
    assert good.state == "running"
    assert bad.state == "installed"


def test_a_running_zone_whose_definition_becomes_nonsense_goes_on_and_can_be_stopped(host):
    zone = host.zone("z1", boot=True)
    host.definitionFile("z1").write_text("][")
    host.restart()
    assert zone.state == "running" and zone.sh("echo alive") == "alive"
    zone.shutdown()
    assert zone.state == "installed"
    host.definitionFile("z1").write_text("zone: z1\nimage: busybox\n")


def test_a_definition_for_another_name_than_its_file(host):
    host.zone("z1")
    host.definitionFile("z1").write_text("zone: other\nimage: busybox\n")
    host.restart()
    assert "z1.yaml" in host.bus.get("/org/zoned1/zone/z1", "org.zoned1.Zone", "Problem")
    assert "other" not in host.zones()
    host.definitionFile("z1").write_text("zone: z1\nimage: busybox\n")


def test_a_caller_without_permission(host):
    host.zone("z1")
    for args in (("boot", "z1"), ("delete", "--force", "z1"), ("create", "z2", "--image", "busybox"),
                 ("image", "delete", "--force", "busybox")):
        host.programs.chmod(0o755)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *host.argv(*args)],
                              env=host.environment, capture_output=True, text=True, timeout=30, check=False,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 1 and "permission denied" in done.stderr, done
    assert host.zones() == {"z1": "installed"}


def test_a_service_that_does_not_run(host):
    host.stop()
    host.refused("list", status=(1,), says="zoned")
    host.start()


@pytest.mark.parametrize("args", [(), ("nosuchverb",), ("boot",), ("boot", "--nosuch", "z1"), ("create",),
                                  ("exec", "z1"), ("list", "extra"), ("create", "z1", "--set", "novalue"),
                                  ("shutdown", "--timeout", "soon", "z1"), ("image",), ("image", "nosuch"),
                                  ("help", "nosuch"), ("console", "-e", "ab", "z1")])
def test_a_wrong_command_line_is_status_2_and_says_what_is_wrong(host, args):
    done = host.refused(*args, status=(2,))
    assert done.stderr.startswith("zonectl: ") and not done.stdout
    # Either the word that is wrong is named, or where help is to be had.
    assert "help" in done.stderr or args[-1] in done.stderr or args[-2] in done.stderr


@pytest.mark.parametrize("args", [("--help",), ("help",), ("boot", "--help"), ("image", "build", "--help"),
                                  ("help", "definition"), ("--version",)])
def test_help_is_on_standard_output_with_status_0(host, args):
    done = host.zonectl(*args)
    assert done.stdout.strip() and not done.stderr


def test_an_interrupt_during_boot_with_wait(host):
    host.image("slow", images.withInit("#!/bin/sh\nwhile :; do sleep 1; done\n"))
    zone = host.zone("z1", image="slow", init="systemd")
    client = host.popen("boot", "--wait", "z1", stdin=subprocess.DEVNULL)
    eventually(lambda: zone.state == "running")
    client.send_signal(signal.SIGINT)
    assert client.wait(30) != 0
    eventually(lambda: zone.get("Job") == "/", 30)
    assert zone.truth() == ("running" if zone.state == "running" else "not running")
    zone.halt()


def test_a_full_disk_fails_cleanly_and_works_again_when_there_is_room(makeHost):
    """The state root on a 16 MB file system."""
    host = makeHost()
    image = host.base / "disk.img"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    place = host.root / "var"
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        host.start()
        watch = Watch(host)
        assert host.importImage("small", images.busybox()).result == "done"
        host.zone("z1", image="small")
        host.zone("z0", image="small")
        filler = place / "filler"
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 16, 1 << 10):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    os.fsync(file.fileno())
        with pytest.raises((BusFault, AssertionError), match="No space left"):
            host.image("big", images.busybox())
        host.refused("create", "z2", "--image", "small", status=(1,), says="space")
        host.zonectl("delete", "--force", "z0")
        assert host.zones() == {"z1": "installed"} and host.images() == ["small"]
        assert host.alive()
        host.zonectl("list")
        filler.unlink()
        host.zonectl("create", "z2", "--image", "small", "--boot")
        assert host.zones()["z2"] == "running"
        host.zonectl("halt", "z2")
        host.zonectl("delete", "--force", "z1", "z2")
        host.zonectl("image", "delete", "--force", "small")
        watch.check()
    finally:
        if host.process:
            (place / "filler").unlink(missing_ok=True)
            host.reset()
            host.stop()
        subprocess.run(["umount", place], check=True)
