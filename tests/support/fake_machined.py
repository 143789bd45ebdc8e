"""A systemd-machined for a private bus, as a program of its own: it notes what it was asked, and answers as told.

    fake_machined.py ADDRESS FOLDER CALL…

CALL are the registering calls that it offers. FOLDER/log gets a JSON array for each call it was sent. FOLDER/refuse,
where it is, holds the text that every registration is refused with. FOLDER/foreign holds names of machines of another
service. FOLDER/machines is what is registered, as JSON.
"""

import json
import sys
from pathlib import Path

from gi.repository import Gio, GLib

PREFIX = "org.freedesktop.machine1"
SIGNATURES = {"RegisterMachineEx": "sa(sv)", "RegisterMachineWithNetwork": "sayssusai", "RegisterMachine": "sayssus"}
NAMES = ("name", "id", "service", "class", "leader", "root", "interfaces")


def arguments(signature):
    parts, rest = [], signature
    while rest:
        variant = next(length for length in range(1, len(rest) + 1) if GLib.VariantType.string_is_valid(rest[:length]))
        parts.append(rest[:variant])
        rest = rest[variant:]
    return "".join(f'<arg type="{part}" direction="in"/>' for part in parts)


class FakeMachined:
    def __init__(self, folder, calls):
        self.folder = Path(folder)
        self.machines = {name: {"service": "other", "leader": 1}
                         for name in self.read("foreign").split()}
        self.save()
        methods = "".join(f'<method name="{call}">{arguments(SIGNATURES[call])}<arg type="o" direction="out"/></method>'
                          for call in calls)
        self.manager = Gio.DBusNodeInfo.new_for_xml(f"""<node><interface name="{PREFIX}.Manager">{methods}
            <method name="UnregisterMachine"><arg type="s" direction="in"/></method>
            <method name="GetMachine"><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
            </interface></node>""").interfaces[0]
        self.machine = Gio.DBusNodeInfo.new_for_xml(f"""<node><interface name="{PREFIX}.Machine">
            <property name="Service" type="s" access="read"/><property name="Leader" type="u" access="read"/>
            </interface></node>""").interfaces[0]

    def read(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def save(self):
        fresh = self.folder / "machines.new"
        fresh.write_text(json.dumps(self.machines))
        fresh.rename(self.folder / "machines")

    def path(self, name):
        return f"/org/freedesktop/machine1/machine/{name.encode().hex()}"

    def note(self, member, *words):
        with open(self.folder / "log", "a") as log:
            log.write(json.dumps([member, *words]) + "\n")

    def take(self, member, values, invocation):
        if member == "RegisterMachineEx":
            given = {key: value for key, value in values[1]}
            fds = invocation.get_message().get_unix_fd_list()
            fd = fds.get(given["LeaderPIDFD"])
            leader = next(int(line.split()[1]) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
                          if line.startswith("Pid:"))
            return dict(name=values[0], id=given.get("Id", []), service=given["Service"], leader=leader, root="",
                        interfaces=given["NetworkInterfaces"], **{"class": given["Class"]})
        return dict(zip(NAMES, values))

    def called(self, connection, sender, path, interface, member, parameters, invocation):
        values = parameters.unpack()
        name = values[0]
        known = name in self.machines
        if member.startswith("Register"):
            machine = self.take(member, values, invocation)
            self.note(member, name, machine)
            if self.read("refuse"):
                invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", self.read("refuse"))
            elif known:
                invocation.return_dbus_error(f"{PREFIX}.MachineExists", f"Machine '{name}' already exists")
            else:
                self.machines[name] = machine
                self.save()
                connection.register_object(self.path(name), self.machine, None, self.property, None)
                invocation.return_value(GLib.Variant("(o)", (self.path(name),)))
            return
        self.note(member, name)
        if not known:
            invocation.return_dbus_error(f"{PREFIX}.NoSuchMachine", f"No machine '{name}' known")
        elif member == "GetMachine":
            invocation.return_value(GLib.Variant("(o)", (self.path(name),)))
        else:
            del self.machines[name]
            self.save()
            invocation.return_value(None)

    def property(self, connection, sender, path, interface, name):
        machine = next(value for key, value in self.machines.items() if self.path(key) == path)
        return (GLib.Variant("s", machine["service"]) if name == "Service"
                else GLib.Variant("u", machine["leader"]))

    def serve(self, address):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        connection.register_object("/org/freedesktop/machine1", self.manager, self.called, None, None)
        for name in self.machines:
            connection.register_object(self.path(name), self.machine, None, self.property, None)
        Gio.bus_own_name_on_connection(connection, PREFIX, Gio.BusNameOwnerFlags.NONE, None, None)
        GLib.MainLoop().run()


FakeMachined(sys.argv[2], sys.argv[3:]).serve(sys.argv[1])
