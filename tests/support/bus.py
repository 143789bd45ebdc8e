"""A client of org.zoned1 on a given bus: calls with exact signatures, signals, jobs, descriptors."""

import os
import time
from dataclasses import dataclass, field

from gi.repository import Gio, GLib

SERVICE = "org.zoned1"
MANAGER_PATH = "/org/zoned1"
MANAGER = "org.zoned1.Manager"
ZONE = "org.zoned1.Zone"
IMAGE = "org.zoned1.Image"
JOB = "org.zoned1.Job"
PROPERTIES = "org.freedesktop.DBus.Properties"
ERROR = "org.zoned1.Error."


class BusFault(Exception):
    """A D-Bus error reply; `name` is the last part of an org.zoned1.Error name, or the whole name."""

    def __init__(self, full, text):
        super().__init__(f"{full}: {text}")
        self.full = full
        self.name = full[len(ERROR):] if full.startswith(ERROR) else full
        self.text = text


def faultOf(error):
    full = Gio.dbus_error_get_remote_error(error)
    if full is None:
        return BusFault(f"local.{error.domain}.{error.code}", error.message)
    text = error.message
    prefix = f"GDBus.Error:{full}: "
    return BusFault(full, text[len(prefix):] if text.startswith(prefix) else text)


def label(name):
    """A name as a part of an object path, as sd-bus writes it."""
    out = ""
    for position, char in enumerate(name):
        plain = char.isascii() and (char.isalpha() or (char.isdigit() and position > 0))
        out += char if plain else f"_{ord(char):02x}"
    return out or "_"


def zonePath(name):
    return f"{MANAGER_PATH}/zone/{label(name)}"


def imagePath(name):
    return f"{MANAGER_PATH}/image/{label(name)}"


@dataclass
class Signal:
    path: str
    interface: str
    member: str
    args: tuple


@dataclass
class JobEnd:
    result: str
    error: str
    message: str

    @property
    def errorName(self):
        return self.error[len(ERROR):] if self.error.startswith(ERROR) else self.error


@dataclass
class Watch:
    """Signals seen since it was made, oldest first."""

    bus: "Bus"
    start: int
    seen: list = field(default_factory=list)

    def signals(self, member=None, path=None):
        self.bus.pump()
        return [s for s in self.bus.log[self.start:]
                if (member is None or s.member == member) and (path is None or s.path == path)]

    def wait(self, accept, timeout=15.0, what="a signal"):
        deadline = time.monotonic() + timeout
        while True:
            for signal in self.signals():
                if accept(signal):
                    return signal
            if time.monotonic() > deadline:
                seen = [(s.member, s.path, s.args) for s in self.signals()]
                raise AssertionError(f"{what} did not come within {timeout:g} s; came: {seen}")
            time.sleep(0.005)

    def states(self, name):
        """The states that PropertiesChanged told for a zone, in order, repeats left out."""
        out = []
        for signal in self.signals("PropertiesChanged", zonePath(name)):
            state = signal.args[1].get("State")
            if state and (not out or out[-1] != state):
                out.append(state)
        return out


class Bus:
    def __init__(self, address):
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.set_exit_on_close(False)
        self.log = []
        self.connection.signal_subscribe(SERVICE, None, None, None, None, Gio.DBusSignalFlags.NONE, self._heard)

    def close(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)

    def _heard(self, _connection, _sender, path, interface, member, args):
        self.log.append(Signal(path, interface, member, args.unpack()))

    def pump(self):
        context = GLib.MainContext.default()
        while context.iteration(False):
            pass

    def watch(self):
        self.pump()
        return Watch(self, len(self.log))

    def send(self, path, interface, member, body=None, timeout=30.0, fds=(), service=SERVICE, interactive=False):
        """Calls with a ready GLib.Variant; returns (result tuple, received descriptors)."""
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE
        outgoing = None
        if fds:
            outgoing = Gio.UnixFDList.new()
            for fd in fds:
                outgoing.append(fd)
        try:
            reply, incoming = self.connection.call_with_unix_fd_list_sync(
                service, path, interface, member, body, None, flags,
                int(timeout * 1000), outgoing, None)
        except GLib.Error as error:
            raise faultOf(error) from None
        received = list(incoming.steal_fds()) if incoming else []
        return reply.unpack(), received

    def call(self, path, interface, member, signature="()", args=(), timeout=30.0, fds=()):
        """One result as it is, several as a tuple."""
        result, received = self.send(path, interface, member, GLib.Variant(signature, tuple(args)), timeout, fds)
        for fd in received:
            os.close(fd)
        return result[0] if len(result) == 1 else result

    def manager(self, member, signature="()", *args, **more):
        return self.call(MANAGER_PATH, MANAGER, member, signature, args, **more)

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "(ss)", (interface, name))

    def getAll(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "(s)", (interface,))

    def introspect(self, path):
        return self.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")

    def objects(self):
        return self.call(MANAGER_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def owned(self):
        result, _ = self.send("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                              GLib.Variant("(s)", (SERVICE,)), service="org.freedesktop.DBus")
        return result[0]

    def waitJob(self, job, watch, timeout=60.0):
        end = watch.wait(lambda s: s.member == "JobRemoved" and s.args[1] == job, timeout, f"the end of {job}")
        if end.args[6]:  # there is more to say than everybody hears
            return JobEnd(*self.manager("GetJobEnd", "(u)", end.args[0]))
        return JobEnd(*end.args[4:7])

    def job(self, path, interface, member, signature="()", args=(), timeout=60.0, fds=()):
        """Starts a job, waits for its end and returns that."""
        watch = self.watch()
        job = self.call(path, interface, member, signature, args, fds=fds)
        return self.waitJob(job, watch, timeout)

    def done(self, *args, **more):
        """As job; the job must succeed."""
        end = self.job(*args, **more)
        assert end.result == "done", f"{args[2]} of {args[0]}: {end}"
        return end
