"""Runs inside the guest: prints, a line each, what is left of zones although none is active or defined.

It asks the kernel and systemd; of zoned it takes only the names of its images and zones, which may stay.
"""

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

FIRST_ID = 524288


def lines(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def fromJson(*argv):
    return json.loads("\n".join(lines(*argv)) or "[]")


def say(kind, what):
    print(f"{kind}: {what}")


def units():
    for line in lines("systemctl", "list-units", "--all", "--plain", "--no-legend", "zone@*", "machine-*"):
        name, _, active, sub = line.split()[:4]
        if active != "inactive":
            say("unit", f"{name} is {active} ({sub})")


def cgroups():
    for path, _, _ in os.walk("/sys/fs/cgroup/zones.slice"):
        if path != "/sys/fs/cgroup/zones.slice":
            say("cgroup", path)


def processes():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            uid = os.stat(f"/proc/{entry}").st_uid
            if words[1:2] == [b"write-records"]:
                continue  # the service's own, for a while after something was written
            if uid >= FIRST_ID or os.path.basename(words[0]) in (b"zone-supervisor", b"zone-worker"):
                say("process", f"{entry} of user {uid}: {b' '.join(words).decode(errors='replace')}")


def links():
    for link in fromJson("ip", "-j", "link"):
        if link.get("ifname") not in ("lo", "zones0", None):
            say("link", link["ifname"])
    for line in lines("ip", "netns", "list"):
        say("network namespace", line)
    for family in ("inet", "bridge"):
        for item in (fromJson("nft", "-j", "list", "table", family, "zoned") or {}).get("nftables", []):
            for element in (item.get("set") or item.get("map") or {}).get("elem", []):
                if re.search(r'"zv[0-9a-z]+"', json.dumps(element)):
                    say("nft element", json.dumps(element))


def mounts():
    seen = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            space = os.readlink(f"/proc/{entry}/ns/mnt")
            if space in seen:
                continue
            seen.add(space)
            for line in Path(f"/proc/{entry}/mountinfo").read_text().splitlines():
                left, right = line.split(" - ")
                place, kind = left.split()[4], right.split()[0]
                if "zoned" in line or kind in ("overlay", "nsfs"):
                    say("mount", f"{kind} on {place}, seen by process {entry}")


def files():
    for folder in ("/run/zoned/zones", "/var/lib/zoned/zones", "/etc/zoned/zones"):
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():
            say("file", f"{folder}/{entry}")
    for folder in ("/var/lib/zoned", "/var/lib/zoned/images", "/run/zoned"):
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():
            if re.search(r"^\.(new|gone)-|\.(tmp|new)(\.|$)", entry):
                say("unfinished file", f"{folder}/{entry}")


for look in (units, cgroups, processes, links, mounts, files):
    look()
