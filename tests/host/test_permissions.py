"""alice, an unprivileged user of the host: what a zone's definition and polkit's rules let her do, and nothing else."""

import json

import pytest

from support.wait import eventually

# Each call, and the rights of which one is enough.
CALLS = {"login": ["login"], "exec": ["exec"], "boot": ["manage"], "reboot": ["manage"], "shutdown": ["manage"],
         "halt": ["manage"], "uninstall": [], "delete": [], "show": ["login", "list-details"]}
RULES = "/etc/polkit-1/rules.d/10-zoned-test.rules"
RULE = """\
polkit.addRule(function(action, subject) {
    if (action.id == "org.zoned1.manage" && action.lookup("zone") == "hers" && subject.user == "alice") {
        return polkit.Result.YES;
    }
});
"""


def become(user):
    return ["setpriv", "--reuid", user, "--regid", {"nobody": "nogroup"}.get(user, user), "--init-groups"]


def begin(guest, *words, user="alice"):
    return guest.begin([*become(user), "zonectl", *words])


def asAlice(guest, *words, user="alice"):
    return guest.finish(begin(guest, *words, user=user))


def call(guest, what, zone, user="alice"):
    """What became of a call: "done", or "refused" with the reason that every refusal must give."""
    if what == "login":
        done = guest.run([*become(user), "script", "-qec", f"zonectl login {zone}", "/dev/null"],
                         input="echo typed-$((20+3))\nexit\n")
        said = done.stdout
        assert (done.status == 0) == ("typed-23" in said), done
    else:
        words = {"exec": ["exec", zone, "--", "true"], "boot": ["boot", "--wait", zone], "show": ["show", "-d", zone],
                 "delete": ["delete", "--force", zone], "uninstall": ["uninstall", "--force", zone]}
        done = asAlice(guest, *words.get(what, [what, zone]), user=user)
        said = done.stderr
    if done.status != 0:
        assert "permission denied" in said and f"zone {zone}" in said, done
    return "done" if done.status == 0 else "refused"


@pytest.fixture
def rule(guest):
    """polkit lets alice manage zone hers."""
    guest.push(RULE.encode(), RULES)
    guest.sh(["systemctl", "restart", "polkit"])
    yield
    guest.sh(["rm", RULES])
    guest.sh("systemctl unmask --runtime polkit; systemctl kill --signal=CONT polkit; systemctl restart polkit")


def matrix(guest, zones, calls, may):
    """Calls on alice's zone and on another one, both of them running."""
    for what in calls:
        for zone, allowed in (("hers", bool(set(CALLS[what]) & set(may))), ("other", False)):
            if what != "boot" and zones.state(zone) != "running":
                zones.zonectl("boot", "--wait", zone)
            assert call(guest, what, zone) == ("done" if allowed else "refused"), (what, zone)
    assert set(zones.states()) == {"hers", "other"}


@pytest.mark.every_host
def test_alices_matrix(guest, zones):
    zones.create("hers", boot=True, admins="[{user: alice, may: [login, manage]}]")
    zones.create("other", boot=True, admins="[{user: nobody, may: [login, exec, console, manage]}]")
    matrix(guest, zones, CALLS, ["login", "manage"])
    zones.zonectl("boot", "--wait", "hers")
    assert call(guest, "login", "hers", user="nobody") == "refused"
    assert call(guest, "exec", "other", user="nobody") == "done"
    # public is public
    assert "hers" in asAlice(guest, "list").stdout


def test_members_of_a_group_may_what_it_is_let(guest, zones):
    guest.sh("groupadd -f operators; usermod -aG operators alice")
    zones.create("hers", boot=True, admins="[{group: operators, may: [exec]}]")
    assert call(guest, "exec", "hers") == "done"
    assert call(guest, "halt", "hers") == "refused"
    assert call(guest, "exec", "hers", user="nobody") == "refused"
    guest.sh("gpasswd -d alice operators")
    assert call(guest, "exec", "hers") == "refused"


def test_a_rule_of_polkit_lets_alice_do_that_and_to_that_zone_only(guest, zones, rule):
    zones.create("hers", boot=True)
    zones.create("other", boot=True)
    matrix(guest, zones, ["halt", "boot", "exec", "login", "show", "delete"], ["manage"])


def test_without_polkit_only_root_and_the_zones_own_administrators_may(guest, zones, rule):
    zones.create("hers", boot=True)
    zones.create("own", boot=True, admins="[{user: alice, may: [manage]}]")
    assert call(guest, "halt", "hers") == "done"
    zones.zonectl("boot", "--wait", "hers")
    guest.sh("systemctl mask --runtime --now polkit")
    assert call(guest, "halt", "hers") == "refused"
    assert zones.state("hers") == "running"
    assert call(guest, "halt", "own") == "done"
    zones.zonectl("halt", "hers")


def test_a_polkit_that_hangs_means_no_and_holds_nobody_up(guest, zones, rule):
    zones.create("hers", boot=True)
    guest.sh("systemctl kill --signal=STOP polkit")
    waiting = begin(guest, "halt", "hers")
    assert json.loads(asAlice(guest, "list", "--json").stdout)["zones"][0]["name"] == "hers"
    assert zones.inside("hers", "echo here") == "here"
    done = guest.finish(waiting)
    assert done.status != 0 and "did not answer in time" in done.stderr, done
    guest.sh("systemctl kill --signal=CONT polkit")
    assert zones.state("hers") == "running"
    assert call(guest, "halt", "hers") == "done"


def test_alice_gone_before_the_answer_has_asked_for_nothing(guest, zones, rule):
    zones.create("hers", boot=True)
    guest.sh("systemctl kill --signal=STOP polkit")
    waiting = begin(guest, "halt", "hers")
    eventually(lambda: guest.run(["pgrep", "-u", "alice", "zonectl"]).status == 0, 60, "alice's zonectl")
    guest.sh("sleep 1; pkill -KILL -u alice zonectl")
    assert guest.finish(waiting).status != 0
    guest.sh("systemctl kill --signal=CONT polkit; sleep 2")
    assert zones.state("hers") == "running"
    assert call(guest, "halt", "hers") == "done", "the rule did allow it"


# Runs a program on a terminal of its own and types a password when it is asked for.
TYPIST = """\
import os, pty, sys, termios, time

# As a person does: not before the terminal has been told to hide it, which throws away what was typed so far.
def type_unseen(terminal, text):
    deadline = time.monotonic() + 30
    while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < deadline:
        time.sleep(0.02)
    return os.write(terminal, text.encode() + b"\\n")

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown, typed = b"", False
try:
    while piece := os.read(terminal, 4096):
        shown += piece
        if not typed and b"assword:" in shown:
            typed = type_unseen(terminal, sys.argv[1]) > 0
except OSError:
    pass  # the terminal's last user has gone
sys.stdout.write(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_on_a_plain_terminal_zonectl_has_the_password_asked_for(guest, zones):
    zones.create("hers", boot=True)
    guest.push(TYPIST.encode(), "/root/typist")

    def typed(password, *words):
        # in a session: polkit uses such an agent only there. su -c would take the terminal away
        return guest.run(["python3", "/root/typist", password, "su", "--session-command", "zonectl " + " ".join(words),
                          "alice"])
    guest.sh("cp -p /etc/shadow /root/shadow && echo root:the-password | chpasswd")
    try:
        done = typed("another", "halt", "hers")
        assert done.status == 1 and "password was not given" in done.stdout, done
        done = typed("the-password", "--no-ask-password", "halt", "hers")
        assert done.status == 1 and "assword:" not in done.stdout and "does not allow it" in done.stdout, done
        assert zones.state("hers") == "running"
        done = typed("the-password", "halt", "hers")
        assert done.status == 0 and "zone hers: halted" in done.stdout, done
        assert zones.state("hers") == "installed"
        assert guest.run(["pgrep", "-x", "pkttyagent"]).status == 1
    finally:
        guest.sh("mv /root/shadow /etc/shadow && rm /root/typist")


def test_polkit_knows_every_action(guest):
    known = guest.sh(["pkaction"]).split()
    assert sorted(action for action in known if action.startswith("org.zoned1.")) == sorted(
        f"org.zoned1.{action}" for action in ("list-details", "login", "exec", "console", "manage", "config",
                                              "config-privileged", "create", "image", "delete"))
    assert "auth_admin" in guest.sh(["pkaction", "--verbose", "--action-id", "org.zoned1.delete"])


def test_the_bus_lets_alice_call_but_not_take_the_name(guest, zones):
    zones.create("hers")
    own = "busctl call org.freedesktop.DBus / org.freedesktop.DBus RequestName su org.zoned1 4"
    done = guest.run([*become("alice"), "bash", "-c", own])
    assert done.status != 0 and "denied" in done.stderr.lower(), done
    path = "/org/zoned1/zone/hers"
    done = guest.run([*become("alice"), "busctl", "set-property", "org.zoned1", path, "org.zoned1.Zone",
                      "Autoboot", "b", "true"])
    assert done.status != 0, done
    done = guest.run([*become("alice"), "busctl", "call", "org.zoned1", path, "org.zoned1.Zone", "Boot",
                      "a{sv}", "0"])
    assert done.status != 0 and "permission denied" in done.stderr, done
    assert zones.state("hers") == "installed"
