"""A complete Debian host in QEMU: systemd as PID 1, all of cgroup v2, polkit, a disk that outlives reboots.

Emulated (TCG), so that it runs wherever the tests do. Requests go to the agent in the guest (guest_agent.py) over a
virtio-serial port, several at a time; QEMU itself is spoken to in QMP. Both sockets are listened on here and
connected to by QEMU, so that nothing is sent to a guest that does not hear it.

A power cut is QEMU killed: what the guest's kernel had not yet written is lost, what it had is in the disk's file.
Nothing of this is timed: a limit only ends what hangs.
"""

import base64
import collections
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from support import guest_image
from support.wait import eventually

PIECE = 1 << 20  # of a file in one request
BOOT_LIMIT = 600
# Later kernels use what the emulation of these two features does not get right: Linux 6.12 found its memory corrupt.
PROCESSORS = {"bookworm": "max"}
OTHER_PROCESSOR = "max,-cx16,-la57"

# Of the emulated processor; udev loads them at every boot, in vain or for nothing.
USELESS_MODULES = "powernow_k8,kvm_amd,kvm_intel"

Done = collections.namedtuple("Done", "status stdout stderr")


class GuestFault(Exception):
    """The guest, not the command in it: it died, was reset, or the agent could not do what was asked."""


class TimeLimit(GuestFault):
    pass


class GuestCrash(GuestFault):
    """It booted anew though nobody asked it to: its kernel gave up, or the emulator did."""


class Request:
    """One that the agent works on."""

    def __init__(self, guest, what):
        self.guest = guest
        self.what = what
        self.ended = threading.Event()
        self.reply = None

    def wait(self, limit):
        # The agent keeps the limit; this is for one that does not answer at all.
        if not self.ended.wait(limit + 30):
            raise GuestFault(f"{self.what}: no answer from the guest; its console ends:\n{self.guest.consoleTail()}")
        if "fault" in self.reply:
            self.guest.raiseCrash()
            raise GuestFault(f"{self.what}: {self.reply['fault']}")
        return self.reply


class Guest:
    def __init__(self, archives=None, memory=2048, processors=2, packages=()):
        """packages: of Debian, beside those that every guest has."""
        self.folder = Path(tempfile.mkdtemp(prefix="zoned-test-guest-", dir="/var/tmp"))
        self.memory = memory
        self.processors = processors
        self.console = self.folder / "console.log"
        self.disks = {}
        self.process = None
        self.bootId = None
        self.crashed = False
        self.used = False  # by a test that has not come to its end
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._waiting = {}
        self._ids = itertools.count(1)
        try:
            guest_image.makeDisk(self.folder, archives or {}, packages=packages)
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    # ---- power -------------------------------------------------------------------------------------

    def start(self, settle=True):
        """Switches it on. Returns when the host has come up; with settle=False as soon as it can be talked to."""
        assert self.process is None, "the guest is on"
        self.bootId = None
        self.crashed = False
        with self._listen("agent") as agents, self._listen("qmp") as controls:
            with open(self.folder / "qemu.log", "ab") as log:
                self.process = subprocess.Popen(self._commandLine(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                start_new_session=True)
            self._agent = self._accept(agents)
            self._control = self._accept(controls).makefile("rwb")
        self._control.readline()  # the greeting
        self._qmp("qmp_capabilities")
        threading.Thread(target=self._read, args=(self._agent,), daemon=True).start()
        return self._up(None, settle)

    def stop(self):
        """Shuts it down as an administrator would, and switches it off if that does not end."""
        if self.process is None:
            return
        with contextlib.suppress(GuestFault):
            self.run(["systemctl", "poweroff", "--no-block"])
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(120)
            self.process = None
            return
        self.cutPower()
        raise AssertionError(f"the guest does not shut down; its console ends:\n{self.consoleTail()}")

    def reboot(self, settle=True):
        """As an administrator would."""
        before, self.bootId = self.bootId, None
        with contextlib.suppress(GuestFault):
            self.run(["systemctl", "reboot", "--no-block"])
        return self._up(before, settle)

    def cutPower(self):
        """It is off at once. start() boots it again, with the disks as they were."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self._forget("the power was cut")

    def discard(self):
        """Ends it and removes everything of it."""
        if self.process is not None:
            self.cutPower()
        shutil.rmtree(self.folder)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def _commandLine(self):
        processor = PROCESSORS.get(guest_image.SUITE, OTHER_PROCESSOR)
        # The kernel takes it along when this process dies, by whatever signal.
        argv = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", processor,
                "-m", str(self.memory), "-smp", str(self.processors), "-nodefaults", "-no-user-config", "-display",
                "none", "-kernel", self.folder / "vmlinuz", "-initrd", self.folder / "initrd.img", "-append",
                f"root=LABEL=zonehost rw console=ttyS0 panic=-1 oops=panic modprobe.blacklist={USELESS_MODULES}",
                "-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console",
                "-chardev", f"socket,id=qmp,path={self.folder / 'qmp'}", "-mon", "chardev=qmp,mode=control",
                "-chardev", f"socket,id=agent,path={self.folder / 'agent'}", "-device", "virtio-serial", "-device",
                "virtserialport,chardev=agent,name=org.zoned1.test", "-device", "virtio-rng-pci"]
        for name, path in {"root": self.folder / "disk.img", **self.disks}.items():
            argv += ["-blockdev", json.dumps(self._blockDevice(name, path)), "-device",
                     f"virtio-blk-pci,drive={name},serial={name}"]
        return [str(word) for word in argv]

    def _listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        path = self.folder / name
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(1)
        return listener

    def _accept(self, listener):
        while True:
            with contextlib.suppress(TimeoutError):
                connection = listener.accept()[0]
                connection.settimeout(None)
                return connection
            self._checkAlive()

    def _checkAlive(self):
        if not self.alive():
            status = self.process and self.process.poll()
            raise GuestFault(f"QEMU ended with status {status}: {(self.folder / 'qemu.log').read_text()[-1000:]}"
                             f"\nThe console ends:\n{self.consoleTail()}")

    def _up(self, before, settle):
        """Waits for the agent of another boot than `before`."""
        with self._news:
            for _ in range(BOOT_LIMIT):
                if self.bootId not in (None, before):
                    break
                self._news.wait(1)
                self._checkAlive()
            else:
                raise GuestFault(f"the guest does not come up; its console ends:\n{self.consoleTail()}")
        if settle:
            self.settle()
        return self

    def settle(self):
        """Waits until systemd has done what boot asks for, whether or not all of that succeeded."""
        self.run(["systemctl", "is-system-running", "--wait"], limit=BOOT_LIMIT)

    # ---- the agent ---------------------------------------------------------------------------------

    def _read(self, connection):
        with contextlib.suppress(OSError):
            for line in connection.makefile("rb"):
                with contextlib.suppress(ValueError):
                    self._take(json.loads(line))
        self._forget("QEMU ended")

    def _take(self, message):
        if "hello" in message:
            self.crashed = self.crashed or self.bootId not in (None, message["hello"])
            self._forget("the guest, or the agent in it, was started anew")
            with self._news:
                self.bootId = message["hello"]
                self._news.notify_all()
            return
        with self._lock:
            request = self._waiting.pop(message.get("id"), None)
        if request:
            request.reply = message
            request.ended.set()

    def _forget(self, why):
        with self._lock:
            requests, self._waiting = list(self._waiting.values()), {}
        for request in requests:
            request.reply = {"fault": why}
            request.ended.set()

    def raiseCrash(self):
        """Whatever is asked of a guest that has crashed is answered with that, until it is started anew."""
        if self.crashed:
            raise GuestCrash(f"the guest crashed; before it booted anew its console ended:\n{self.endOfBootBefore()}")

    def _ask(self, what, **fields):
        self._checkAlive()
        self.raiseCrash()
        request = Request(self, what)
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = request
            try:
                # A line of its own, also after one that a reset cut short.
                self._agent.sendall(b"\n" + json.dumps({"id": number, **fields}).encode() + b"\n")
            except OSError as fault:
                self._waiting.pop(number)
                raise GuestFault(f"{what}: {fault}") from fault
        return request

    def begin(self, command, limit=120, input=b""):
        """Starts a command, given as argv or as a line for the shell; finish() waits for it."""
        argv = ["/bin/bash", "-c", command] if isinstance(command, str) else [str(word) for word in command]
        given = input.encode() if isinstance(input, str) else input
        request = self._ask(" ".join(argv), do="run", argv=argv, limit=limit, input=base64.b64encode(given).decode())
        request.limit = limit
        return request

    @staticmethod
    def finish(request, text=True):
        reply = request.wait(request.limit)
        out, err = base64.b64decode(reply["out"]), base64.b64decode(reply["err"])
        if reply.get("late"):
            raise TimeLimit(f"{request.what}: not ended after {request.limit} s; it said: {out!r} {err!r}")
        if text:
            out, err = out.decode(errors="replace"), err.decode(errors="replace")
        return Done(reply["status"], out, err)

    def run(self, command, limit=120, input=b"", text=True):
        """(status, stdout, stderr) of argv, or of a line for the shell; a status below 0 is a signal."""
        return self.finish(self.begin(command, limit, input), text)

    def sh(self, command, **more):
        """Output of a command that must succeed, stripped."""
        done = self.run(command, **more)
        assert done.status == 0, f"{command}: {done}"
        return done.stdout.strip()

    def push(self, source, target, mode=0o644):
        """Puts a file, given by its path or as bytes, into the guest."""
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        for start in range(0, len(data) or 1, PIECE):
            piece = base64.b64encode(data[start:start + PIECE]).decode()
            self._ask(f"writing {target}", do="write", path=str(target), data=piece, mode=mode,
                      append=start > 0).wait(60)

    def pull(self, source):
        """The bytes of a file of the guest."""
        pieces = []
        while True:
            reply = self._ask(f"reading {source}", do="read", path=str(source), offset=len(pieces) * PIECE,
                              size=PIECE).wait(60)
            pieces.append(base64.b64decode(reply["data"]))
            if len(pieces[-1]) < PIECE:
                return b"".join(pieces)

    # ---- disks -------------------------------------------------------------------------------------

    @staticmethod
    def _blockDevice(name, path):
        # The machine's own crash is not what is tested, so no flush needs to reach its disk.
        return {"driver": "raw", "node-name": name, "cache": {"no-flush": True},
                "file": {"driver": "file", "filename": str(path), "cache": {"no-flush": True}}}

    def attachDisk(self, name, size="1G"):
        """A further, empty disk, also after reboots; returns its device's path in the guest."""
        path = self.folder / f"disk-{name}.img"
        guest_image.command("truncate", "-s", size, path)
        self.disks[name] = path
        if self.alive():
            self._qmp("blockdev-add", **self._blockDevice(name, path))
            self._qmp("device_add", driver="virtio-blk-pci", drive=name, serial=name, id=f"device-{name}")
        device = f"/dev/disk/by-id/virtio-{name}"
        if self.alive():
            eventually(lambda: self.run(["test", "-b", device]).status == 0, 60, f"{device} in the guest")
        return device

    def _qmp(self, verb, **arguments):
        self._control.write(json.dumps({"execute": verb, "arguments": arguments}).encode() + b"\n")
        self._control.flush()
        while True:  # events come in between
            line = self._control.readline()
            assert line, f"QEMU is gone: {verb}"
            message = json.loads(line)
            assert "error" not in message, f"{verb}: {message['error']}"
            if "return" in message:
                return message["return"]

    # ---- what it says ------------------------------------------------------------------------------

    def consoleTail(self, size=3000):
        return self.console.read_text(errors="replace")[-size:] if self.console.exists() else ""

    def endOfBootBefore(self, size=6000):
        """What the console showed last before the guest's present boot: with oops=panic it boots anew by itself."""
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        end = text.rfind("] Linux version ")
        return text[max(0, end - size):end] if end >= 0 else ""

    def journalCursor(self):
        return self.sh("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'")

    def journal(self, cursor=None, units=()):
        """The journal's text after the cursor, or of this boot."""
        argv = ["journalctl", "--no-pager", "-o", "short-monotonic"]
        argv += [f"--after-cursor={cursor}"] if cursor else ["-b"]
        argv += [f"--unit={unit}" for unit in units]
        return self.run(argv).stdout
