"""zonectl login: a terminal of the zone's own, without any service inside."""

import signal

import pexpect
import pytest

from support.wait import eventually

PROMPT = r"[#$] "


@pytest.fixture
def shell(host, zone):
    child = host.spawn("login", "z1")
    child.expect(PROMPT)
    yield child
    child.close(force=True)


def ask(child, command, pattern):
    # The answer is told from the echo of the question by a calculation that only the shell does.
    child.sendline(f"{command}; echo end-$((1+1))")
    child.expect("end-2")
    import re
    found = re.search(pattern, child.before)
    assert found, child.before
    child.expect(PROMPT)
    return found


def test_a_login_shell_runs_on_a_terminal_of_the_zones_own_devpts(host, zone, shell):
    ask(shell, "tty", r"/dev/pts/\d+")
    ask(shell, "test -c $(tty) && echo is-there", r"\nis-there")
    ask(shell, "echo name=$0", r"name=-")
    ask(shell, "id -u", r"\n0\r")


def test_another_user_can_be_named(host, zone):
    child = host.spawn("login", "z1", "-l", "user")
    child.expect(PROMPT)
    ask(child, "id -un", r"\nuser\r")
    ask(child, "pwd", r"/home/user")
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_a_user_that_is_not_there_is_refused(host, zone):
    child = host.spawn("login", "z1", "-l", "nobody-here")
    child.expect("nobody-here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus not in (0, None)


def test_the_window_size_is_the_callers_also_after_a_change(host, zone):
    child = host.spawn("login", "z1", dimensions=(31, 97))
    child.expect(PROMPT)
    ask(child, "stty size", r"31 97")
    child.setwinsize(42, 133)
    ask(child, "sleep 0.3; stty size", r"42 133")
    child.close(force=True)


def test_an_interrupt_goes_to_the_program_inside(host, zone, shell):
    shell.sendline("sleep 1000")
    eventually(lambda: "sleep 1000" in zone.sh("ps -o args"))
    shell.sendintr()
    shell.expect(PROMPT)
    ask(shell, "echo still-$((2+2))", r"still-4")
    assert "sleep 1000" not in zone.sh("ps -o args")


def test_the_shells_status_is_the_clients(host, zone, shell):
    shell.sendline("exit 9")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 9


def test_a_terminal_that_is_closed_hangs_the_shell_up(host, zone, shell):
    shell.sendline("sleep 4711")
    eventually(lambda: "sleep 4711" in zone.sh("ps -o args"))
    shell.close(force=True)
    eventually(lambda: "sleep 4711" not in zone.sh("ps -o args"), what="the shell's program to be gone")


def test_a_client_that_is_killed_leaves_no_shell(host, zone, shell):
    before = zone.sh("ps -o args | grep -c '[-]sh'")
    assert int(before) >= 1
    shell.kill(signal.SIGKILL)
    eventually(lambda: int(zone.sh("ps -o args | grep -c '[-]sh' || true")) < int(before))


def test_the_callers_terminal_is_as_before(host, zone):
    import pexpect as px
    import shlex
    command = shlex.join(host.argv("login", "z1"))
    child = px.spawn("/bin/sh", env={**host.environment, "PS1": "host$ "}, encoding="utf-8", timeout=20)
    child.expect(r"host\$ ")
    child.sendline(f"stty -a >{host.base}/before; {command}; stty -a >{host.base}/after; echo left-$((3+3))")
    child.expect(r"# ")
    child.sendline("exit")
    child.expect("left-6")
    child.close(force=True)
    assert (host.base / "before").read_text() == (host.base / "after").read_text() != ""


def test_without_a_terminal_login_names_the_verb_for_scripts(host, zone):
    host.refused("login", "z1", status=(2,), says="zonectl exec")


def test_a_zone_that_does_not_run_is_refused_with_advice(host):
    host.zone("z1")
    child = host.spawn("login", "z1")
    child.expect("boot it first")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


@pytest.mark.debian
def test_a_login_into_debian_is_a_login_shell_of_root(debianHost, bookworm):
    child = debianHost.spawn("login", bookworm.name)
    child.expect(PROMPT)
    ask(child, "id -un; tty", r"root[\s\S]*/dev/pts/")
    child.sendline("exit 3")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def farewell(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.before.replace("\r", "")


def test_a_login_that_is_ended_by_its_zones_end_says_so(host, zone, shell):
    zone.shutdown(20)
    assert "zonectl: zone z1 shut down; the session ended with it\n" in farewell(shell)
    assert shell.exitstatus > 128


def test_so_does_one_that_is_ended_by_a_reboot_from_inside(host, zone, shell):
    shell.sendline("kill -TERM 1; sleep 1000")
    assert "the session ended with it" in farewell(shell)


def test_a_login_whose_shell_is_killed_alone_says_nothing_of_the_zone(host, zone, shell):
    shell.sendline("kill -9 $$")
    assert "the session ended" not in farewell(shell)
    assert shell.exitstatus == 128 + 9 and zone.state == "running"
