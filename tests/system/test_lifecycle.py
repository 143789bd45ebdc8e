"""The verbs of zonectl, from create to delete."""

import json
import subprocess
import time

import pexpect
import pytest

from support import images
from support.wait import eventually


def state(host, name="z1"):
    return host.zones()[name]


def test_a_zone_goes_through_its_whole_life(host):
    host.zonectl("create", "z1", "--image", "busybox")
    assert state(host) == "installed"
    host.zonectl("boot", "z1")
    assert state(host) == "running"
    host.zonectl("reboot", "z1")
    assert state(host) == "running"
    host.zonectl("shutdown", "z1")
    assert state(host) == "installed"
    host.zonectl("ready", "z1")
    assert state(host) == "ready"
    host.zonectl("boot", "z1")
    assert state(host) == "running"
    host.zonectl("halt", "z1")
    assert state(host) == "installed"
    host.zonectl("uninstall", "--force", "z1")
    assert state(host) == "configured"
    host.zonectl("install", "z1")
    assert state(host) == "installed"
    host.zonectl("delete", "--force", "z1")
    assert host.zones() == {}


def test_create_with_boot_leaves_a_running_zone(host):
    host.zonectl("create", "z1", "--image", "busybox", "--boot", "--set", "hostname=other")
    assert state(host) == "running"
    assert host.zonectl("exec", "z1", "--", "hostname").stdout == "other\n"


def test_create_from_a_file_and_from_standard_input(host):
    file = host.base / "web.yaml"
    file.write_text("zone: web\nimage: busybox\ndescription: from a file\n")
    host.zonectl("create", "-f", file)
    assert "from a file" in host.zonectl("show", "web").stdout
    host.zonectl("create", "-f", "-", input="zone: web2\nimage: busybox\n")
    assert set(host.zones()) == {"web", "web2"}


def test_several_zones_are_acted_on_at_once(host):
    names = ["a", "b", "c"]
    host.zonectl("create", *names, "--image", "busybox")
    host.zonectl("boot", *names)
    assert set(host.zones().values()) == {"running"}
    host.zonectl("reboot", *names)
    assert set(host.zones().values()) == {"running"}
    host.zonectl("shutdown", *names)
    assert set(host.zones().values()) == {"installed"}
    host.zonectl("delete", "--force", *names)
    assert host.zones() == {}


def test_one_bad_name_among_several_fails_but_does_not_hold_the_others_up(host):
    host.zonectl("create", "a", "b", "--image", "busybox")
    host.refused("boot", "a", "nosuch", "b", status=(1,), says="nosuch")
    assert host.zones() == {"a": "running", "b": "running"}


@pytest.mark.parametrize("start, verb", [("installed", "install"), ("installed", "halt"), ("installed", "shutdown"),
                                         ("ready", "ready"), ("running", "boot"), ("configured", "uninstall")])
def test_asking_for_the_present_state_succeeds(host, start, verb):
    zone = host.define("z1")
    if start != "configured":
        zone.install()
    if start == "ready":
        zone.ready()
    if start == "running":
        zone.boot()
    pid = zone.pid
    force = ["--force"] if verb == "uninstall" else []
    host.zonectl(verb, *force, "z1")
    assert zone.state == start and zone.pid == pid


@pytest.mark.parametrize("start, verb, says", [
    ("configured", "boot", "install"), ("configured", "ready", "install"), ("configured", "reboot", "install"),
    ("installed", "reboot", "boot"), ("ready", "install", "halt"), ("running", "ready", "halt"),
    ("running", "install", "halt"), ("running", "uninstall", "halt"), ("running", "delete", "halt"),
    ("ready", "delete", "halt"), ("ready", "reboot", "boot")])
def test_what_the_state_does_not_allow_is_refused_with_advice(host, start, verb, says):
    zone = host.define("z1")
    if start != "configured":
        zone.install()
    if start == "ready":
        zone.ready()
    if start == "running":
        zone.boot()
    force = ["--force"] if verb in ("uninstall", "delete") else []
    host.refused(verb, *force, "z1", status=(1,), says=("z1", start, says))
    assert zone.state == start


@pytest.mark.parametrize("verb", ["uninstall", "delete"])
def test_destructive_verbs_need_force_without_a_terminal(host, verb):
    host.zone("z1")
    host.refused(verb, "z1", says="--force")
    assert state(host) == "installed"


@pytest.mark.parametrize("verb", ["uninstall", "delete"])
@pytest.mark.parametrize("answer, done", [("y", True), ("n", False), ("", False)])
def test_destructive_verbs_ask_on_a_terminal(host, verb, answer, done):
    host.zone("z1")
    child = host.spawn(verb, "z1")
    child.expect("z1.*\\?")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus == 0) is done
    gone = host.zones().get("z1") != "installed"
    assert gone is done


def test_deleting_an_image_asks_too(host):
    host.image("second", images.busybox())
    host.refused("image", "delete", "second", says="--force")
    host.zonectl("image", "delete", "--force", "second")
    assert host.images() == ["busybox"]


def test_shutdown_with_a_timeout_ends_in_time(host):
    host.image("deaf", images.withInit("#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nwhile :; do sleep 1; done\n"))
    host.zone("z1", image="deaf", boot=True)
    begin = time.monotonic()
    host.zonectl("shutdown", "--timeout", "1s", "z1")
    assert time.monotonic() - begin < 20
    assert state(host) == "installed"


def test_shutdown_runs_the_zones_own_scripts_and_halt_does_not(host):
    zone = host.zone("z1", boot=True)
    zone.shutdown()
    stops = zone.upper("/var/log/stops")
    assert stops.read_text().count("stopped-in-order") == 1
    zone.boot()
    zone.halt()
    assert stops.read_text().count("stopped-in-order") == 1


def test_shutdown_of_busybox_is_clean_within_its_own_pauses(host):
    zone = host.zone("z1", boot=True)
    begin = time.monotonic()
    zone.shutdown()
    assert time.monotonic() - begin < 15


def test_a_zone_whose_init_ignores_everything_is_killed(host):  # threat 44
    host.image("stubborn", images.withInit(
        "#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nfor i in 1 2 3 4 5; do (trap '' TERM; sleep 9999) & done\n"
        "kill -STOP $$\nwhile :; do sleep 9999; done\n"))
    zone = host.zone("z1", image="stubborn", boot=True)
    done = host.zonectl("shutdown", "--timeout", "1s", "z1")
    assert zone.state == "installed"
    assert "warning" in done.stderr and "was killed" in done.stderr, done


def test_a_reboot_with_a_definition_that_cannot_be_booted_keeps_the_old_one_and_says_so(host, zone):
    path = host.definitionFile("z1")
    good = path.read_text()
    path.write_text(good + "network: [{bridge: nosuchbridge}]\n")
    done = host.zonectl("reboot", "z1")
    assert zone.state == "running"
    assert "warning" in done.stderr and "nosuchbridge" in done.stderr and "before" in done.stderr, done
    path.write_text(good)
    assert host.zonectl("reboot", "z1").stderr == ""


def test_a_name_given_twice_is_meant_once(host, zone):
    done = host.zonectl("reboot", "z1", "z1")
    assert done.stdout.count("rebooted") == 1, done


def test_many_orphans_do_not_outlive_their_zone(host):  # threat 39
    zone = host.zone("z1", boot=True)
    zone.sh("i=0; while [ $i -lt 500 ]; do (sleep 4711 &) ; i=$((i+1)); done")
    begin = time.monotonic()
    zone.halt()
    assert time.monotonic() - begin < 15


def test_arguments_after_two_dashes_are_inits(host):
    host.zone("z1", init='["/bin/sh", "-c", "echo $0 $* >/args; exec sleep 1000"]')
    host.zonectl("boot", "z1", "--", "first", "--second", "third word")
    zone_args = eventually(lambda: host.zonectl("exec", "z1", "--", "cat", "/args", check=False).stdout)
    assert zone_args == "first --second third word\n"


def test_a_dry_run_prints_the_steps_and_takes_none(host):
    zone = host.zone("z1")
    output = host.zonectl("boot", "--dry-run", "z1").stdout
    steps = zone.plan()
    assert len(steps) >= 5 and all(step in output for step in steps)
    assert zone.state == "installed"
    assert not host.supervisors()


def test_the_list_shows_zones_states_and_addresses(host):
    zone = host.zone("run", boot=True)
    host.zone("inst")
    host.define("conf")
    lines = {line.split()[0]: line for line in host.zonectl("list").stdout.splitlines()[1:]}
    assert set(lines) == {"run", "inst"}
    assert "running" in lines["run"] and zone.address in lines["run"] and "installed" in lines["inst"]
    assert "conf" in host.zonectl("list", "--all").stdout
    rows = json.loads(host.zonectl("list", "--all", "--json").stdout)["zones"]
    assert {row["name"]: row["state"] for row in rows} == {"run": "running", "inst": "installed",
                                                           "conf": "configured"}
    table = host.zonectl("list", "-o", "state,name").stdout.splitlines()
    assert table[0].split() == ["STATE", "NAME"] and ["installed", "inst"] in [line.split() for line in table]
    host.refused("list", "-o", "nosuchcolumn", status=(2,), says="nosuchcolumn")


def test_show_tells_all_about_a_zone(host):
    zone = host.zone("z1", description="about", boot=True)
    text = host.zonectl("show", "z1").stdout
    for word in ("z1", "about", "running", zone.address, str(zone.pid), "busybox"):
        assert word in text
    shown = json.loads(host.zonectl("show", "z1", "--json").stdout)
    assert shown["name"] == "z1" and shown["state"] == "running" and shown["init-pid"] == zone.pid
    assert shown["privileged"] is False


def test_what_ends_a_ready_zone_before_its_init_starts_is_told(host):
    """Its process confines itself after it has reported all that the state ready stands for."""
    zone = host.zone("z1")
    program = host.root / "run/zoned/seccomp.bpf"
    whole = program.read_bytes()
    program.write_bytes(b"\xff" * 8)  # no filter that the kernel takes
    try:
        host.zonectl("ready", "z1", check=False)
        eventually(lambda: zone.state == "installed")
    finally:
        program.write_bytes(whole)
    assert "filter" in zone.reason and "its init" not in zone.reason, zone.reason


def test_a_busy_zone_says_what_holds_it(host):
    host.image("deaf", images.withInit("#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nwhile :; do sleep 1; done\n"))
    zone = host.zone("z1", image="deaf", boot=True)
    client = host.popen("shutdown", "--timeout", "20s", "z1", stdin=subprocess.DEVNULL)
    eventually(lambda: zone.get("Job") != "/")
    host.refused("reboot", "z1", status=(1,), says=("z1", "shutdown"))
    host.refused("delete", "--force", "z1", status=(1,), says=("z1",))
    client.terminate()
    client.wait(30)
    eventually(lambda: zone.get("Job") == "/", 30)
    zone.halt()


def test_halt_while_booting_cancels_the_boot(host):
    """A zone that never gets ready is not waited for once somebody halts it."""
    host.image("slow", images.withInit("#!/bin/sh\nwhile :; do sleep 1; done\n"))
    zone = host.zone("z1", image="slow", init="systemd")
    client = host.popen("boot", "--wait", "z1", stdin=subprocess.DEVNULL)
    eventually(lambda: zone.state == "running")
    assert client.poll() is None, "an init that does not say READY is not ready"
    done = host.zonectl("halt", "z1", check=False, timeout=60)
    if done.returncode != 0:
        # Refused as busy with the boot: cancelled by its caller's ^C instead.
        assert "boot" in done.stderr
        client.send_signal(2)
    assert client.wait(30) != 0
    eventually(lambda: zone.get("Job") == "/", 30)
    zone.halt()
    assert zone.state == "installed"


def test_files_survive_reboot_halt_and_boot(host):
    zone = host.zone("z1", boot=True)
    zone.sh("echo kept >/root/file; rm /etc/shells; mkdir -p /etc/new/deep; sync")
    zone.reboot()
    assert zone.sh("cat /root/file; ls /etc/new; test -e /etc/shells || echo gone") == "kept\ndeep\ngone"
    zone.halt()
    zone.boot()
    assert zone.sh("cat /root/file") == "kept"


def test_uninstall_removes_the_data_and_keeps_the_definition(host):
    zone = host.zone("z1", description="stays", boot=True)
    zone.sh("echo secret >/root/file")
    zone.halt()
    zone.uninstall()
    eventually(lambda: not host.storage("z1").exists() or not any(host.storage("z1").rglob("file")))
    zone.install().boot()
    assert zone.exec("cat", "/root/file", check=False).returncode != 0
    assert zone.get("Description") == "stays"


def test_a_definition_that_changes_takes_effect_at_the_next_boot(host):
    zone = host.zone("z1", boot=True)
    host.definitionFile("z1").write_text("zone: z1\nimage: busybox\nhostname: changed\n")
    assert zone.sh("hostname") == "z1"
    zone.reboot()
    assert zone.sh("hostname") == "changed"


def test_descriptors_of_the_service_do_not_grow_with_use(host):  # I7
    import os

    def count():
        return len(os.listdir(f"/proc/{host.process.pid}/fd"))

    zone = host.zone("z1")
    for _ in range(2):
        zone.boot()
        zone.exec("true")
        zone.halt()
    before = count()
    for _ in range(10):
        zone.boot()
        zone.exec("true")
        zone.halt()
    eventually(lambda: count() <= before + 2, 10, "the service to close what it opened")
