"""What the tools around us do with the units: read and enabled below a root of its own, as packages do it.

Nothing of this host is touched, and none of it needs a systemd that runs.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from support.host import BUILD

UNITS = "usr/lib/systemd/system"


def command(*argv, **more):
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, (argv, done)
    return done.stdout


@pytest.fixture(scope="module")
def installed():
    """Where each installed file goes, and where it comes from."""
    files = json.loads(command("meson", "introspect", "--installed", BUILD))
    return {target: source for source, target in files.items()}


@pytest.fixture
def root(tmp_path, installed):
    """A root with the units alone."""
    folder = tmp_path / UNITS
    folder.mkdir(parents=True)
    for target, source in installed.items():
        if "/lib/systemd/system/" in target:
            shutil.copy(source, folder)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    return tmp_path


def enabled(root):
    return {path.name for path in (root / "etc/systemd/system").rglob("*") if path.is_symlink()}


def test_to_enable_the_service_is_not_to_touch_the_unit_that_shuts_all_zones_down(root):
    """Package tools restart what they enable."""
    command("systemctl", f"--root={root}", "enable", "zoned.service")
    assert enabled(root) == {"zoned.service"}
    command("systemctl", f"--root={root}", "enable", "zones.service")
    assert enabled(root) == {"zoned.service", "zones.service"}


def test_debians_helper_enables_it_alone_too(root):
    if not shutil.which("deb-systemd-helper"):
        pytest.skip("no deb-systemd-helper here")
    command("deb-systemd-helper", "enable", "zoned.service",
            env={**os.environ, "DPKG_ROOT": str(root), "DPKG_MAINTSCRIPT_PACKAGE": "zoned"})
    assert enabled(root) == {"zoned.service"}


def test_no_unit_draws_zones_into_a_restart(root):
    texts = {path.name: path.read_text() for path in (root / UNITS).iterdir()}
    assert "zones.service" in texts and "zones.slice" in texts
    for name, text in texts.items():
        # dh_installsystemd takes these along; the manager the others, when the unit they name is restarted
        for key in ("Also", "PartOf", "BindsTo", "Requires", "Requisite"):
            for named in re.findall(rf"^{key}=(.*)$", text, re.MULTILINE):
                assert "zone" not in named, f"{name}: {key}={named}"
    assert "RefuseManualStop=yes" in texts["zones.slice"].splitlines()


def test_needrestart_leaves_zones_alone_and_takes_the_service(installed):
    path = next(source for target, source in installed.items() if target.endswith("/etc/needrestart/conf.d/zoned.conf"))
    # as needrestart does it: the file is evaluated, the first expression that fits decides, else it is restarted
    script = """
        our %nrconf = (override_rc => { qr(^dbus) => 0 });
        eval do { local(@ARGV, $/) = $ARGV[0]; <> };
        die $@ if $@;
        foreach my $rc ('zone@web.service', 'zone@a-b.service', 'zoned.service', 'dbus.service') {
            my $restart = 1;
            foreach my $re (keys %{$nrconf{override_rc}}) {
                next unless $rc =~ /$re/;
                $restart = $nrconf{override_rc}->{$re};
                last;
            }
            print "$rc $restart\\n";
        }"""
    told = dict(line.split() for line in command("perl", "-e", script, path).splitlines())
    assert told == {"zone@web.service": "0", "zone@a-b.service": "0", "zoned.service": "1", "dbus.service": "0"}
