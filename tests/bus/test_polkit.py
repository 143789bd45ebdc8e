"""Callers who are not root: what polkit is asked, what comes of its answers, and what a zone's administrators may.

User daemon (1) stands for alice, group games (60) for her group, nobody (65534) for anybody else.
"""

import os
import subprocess
import time

import pexpect
import pytest

from support.bus import IMAGE, JOB, MANAGER, MANAGER_PATH, ZONE, BusFault, imagePath, zonePath
from support.fake_polkit import FakePolkit
from support.host import SOURCE
from support.wait import eventually

NOT_PERMITTED = "org.zoned1.Error.NotPermitted"
ALICE, FRIENDS = 1, 60
ALLOW_USER_INTERACTION = 1


@pytest.fixture
def polkit(host):
    fake = FakePolkit(host.address)
    yield fake
    fake.close()


def zoneCall(method, name="z1", signature="()", text="()"):
    return [zonePath(name), ZONE, method, signature, text, 0]


LOGIN = ("Exec", "(asa{sv})", "([], {})")
EXEC = ("Exec", "(asa{sv})", "(['/bin/true'], {})")
BOOT = ("Boot", "(a{sv})", "({},)")
# What each call of a zone asks for.
ZONE_ACTIONS = {("GetDefinition",): "list-details", ("Plan",): "list-details", LOGIN: "login", EXEC: "exec",
                ("OpenConsole",): "console", BOOT: "manage", ("Ready",): "manage", ("Halt",): "manage",
                ("Shutdown", "(u)", "(uint32 0,)"): "manage", ("Reboot", "(b)", "(true,)"): "manage",
                ("Install",): "create", ("Uninstall",): "delete", ("Delete",): "delete"}


def on(name, call):
    return zoneCall(call[0], name, *call[1:])


def define(name, settings, text=""):
    pairs = ", ".join(f"({key!r}, {value!r})" for key, value in settings.items())
    return [MANAGER_PATH, MANAGER, "Define", "(sssa(ss))",
            f"({name!r}, {text!r}, 'given.yaml', " + (f"[{pairs}]" if pairs else "@a(ss) []") + ")", 0]


# ---- what polkit is asked ------------------------------------------------------------------------


def test_each_call_of_a_zone_asks_for_its_own_action_with_the_zone_as_detail(host, polkit):
    host.zone("z1")
    replies = host.asUser([on("z1", call) for call in ZONE_ACTIONS])
    assert replies == [NOT_PERMITTED] * len(ZONE_ACTIONS)
    assert [asked.action for asked in polkit.asked] == [f"org.zoned1.{action}" for action in ZONE_ACTIONS.values()]
    assert all(asked.details == {"zone": "z1"} for asked in polkit.asked)
    kinds = {asked.subject[0] for asked in polkit.asked}
    assert kinds == {"system-bus-name"} and all(asked.subject[1]["name"].startswith(":") for asked in polkit.asked)
    assert host.zones() == {"z1": "installed"}


def test_calls_of_the_manager_and_of_images_ask_for_theirs(host, polkit):
    calls = [define("new", {"image": "busybox"}),
             [MANAGER_PATH, MANAGER, "Verify", "(ss)", "('zone: a', '')", 0],
             [MANAGER_PATH, MANAGER, "ImportImage", "(shs)", "('im', handle 0, '')", 1],
             [MANAGER_PATH, MANAGER, "BuildImage", "(ssa{sv})", "('im', 'bookworm', {})", 0],
             [imagePath("busybox"), IMAGE, "Delete", "()", "()", 0]]
    assert host.asUser(calls) == [NOT_PERMITTED] * len(calls)
    assert [(asked.action, asked.details) for asked in polkit.asked] == [
        ("org.zoned1.create", {"zone": "new"}), ("org.zoned1.create", {}), ("org.zoned1.image", {"image": "im"}),
        ("org.zoned1.image", {"image": "im"}), ("org.zoned1.image", {"image": "busybox"})]
    assert host.zones() == {} and host.images() == ["busybox"]


@pytest.mark.parametrize("settings", [{"privileged": "true"}, {"mounts": "[{source: /srv, target: /srv}]"},
                                      {"admins": "[{user: daemon, may: [login]}]"},
                                      {"host-requires": "[network-online.target]"},
                                      {"network": "[{name: eth0, bridge: br0}]"}], ids=lambda s: next(iter(s)))
@pytest.mark.parametrize("asText", [False, True])
def test_what_reaches_the_host_asks_for_more_than_creating(host, polkit, settings, asText):
    polkit.says = lambda asked: "no" if asked.action.endswith("privileged") else "yes"
    text = "zone: new\nimage: busybox\n" + "".join(f"{key}: {value}\n" for key, value in settings.items())
    call = define("", {}, text) if asText else define("new", {"image": "busybox", **settings})
    assert host.asUser([call]) == [NOT_PERMITTED]
    # the first before the text is read
    assert [(asked.action, asked.details) for asked in polkit.asked] == [
        ("org.zoned1.create", {"zone": "new"}), ("org.zoned1.config-privileged", {"zone": "new"})]
    assert host.zones() == {}
    polkit.says = "yes"
    assert host.asUser([call]) == [""]
    assert host.zones() == {"new": "configured"}


@pytest.mark.parametrize("text", ["{zone: new, image: busybox}", "zone: 'new'\nimage: busybox\n",
                                  "image: busybox\nzone:   new # x\n"])
@pytest.mark.parametrize("says", ["yes", "no"])
def test_the_right_to_create_is_asked_for_with_the_zone_that_the_text_makes(host, polkit, text, says):
    """Rules may be about single zones; what the text seemed to be about before it was read is a guess."""
    polkit.says = lambda asked: says if asked.details else "yes"
    assert host.asUser([define("", {}, text)]) == [NOT_PERMITTED if says == "no" else ""]
    assert polkit.asked[-1].action == "org.zoned1.create" and polkit.asked[-1].details == {"zone": "new"}
    assert len(polkit.asked) == (1 if "#" in text else 2)
    assert host.zones() == ({} if says == "no" else {"new": "configured"})


def test_the_right_to_create_one_zone_is_not_that_to_create_another(host, polkit):
    polkit.says = lambda asked: "yes" if asked.details == {"zone": "good"} else "no"
    for call in (define("good", {"zone": "evil", "image": "busybox"}),
                 define("", {"zone": "evil"}, "zone: good\nimage: busybox\n")):
        assert host.asUser([call]) == [NOT_PERMITTED]
    assert host.zones() == {}
    assert host.asUser([define("good", {"image": "busybox"})]) == [""]


def set_(*settings, name="z1"):
    return zoneCall("Set", name, "(a(ss)a{sv})", f"({list(settings)!r}, {{}})")


INIT = ("init", "[/bin/sh, -c, id]")


def actions(polkit):
    return [asked.action.removeprefix("org.zoned1.") for asked in polkit.asked]


@pytest.mark.parametrize("setting,asked", [
    (("memory", ""), ["config"]), (("host-requires", "[network-online.target]"), ["config-privileged"]),
    (("network[0].bridge", "br0"), ["config-privileged"]),
    # what a list holds shows when it is read
    (("network", "[{name: eth0, bridge: br0}]"), ["config", "config-privileged"]),
    (("network", "[{name: eth0}]"), ["config"])], ids=lambda value: str(value[0]))
def test_a_set_that_reaches_the_host_takes_more_than_the_right_to_change_the_definition(host, polkit, setting, asked):
    host.zone("z1")
    before = host.definitionFile("z1").read_text()
    polkit.says = lambda question: "no" if question.action.endswith("privileged") else "yes"
    if setting[0] == "memory":
        setting = ("resources.memory", "")
    reply, = host.asUser([set_(setting)])
    assert actions(polkit) == asked
    if "config-privileged" in asked:
        assert reply == NOT_PERMITTED
        assert host.definitionFile("z1").read_text() == before
        polkit.says = "yes"
        assert host.asUser([set_(setting)]) == [""]
        # from then on also for what is harmless elsewhere
        polkit.asked.clear()
        polkit.says = lambda question: "no" if question.action.endswith("privileged") else "yes"
        assert host.asUser([set_(INIT)]) == [NOT_PERMITTED]
        assert actions(polkit) == ["config-privileged"]
    else:
        assert reply == ""


WITH_ARGS = ("Boot", "(a{sv})", "({'args': <['systemd.run=/bin/id']>},)")


def test_arguments_for_init_take_the_right_to_run_programs_too(host, polkit):
    zone = host.zone("z1", admins="[{user: daemon, may: [manage]}, {user: bin, may: [manage, exec]}]")
    assert host.asUser([on("z1", WITH_ARGS)], uid=1) == [NOT_PERMITTED]
    assert actions(polkit) == ["exec"] and zone.state == "installed"
    assert host.asUser([on("z1", WITH_ARGS)], uid=2) == [""]
    assert host.bus.get(zonePath("z1"), ZONE, "Job") == "/" or zone.until("running")
    zone.until("running").halt()
    assert host.asUser([on("z1", BOOT)], uid=1) == [""]
    zone.until("running")
    assert actions(polkit) == ["exec"]


def test_arguments_for_the_init_of_a_privileged_zone_are_for_whoever_may_make_it_privileged(host, polkit):
    host.zone("z1", privileged="true", admins="[{user: bin, may: [manage, exec]}]")
    host.zone("z2", admins="[{user: bin, may: [manage, exec]}]")
    assert host.asUser([on("z1", WITH_ARGS)], uid=2) == [NOT_PERMITTED]
    assert actions(polkit) == ["config-privileged"]
    # one that becomes privileged while polkit is asked about less
    polkit.says = "nothing"
    caller = host.caller([on("z2", WITH_ARGS)], uid=3)
    manage = polkit.until(2)
    host.zonectl("set", "z2", "privileged=true")
    manage.answer(True)
    polkit.until(3).answer(True)
    out, _ = caller.communicate(timeout=30)
    assert NOT_PERMITTED in out and "privileged meanwhile" in out
    assert host.zones() == {"z1": "installed", "z2": "installed"}


def test_a_set_is_judged_on_the_definition_as_it_is_when_polkit_has_answered(host, polkit):
    host.zone("z1")
    polkit.says = "nothing"
    caller = host.caller([set_(INIT)])
    first = polkit.until(1)
    assert first.action == "org.zoned1.config"
    host.zonectl("set", "z1", "privileged=true")
    polkit.says = "no"
    first.answer(True)
    out, _ = caller.communicate(timeout=30)
    assert NOT_PERMITTED in out
    assert actions(polkit) == ["config", "config-privileged"]
    assert "/bin/sh" not in host.definitionFile("z1").read_text()


def test_the_refusal_of_a_set_names_the_user_and_the_keys_that_reserve_the_definition(host, polkit):
    host.zone("z1", admins="[{user: daemon, may: [manage]}]")
    host.zone("z2")
    (_, reserved), (_, given), (_, plain) = host.repliesTo(
        [set_(("description", "x")), set_(("mounts[0].source", "/srv"), ("mounts[0].target", "/srv"), name="z2"),
         set_(("description", "x"), name="z2")], uid=1)
    who = "permission denied: user daemon (1) may not "
    trusted = who + "define or change a zone that is reserved to those trusted with the host "
    assert trusted + "(zone z1, for its definition's key admins): polkit's rules do not allow it" in reserved
    assert trusted + "(zone z2, for its definition's key mounts): " in given
    assert who + "change the definition (zone z2): " in plain


def test_a_set_is_not_let_at_a_privileged_zone_whose_definition_is_invalid_at_the_moment(host, polkit):
    zone = host.zone("z1")
    file = host.definitionFile("z1")
    for text in ("zone: z1\nimage: busybox\nprivileged: true\ngroup: gone-group\n",
                 "zone: z1\nimage: busybox\nprivileged: perhaps\n"):
        file.write_text(text)
        eventually(lambda: zone.get("Problem"))
        polkit.says = lambda question: "no" if question.action.endswith("privileged") else "yes"
        assert host.asUser([set_(("group", ""), INIT)]) == [NOT_PERMITTED]
        assert actions(polkit)[-1] == "config-privileged"
        assert file.read_text() == text
    file.write_text("zone: z1\nimage: busybox\nprivileged: true\ngroup: gone-group\n")
    polkit.says = "yes"
    assert host.asUser([set_(("group", ""), INIT)]) == [""]
    assert "/bin/sh" in file.read_text()


def test_root_and_public_calls_do_not_ask(host, polkit):
    zone = host.zone("z1", boot=True)
    zone.sh("true")
    zone.halt()
    assert host.asUser([[MANAGER_PATH, MANAGER, name, "()", "()", 0] for name in
                        ("ListZones", "ListImages", "ListJobs")]) == ["", "", ""]
    assert polkit.asked == []


def test_a_person_is_asked_only_where_the_callers_message_allows_it(host, polkit):
    host.define("z1")
    polkit.says = "challenge"
    (name, quiet), = host.repliesTo([zoneCall("GetDefinition")])
    assert name == NOT_PERMITTED and "password" in quiet and "does not allow" in quiet
    (name, loud), = host.repliesTo([zoneCall("GetDefinition")], interactive=True)
    assert name == NOT_PERMITTED and "password" in loud and "agent" in loud
    assert [asked.flags for asked in polkit.asked] == [0, ALLOW_USER_INTERACTION]


def test_zonectl_lets_a_person_be_asked_on_a_terminal_and_nowhere_else(host, polkit):
    host.define("z1")
    polkit.says = "yes"
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
             *host.argv("show", "--definition", "z1")]
    terminal = pexpect.spawn(words[0], words[1:], env=host.environment, timeout=30, encoding="utf-8")
    terminal.expect("image: busybox")
    terminal.expect(pexpect.EOF)
    done = subprocess.run(words, env=host.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, check=True)
    assert "image: busybox" in done.stdout
    assert [asked.flags for asked in polkit.asked] == [ALLOW_USER_INTERACTION, 0]


@pytest.mark.skipif(not os.path.exists("/usr/bin/pkttyagent"), reason="polkit's agent for terminals is not installed")
def test_zonectl_brings_an_agent_of_its_own_to_a_terminal_and_takes_it_away_again(host, polkit):
    host.define("z1")
    seen = []

    def answer(asked):
        seen.append((list(polkit.agents), agents()))
        return "yes"

    def agents():
        return subprocess.run(["pgrep", "-f", "^/usr/bin/pkttyagent --notify-fd 3 --fallback$"], capture_output=True,
                              text=True, check=False).stdout.split()

    def onTerminal(*words):
        # in the foreground of a terminal, as a shell would have it
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *host.argv(*words)]
        terminal = pexpect.spawn(argv[0], argv[1:], env=host.environment, timeout=30, encoding="utf-8")
        out = terminal.read()
        terminal.close()
        return terminal.pid, terminal.exitstatus, out

    others = agents()
    polkit.says = answer
    pid, status, out = onTerminal("show", "--definition", "z1")
    assert status == 0 and "image: busybox" in out, out
    (registered, running), = seen
    assert registered == [pid], "polkit has to know it before it is asked"
    assert len(set(running) - set(others)) == 1 and agents() == others
    # neither for what is public, nor where it is not wanted, nor where nobody sits
    assert "z1" in onTerminal("list", "--all")[2]
    assert onTerminal("--no-ask-password", "show", "--definition", "z1")[1] == 0
    subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                    *host.argv("show", "--definition", "z1")], env=host.environment, stdin=subprocess.DEVNULL,
                   capture_output=True, timeout=30, check=True)
    assert polkit.agents == [pid]
    assert [asked.flags for asked in polkit.asked] == [ALLOW_USER_INTERACTION, 0, 0]


# ---- its answers ----------------------------------------------------------------------------------


def test_what_polkit_allows_is_done(host, polkit):
    polkit.says = "yes"
    assert host.asUser([define("z1", {"image": "busybox"}), zoneCall("Install")]) == ["", ""]
    eventually(lambda: host.zones() == {"z1": "installed"})
    assert host.asUser([on("z1", BOOT)]) == [""]
    eventually(lambda: host.zones() == {"z1": "running"})
    assert host.asUser([on("z1", EXEC), on("z1", LOGIN), zoneCall("OpenConsole"), zoneCall("Halt")]) == [""] * 4
    eventually(lambda: host.zones() == {"z1": "installed"})
    assert host.asUser([zoneCall("Delete")]) == [""]
    eventually(lambda: host.zones() == {})


@pytest.mark.parametrize("says", ["no", "error", "challenge", "absent"])
def test_everything_but_a_yes_is_a_no(host, polkit, says):
    zone = host.zone("z1", boot=True)
    polkit.says = says
    if says == "absent":
        polkit.close()
    (name, text), = host.repliesTo([zoneCall("Halt")])
    assert name == NOT_PERMITTED
    assert "user nobody (65534)" in text and "zone z1" in text
    assert zone.state == "running"


def test_a_polkit_that_does_not_answer_holds_nobody_up_and_means_no(host, polkit):
    zone = host.zone("z1", boot=True)
    polkit.says = "nothing"
    waiting = host.caller([zoneCall("Halt")])
    asked = polkit.until(1)
    begin = time.monotonic()
    host.bus.manager("ListZones", timeout=1)
    zone.sh("true")
    assert time.monotonic() - begin < 5
    out, _ = waiting.communicate(timeout=30)
    assert NOT_PERMITTED in out and "in time" in out
    eventually(lambda: polkit.cancelled == [asked.cancellation])
    asked.answer(True)
    time.sleep(0.3)
    assert zone.state == "running", "an answer that came too late was taken"


def test_a_caller_who_goes_away_has_asked_for_nothing(host, polkit):
    zone = host.zone("z1", boot=True)
    polkit.says = "nothing"
    waiting = host.caller([zoneCall("Halt")], interactive=True)
    asked = polkit.until(1)
    waiting.kill()
    waiting.wait()
    eventually(lambda: polkit.cancelled == [asked.cancellation], what="the question to be withdrawn")
    asked.answer(True)
    time.sleep(0.3)
    assert zone.state == "running"


def test_the_request_is_judged_on_the_state_as_it_is_after_the_answer(host, polkit):
    host.zone("z1", boot=True)
    polkit.says = "nothing"
    halt, login = host.caller([zoneCall("Halt")]), host.caller([on("z1", LOGIN)])
    polkit.until(2)
    host.bus.done(zonePath("z1"), ZONE, "Halt")
    host.bus.done(zonePath("z1"), ZONE, "Delete")
    for asked in list(polkit.asked):
        asked.answer(True)
    for process in (halt, login):
        out, _ = process.communicate(timeout=30)
        assert "org.zoned1.Error.NoSuchZone" in out
    assert host.zones() == {}


def test_one_user_cannot_make_zoned_ask_without_end(host, polkit):
    host.define("z1")
    polkit.says = "nothing"
    flood = ("import sys; sys.path.insert(0, sys.argv[1])\n"
             "from support.bus import *\n"
             "bus = Bus(sys.argv[2])\n"
             "for _ in range(40):\n"
             "    bus.connection.call(SERVICE, zonePath('z1'), ZONE, 'GetDefinition', None, None, 0, -1, None, None)\n"
             "bus.connection.flush_sync(None)\n"
             "sys.stdin.read()\n")
    process = subprocess.Popen(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3",
                                "-B", "-c", flood, SOURCE / "tests", host.address], stdin=subprocess.PIPE)
    polkit.until(16)
    assert host.bus.call(zonePath("z1"), ZONE, "GetDefinition") is not None
    time.sleep(0.5)
    assert len(polkit.asked) == 16
    process.stdin.close()
    assert process.wait(10) == 0
    eventually(lambda: len(polkit.cancelled) == 16, what="all questions to be withdrawn")


# ---- administrators of a zone -----------------------------------------------------------------------


@pytest.mark.parametrize("right,calls", [
    ("login", [LOGIN]), ("exec", [EXEC]), ("console", [("OpenConsole",)]),
    ("manage", [("Reboot", "(b)", "(true,)"), ("Halt",), ("Ready",), BOOT, ("Shutdown", "(u)", "(uint32 1,)")])])
@pytest.mark.parametrize("who", ["user: daemon", "user: 1", "group: games"])
def test_an_administrator_may_what_is_listed_to_that_zone_and_nothing_else(host, right, calls, who):
    host.zone("z1", boot=True, admins=f"[{{{who}, may: [{right}]}}]")
    host.zone("other", boot=True)
    theirs = {"groups": [FRIENDS]} if "group" in who else {}
    uid = 2 if "group" in who else ALICE
    denied = [call for call, action in ZONE_ACTIONS.items() if action not in (right, "list-details")]
    assert host.asUser([on("z1", call) for call in denied], uid=uid, **theirs) == [NOT_PERMITTED] * len(denied)
    everything = [on("other", call) for call in ZONE_ACTIONS]
    assert host.asUser(everything, uid=uid, **theirs) == [NOT_PERMITTED] * len(everything)
    assert host.asUser([on("z1", call) for call in ZONE_ACTIONS], uid=3) == [NOT_PERMITTED] * len(ZONE_ACTIONS)
    assert host.zones() == {"z1": "running", "other": "running"}
    assert host.asUser([zoneCall("GetDefinition"), zoneCall("Plan")], uid=uid, **theirs) == ["", ""]
    for call in calls:
        assert host.asUser([on("z1", call)], uid=uid, **theirs) == [""]
        eventually(lambda: host.bus.get(zonePath("z1"), ZONE, "Job") == "/", 30)


def test_who_is_taken_out_of_the_file_is_out_at_once_and_so_is_everybody_of_a_broken_one(host):
    host.zone("z1", admins="[{user: daemon, may: [manage]}]")
    file = host.definitionFile("z1")
    text = file.read_text()
    call = [zoneCall("Ready"), zoneCall("Halt")]
    assert host.asUser(call, uid=ALICE) == ["", ""]
    eventually(lambda: host.bus.manager("ListJobs") == [])
    file.write_text(text.replace("daemon", "bin"))
    assert host.asUser(call, uid=ALICE) == [NOT_PERMITTED] * 2
    file.write_text(text + "nonsense: true\n")
    assert host.asUser(call, uid=ALICE) == [NOT_PERMITTED] * 2
    file.write_text(text)
    assert host.asUser(call, uid=ALICE) == ["", ""]


@pytest.mark.parametrize("admins,line,key", [
    ("- user: no-such-one\n  may: [login]", 4, "admins[0].user"),
    ("- group: no-such-group\n  may: [login]", 4, "admins[0].group"),
    ("- user: 4294967295\n  may: [login]", 4, "admins[0].user"),
    ("- user: daemon\n  may: [login]\n- user: no-such-one\n  may: [login]", 6, "admins[1].user"),
    ("- user: daemon\n  may: [config]", 5, "admins[0].may[0]"),
    ("- user: daemon\n  group: games\n  may: [login]", 4, "admins[0]")])
def test_administrators_who_do_not_exist_are_refused_with_the_keys_line(host, admins, line, key):
    with pytest.raises(BusFault) as told:
        host.bus.manager("Define", "(sssa(ss))", "", f"zone: z1\nimage: busybox\nadmins:\n{admins}\n", "z1.yaml", [])
    assert told.value.name == "InvalidDefinition"
    assert told.value.text.startswith(f"z1.yaml:{line}: {key}: "), told.value.text
    assert host.zones() == {}


def test_a_stored_definition_stays_good_when_its_administrator_is_deleted_from_the_host(host):
    host.zone("z1", admins="[{user: daemon, may: [manage]}]")
    file = host.definitionFile("z1")
    file.write_text(file.read_text().replace("daemon", "no-such-one"))
    host.bus.done(zonePath("z1"), ZONE, "Boot", "(a{sv})", ({},))
    assert host.bus.get(zonePath("z1"), ZONE, "Problem") == ""


# ---- jobs ---------------------------------------------------------------------------------------------


def test_a_job_is_cancelled_by_root_by_who_started_it_and_by_who_may_the_same(host, polkit, heldJob):
    cancel = [heldJob.path, JOB, "Cancel", "()", "()", 0]
    assert host.asUser([cancel]) == [NOT_PERMITTED]
    assert [(asked.action, asked.details) for asked in polkit.asked] == [("org.zoned1.image", {"image": "held"})]
    assert [row[5] for row in host.bus.manager("ListJobs")] == [heldJob.path]
    polkit.says = "yes"
    assert host.asUser([cancel]) == [""]
    assert host.bus.waitJob(heldJob.path, heldJob.watch).result == "cancelled"


def test_who_started_a_job_may_cancel_it_without_being_asked_again(host, polkit):
    from support import images
    host.image("slow", images.withInit("#!/bin/sh\ntrap '' TERM INT USR1 USR2 PWR HUP\nwhile :; do sleep 1; done\n"))
    host.zone("z1", image="slow", boot=True)
    polkit.says = "yes"
    watch = host.bus.watch()
    (name, job), = host.repliesTo([zoneCall("Shutdown", "z1", "(u)", "(uint32 60,)")], uid=2)
    assert name == ""
    path = job.split("'")[1]
    polkit.says = "no"
    assert host.asUser([[path, JOB, "Cancel", "()", "()", 0]], uid=3) == [NOT_PERMITTED]
    asked = len(polkit.asked)
    reply, = host.asUser([[path, JOB, "Cancel", "()", "()", 0]], uid=2)
    assert reply != NOT_PERMITTED
    assert len(polkit.asked) == asked
    host.bus.job(zonePath("z1"), ZONE, "Halt")
    watch.wait(lambda s: s.member == "JobRemoved" and s.args[1] == path, 60, "the end of the shutdown")
