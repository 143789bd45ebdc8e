"""A halted zone's files are hostile: what they point at on the host stays as it is (threat 15)."""

import hashlib
import os
from pathlib import Path

import pytest

from support import images

PLACES = ["dev", "dev/null", "dev/console", "dev/pts", "dev/shm", "proc", "sys", "run", "run/host", "etc", "tmp",
          "etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/machine-id", "sys/fs/cgroup", "var/run"]


@pytest.fixture
def victim(host):
    """A folder of the host with files under every name that a boot may write."""
    folder = host.base / "victim"
    for name in ("resolv.conf", "hosts", "hostname", "machine-id", "null", "console", "pts/0", "notify", "shm/x",
                 "host/notify", "file"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("the host's own\n")

    def census():
        return {str(path): (path.lstat().st_mode, path.lstat().st_uid,
                            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
                for path in sorted(folder.rglob("*"))}

    before = census()
    yield folder
    assert census() == before, "a file of the host was changed"
    import shutil
    shutil.rmtree(folder)


def plant(zone, place, target):
    path = zone.upper(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, path)


def bootOrRefuse(host, zone):
    """The boot may succeed inside the root, or be refused; whichever, state and kernel agree."""
    done = host.zonectl("boot", zone.name, check=False, timeout=60)
    if done.returncode == 0:
        assert zone.truth() == "running"
        zone.halt()
    else:
        assert done.stderr.strip()
    assert zone.state == "installed"


@pytest.mark.parametrize("place", PLACES)
def test_a_link_to_the_host_in_the_zones_layer_misdirects_nothing(host, victim, place):
    zone = host.zone("z1")
    single = place.split("/")[-1] in ("null", "console", "resolv.conf", "hosts", "hostname", "machine-id")
    plant(zone, place, victim / "file" if single else victim)
    bootOrRefuse(host, zone)


@pytest.mark.parametrize("place", ["etc/resolv.conf", "etc/hosts", "dev", "proc"])
def test_nor_does_one_that_climbs_out(host, victim, place):
    zone = host.zone("z1")
    plant(zone, place, "../" * 40 + str(victim)[1:] + "/file")
    bootOrRefuse(host, zone)


@pytest.mark.parametrize("place", ["etc/resolv.conf", "dev/console", "run", "proc"])
def test_nor_does_one_that_an_image_brought(host, victim, place):
    def add(tar):
        if "/" not in place:
            return tar.link(place + "-link", "/nowhere")
        return tar.link(place, str(victim / "file"))
    host.image("hostile", images.busybox(extra=add))
    bootOrRefuse(host, host.zone("z1", image="hostile"))


def test_magic_links_of_proc_are_not_followed(host, victim):
    zone = host.zone("z1")
    plant(zone, "etc/resolv.conf", f"/proc/1/root{victim}/resolv.conf")
    plant(zone, "etc/hosts", f"/proc/self/root{victim}/hosts")
    bootOrRefuse(host, zone)


def test_a_name_of_another_kind_is_in_nobodys_way(host, victim):
    """A pipe, a socket or a folder where a file is to be written: no hang, a clean answer."""
    for place, make in (("etc/resolv.conf", os.mkfifo), ("etc/hosts", os.mkfifo), ("etc/hostname", os.mkdir)):
        zone = host.zone("z1")
        zone.upper(place).parent.mkdir(parents=True, exist_ok=True)
        make(zone.upper(place))
        bootOrRefuse(host, zone)
        zone.delete()


def test_a_mounts_target_that_is_a_link_stays_inside(host, victim):
    source = host.closedFolder() / "source"
    source.mkdir()
    (source / "marker").write_text("mounted\n")
    zone = host.define("z1", mounts=f"[{{source: {source}, target: /data}}]").install()
    plant(zone, "data", victim)
    bootOrRefuse(host, zone)
    assert not (victim / "marker").exists()


@pytest.mark.parametrize("leads", ["/proc", "/sys", "/dev", "/dev/shm", "/run/host", "/sys/fs/cgroup", "/"])
@pytest.mark.parametrize("hop", ["", "/srv/hop"])
def test_a_mounts_target_that_a_link_leads_to_a_kept_folder_is_refused(host, leads, hop):
    source = host.closedFolder() / "kept"
    source.mkdir(exist_ok=True)
    zone = host.define("z1", mounts=f"[{{source: {source}, target: /data}}]").install()
    if hop:
        plant(zone, hop.lstrip("/"), leads)
    plant(zone, "data", hop or f"../..{leads}")
    host.refused("boot", "z1", says=("/data", f"to {leads}"))


def test_so_is_one_that_passes_such_a_link(host):
    source = host.closedFolder() / "file"
    source.write_text("x")
    zone = host.define("z1", mounts=f"[{{source: {source}, target: /srv/sys/uptime}}]").install()
    plant(zone, "srv/sys", "/proc")
    host.refused("boot", "z1", says=("/srv/sys/uptime", "/proc/uptime"))


def test_a_files_hard_link_is_replaced_not_written_through(host, victim):
    zone = host.zone("z1")
    zone.upper("etc").mkdir(parents=True, exist_ok=True)
    for name in ("resolv.conf", "hosts", "hostname", "machine-id"):
        os.link(victim / name, zone.upper(f"etc/{name}"))
    before = {name: (victim / name).read_text() for name in ("resolv.conf", "hosts", "hostname", "machine-id")}
    bootOrRefuse(host, zone)
    assert {name: (victim / name).read_text() for name in before} == before


def test_deleting_a_zone_follows_no_link(host, victim):
    zone = host.zone("z1")
    for number, target in enumerate((victim, victim / "file", "/etc", "..", "/")):
        plant(zone, f"link{number}", target)
    zone.upper("deep").mkdir()
    path = zone.upper("deep")
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    for _ in range(200):
        os.mkdir("d" * 60, dir_fd=descriptor)
        inner = os.open("d" * 60, os.O_PATH | os.O_DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    zone.delete()
    assert Path("/etc/passwd").exists() and (victim / "file").exists()


def test_exec_as_a_user_reads_a_hostile_account_file_within_bounds(host, zone):  # 70
    zone.sh("cp /etc/passwd /etc/passwd.good; head -c 30000000 /dev/zero | tr '\\0' x >>/etc/passwd")
    host.zonectl("exec", "z1", "--user", "nosuch", "--", "true", check=False, timeout=30)
    # Not from within: a program of whatever user is refused with such a file.
    zone.upper("/etc/passwd").write_bytes(zone.upper("/etc/passwd.good").read_bytes())
    zone.sh("echo 'big:x:4294967295:4294967295::/:/bin/sh' >>/etc/passwd;"
            "echo 'neg:x:-1:-1::/:/bin/sh' >>/etc/passwd; echo 'over:x:4294967296:0::/:/bin/sh' >>/etc/passwd")
    for name in ("big", "neg", "over", "4294967295", "4294967296", "-1"):
        done = zone.exec("id", "-u", options=(f"--user={name}",), check=False)
        assert done.returncode != 0 and done.stdout.strip() != "0", name


def test_an_account_file_that_is_a_pipe_holds_nobody_up(host, zone):
    zone.sh("mv /etc/passwd /etc/passwd.good; mkfifo /etc/passwd")
    done = zone.exec("true", options=("--user", "user"), check=False, timeout=30)
    assert done.returncode != 0
    host.bus.manager("ListZones", timeout=2)
