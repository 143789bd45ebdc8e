"""zonectl exec: a program in a zone behaves as one on the host would, in scripts and pipes."""

import array
import contextlib
import os
import signal
import socket
import struct
import subprocess
import time

import pytest
from gi.repository import GLib

from support.bus import MANAGER, MANAGER_PATH, ZONE, BusFault

from support.wait import eventually


def test_bytes_and_status_come_through_unchanged(host, zone):
    data = bytes(range(256)) * 400 + b"\x04\x03\x00\xff"
    done = host.zonectl("exec", "z1", "--", "sh", "-c", "cat; exit 7", input=data, text=False, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, data, b"")


def test_output_and_errors_are_kept_apart(host, zone):
    done = zone.exec("sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_ten_megabytes_pass_in_both_directions(host, zone):
    data = os.urandom(10 << 20)
    done = host.zonectl("exec", "z1", "--", "cat", input=data, text=False)
    assert done.stdout == data


def test_a_reader_that_stops_early_ends_the_program(host, zone):
    """zonectl exec z1 -- yes | head -1"""
    reader, writer = os.pipe()
    client = host.popen("exec", "z1", "--", "yes", stdout=writer, stdin=subprocess.DEVNULL)
    os.close(writer)
    assert os.read(reader, 4) == b"y\ny\n"
    os.close(reader)
    client.wait(20)
    eventually(lambda: zone.exec("pidof", "yes", check=False).returncode != 0, what="yes to end")


def test_standard_input_may_be_closed(host, zone):
    assert zone.exec("sh", "-c", "cat; echo end").stdout == "end\n"


def test_the_user_is_taken_from_the_zones_own_accounts(host, zone):
    assert zone.sh("id -u; id -g; id -G", options=("--user", "user")).split() == ["1000", "1000", "1000", "100"]
    assert zone.sh("echo $HOME $USER", options=("--user", "user")) == "/home/user user"
    assert zone.sh("id -u", options=("--user", "1000")) == "1000"
    host.refused("exec", "z1", "--user", "nobody-here", "--", "true", status=range(1, 128), says="nobody-here")


def test_the_folder_can_be_chosen(host, zone):
    assert zone.exec("pwd", options=("--cwd", "/home/user")).stdout == "/home/user\n"
    host.refused("exec", "z1", "--cwd", "/no/such", "--", "true", status=range(1, 128), says="/no/such")


def test_the_environment_is_the_zones_and_can_be_added_to(host, zone):
    done = zone.exec("env", options=("--env", "A=1", "--env", "B=x y"), env={"SECRET_OF_THE_HOST": "x"})
    lines = done.stdout.splitlines()
    assert "A=1" in lines and "B=x y" in lines
    assert any(line.startswith("PATH=") for line in lines)
    assert "SECRET_OF_THE_HOST" not in done.stdout and "DBUS_SYSTEM_BUS_ADDRESS" not in done.stdout


def test_a_terminal_is_given_when_asked_for(host, zone):
    assert zone.exec("sh", "-c", "test -t 0 || echo none").stdout == "none\n"
    done = zone.exec("tty", options=("--tty",))
    assert done.stdout.strip().startswith("/dev/pts/")


def test_a_program_that_is_not_there_is_status_127(host, zone):
    host.refused("exec", "z1", "--", "nosuch-program", status=(127,), says="nosuch-program")


def test_a_file_that_is_no_program_is_status_126(host, zone):
    host.refused("exec", "z1", "--", "/etc/passwd", status=(126,), says="/etc/passwd")


def test_a_program_killed_by_a_signal_is_128_and_its_number(host, zone):
    assert zone.exec("sh", "-c", "kill -KILL $$", check=False).returncode == 137
    assert zone.exec("sh", "-c", "kill -TERM $$", check=False).returncode == 143


def test_arguments_are_passed_without_a_shell(host, zone):
    argv = ["a b", "$HOME", "*", ";", "--help", "", "\n", "ü"]
    done = host.zonectl("exec", "z1", "--", "printf", "<%s>", *argv)
    assert done.stdout == "".join(f"<{word}>" for word in argv)


def test_an_argument_that_is_no_text_is_refused_plainly(host, zone):
    for words in ((b"--", b"cat", b"/caf\xe9"), (b"--env", b"A=\xff", b"--", b"true"), (b"--cwd", b"/\xc0", b"--", b"true")):
        done = subprocess.run([*map(os.fsencode, host.argv("exec", "z1")), *words], env=host.environment,
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 2 and b"is not UTF-8" in done.stderr and b"serialize" not in done.stderr


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_client_that_dies_takes_its_program_along(host, zone, end):
    client = host.popen("exec", "z1", "--", "sleep", "4711", stdin=subprocess.DEVNULL)
    eventually(lambda: zone.exec("pidof", "sleep", check=False).returncode == 0)
    client.send_signal(end)
    client.wait(20)
    eventually(lambda: "4711" not in zone.sh("ps -o args"), what="sleep to be gone from the zone")


def test_a_program_that_ignores_the_hangup_is_killed(host, zone):
    client = host.popen("exec", "z1", "--", "sh", "-c", "trap '' HUP; while :; do sleep 4711; done",
                        stdin=subprocess.DEVNULL)
    eventually(lambda: "4711" in zone.sh("ps -o args | grep -v ps"))
    client.kill()
    client.wait()
    eventually(lambda: "trap" not in zone.sh("ps -o args"), 30, "the shell to be gone from the zone")


def test_programs_run_beside_each_other(host, zone):
    clients = [host.popen("exec", "z1", "--", "sh", "-c", f"sleep 0.5; exit {number}", stdin=subprocess.DEVNULL)
               for number in range(20)]
    assert [client.wait(30) for client in clients] == list(range(20))


def test_a_program_left_in_the_background_keeps_neither_client_nor_pipe(host, zone):
    done = zone.exec("sh", "-c", "sleep 4711 >/dev/null 2>&1 </dev/null & echo started", timeout=20)
    assert done.stdout == "started\n"


def test_a_zone_that_is_halted_ends_its_programs(host, zone):
    client = host.popen("exec", "z1", "--", "sleep", "1000", stdin=subprocess.DEVNULL)
    eventually(lambda: zone.exec("pidof", "sleep", check=False).returncode == 0)
    zone.halt()
    assert client.wait(20) != 0


def test_a_zone_that_does_not_run_is_refused_with_advice(host):
    host.zone("z1")
    host.refused("exec", "z1", "--", "true", says=("z1", "boot"))


def test_a_program_of_a_running_zone_is_started_in_under_a_second(host, zone):
    """A guard against an accidental wait, not a benchmark."""
    zone.exec("true")
    begin = time.monotonic()
    for _ in range(5):
        zone.exec("true")
    assert time.monotonic() - begin < 5


def test_programs_that_could_not_be_started_do_not_keep_the_zone_from_halting(host, zone):
    for _ in range(25):
        host.zonectl("exec", "z1", "--cwd", "/nonexistent", "--", "true", check=False)
        host.zonectl("exec", "z1", "--user", "nosuch", "--", "true", check=False)
        host.zonectl("exec", "z1", "--", "/nosuch", check=False)
    zone.halt()
    assert zone.state == "installed" and zone.reason == "halted"


def test_one_user_cannot_take_all_that_root_needs(host):
    zone = host.zone("z1", admins="[{user: daemon, may: [exec, console]}]", boot=True)
    run = [zone.path, ZONE, "Exec", "(asa{sv})", "(['/bin/sleep', '1000'], {})", 0]
    replies = host.repliesTo([run] * 66, uid=1)
    assert [name for name, _ in replies[:64]] == [""] * 64
    assert {name for name, _ in replies[64:]} == {"org.zoned1.Error.Failed"} and "one user may have 64" in replies[64][1]
    look = [zone.path, ZONE, "OpenConsole", "()", "()", 0]
    replies = host.repliesTo([look] * 10, uid=1)
    assert [name for name, _ in replies] == [""] * 8 + ["org.zoned1.Error.Failed"] * 2
    assert "one user may have 8" in replies[8][1]
    consoles = [fd for _ in range(32) for fd in host.bus.send(zone.path, ZONE, "OpenConsole")[1]]
    with pytest.raises(BusFault, match="all 32 are in use"):
        host.bus.send(zone.path, ZONE, "OpenConsole")
    for fd in consoles:
        os.close(fd)


# ---- descriptors that come along --------------------------------------------------------------

@pytest.fixture
def lingering():
    """A socket whose last close(2) waits for an hour."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        sender = socket.create_connection(listener.getsockname())
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while sender.send(bytes(65536)):
                pass
        sender.setblocking(True)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
        yield sender
        with contextlib.suppress(OSError):
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        sender.close()


def sendAlong(connection, text, lingering):
    """True where it went; from Linux 6.16 on none is taken."""
    try:
        connection.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lingering.fileno()]))])
    except PermissionError:
        return False
    return True


def test_a_socket_that_lingers_hangs_no_supervisor(host, zone, lingering):
    """Whoever may run programs, or see the console, can send it one."""
    control, *_ = host.bus.send(zone.path, ZONE, "Exec", GLib.Variant("(asa{sv})", (["/bin/sleep", "1000"], {})))[1]
    [console] = host.bus.send(zone.path, ZONE, "OpenConsole")[1]
    with socket.socket(fileno=control) as program, socket.socket(fileno=console) as viewer:
        if sendAlong(program, b"{}", lingering) | sendAlong(viewer, b"x", lingering):
            os.close(lingering.detach())  # the last to close it is the supervisor now
        assert zone.exec("echo", "well", timeout=20).stdout == "well\n"


def test_a_socket_that_lingers_hangs_not_the_service(host, zone, lingering):
    """Any user may call what is public, with descriptors that it does not have."""
    copy = os.dup(lingering.fileno())
    with contextlib.suppress(Exception):  # the bus may keep them away
        host.bus.send(MANAGER_PATH, MANAGER, "GetZone", GLib.Variant("(s)", ("z1",)), timeout=5, fds=[copy])
    linger = lingering.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    os.close(copy)
    assert struct.unpack("ii", linger)[0] == 0
    assert host.zones() == {"z1": "running"}


# ---- what a zone may put in the way -------------------------------------------------------------

def spoil(zone, how):
    """Makes the zone's accounts useless, in one of the ways that its root has."""
    for name in ("passwd", "group"):
        zone.sh({"huge": f"truncate -s 100M /etc/{name}", "pipe": f"rm /etc/{name}; mkfifo /etc/{name}",
                 "device": f"ln -sf /dev/zero /etc/{name}", "magic link": f"ln -sf /proc/self/fd/0 /etc/{name}",
                 "folder": f"rm /etc/{name}; mkdir /etc/{name}",
                 "another root": f"echo root:x:1000:1000::/:/bin/false >/etc/{name}"}[how])


def rootsIds(zone, **more):
    """Not asked of id(1), which looks into the accounts as well."""
    return set(zone.exec("grep", "^Uid:", "/proc/self/status", **more).stdout.split()[1:])


@pytest.mark.parametrize("how", ["huge", "pipe", "device", "magic link", "folder", "another root"])
def test_root_needs_no_accounts_of_the_zone(host, zone, how):
    spoil(zone, how)
    for who in ("root", "0"):
        assert rootsIds(zone, options=("--user", who)) == {"0"}
    host.refused("exec", "z1", "--user", "user", "--", "true", status=range(1, 128))


@pytest.fixture
def deafFolder(zone):
    """Mounts a file system that never answers, at a folder of the zone."""
    helpers = []
    node = f"/proc/{zone.pid}/root/dev/fuse"
    if not os.path.exists("/dev/fuse"):
        pytest.skip("this kernel has no FUSE")

    def mount(place):
        if not os.path.exists(node):
            os.mknod(node, 0o20666, os.makedev(10, 229))
            os.chmod(node, 0o666)
        helpers.append(zone.host.popen("exec", "z1", "--", "/bin/probe", "mount-deaf", place, stdin=subprocess.DEVNULL))
        assert helpers[-1].stdout.readline() == b"mounted\n"
    yield mount
    for helper in helpers:
        helper.kill()
        helper.wait()


def test_a_file_system_of_the_zone_that_never_answers_holds_up_nobody_for_ever(host, zone, deafFolder):
    deafFolder("/etc")
    asUser = host.popen("exec", "z1", "--user", "user", "--", "true", stdin=subprocess.DEVNULL)
    assert rootsIds(zone, timeout=20) == {"0"}
    _, told = asUser.communicate(timeout=30)
    assert asUser.returncode != 0 and b"does not answer" in told
    begin = time.monotonic()
    assert zone.state == "running" and host.zones() == {"z1": "running"}
    assert time.monotonic() - begin < 5
    zone.halt()


def test_a_zone_that_has_taken_all_its_terminals_can_be_entered(host, zone):
    taker = host.popen("exec", "z1", "--user", "user", "--", "/bin/probe", "take-terminals", stdin=subprocess.DEVNULL)
    count, error = taker.stdout.readline().split()
    assert int(count) > 500 and error == b"ENOSPC"
    done = zone.exec("sh", "-c", "test -t 0 && test -t 1 && stty size && echo y >/dev/tty && id -u",
                     options=("--tty", "--user", "user"))
    assert done.stdout.split() == ["24", "80", "y", "1000"]
    assert zone.exec("sh", "-c", "id -u </dev/stdin >/proc/self/fd/1", options=("--tty",)).stdout.split() == ["0"]
    taker.kill()
    taker.wait()


@pytest.mark.parametrize("spoilt", ["umount -l /dev/pts", "mount -t tmpfs none /dev/pts"])
def test_a_zone_without_its_terminals_can_be_entered(zone, spoilt):
    zone.sh(spoilt)
    assert zone.exec("sh", "-c", "test -t 0 && stty size", options=("--tty",)).stdout.split() == ["24", "80"]


# ---- streams ------------------------------------------------------------------------------------

@pytest.mark.parametrize("who", ["root", "user"])
@pytest.mark.parametrize("names", [("/dev/stdin", "/dev/stdout", "/dev/stderr"),
                                   ("/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2")])
def test_streams_can_be_opened_by_name(host, zone, who, names):
    """As log files of web servers and databases in many images are: links to /dev/stdout."""
    done = host.zonectl("exec", "z1", "--user", who, "--", "sh", "-c",
                        f"cat <{names[0]} >{names[1]}; echo err >{names[2]}", input="through\n")
    assert (done.stdout, done.stderr) == ("through\n", "err\n")


def test_what_a_program_leaves_running_may_go_on_writing(host, zone):
    """Its client has gone, and nobody sees what it writes; but it is not ended for it."""
    script = "(sleep 0.3; for i in $(seq 3000); do echo a line that fills the pipe; done; echo late >&2; touch /tmp/done) & echo now"
    assert zone.exec("sh", "-c", script, timeout=20).stdout == "now\n"
    eventually(lambda: zone.exec("test", "-e", "/tmp/done", check=False).returncode == 0, 30, "the program to go on")


def test_groups_without_privilege_may_ping(host, zone):
    assert zone.sh("cat /proc/sys/net/ipv4/ping_group_range").split() == ["0", "65535"]
    dgram, icmp = 2, 1
    done = zone.exec("/bin/probe", "socket", str(socket.AF_INET), str(dgram), str(icmp), options=("--user", "65534"))
    assert done.stdout == "ok\n"
