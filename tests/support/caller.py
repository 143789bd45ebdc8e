"""Run as an unprivileged user: makes the calls that stand in JSON on standard input, one reply each.

in:  {"address": ..., "calls": [[path, interface, method, signature, args, fds], ...], "interactive": false}
out: [[error name or "", error text or results as text], ...]
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gi.repository import GLib  # noqa: E402

from support.bus import SERVICE, Bus, BusFault  # noqa: E402


def main():
    request = json.load(sys.stdin)
    bus = Bus(request["address"])
    replies = []
    for path, interface, method, signature, text, fds in request["calls"]:
        body = GLib.Variant.parse(GLib.VariantType.new(signature), text, None, None)
        opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(fds)]
        try:
            service = interface if interface.startswith("org.freedesktop.DBus") and path.startswith(
                "/org/freedesktop/DBus") else SERVICE
            # descriptors that come are held to the end of all calls
            result, _ = bus.send(path, interface, method, body, fds=opened, service=service,
                                        interactive=request.get("interactive", False), timeout=60)
            replies.append(["", str(result)])
        except BusFault as fault:
            replies.append([fault.full, fault.text])
        finally:
            for fd in opened:
                os.close(fd)
    json.dump(replies, sys.stdout)


if __name__ == "__main__":
    main()
