"""Limits are in the zone's cgroup and are felt in the zone; the neighbour and the host stay well."""

from support.guest_zones import CGROUPS


def test_limits_are_in_the_files_of_the_cgroup(guest, zones):
    zones.create("z1", boot=True, resources__cpus="0.5", resources__memory="128M", resources__processes="64")
    quota, period = zones.payload("z1", "cpu.max").split()
    assert int(quota) * 2 == int(period)
    assert int(zones.payload("z1", "memory.max")) == 128 << 20
    assert zones.payload("z1", "pids.max") == "64"
    zones.create("z2", boot=True)
    # a controller that the zone does not need may be off: then there is no such file
    for file in ("cpu.max", "memory.max"):
        path = f"{CGROUPS}/zone@z2.service/payload/{file}"
        assert guest.sh(f"cat {path} 2>/dev/null || echo max").split()[0] == "max"
    # the number of processes has a limit in every zone, so that none can use up the host's
    assert int(zones.payload("z2", "pids.max")) > 64
    zones.zonectl("reboot", "z1")
    assert zones.payload("z1", "pids.max") == "64"


def test_a_fork_bomb_ends_at_its_own_zones_limit(guest, zones):
    zones.create("bomb", boot=True, resources__processes="60", resources__cpus="0.5")
    zones.create("neighbour", boot=True, resources__processes="60")
    zones.inside("bomb", "cat >/bomb <<'END'\nf() { f & f & wait; }\nf\nEND\nsh /bomb >/dev/null 2>&1 &")
    # it is at its limit when the kernel has refused it a process
    guest.sh(f"until grep -q 'max [1-9]' '{CGROUPS}/zone@bomb.service/payload/pids.events'; do sleep 0.2; done")
    assert int(zones.payload("bomb", "pids.current")) <= 60
    assert zones.inside("neighbour", "for i in 1 2 3; do (echo $i) & done; wait; echo well").endswith("well")
    assert zones.counter("neighbour", "pids.events", "max") == 0
    assert zones.state("bomb") == "running"
    zones.zonectl("halt", "bomb")
    assert zones.states() == {"bomb": "installed", "neighbour": "running"}


def test_a_memory_hog_is_killed_inside_its_own_zone(guest, zones):
    zones.create("hog", boot=True, resources__memory="64M")
    zones.create("neighbour", boot=True, resources__memory="64M")
    init = zones.show("hog")["init-pid"]
    done = zones.run("exec", "hog", "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
    assert done.status == 128 + 9, done
    assert zones.counter("hog", "memory.events", "oom_kill") >= 1
    assert int(zones.payload("hog", "memory.current")) <= 64 << 20
    assert zones.counter("neighbour", "memory.events", "oom_kill") == 0
    # what it began goes on: only the hog was chosen
    assert zones.state("hog") == "running" and zones.show("hog")["init-pid"] == init
    assert zones.inside("hog", "echo well") == zones.inside("neighbour", "echo well") == "well"
    assert guest.sh("systemctl is-active zoned zone@hog zone@neighbour").split() == ["active"] * 3


def test_a_spinning_zone_is_held_back(guest, zones):
    zones.create("spin", boot=True, resources__cpus="0.2")
    zones.create("neighbour", boot=True)
    zones.inside("spin", "(while :; do :; done) >/dev/null 2>&1 &")
    periods, throttled = (zones.counter("spin", "cpu.stat", key) for key in ("nr_periods", "nr_throttled"))
    # 50 periods of 0.1 s: counted by the kernel, so that a busy machine under the emulation does not matter
    guest.sh(f"until [ $(sed -n 's/nr_periods //p' {CGROUPS}/zone@spin.service/payload/cpu.stat) -ge {periods + 50} ]; "
             "do sleep 0.5; done", limit=300)
    periods = zones.counter("spin", "cpu.stat", "nr_periods") - periods
    throttled = zones.counter("spin", "cpu.stat", "nr_throttled") - throttled
    assert throttled * 2 > periods, f"held back in {throttled} of {periods} periods"
    assert zones.inside("neighbour", "echo well") == "well"
