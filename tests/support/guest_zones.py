"""zonectl inside the guest, and what the guest's kernel and systemd say of the zones."""

import json

from support.wait import eventually

CGROUPS = "/sys/fs/cgroup/zones.slice"
ACTIVE = ("ready", "running", "shutting-down", "down")
# A command in a zone, and what it starts under emulation, takes its time.
PATIENCE = 120


class GuestZones:
    def __init__(self, guest):
        self.guest = guest

    def run(self, *words, **more):
        return self.guest.run(["zonectl", *words], **more)

    def zonectl(self, *words, **more):
        """Output of a verb that must succeed."""
        return self.guest.sh(["zonectl", *words], **more)

    def create(self, name, image="busybox", boot=False, **settings):
        """Settings as of `create --set`, with __ for the dot."""
        pairs = [word for key, value in settings.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
        self.zonectl("create", name, "--image", image, *pairs)
        if boot:
            self.zonectl("boot", "--wait", name)
        return name

    def listed(self):
        return {zone["name"]: zone for zone in json.loads(self.zonectl("list", "--all", "--json"))["zones"]}

    def states(self):
        return {name: zone["state"] for name, zone in self.listed().items()}

    def show(self, name):
        return json.loads(self.zonectl("show", "--json", name))

    def state(self, name):
        return self.show(name)["state"]

    def until(self, name, state):
        eventually(lambda: self.state(name) == state, PATIENCE, f"zone {name} to be {state}")

    def inside(self, name, script, **more):
        """Output of a shell script in the zone, which must succeed."""
        return self.zonectl("exec", name, "--", "/bin/sh", "-c", script, **more)

    # ---- what others say ---------------------------------------------------------------------------

    def unit(self, name, what="ActiveState"):
        return self.guest.sh(["systemctl", "show", "--value", "-p", what, f"zone@{name}.service"])

    def supervisor(self, name):
        return int(self.unit(name, "MainPID"))

    def payload(self, name, file):
        """A file of the zone's cgroup."""
        return self.guest.sh(["cat", f"{CGROUPS}/zone@{name}.service/payload/{file}"])

    def counter(self, name, file, key):
        """A number of a cgroup file of lines "key number"."""
        return int(dict(line.split() for line in self.payload(name, file).splitlines())[key])

    # ---- the end of a test -------------------------------------------------------------------------

    def reset(self, keptImages):
        """Takes away all zones, and all images but these, with zoned running."""
        self.guest.sh(["systemctl", "start", "zoned"])
        for name, state in self.states().items():
            if state in ACTIVE:
                self.run("halt", name)
            self.zonectl("delete", "--force", name)
        for image in json.loads(self.zonectl("image", "list", "--json"))["images"]:
            if image["name"] not in keptImages:
                self.zonectl("image", "delete", "--force", image["name"])
        self.guest.run(["systemctl", "reset-failed", "zone@*"])

    def leaks(self):
        """What is left, after what goes by itself has gone; "" for nothing."""
        def nothing():
            self.left = self.guest.sh(["/usr/bin/python3", "/usr/local/lib/zoned-test-leaks"])
            return not self.left
        try:
            eventually(nothing, 30, step=0.5)
        except AssertionError:
            return self.left
        return ""
