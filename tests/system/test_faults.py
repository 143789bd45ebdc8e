"""Faults at every step of the plan, before and after it: the step fails, the supervisor dies, the service dies.

After each: the state that is told is the state that is found, nothing is left behind, and the same
command succeeds. Needs a build with -Dfailpoints=true, in which the supervisor reads
RUN/failpoint ("STEP before|after fail|kill|stop") at each step.
"""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.host import BUILD
from support.leaks import Watch
from support.wait import eventually


def hasFailpoints():
    options = BUILD / "meson-info/intro-buildoptions.json"
    if not options.exists():
        return False
    return any(option["name"] == "failpoints" and option["value"] for option in json.loads(options.read_text()))


pytestmark = pytest.mark.skipif(not hasFailpoints(), reason="the build has no failpoints (-Dfailpoints=true)")

TIMES = ("before", "after")


class Campaign:
    """One zone taken through the same fault at each step; what goes wrong is collected and told together."""

    def __init__(self, host):
        self.host = host
        volume = host.closedFolder() / "volume"
        volume.mkdir(exist_ok=True)
        # A definition that has every kind of step.
        self.zone = host.zone("z1", mounts=f"[{{source: {volume}, target: /data}}]",
                              network="[{name: eth0}, {name: eth1}]", resources="{processes: 100, optional: true}")
        self.bystander = host.zone("z2", boot=True)
        self.bystanderPid = self.bystander.pid
        self.steps = self.zone.plan()
        assert len(self.steps) >= 5
        self.watch = Watch(host)
        self.wrong = []

    def run(self, fault):
        """fault(step, when): one fault; the checks follow."""
        for step in self.steps:
            for when in TIMES:
                try:
                    fault(step, when)
                    self.check()
                except AssertionError as failure:
                    self.wrong.append(f"{when} {step}: {str(failure).splitlines()[0][:300]}")
                    self.mend()
        assert not self.wrong, "\n".join(self.wrong)

    def boot(self):
        return self.host.popen("boot", "z1", stdin=subprocess.DEVNULL)

    def check(self):
        host, zone = self.host, self.zone
        host.failpoint(None)
        eventually(lambda: zone.state in ("installed", "running") and zone.get("Job") == "/", 30,
                   "the zone to come to rest")
        assert zone.truth() == ("running" if zone.state == "running" else "not running"), "state and truth differ"
        if zone.state == "installed":
            leaks = self.watch.leaks()
            assert not leaks, f"left behind: {leaks}"
        else:
            zone.halt()
        assert self.bystander.state == "running" and self.bystander.pid == self.bystanderPid, "the bystander suffered"
        zone.boot()
        assert zone.sh("ip -4 addr show eth1; cat /proc/1/comm"), "the zone is not whole"
        zone.halt()
        leaks = self.watch.leaks()
        assert not leaks, f"left behind by the good boot: {leaks}"

    def mend(self):
        """After a violation: go on with the next step from a clean state."""
        self.host.failpoint(None)
        for pid in self.host.supervisors("z1"):
            os.kill(pid, signal.SIGKILL)
        if self.host.alive():
            self.host.kill()
        else:
            self.host.process = None
        self.host.start()
        eventually(lambda: self.zone.get("Job") == "/", 30)
        self.host.zonectl("halt", "z1", check=False)
        self.watch = Watch(self.host)


@pytest.fixture
def campaign(host):
    return Campaign(host)


def test_a_step_that_fails_is_undone_and_told(host, campaign):
    def fault(step, when):
        host.failpoint(f"{step} {when} fail")
        done = host.zonectl("boot", "z1", check=False, timeout=60)
        assert done.returncode == 1, f"the boot did not fail: {done}"
        assert done.stderr.strip(), "failed without a word"
        assert campaign.zone.state == "installed", campaign.zone.state
        assert campaign.zone.reason, "no reason is told"
    campaign.run(fault)


def test_a_supervisor_killed_at_a_step_is_cleaned_up_after(host, campaign):
    def fault(step, when):
        host.failpoint(f"{step} {when} kill")
        done = host.zonectl("boot", "z1", check=False, timeout=60)
        if (step, when) != (campaign.steps[-1], "after"):
            assert done.returncode == 1, f"the boot did not fail: {done}"
        campaign.zone.until("installed")
        assert "supervisor" in campaign.zone.reason.lower(), campaign.zone.reason
    campaign.run(fault)


def stopped(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def held(host, campaign, step, when):
    """A boot that is held at the step by its supervisor's own SIGSTOP; returns client and supervisor."""
    host.failpoint(f"{step} {when} stop")
    client = campaign.boot()
    supervisor = eventually(lambda: next((pid for pid in host.supervisors("z1") if stopped(pid)), None), 20,
                            "the supervisor to stop itself")
    host.failpoint(None)
    return client, supervisor


def test_the_service_killed_at_a_step_finds_the_boot_done(host, campaign):
    def fault(step, when):
        client, supervisor = held(host, campaign, step, when)
        host.kill()
        os.kill(supervisor, signal.SIGCONT)
        host.start()
        client.wait(30)
        eventually(lambda: campaign.zone.state in ("installed", "running"), 20)
    campaign.run(fault)


def test_the_service_restarted_while_a_step_is_taken_sees_its_end(host, campaign):
    def fault(step, when):
        client, supervisor = held(host, campaign, step, when)
        host.restart()
        host.bus.manager("ListZones", timeout=2)
        os.kill(supervisor, signal.SIGCONT)
        client.wait(30)
        campaign.zone.until("running")
    campaign.run(fault)


def test_both_killed_at_a_step_are_cleaned_up_after(host, campaign):
    def fault(step, when):
        client, supervisor = held(host, campaign, step, when)
        host.kill()
        os.kill(supervisor, signal.SIGKILL)
        host.start()
        client.wait(30)
        campaign.zone.until("installed")
    campaign.run(fault)
