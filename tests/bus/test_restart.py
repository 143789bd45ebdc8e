"""The service's memory is on disk and in the kernel: kill -9 at any time, start again."""

import os
import signal

from support.bus import IMAGE, ZONE, imagePath
from support.wait import eventually


def test_zones_and_images_are_the_same_after_a_crash(host):
    host.define("defined", description="as it was")
    host.zone("installed")
    before = host.bus.manager("ListZones"), host.bus.getAll(imagePath("busybox"), IMAGE), \
        host.bus.getAll("/org/zoned1/zone/installed", ZONE)
    host.restart()
    assert (host.bus.manager("ListZones"), host.bus.getAll(imagePath("busybox"), IMAGE),
            host.bus.getAll("/org/zoned1/zone/installed", ZONE)) == before


def test_a_running_zone_is_found_again_with_all_its_properties(host, zone):
    before = host.bus.getAll(zone.path, ZONE)
    host.restart()
    assert host.bus.getAll(zone.path, ZONE) == before


def test_sigterm_ends_the_service_with_status_0_and_leaves_zones_alone(host, zone):
    pid = zone.pid
    assert host.stop() == 0
    assert os.path.exists(f"/proc/{pid}")
    host.start()
    assert zone.pid == pid and zone.state == "running"


def test_an_import_that_a_crash_interrupted_leaves_nothing(host, heldJob):
    host.restart()
    assert host.images() == ["busybox"] and host.bus.manager("ListJobs") == []
    eventually(lambda: [entry.name for entry in (host.root / "var/lib/zoned/images").iterdir()] == ["busybox"],
               what="the half-made image to be removed")
    eventually(lambda: len(host.processes()) == 1, what="the worker to end")
    # The fixture's job has no end to wait for any more.
    os.close(heldJob.writer)
    heldJob.release = lambda: None


def test_no_job_has_the_number_of_one_before_a_restart(host, zone):
    def number(member, *more):
        return int(host.bus.call(zone.path, ZONE, member, *more).rsplit("/", 1)[1])
    before = number("Halt")
    zone.until("installed")
    host.restart()
    after = number("Boot", "(a{sv})", ({},))
    zone.until("running")
    assert before < after <= before + 200  # and they stay short enough to be typed


def test_who_waits_over_a_restart_is_told_and_sees_what_became_of_his_zone(host, zone):
    """Others' jobs begin meanwhile: none of them is taken for his own."""
    (supervisor,) = host.supervisors("z1")
    os.kill(supervisor, signal.SIGSTOP)  # so that the request is under way when the service goes
    waiting = host.popen("halt", "z1", text=True)
    eventually(lambda: host.bus.manager("ListJobs"), what="the job")
    host.kill()
    os.kill(supervisor, signal.SIGCONT)
    host.start()
    for i in range(8):
        host.define(f"other{i}").install()
    _, said = waiting.communicate(timeout=60)
    assert "zoned was restarted" in said, said
    assert waiting.returncode == 0 and zone.state == "installed", said


def test_who_waits_over_a_restart_for_what_does_not_happen_is_told_so(host, zone):
    (supervisor,) = host.supervisors("z1")
    os.kill(supervisor, signal.SIGSTOP)
    waiting = host.popen("halt", "z1", text=True)
    eventually(lambda: host.bus.manager("ListJobs"), what="the job")
    host.kill()
    host.start()
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "zoned was restarted" in said and "zone z1 is" in said, said


def test_a_definition_edited_by_hand_to_nonsense_shows_as_invalid_and_others_go_on(host):
    bad, good = host.zone("bad"), host.zone("good")
    host.definitionFile("bad").write_text("zone: bad\nimage: [\n")
    host.restart()
    problem = bad.get("Problem")
    assert "bad.yaml:" in problem
    assert good.get("Problem") == ""
    good.boot()
    assert good.state == "running"
    host.definitionFile("bad").write_text("zone: bad\nimage: busybox\n")
    eventually(lambda: bad.get("Problem") == "" or host.restart() and False, what="the mended file to be read")
    bad.boot()


def test_a_name_is_owned_by_one_service_only(host):
    import subprocess
    second = subprocess.run([host.programs / "zoned", "--root", host.root], env=host.environment,
                            capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode != 0 and second.stderr.strip()
    host.bus.manager("ListZones")
