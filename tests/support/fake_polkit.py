"""A polkit whose answers the test decides, on the private bus; in a thread of its own."""

import threading

from gi.repository import Gio, GLib

from support.wait import eventually

NAME = "org.freedesktop.PolicyKit1"
PATH = "/org/freedesktop/PolicyKit1/Authority"
XML = """<node><interface name="org.freedesktop.PolicyKit1.Authority">
<method name="CheckAuthorization"><arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/>
<arg type="a{ss}" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="(bba{ss})" direction="out"/></method>
<method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
<method name="RegisterAuthenticationAgentWithOptions"><arg type="(sa{sv})" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/></method>
<method name="UnregisterAuthenticationAgent"><arg type="(sa{sv})" direction="in"/>
<arg type="s" direction="in"/></method>
</interface></node>"""


class Asked:
    """One question; `answer` is called with what polkit is to say."""

    def __init__(self, parameters, invocation):
        (kind, subject), self.action, self.details, self.flags, self.cancellation = parameters.unpack()
        self.subject = (kind, subject)
        self.invocation = invocation

    def answer(self, allowed, challenge=False):
        self.invocation.return_value(GLib.Variant("((bba{ss}))", ((allowed, challenge, {}),)))


class FakePolkit:
    """says: "yes", "no", "challenge", "error", "nothing" (the test calls answer() itself), or a function of Asked."""

    def __init__(self, address, says="no"):
        self.says = says
        self.asked = []
        self.cancelled = []
        self.agents = []  # the processes that an agent was registered for
        self.context = GLib.MainContext.new()
        self.loop = GLib.MainLoop.new(self.context, False)
        self.connection = None
        self.thread = threading.Thread(target=self._run, args=(address,), daemon=True)
        self.thread.start()
        eventually(lambda: self.connection is not None, what="the fake polkit on the bus")

    def _run(self, address):
        self.context.push_thread_default()
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
        connection.register_object(PATH, interface, self._called, None, None)
        connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                             GLib.Variant("(su)", (NAME, 4)), None, Gio.DBusCallFlags.NONE, -1, None)
        self.connection = connection
        self.loop.run()
        connection.close_sync(None)
        self.context.pop_thread_default()

    def _called(self, _connection, _sender, _path, _interface, method, parameters, invocation):
        if method == "CancelCheckAuthorization":
            self.cancelled.append(parameters.unpack()[0])
            invocation.return_value(None)
            return
        if method == "RegisterAuthenticationAgentWithOptions":
            (kind, subject), _, _, options = parameters.unpack()
            assert kind == "unix-process" and options.get("fallback") is True, parameters
            self.agents.append(subject["pid"])
        if method.endswith(("AgentWithOptions", "Agent")):
            invocation.return_value(None)
            return
        asked = Asked(parameters, invocation)
        self.asked.append(asked)
        says = self.says(asked) if callable(self.says) else self.says
        if says == "error":
            invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Failed", "polkit is not well")
        elif says != "nothing":
            asked.answer(says == "yes", says == "challenge")

    def until(self, count):
        """Waits for that many questions; returns the last."""
        eventually(lambda: len(self.asked) >= count, 20, f"{count} questions to polkit")
        return self.asked[count - 1]

    def close(self):
        self.loop.quit()
        self.thread.join(10)
