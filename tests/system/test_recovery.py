"""kill -9: the service's death harms no zone, a supervisor's death is cleaned up and told, and both together too."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from support import images
from support.leaks import Watch
from support.wait import eventually
from support.zone import Zone


def killSupervisors(host, name):
    pids = host.supervisors(name)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


# ---- zoned dies -----------------------------------------------------------------------

def test_a_running_zone_is_adopted_with_everything_working(host, zone):
    pid, started = zone.pid, zone.sh("cat /run/started")
    host.kill()
    assert os.path.exists(f"/proc/{pid}")
    host.start()
    assert zone.state == "running" and zone.pid == pid and zone.get("Booted") is True
    assert zone.sh("cat /run/started") == started
    done = host.zonectl("exec", "z1", "--", "sh", "-c", "cat; exit 7", input=b"\0\1\2", text=False, check=False)
    assert (done.returncode, done.stdout) == (7, b"\0\1\2")
    console = host.spawn("console", "z1")
    console.expect("zone z1 is up")
    console.sendline("\necho typed-$((1+1))")
    console.expect("typed-2")
    console.close(force=True)
    host.zonectl("reboot", "z1")
    assert zone.pid != pid
    zone.shutdown()
    assert zone.state == "installed"


def test_two_zones_are_shut_down_cleanly_after_a_crash(host):
    zones = [host.zone(name, boot=True) for name in "ab"]
    host.restart()
    host.zonectl("shutdown", "a", "b")
    for zone in zones:
        assert zone.state == "installed"
        assert "stopped-in-order" in zone.upper("/var/log/stops").read_text()


def test_sessions_outlive_the_service(host, zone):
    """exec, login and console are the supervisor's: zoned only handed them over."""
    reader, writer = os.pipe()
    running = host.popen("exec", "z1", "--", "sh", "-c", "cat; exit 7", stdin=reader)
    os.close(reader)
    shell = host.spawn("login", "z1")
    shell.expect("# ")
    console = host.spawn("console", "z1")
    console.expect("is up")
    host.restart()
    os.write(writer, b"late\n")
    os.close(writer)
    assert running.communicate(timeout=30)[0] == b"late\n" and running.returncode == 7
    shell.sendline("echo still-$((1+1)); exit 5")
    shell.expect("still-2")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 5
    console.sendline("\necho here-$((2+2))")
    console.expect("here-4")
    console.close(force=True)


def test_an_exit_that_nobody_heard_is_told_afterwards(host, zone):
    """The zone ends while zoned is not there: its next start knows how."""
    host.image("exits", images.withInit("#!/bin/sh\nwhile [ ! -e /end ]; do sleep 0.1; done\nexit 42\n"))
    other = host.zone("z2", image="exits", boot=True)
    pid = other.pid
    other.sh("(sleep 1; touch /end) >/dev/null 2>&1 &")
    host.kill()
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    eventually(lambda: not host.supervisors("z2"))
    host.start()
    assert other.state == "installed" and "42" in other.reason
    assert zone.state == "running"


def test_a_poweroff_that_nobody_heard_is_told_afterwards(host, zone):
    pid = zone.pid
    client = host.popen("exec", "z1", "--", "sh", "-c", "sleep 1; poweroff", stdin=subprocess.DEVNULL)
    time.sleep(0.2)
    host.kill()
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), 30)
    client.wait(20)
    host.start()
    assert zone.state == "installed"


def test_a_reboot_that_nobody_heard_happens(host, zone):
    pid = zone.pid
    client = host.popen("exec", "z1", "--", "sh", "-c", "sleep 1; reboot", stdin=subprocess.DEVNULL)
    time.sleep(0.2)
    host.kill()
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), 30)
    client.wait(20)
    # The old definition's plan is used when no zoned answers in 5 s.
    time.sleep(7)
    host.start()
    assert zone.state == "running" and zone.pid != pid
    zone.exec("true")


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_a_crash_during_a_boot_ends_in_a_true_state(host, delay):
    zone = host.zone("z1")
    client = host.popen("boot", "z1", stdin=subprocess.DEVNULL)
    eventually(lambda: host.bus.manager("ListJobs") or host.supervisors("z1") or client.poll() is not None, step=0)
    time.sleep(delay)
    host.restart()
    client.wait(30)
    eventually(lambda: zone.state in ("running", "installed"), 30)
    assert zone.truth() == ("running" if zone.state == "running" else "not running")
    host.zonectl("boot", "z1")
    assert zone.state == zone.truth() == "running"


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("verb", ["halt", "shutdown", "reboot"])
def test_a_crash_during_a_stop_ends_in_a_true_state(host, zone, verb, delay):
    client = host.popen(verb, "z1", stdin=subprocess.DEVNULL)
    time.sleep(delay)
    host.restart()
    client.wait(60)
    eventually(lambda: zone.state in ("running", "installed") and zone.get("Job") == "/", 60)
    if verb != "reboot":
        host.zonectl("halt", "z1")
        assert zone.state == "installed"
    else:
        eventually(lambda: zone.truth() == zone.state or zone.state == "installed", 30)


@pytest.mark.parametrize("verb", ["install", "uninstall", "delete"])
@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05])
def test_a_crash_during_a_change_of_the_root_leaves_old_new_or_incomplete(host, verb, delay):
    zone = host.define("z1")
    if verb != "install":
        zone.install()
        for number in range(200):
            (zone.upper("/many") / str(number)).mkdir(parents=True)
    force = [] if verb == "install" else ["--force"]
    client = host.popen(verb, *force, "z1", stdin=subprocess.DEVNULL)
    time.sleep(delay)
    host.restart()
    client.wait(30)
    state = host.zones().get("z1")
    assert state in ("configured", "incomplete", "installed", None)
    if state == "incomplete":
        host.refused("boot", "z1", status=(1,))
        host.zonectl("uninstall", "--force", "z1")
        state = "configured"
    if state == "configured":
        host.zonectl("install", "z1")
    if state is not None:
        host.zonectl("boot", "z1")
        assert zone.state == "running"


def test_repeated_crashes_leave_a_zone_untouched(host, zone):  # I4
    pid, client = zone.pid, host.popen("exec", "z1", "--", "ping", "-c", "15", "-i", "0.1", host.gateway,
                                       stdin=subprocess.DEVNULL)
    eventually(lambda: zone.exec("pidof", "ping", check=False).returncode == 0, 10, "ping to run")
    eventually(lambda: zone.exec("pidof", "ping", check=False).returncode == 0)
    for _ in range(5):
        host.restart()
    assert zone.pid == pid
    output = client.communicate(timeout=20)[0].decode()
    assert output.count("bytes from") == 15, (output, client.returncode)
    sequence = [int(part.split()[0]) for part in output.split("seq=")[1:]]
    assert sequence == list(range(len(sequence))), "a ping was lost"


def test_the_service_answers_soon_after_a_crash(host):  # I8
    for name in "abcdef":
        host.zone(name, boot=True)
    host.kill()
    begin = time.monotonic()
    host.start()
    assert len(host.zones()) == 6
    assert time.monotonic() - begin < 5


# ---- a supervisor dies --------------------------------------------------------------------

def test_a_zone_whose_supervisor_was_killed_is_cleaned_up_and_says_why(host, zone):
    pid = zone.pid
    killSupervisors(host, "z1")
    zone.until("installed")
    assert "supervisor" in zone.reason.lower()
    assert "supervisor" in host.zonectl("show", "z1").stdout.lower()
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), what="the zone's init to be gone")
    zone.boot()
    assert zone.sh("echo alive") == "alive"


def cutConnections(host):
    """What a supervisor does with a connection that is not read fast enough."""
    pidfdGetfd = 438
    pidfd = os.pidfd_open(host.process.pid)
    cut = 0
    for number in os.listdir(f"/proc/{host.process.pid}/fd"):
        copy = ctypes.CDLL(None).syscall(pidfdGetfd, pidfd, int(number), 0)
        if copy < 0 or not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        with socket.socket(fileno=copy) as connection:
            if connection.family == socket.AF_UNIX and connection.type == socket.SOCK_SEQPACKET:
                connection.shutdown(socket.SHUT_RDWR)
                cut += 1
    os.close(pidfd)
    assert cut, "zoned has no connection to a supervisor"


def test_a_supervisor_that_cuts_the_connection_is_not_taken_for_dead(host, zone):
    pid, supervisors = zone.pid, host.supervisors("z1")
    for _ in range(3):
        cutConnections(host)
        assert zone.exec("echo", "well", timeout=20).stdout == "well\n"
    assert (zone.state, zone.pid, host.supervisors("z1")) == ("running", pid, supervisors)
    cutConnections(host)
    zone.halt()
    zone.boot()
    zone.shutdown()


def test_an_init_that_says_ready_without_end_keeps_its_zone(host):
    zone = host.zone("z1", init="[/bin/probe, flood-ready]")
    zone.boot()
    supervisors = host.supervisors("z1")
    begin = Path(f"/proc/{host.process.pid}/stat").read_text().split()[13:15]
    time.sleep(2)
    spent = [int(now) - int(then) for now, then in
             zip(Path(f"/proc/{host.process.pid}/stat").read_text().split()[13:15], begin)]
    assert zone.state == "running" and host.supervisors("z1") == supervisors
    assert sum(spent) < 50, "zoned hears of it each time"  # in hundredths of a second
    zone.halt()


def test_a_supervisor_killed_while_nobody_looks_is_found_at_the_next_start(host, zone):
    pid = zone.pid
    other = host.zone("z2", boot=True)
    host.kill()
    killSupervisors(host, "z1")
    host.start()
    zone.until("installed")
    assert "supervisor" in zone.reason.lower()
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    assert other.state == "running" and other.sh("echo alive") == "alive"
    zone.boot()


def test_a_death_that_the_service_manager_cleaned_up_after_is_told_at_the_next_start(host, zone):
    """As ExecStopPost= of zone@.service does it, while no zoned is there."""
    host.kill()
    killSupervisors(host, "z1")
    subprocess.run([host.programs / "zone-supervisor", "--cleanup", "--run", host.runFolder("z1"), "--cgroup",
                    host.cgroup / "zone@z1.service", "z1"], check=True)
    host.start()
    zone.until("installed")
    assert "supervisor died" in zone.reason, zone.reason
    zone.boot()


def test_a_zone_that_ran_when_the_host_lost_its_power_says_so(host):
    zone = host.zone("z1", boot=True)
    mark = host.storage("z1") / "running"
    assert mark.read_text() == Path("/proc/sys/kernel/random/boot_id").read_text()
    zone.shutdown()
    assert zone.reason == "shut down" and not mark.exists()
    # else the next start hears the supervisor's own farewell, which is newer than any power cut
    eventually(lambda: not host.runFolder("z1").exists(), what="the supervisor to leave")
    host.kill()
    mark.write_text("the id of an earlier boot\n")  # as it lies there after a power cut
    host.start()
    assert zone.state == "installed" and zone.reason == "the host went down while it ran"
    eventually(lambda: not mark.exists(), what="the mark to be removed")  # of which no job waits
    zone.boot()


def test_all_programs_of_zoned_killed_at_once(host):
    zones = [host.zone(name, boot=True) for name in "abc"]
    inits = [zone.pid for zone in zones]
    host.kill()
    for name in "abc":
        killSupervisors(host, name)
    host.start()
    for zone in zones:
        zone.until("installed")
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in inits))
    host.zonectl("boot", "a", "b", "c")
    assert set(host.zones().values()) == {"running"}


def test_a_crash_during_recovery_is_recovered_from(host):
    zone = host.zone("z1", boot=True)
    host.kill()
    killSupervisors(host, "z1")
    for delay in (0.0, 0.01, 0.03):
        process = subprocess.Popen([host.programs / "zoned", "--root", host.root], env=host.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        time.sleep(delay)
        process.kill()
        process.wait()
    host.start()
    zone.until("installed")
    zone.boot()
    assert zone.truth() == "running"


def test_a_supervisor_that_hangs_does_not_hang_the_service(host, zone):
    pid = host.supervisors("z1")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        other = host.zone("z2", boot=True)
        host.bus.manager("ListZones", timeout=2)
        assert other.sh("echo alive") == "alive"
        client = host.popen("exec", "z1", "--", "true", stdin=subprocess.DEVNULL)
        host.bus.manager("ListZones", timeout=2)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert client.wait(30) == 0


def test_an_init_killed_from_outside_is_told(host, zone):
    os.kill(zone.pid, signal.SIGKILL)
    zone.until("installed")
    assert "kill" in zone.reason.lower()
    zone.boot()


def test_another_process_with_the_old_number_is_not_taken_for_the_zone(host, zone):  # F17
    """After kill -9 of everything, a stranger under init's old number is neither adopted nor killed."""
    host.kill()
    pid = zone_pid(host)
    killSupervisors(host, "z1")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    stranger = None
    try:
        for _ in range(50):
            with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
                last.write(str(pid - 1))
            stranger = subprocess.Popen(["sleep", "1000"], cwd="/")
            if stranger.pid == pid:
                break
            stranger.kill()
            stranger.wait()
        host.start()
        eventually(lambda: host.zones()["z1"] == "installed")
        if stranger.pid == pid:
            assert stranger.poll() is None, "a stranger was killed"
    finally:
        stranger.kill()
        stranger.wait()


def zone_pid(host):
    """The zone's init, without the service: the process of the zone's ids whose parent is the supervisor."""
    supervisors = host.supervisors("z1")
    for pid in host.processes():
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            if int(stat.read().rsplit(")", 1)[1].split()[1]) in supervisors:
                return pid
    raise AssertionError("no init")


def test_interference_from_outside_is_survived(host):  # F16
    """What a careless administrator deletes is no obstacle to stopping and booting again."""
    for damage in (lambda zone: subprocess.run(["ip", "link", "del", host.tag], check=True),
                   lambda zone: [subprocess.run(["nft", "delete", "table", family, host.tag], check=True)
                                 for family in ("inet", "bridge")],
                   lambda zone: [path.unlink() for path in host.runFolder("z1").iterdir() if path.is_file()]):
        zone = host.zone("z1", boot=True)
        watch = Watch(host)
        damage(zone)
        zone.halt()
        host.restart()
        zone.boot()
        assert zone.exec("ping", "-c", "1", "-W", "5", host.gateway).returncode == 0
        zone.halt()
        assert not [leak for leak in watch.leaks() if not leak.startswith("run record")]
        zone.delete()


def test_a_full_run_folder_keeps_the_service_from_nothing_but_booting(makeHost):
    host = makeHost()
    run = host.root / "run"
    run.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,mode=755", "none", run], check=True)
    try:
        host.start()
        host.busybox()
        zone = host.zone("z1")
        full = run / "full"
        with full.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        host.refused("boot", "z1", says="No space left")
        os.truncate(full, full.stat().st_size - 4096)  # just enough to begin
        host.refused("boot", "z1", says="No space left")
        assert zone.state == "installed" and "No space left" in zone.reason and "died" not in zone.reason
        host.stop()
        with full.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        host.start()
        assert host.zones() == {"z1": "installed"}
        full.unlink()
        zone.boot()
        zone.halt()
        zone.delete()
        host.stop()
    finally:
        subprocess.run(["umount", "-l", run], check=True)


# ---- torn files ------------------------------------------------------------------------------

def damages(path):
    """A file's torn forms: empty, cut, zeros, another kind, a folder."""
    good = path.read_bytes()
    for name, data in (("empty", b""), ("cut", good[:len(good) // 2]), ("zeros", bytes(len(good))),
                       ("another kind", b'{"what": [1, 2, {}]}'), ("no text", bytes(range(256)) * 4)):
        path.write_bytes(data)
        yield name
    path.unlink()
    path.mkdir()
    yield "a folder"
    path.rmdir()
    path.write_bytes(good)
    path.chmod(0o600)


def test_a_torn_definition_harms_only_its_own_zone(host):  # F11
    torn, good = host.zone("torn"), host.zone("good", boot=True)
    for name in damages(host.definitionFile("torn")):
        host.restart()
        assert good.state == "running" and good.get("Problem") == "", name
        if torn.exists():
            assert torn.get("Problem"), name
            assert host.zonectl("boot", "torn", check=False).returncode == 1, name
    host.restart()
    assert torn.get("Problem") == "" and torn.state == "installed"
    torn.boot()


def test_a_torn_state_file_makes_the_zone_incomplete_and_others_go_on(host):  # F11, I6
    torn, good = host.zone("torn"), host.zone("good", boot=True)
    for name in damages(host.storage("torn") / "state.json"):
        host.restart()
        assert good.state == "running", name
        assert torn.state in ("incomplete", "unavailable"), name
        assert host.zonectl("boot", "torn", check=False).returncode == 1, name
    host.restart()
    assert torn.state == "installed"
    torn.boot()


def test_a_definition_that_is_no_file_is_its_zones_problem(host):
    host.zone("pipe")
    host.define("bare")
    for name in ("pipe", "bare"):
        path = host.definitionFile(name)
        path.unlink()
        os.mkfifo(path)
    host.restart()
    for zone in (Zone(host, "pipe"), Zone(host, "bare")):
        assert zone.exists(), "it has vanished from the list"
        problem = zone.get("Problem")
        assert problem.endswith("is no regular file") and problem.count(f"{zone.name}.yaml") == 1, problem
        host.refused("boot", zone.name, says="is no regular file")
    for name in ("pipe", "bare"):
        host.definitionFile(name).unlink()


# Each of them would be overwritten by a record that is saved.
UNREADABLE = {"cut": lambda path: path.write_text("{"), "no ids": lambda path: path.write_text('{"complete": true}'),
              "ELOOP": lambda path: path.symlink_to(path)}


@pytest.fixture(params=UNREADABLE)
def unreadable(host, request):
    """Breaks and mends the record of zone z1."""
    path = host.storage("z1") / "state.json"
    kept = path.with_name("kept")

    def spoil():
        path.rename(kept)
        UNREADABLE[request.param](path)

    def mend():
        assert path.is_symlink() or len(path.read_text()) < 20, "the record was overwritten"
        path.unlink()
        kept.rename(path)
    return spoil, mend


def test_a_record_that_cannot_be_read_is_kept_as_it_is(host, unreadable):
    spoil, mend = unreadable
    zone = host.zone("z1", boot=True)
    block, address = zone.idBase, zone.address
    spoil()
    zone.halt()
    host.refused("boot", "z1", says=("unavailable", "state.json"))
    assert zone.state == "unavailable" and "state.json" in zone.reason
    assert (zone.idBase, zone.address) == (block, address), "what it was given is forgotten"
    mend()
    zone.boot()
    assert zone.sh("echo works") == "works"


def test_nothing_is_given_out_while_a_record_cannot_be_read(host, unreadable):
    """The block and the address may be those of the zone whose files are on the disk still."""
    spoil, mend = unreadable
    zone = host.zone("z1")
    block, address = zone.idBase, zone.address
    spoil()
    host.restart()
    done = host.zonectl("create", "z2", "--image", "busybox", check=False)
    assert done.returncode == 1 and "z1" in done.stderr and "state.json" in done.stderr, done
    host.zonectl("delete", "--force", "z2", check=False)
    mend()
    host.restart()
    other = host.zone("z2")
    assert other.idBase != block and other.address != address


def test_a_zone_with_a_damaged_record_can_be_deleted(host):
    zone = host.zone("z1")
    (host.storage("z1") / "state.json").write_text("{")
    host.restart()
    zone.delete()
    assert not host.storage("z1").exists()
    host.zone("z2")


def test_a_zone_that_reboots_with_a_damaged_record_keeps_its_ids(host):
    zone = host.zone("z1", boot=True)
    block, pid = zone.idBase, zone.pid
    state = host.storage("z1") / "state.json"
    good = state.read_text()
    state.write_text("{")
    host.restart()
    zone.exec("sh", "-c", "kill -TERM 1", check=False)  # BusyBox's init reboots on it
    eventually(lambda: zone.pid not in (0, pid), what="the reboot")
    assert zone.truth() == "running"
    idMap = [int(number) for number in Path(f"/proc/{zone.pid}/uid_map").read_text().split()]
    assert idMap[1] == block
    state.write_text(good)


def test_a_torn_run_record_does_not_keep_a_dead_zone_from_being_cleaned_up(host):
    zone = host.zone("z1", boot=True)
    pid = zone.pid
    host.kill()
    killSupervisors(host, "z1")
    for path in host.runFolder("z1").iterdir():
        if path.is_file():
            path.write_bytes(path.read_bytes()[:40])
    host.start()
    zone.until("installed")
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    zone.boot()


def test_an_image_that_is_gone_makes_its_zones_unavailable(host):
    host.image("other", images.busybox())
    zone = host.zone("z1", image="other")
    place = host.root / "var/lib/zoned/images/other"
    host.stop()
    place.rename(host.base / "away")
    host.start()
    assert zone.state == "unavailable" and "other" in zone.reason
    host.refused("boot", "z1", status=(1,), says="z1")
    host.stop()
    (host.base / "away").rename(place)
    host.start()
    assert zone.state == "installed"
    zone.boot()


def test_a_zone_whose_supervisor_does_not_answer_is_not_taken_for_installed(host, zone):
    supervisor = host.supervisors("z1")[0]
    os.kill(supervisor, signal.SIGSTOP)
    host.restart()
    assert zone.state == "down" and "does not answer" in zone.reason
    host.refused("boot", "z1")
    host.refused("delete", "--force", "z1")
    host.zonectl("halt", "z1", timeout=60)
    assert zone.state == "installed"
    zone.boot()


def test_a_supervisor_that_answers_late_is_adopted(host, zone):
    supervisor, pid = host.supervisors("z1")[0], zone.pid
    os.kill(supervisor, signal.SIGSTOP)
    host.restart()
    os.kill(supervisor, signal.SIGCONT)
    zone.until("running")
    assert zone.pid == pid


# ---- what was read a while ago --------------------------------------------------------

AGED = 2.2  # seconds after which a file that is unchanged is not read again


def test_a_start_that_fails_leaves_nothing_in_the_next_ones_way(host):
    zone = host.zone("z1")
    supervisor = host.programs / "zone-supervisor"
    for _ in range(2):
        supervisor.chmod(0o644)
        try:
            host.refused("boot", "z1", status=(1,), says="starting")
            assert not host.runFolder("z1").exists() and zone.state == "installed"
        finally:
            supervisor.chmod(0o755)
        host.zonectl("boot", "z1")
        zone.halt()


def test_another_image_of_the_name_is_noticed_however_late(host):
    zone = host.zone("z1")
    info = host.root / "var/lib/zoned/images/busybox/image.json"
    good = info.read_text()
    time.sleep(AGED)
    host.zonectl("boot", "z1")
    zone.halt()
    time.sleep(AGED)
    try:
        info.write_text(good.replace(json.loads(good)["id"], json.loads(good)["id"][::-1]))
        host.refused("boot", "z1", status=(1,), says="not the one it was installed on")
    finally:
        info.write_text(good)
    host.zonectl("boot", "z1")


def test_a_disk_that_comes_late_is_enough_for_a_boot(host):
    disk = Path("/dev/zoned-test-late")
    number = next(Path("/sys/block").glob("*/dev")).read_text().split(":")
    host.zone("z1")
    file = host.definitionFile("z1")
    file.write_text(file.read_text() + f"resources:\n  optional: true\n  io: [{{device: {disk}, write: 1M}}]\n")
    time.sleep(AGED)
    for _ in range(2):
        host.refused("boot", "z1", status=(1,), says="resources.io[0].device")
    os.mknod(disk, stat.S_IFBLK | 0o600, os.makedev(*map(int, number)))
    try:
        host.zonectl("boot", "z1")
    finally:
        disk.unlink()
