"""A zoned of our own: private bus, private state root, own bridge, nft tables, cgroup and id range.

Nothing of it can collide with an installed zoned or with another Host on the same machine, and
everything that it makes carries a name by which the leak checker finds it again.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import yaml

from support import images
from support.bus import (IMAGE, MANAGER, MANAGER_PATH, ZONE, Bus, BusFault, imagePath, zonePath)
from support.wait import eventually
from support.zone import Zone

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZONED_BUILD", SOURCE / "build-test")).resolve()
PROGRAMS = {"zoned": "zoned/zoned", "zonectl": "zonectl/zonectl",
            "zone-supervisor": "zoned/supervisor/zone-supervisor", "zone-worker": "zoned/worker/zone-worker"}
ACTIVE = ("ready", "running", "shutting-down", "down")

BUS_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/> <allow user="*"/>
    <allow send_destination="*" eavesdrop="false"/> <allow receive_sender="*"/>
    <allow send_type="method_call"/> <allow send_type="signal"/>
  </policy>
  {more}
</busconfig>
"""


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def cgroupMount():
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or …/unified on a hybrid host."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] == "cgroup2":
            return Path(left.split()[4])
    raise AssertionError("no cgroup v2 on this machine")


def freeSubnet():
    """The first two numbers of a 10.x.0.0/16 that no interface of the machine is on."""
    used = subprocess.run(["ip", "-4", "address"], capture_output=True, text=True, check=True).stdout
    return secrets.choice([f"10.{x}" for x in range(128, 255) if f" 10.{x}." not in used])


def claimIds():
    """4 million user ids that no other Host has, also of another process, as long as the file that is returned is open;
    and their first. A Host takes who has one of its ids for its own, and kills him in the end. (Not in /tmp: each process
    of the tests has a /tmp of its own, see apart.py.)"""
    while True:
        slot = secrets.randbelow(384)
        file = open(f"/var/tmp/zoned-test-ids-{slot}", "w", encoding="ascii")
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(file.name)):  # nobody has removed it meanwhile
                return file, 0x4000000 + slot * 0x400000
        file.close()


class Host:
    def __init__(self, folder=None, busPolicy="", settings=None):
        self.tag = "zt" + secrets.token_hex(2)
        self.base = Path(folder or tempfile.mkdtemp(prefix=f"zoned-test-{self.tag}-", dir="/var/tmp"))
        self.base.mkdir(exist_ok=True)
        # Unprivileged callers must reach the bus's socket.
        self.base.chmod(0o755)
        self.root = self.base / "root"
        self.programs = self.base / "programs"
        self.log = self.base / "zoned.log"
        # By chance, so that two runs at once on one machine do not meet.
        self.subnet = freeSubnet()
        self.gateway = f"{self.subnet}.0.1"
        self.idsClaim, self.idFirst = claimIds()
        self.idLast = self.idFirst + 0x3FFFFF
        self.cgroup = cgroupMount() / f"{self.tag}.slice"
        self.process = None
        self.busDaemon = None
        self.bus = None
        self.keptZones = set()
        self.portsSeen = set()
        self.keptImages = set()
        self._layPrograms()
        self._laySettings(settings or {})
        self._startBus(busPolicy)

    # ---- set-up ----------------------------------------------------------------

    def _layPrograms(self):
        self.programs.mkdir()
        for name, place in PROGRAMS.items():
            source = BUILD / place
            assert source.exists(), f"{source} is not built (ZONED_BUILD names the build folder)"
            # Copies, not links: a process of ours is known by its /proc/PID/exe.
            shutil.copy2(source, self.programs / name)

    def _laySettings(self, more):
        settings = {"network": {"bridge": self.tag, "address": f"{self.gateway}/16"},
                    "cgroup": f"{self.tag}.slice", "nft-table": self.tag,
                    "ids": {"first": self.idFirst, "last": self.idLast}, "log-level": "debug"}
        settings.update(more)
        folder = self.root / "etc/zoned"
        folder.mkdir(parents=True)
        (folder / "zoned.yaml").write_text(yaml.safe_dump(settings))

    def _startBus(self, policy):
        config = self.base / "bus.conf"
        config.write_text(BUS_CONFIG.format(socket=self.base / "bus", more=policy))
        self.address = f"unix:path={self.base / 'bus'}"
        self.busDaemon = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
                                          stdin=subprocess.DEVNULL, start_new_session=True)
        eventually(lambda: (self.base / "bus").exists(), what="the private bus's socket")
        eventually(self._connect, what="a connection to the private bus")

    def _connect(self):
        with contextlib.suppress(Exception):
            self.bus = Bus(self.address)
        return self.bus is not None

    @property
    def environment(self):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DBUS_", "LC_", "LANG"))}
        env.update(DBUS_SYSTEM_BUS_ADDRESS=self.address, ZONED_LIBEXECDIR=str(self.programs), LC_ALL="C.UTF-8")
        return env

    # ---- zoned -----------------------------------------------------------------

    def start(self, wrapper=()):
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*wrapper, self.programs / "zoned", "--root", self.root],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        eventually(self._serves, 20, "zoned on its bus; its log ends: " + self.logTail())
        return self

    def _serves(self):
        assert self.process.poll() is None, f"zoned ended with {self.process.returncode}: {self.logTail()}"
        if not self.bus.owned():
            return False
        self.bus.manager("ListZones")
        return True

    def stop(self):
        self.process.terminate()
        status = self.process.wait(20)
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        eventually(lambda: not self.bus.owned(), what="the bus to notice that zoned is gone")

    def restart(self):
        self.kill()
        return self.start()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def logTail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    # ---- clients ---------------------------------------------------------------

    def argv(self, *args):
        return [str(self.programs / "zonectl"), *map(str, args)]

    def zonectl(self, *args, check=True, timeout=120, input=None, text=True, env=None):
        result = subprocess.run(self.argv(*args), env={**self.environment, **(env or {})}, capture_output=True,
                                timeout=timeout, text=text, input=input,
                                **({"stdin": subprocess.DEVNULL} if input is None else {}))
        if check:
            assert result.returncode == 0, f"zonectl {' '.join(map(str, args))}: {result}"
        return result

    def refused(self, *args, status=(1, 2), says=(), **more):
        """zonectl must fail, in a sentence on standard error that holds every text of `says`."""
        result = self.zonectl(*args, check=False, **more)
        assert result.returncode in status, result
        assert result.stderr.strip(), f"failed without a word: {result}"
        for text in (says,) if isinstance(says, str) else says:
            assert text.lower() in result.stderr.lower(), f"{text!r} is not said: {result}"
        return result

    def popen(self, *args, **more):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(self.argv(*args), env=self.environment, **{**pipes, **more})

    def spawn(self, *args, timeout=20, dimensions=(24, 80)):
        """zonectl on a terminal."""
        import pexpect
        return pexpect.spawn(self.argv()[0], [str(arg) for arg in args], env=self.environment, timeout=timeout,
                             dimensions=dimensions, encoding="utf-8", codec_errors="replace")

    def caller(self, calls, uid=65534, groups=(), interactive=False):
        """A process of an unprivileged user that makes calls; see caller.py for what it writes."""
        wish = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
        process = subprocess.Popen(["setpriv", "--reuid", str(uid), "--regid", str(uid), *wish,
                                    "/usr/bin/python3", "-B", SOURCE / "tests/support/caller.py"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps({"address": self.address, "calls": calls, "interactive": interactive}))
        process.stdin.close()
        process.stdin = None
        return process

    def repliesTo(self, calls, **more):
        """Calls made by an unprivileged user; pairs of the error's name, or "", and its text, or the results'."""
        out, errors = self.caller(calls, **more).communicate(timeout=300)
        assert out, errors
        return [tuple(reply) for reply in json.loads(out)]

    def asUser(self, calls, uid=65534, **more):
        """The error names of the replies to calls made by an unprivileged user."""
        return [name for name, _ in self.repliesTo(calls, uid=uid, **more)]

    # ---- images and zones -------------------------------------------------------

    def importImage(self, name, archive, timeout=600):
        """archive: a path or the bytes; returns the job's end."""
        if isinstance(archive, bytes):
            path = self.base / f"archive-{secrets.token_hex(4)}.tar"
            path.write_bytes(archive)
        else:
            path = Path(archive)
        fd = os.open(path, os.O_RDONLY)
        try:
            end = self.bus.job(MANAGER_PATH, MANAGER, "ImportImage", "(shs)", (name, 0, path.name), timeout, fds=[fd])
        finally:
            os.close(fd)
            if isinstance(archive, bytes):
                path.unlink()
        return end

    def image(self, name, archive):
        end = self.importImage(name, archive)
        assert end.result == "done", end
        return name

    def images(self):
        return [row[0] for row in self.bus.manager("ListImages")]

    def imageExists(self, name):
        return name in self.images()

    def keepImage(self, name):
        self.keptImages.add(name)

    def zones(self):
        """Names and states."""
        return {row[0]: row[1] for row in self.bus.manager("ListZones")}

    def closedFolder(self):
        """A folder that only root gets into: what lies in it may be shown writable in a zone."""
        folder = self.base / "closed"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def define(self, name, image="busybox", **settings):
        pairs = [("image", image)] + [(key, value) for key, value in settings.items()]
        self.bus.manager("Define", "(sssa(ss))", name, "", "", pairs)
        return Zone(self, name)

    def zone(self, name, image="busybox", boot=False, **settings):
        """A zone that is installed, and with boot=True runs. Settings as of `create --set`."""
        zone = self.define(name, image, **settings)
        zone.install()
        if boot:
            zone.boot()
        return zone

    def definitionFile(self, name):
        return self.root / f"etc/zoned/zones/{name}.yaml"

    def runFolder(self, name):
        return self.root / f"run/zoned/zones/{name}"

    def storage(self, name):
        return self.root / f"var/lib/zoned/zones/{name}"

    def failpoint(self, text):
        path = self.root / "run/zoned/failpoint"
        if text is None:
            path.unlink(missing_ok=True)
        else:
            fresh = path.with_name("failpoint.new")
            fresh.write_text(text + "\n")
            fresh.rename(path)

    # ---- processes ----------------------------------------------------------------

    def isOurs(self, pid):
        """By what the kernel says: its program, its cgroup, its folders or its user ids are this Host's."""
        with contextlib.suppress(OSError, ValueError):
            if pid in (os.getpid(), self.busDaemon.pid):
                return False
            for link in ("exe", "cwd", "root"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/{link}").startswith(str(self.base) + "/"):
                        return True
            proc = Path(f"/proc/{pid}")
            if f"/{self.tag}.slice" in (proc / "cgroup").read_text():
                return True
            uids = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("Uid:"))
            return any(self.idFirst <= int(uid) <= self.idLast for uid in uids.split()[1:])
        return False

    def notePorts(self):
        """Remembers the names on our bridge, by which a link that has lost its bridge is known as ours."""
        done = subprocess.run(["ip", "-j", "link", "show", "master", self.tag], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0 and done.stdout.strip():
            self.portsSeen.update(link["ifname"] for link in json.loads(done.stdout) if "ifname" in link)

    def processes(self):
        return [pid for pid in pids() if self.isOurs(pid)]

    def supervisors(self, name=None):
        out = []
        for pid in self.processes():
            with contextlib.suppress(OSError):
                argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"zone-supervisor" in argv[0] and (name is None or name.encode() in argv[1:]):
                    out.append(pid)
        return out

    # ---- the end -------------------------------------------------------------------

    def reset(self):
        """Back to the zones and images that are kept, with zoned running; whatever the test did."""
        self.failpoint(None)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if not self.alive():
            self.process = None
            self.start()
        self.notePorts()
        problems = []
        mine = [n for n in self.zones() if n not in self.keptZones]
        # a zone that others name (after, requires) goes after them
        while mine and (not problems or len(problems) < len(mine)):
            mine = [n for n in self.zones() if n not in self.keptZones]
            problems = [problem for name in mine for problem in self._removeZone(name)]
        for name in [n for n in self.images() if n not in self.keptImages]:
            end = self.bus.job(imagePath(name), IMAGE, "Delete")
            if end.result != "done":
                problems.append(f"deleting image {name}: {end}")
        return problems

    def _removeZone(self, name):
        def idle():
            return self.bus.get(zonePath(name), ZONE, "Job") == "/"
        try:
            eventually(idle, 30, f"the job that holds zone {name} to end")
            if self.zones()[name] in ACTIVE:
                self.bus.job(zonePath(name), ZONE, "Halt")
            end = self.bus.job(zonePath(name), ZONE, "Delete")
            return [] if end.result == "done" else [f"deleting zone {name}: {end}"]
        except (BusFault, AssertionError) as fault:
            return [f"deleting zone {name}: {fault}"]

    def close(self):
        """Takes everything away, also after a daemon that misbehaved."""
        problems = []
        if self.process or self.busDaemon.poll() is None:
            try:
                self.keptZones.clear()
                self.keptImages.clear()
                problems = self.reset()
                self.stop()
            except (BusFault, AssertionError, subprocess.TimeoutExpired) as fault:
                problems.append(str(fault))
        if self.process:
            self.process.kill()
            self.process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(AssertionError):
            eventually(lambda: not self.processes(), 5)
        self.bus.close()
        self.busDaemon.terminate()
        self.busDaemon.wait()
        for folder, _, _ in sorted(os.walk(self.cgroup), reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        subprocess.run(["ip", "link", "del", self.tag], capture_output=True, check=False)
        for family in ("inet", "bridge"):
            subprocess.run(["nft", "delete", "table", family, self.tag], capture_output=True, check=False)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            place = line.split()[4]
            if place.startswith(str(self.base) + "/"):
                subprocess.run(["umount", "-l", place], capture_output=True, check=False)
        if problems:
            problems.append("the log ends: " + self.logTail())
        shutil.rmtree(self.base, ignore_errors=True)
        self.giveUpIds()
        return problems

    def giveUpIds(self):
        if not self.idsClaim.closed:
            os.unlink(self.idsClaim.name)
            self.idsClaim.close()

    # ---- standard images -------------------------------------------------------------

    def busybox(self):
        if not self.imageExists("busybox"):
            self.image("busybox", images.busybox(images.buildProbe(self.base)))
            self.keepImage("busybox")
        return "busybox"
