"""zonectl events, wait and jobs: what happens is told when it happens, over restarts of the service too."""

import json
import os
import select
import signal
import time
from datetime import datetime

import pytest

from support import images
from support.bus import IMAGE, MANAGER, MANAGER_PATH, imagePath
from support.wait import eventually


class Events:
    """zonectl events --json in the background, with what it has told."""

    def __init__(self, host, *names):
        self.process = host.popen("events", "--json", *names, text=True)
        self.told = []
        self.host = host

    def until(self, **wanted):
        """Reads on until an event has these fields; returns it."""
        while True:
            line = self.process.stdout.readline()
            assert line, f"events ended; told: {self.told}; {self.process.stderr.read()}"
            self.told.append(json.loads(line))
            if all(self.told[-1].get(key) == value for key, value in wanted.items()):
                return self.told[-1]

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        self.told += [json.loads(line) for line in out.splitlines()]
        assert self.process.returncode == 0 and err == ""
        return self.told

    def __enter__(self):
        # it listens when its first event comes: one that nobody else makes
        deadline = time.monotonic() + 20

        while not select.select([self.process.stdout], [], [], 0.3)[0]:
            assert time.monotonic() < deadline and self.process.poll() is None, self.process.stderr.read()
            self.host.define(self.probe)
            self.host.bus.job(self.host.bus.manager("GetZone", "(s)", self.probe), "org.zoned1.Zone", "Delete")
        return self

    probe = "events-probe"

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_a_zones_life_is_told_in_order(host):
    with Events(host, "z1", Events.probe) as events:
        zone = host.zone("z1", boot=True)
        host.zone("z2")
        zone.halt()
        zone.delete()
        events.until(event="zone-removed", zone="z1")
        told = [event for event in events.end() if event.get("zone", event.get("object")) == "z1"]
    assert "interrupted" not in json.dumps(told)
    steps = [(event["event"], event.get("state") or event.get("kind")) for event in told]
    wanted = [("zone-added", "configured"), ("job-began", "install"), ("state", "installed"), ("job-ended", "install"),
              ("job-began", "boot"), ("state", "running"), ("booted", None), ("job-ended", "boot"),
              ("job-began", "halt"), ("state", "installed"), ("job-ended", "halt"), ("zone-removed", None)]
    rest = iter(steps)
    assert all(step in rest for step in wanted), steps
    ran = next(event for event in told if event.get("state") == "running")
    assert ran["before"] in ("installed", "ready")
    assert next(event for event in told if event["event"] == "job-ended")["result"] == "done"
    stopped = [event for event in told if event["event"] == "state" and event["state"] == "installed"][-1]
    assert stopped["reason"] == "halted"
    assert not [event for event in events.told if "z2" in (event.get("zone"), event.get("object"))]
    times = [datetime.fromisoformat(event["time"].replace("Z", "+00:00")) for event in events.told]
    assert times == sorted(times)
    assert abs(times[-1].timestamp() - time.time()) < 60


def test_images_and_failed_jobs_are_told(host):
    with Events(host) as events:
        end = host.importImage("broken", b"this is no archive")
        assert end.result == "failed"
        told = events.until(event="job-ended", object="broken")
        assert told["kind"] == "image-import" and told["result"] == "failed"
        assert told["error"] == "org.zoned1.Error.BadArchive" and told["message"]
        host.image("fine", images.busybox())
        events.until(event="image-added", image="fine")
        host.bus.done(imagePath("fine"), IMAGE, "Delete")
        events.until(event="image-removed", image="fine")


def test_a_restart_of_the_service_is_told_and_what_happened_meanwhile(host, zone):
    with Events(host) as events:
        host.kill()
        events.until(event="service-stopped")
        zone_pid = int((host.cgroup / "z1/payload/cgroup.procs").read_text().split()[0])
        os.kill(zone_pid, signal.SIGKILL)
        host.start()
        events.until(event="service-restarted")
        told = events.until(event="state", zone="z1")
        assert told["before"] == "running"
        zone.until("installed")
        zone.boot()
        events.until(event="state", zone="z1", state="running")


def test_events_for_people_are_lines_with_a_time(host):
    running = host.popen("events", "z1", text=True)
    try:

        while not select.select([running.stdout], [], [], 0.3)[0]:
            assert running.poll() is None
            host.define("z1").delete()
        line = running.stdout.readline()
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=20)
    assert running.returncode == 0
    day, clock, text = line.rstrip("\n").split(" ", 2)
    datetime.fromisoformat(f"{day} {clock}")
    assert text.strip().startswith(("zone z1: ", "job "))


def test_a_reader_that_went_away_ends_events_quietly(host):
    running = host.popen("events", text=True)
    running.stdout.close()

    def ended():
        host.define("z1").delete()
        return running.poll() is not None
    eventually(ended, 30, "events to notice that nobody reads")
    assert running.wait() == 1 and running.stderr.read() == ""


def test_events_refuses_a_name_that_is_none(host):
    host.refused("events", "../x", status=(2,), says="../x")


# ---- wait ------------------------------------------------------------------------------

def waiting(host, *args):
    return host.popen("wait", *args, text=True)


def ends(process, status, says="", timeout=20):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == status, err
    assert out == "" and says in err
    return err


def test_a_state_that_is_there_is_not_waited_for(host, zone):
    host.zonectl("wait", "z1", "running")
    zone.untilBooted()
    host.zonectl("wait", "z1", "booted")
    host.zonectl("wait", "nosuch", "gone")
    host.define("z2")
    host.zonectl("wait", "z2", "configured")


def test_a_state_is_waited_for(host):
    zone = host.zone("z1")
    booted, running = waiting(host, "z1", "booted"), waiting(host, "z1", "running", "--timeout", "1m")
    time.sleep(0.5)
    assert booted.poll() is None and running.poll() is None
    zone.boot(wait=False)
    ends(running, 0)
    ends(booted, 0)
    assert zone.get("Booted")
    stopped = waiting(host, "z1", "installed")
    # a state that lasts a few milliseconds is seen, too
    passing = waiting(host, "z1", "shutting-down")
    time.sleep(0.5)
    zone.shutdown()
    ends(stopped, 0)
    ends(passing, 0)


def test_the_end_of_a_zone_is_waited_for(host):
    zone = host.zone("z1")
    gone, never = waiting(host, "z1", "gone"), waiting(host, "z1", "running")
    time.sleep(0.5)
    assert gone.poll() is None
    zone.delete()
    ends(gone, 0)
    ends(never, 1, "does not exist any more")


def test_a_wait_ends_with_its_timeout(host):
    host.zone("z1")
    begin = time.monotonic()
    err = ends(waiting(host, "z1", "running", "--timeout", "1"), 1, "is not running after 1 s")
    assert "it is installed" in err
    assert 1 <= time.monotonic() - begin < 5


def test_a_wait_goes_on_over_a_restart_of_the_service(host):
    zone = host.zone("z1")
    wait = waiting(host, "z1", "booted", "--timeout", "1m")
    time.sleep(0.5)
    host.restart()
    time.sleep(0.5)
    assert wait.poll() is None
    zone.boot()
    ends(wait, 0)


def test_what_happens_while_the_service_is_away_is_seen_at_its_start(host, zone):
    wait = waiting(host, "z1", "installed")
    time.sleep(0.5)
    host.kill()
    os.kill(int((host.cgroup / "z1/payload/cgroup.procs").read_text().split()[0]), signal.SIGKILL)
    host.start()
    ends(wait, 0)


def test_a_wait_sleeps(host, zone):
    wait = waiting(host, "z1", "installed")
    time.sleep(1)

    def used():
        fields = open(f"/proc/{wait.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = used()
    time.sleep(2)
    assert used() == before, "it polls"
    wait.send_signal(signal.SIGINT)
    ends(wait, 130)


@pytest.mark.parametrize("args, status, says", [
    (("nosuch", "running"), 1, "nosuch"), (("z1", "asleep"), 2, "asleep"), (("../x", "running"), 2, "../x"),
    (("z1",), 2, "STATE"), (("z1", "running", "--timeout", "0"), 2, "--timeout"),
    (("z1", "running", "-t", "soon"), 2, "soon")])
def test_a_wait_that_makes_no_sense_is_refused(host, args, status, says):
    host.refused("wait", *args, status=(status,), says=says)


# ---- jobs ------------------------------------------------------------------------------

def test_jobs_tells_when_each_began(host):
    reader, writer = os.pipe()
    watch = host.bus.watch()
    job = host.bus.call(MANAGER_PATH, MANAGER, "ImportImage", "(shs)", ("held", 0, "a pipe"), fds=[reader])
    os.close(reader)
    try:
        listed = json.loads(host.zonectl("jobs", "--json").stdout)["jobs"]
        assert [(row["kind"], row["object"]) for row in listed] == [("image-import", "held")]
        began = datetime.fromisoformat(listed[0]["began"].replace("Z", "+00:00")).timestamp()
        assert abs(began - time.time()) < 60
        assert host.bus.get(job, "org.zoned1.Job", "Began") == int(began)
        text = host.zonectl("jobs", "-n", "-o", "object,kind").stdout.split()
        assert text == ["held", "image-import"]
        assert "BEGAN" in host.zonectl("jobs").stdout.splitlines()[0]
        host.refused("jobs", "-o", "nosuch", status=(2,), says="nosuch")
    finally:
        os.close(writer)
        host.bus.waitJob(job, watch)
    assert json.loads(host.zonectl("jobs", "--json").stdout) == {"jobs": []}
