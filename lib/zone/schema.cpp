#include "zone/schema.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace zoned::zone {

namespace {

using enum KeyType;
constexpr Effect never = Effect::never;
constexpr Effect atInstall = Effect::atInstall;
constexpr Effect atBoot = Effect::atBoot;
constexpr Effect live = Effect::live;
constexpr Effect atOnce = Effect::atOnce;

// clang-format off
constexpr std::array keys{
    Key{"zone", name, "lower-case letters, digits and '-', 1 to 63 of them", "", true, never,
        "The zone's name. The file is called after it: NAME.yaml."},
    Key{"description", text, "one line, at most 1024 bytes", "", false, atOnce,
        "What the zone is for; shown, and otherwise unused."},
    Key{"image", name, "an image's name", "", true, atInstall,
        "The image that the zone's root file system starts from."},
    Key{"autoboot", boolean, "", "false", false, atOnce,
        "Whether the zone is booted when the host is."},
    Key{"boot-priority", count, "0 to 1000", "100", false, atOnce,
        "Of the zones that could be booted next with the host, the one with the highest number is."},
    Key{"after", list, "at most 32 names of other zones", "", false, atOnce,
        "Zones that are waited for when they are booted with the host, too: this one is booted once they are ready, "
        "or are known not to come. When the host shuts down they go down after this one."},
    Key{"requires", list, "at most 32 names of other zones", "", false, atOnce,
        "As after; and the zones named are booted with this one even without autoboot, and when one of them cannot "
        "be booted, this one is not booted either. Who boots the zone by hand is only warned. A zone that others "
        "name here or in after cannot be deleted."},
    Key{"host-requires", list, "at most 32 names of units, such as network-online.target", "", false, atBoot,
        "Units of the host's systemd that are started, where they are not active, before the zone is booted. When "
         "one cannot be started within five minutes, the zone is not booted; nor is it on a host that systemd does not "
         "run. Units whose start ends what the host is doing (poweroff.target, rescue.service and their like) are "
         "refused."},
    Key{"boot-retries", count, "0 to 100", "2", false, atOnce,
        "How often a boot with the host that failed is tried again, after 1s, 2s, 4s and so on up to 1m. Then the "
        "zone is left in maintenance; see zonectl clear."},
    Key{"host-shutdown", text, "shutdown or halt", "shutdown", false, atOnce,
        "How the zone is stopped when the host shuts down: cleanly, or at once."},
    Key{"restart", text, "no, on-failure or always", "no", false, atOnce,
        "Whether a zone that stopped running is booted again: with on-failure, one whose init ended although "
        "nobody had asked for it; with always, also one that was powered off from inside. One that was shut down "
        "or halted stays so. It is booted after 1s, 2s, 4s and so on up to 1m; one that stops too often is left in "
        "maintenance."},
    Key{"init", init, "auto, systemd, sysvinit, openrc, busybox, or a list: a program and its arguments", "auto",
        false, atBoot,
        "The first process of the zone. The kind decides how it is asked to shut down; auto looks at what "
        "/sbin/init of the image is, or where there is none, whether systemd or OpenRC lie where distributions put "
        "them. A program of a list is given by its absolute path inside the zone; where it is one of these inits, it "
        "is treated as that kind."},
    Key{"hostname", text, "a DNS name, at most 64 characters", "", false, atBoot,
        "The zone's host name, whatever the zone calls itself. Without it the zone gets its own name when it is first "
        "booted, and keeps what is put into its /etc/hostname from then on."},
    Key{"network", list, "at most 8 interfaces", "", false, atBoot,
        "The zone's network interfaces, each a map of the keys below. Without the key there is one, eth0, on the "
        "managed network; an empty list gives the zone no network."},
    Key{"network[].name", text, "1 to 15 letters, digits, '.', '_' and '-'", "eth0", false, atBoot,
        "The interface's name inside the zone."},
    Key{"network[].bridge", text, "an interface's name", "", false, atBoot,
        "A bridge of the host's administrator that the interface is connected to, without a guard against forged "
        "addresses; only what is sent to bridges themselves (spanning tree, LLDP) is dropped. Without it the interface "
        "is on the managed network, whose bridge cannot be named here."},
    Key{"network[].address", network, "an IPv4 address with its prefix, such as 10.213.0.10/16", "", false, atBoot,
        "The interface's address. Without it one of the managed network is assigned once and kept; on another "
        "bridge the interface is left to the zone."},
    Key{"network[].gateway", address, "an IPv4 address of the interface's network", "", false, atBoot,
        "The default route. Without it the managed network's bridge is used; on another bridge there is no route."},
    Key{"dns", list, "at most 8 IPv4 or IPv6 addresses", "", false, atBoot,
        "The name servers that the zone's programs ask, by way of its /etc/resolv.conf or of its own resolver. Without "
        "it those of the host are used that a zone can reach. A resolv.conf that the zone's administrator made stays."},
    Key{"group", name, "a group of zoned.yaml(5)", "", false, atBoot,
        "The group of zones whose limits the zone shares with the group's other members. A reboot stays in the group; "
        "the zone changes it when it is booted after a shutdown or halt."},
    Key{"resources", map, "", "", false, live,
        "Limits of the zone as a whole, a map of the keys below. What is not limited here, and has no "
        "default below, is not limited. A limit "
        "that the host cannot enforce, because it lacks the cgroup controller, makes the boot fail."},
    Key{"resources.cpus", decimal, "0.01 to 4096", "", false, live,
        "Processor time, in processors: 1.5 is one and a half."},
    Key{"resources.cpu-weight", count, "1 to 10000", "100", false, live,
        "The zone's share of the processors while others want them too: one of 200 gets twice as much as one of 100."},
    Key{"resources.cpu-set", text, "processors of the host, such as 0-3,6", "", false, live,
        "The processors that the zone may use."},
    Key{"resources.memory", size, "16M or more", "", false, live,
        "Memory, as bytes or with K, M, G or T. A process of a zone that needs more is killed."},
    Key{"resources.memory-high", size, "16M to resources.memory", "", false, live,
        "Memory from which on the zone is slowed down and its memory reclaimed, instead of processes being killed."},
    Key{"resources.swap", size, "0 or more", "", false, live,
        "Swap space, beside the memory; 0 keeps the zone out of it."},
    Key{"resources.processes", count, "1 to 4194304", "16384", false, live,
        "The largest number of processes and threads together."},
    Key{"resources.io-weight", count, "1 to 10000", "100", false, live,
        "The zone's share of the disks while others want them too. It is felt on disks that the host's kernel "
        "schedules by weight: with io.cost.qos of cgroup v2 enabled, or by bfq."},
    Key{"resources.io", list, "at most 32 devices", "", false, live,
        "How much of a disk the zone may use in a second, for each disk a map of the keys below."},
    Key{"resources.io[].device", text, "a block device of the host, or disk", "", true, live,
        "The disk, such as /dev/sda; disk is the one that the zone's own files lie on. A partition stands for its "
        "whole disk."},
    Key{"resources.io[].read", size, "1K or more", "", false, live,
        "Bytes read in a second."},
    Key{"resources.io[].write", size, "1K or more", "", false, live,
        "Bytes written in a second."},
    Key{"resources.io[].read-iops", count, "2 to 1000000000", "", false, live,
        "Read operations in a second."},
    Key{"resources.io[].write-iops", count, "2 to 1000000000", "", false, live,
        "Write operations in a second."},
    Key{"resources.optional", boolean, "", "false", false, live,
        "Whether a limit that the host cannot enforce is left out with a warning, instead of making the boot fail."},
    Key{"mounts", list, "", "", false, atBoot,
        "Folders and files of the host that are seen inside the zone, each a map of the keys below."},
    Key{"mounts[].source", path, "an absolute path on the host, without symbolic links", "", true, atBoot,
        "What is mounted, with what the host has mounted below it when the zone boots (but proc, sysfs and other file "
        "systems that are the kernel itself). It must exist when the zone boots. Folders of the zone manager "
        "(/etc/zoned, /var/lib/zoned, /run/zoned, /var/log/zoned), what holds them and what lies in them are refused, "
        "also by another name or mount. Beware of folders with sockets of the host's services, such as those in /run: "
        "read-only keeps nobody from connecting to them. One that the zone may write to must lie in a folder that "
        "is root's and closed to all others (mode 0700, at any height above it), or on a nosuid mount: the zone's "
        "root is root there, could leave set-user-id programs for the host's users, and may change the source's own "
        "mode, which therefore does not count."},
    Key{"mounts[].target", path, "an absolute path inside the zone, not below /proc, /sys, /dev or /run/host", "", true, atBoot,
        "Where it is mounted; made where it does not exist. Links among the zone's own files may lead it elsewhere in the "
        "zone, but not to its root or one of those folders: then the boot fails."},
    Key{"mounts[].read-only", boolean, "", "false", false, atBoot,
        "Whether the zone may only read."},
    Key{"environment", map, "at most 64 variables", "", false, atBoot,
        "Environment variables of the zone's init."},
    Key{"environment.*", text, "one line, at most 4096 bytes", "", false, atBoot,
        "The variable's value. The names container, container_uuid and NOTIFY_SOCKET are taken."},
    Key{"stop-timeout", duration, "1s to 1h", "90s", false, atBoot,
        "How long a shutdown may take before the zone is halted: seconds, or with s, m or h."},
    Key{"privileged", boolean, "", "false", false, atBoot,
        "Whether the zone has no user namespace: root of the zone is root of the host then. Such a zone is not "
        "root-safe; only the host's administrator may define one."},
    Key{"admins", list, "at most 64 users and groups", "", false, atOnce,
        "Users and groups of the host who may do something to this zone, and to no other, without being the host's "
        "administrator; each a map of the keys below. They may always read the zone's definition. Changing it is no "
        "right that can be given here."},
    Key{"admins[].user", text, "the name or number of a user of the host", "", false, atOnce,
        "Who it is. The user must exist when the definition is stored. Each element names either a user or a group."},
    Key{"admins[].group", text, "the name or number of a group of the host", "", false, atOnce,
        "A group whose members it is: whoever has the group when connecting to the bus."},
    Key{"admins[].may", list, "login, exec, console, manage", "", true, atOnce,
        "What they may. login: a login shell in the zone. exec: run programs in it. Both are as any user of the zone, "
        "root included, which in a privileged zone is root of the host. console: its console. manage: boot, "
        "ready, shutdown, halt and reboot, and cancel such a job; to boot with arguments for its init takes exec "
        "as well, and in a privileged zone is no matter of its administrators."},
};
// clang-format on

/// "network[0].address" -> "network[].address", "environment.LANG" -> "environment.*".
std::string generalPath(std::string_view concrete) {
    constexpr std::string_view variables = "environment.";
    if (concrete.substr(0, variables.size()) == variables && concrete.size() > variables.size() &&
        concrete.find_first_of(".[]", variables.size()) == std::string_view::npos) {
        return "environment.*";
    }
    std::string result;
    for (std::size_t i = 0; i < concrete.size(); ++i) {
        result += concrete[i];
        if (concrete[i] != '[') {
            continue;
        }
        const std::size_t end = concrete.find_first_not_of("0123456789", i + 1);
        if (end == i + 1 || end == std::string_view::npos) {
            return ""; // no number, or no end: no path at all
        }
        i = end - 1;
    }
    return result;
}

/// Breaks at spaces.
std::vector<std::string> wrapped(std::string_view words, std::size_t width) {
    std::vector<std::string> lines;
    while (!words.empty()) {
        const std::size_t end = words.find(' ');
        const std::string_view word = words.substr(0, end);
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
        if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
            lines.emplace_back(word);
        } else {
            lines.back().append(" ").append(word);
        }
    }
    return lines;
}

std::string_view effectText(const Key& key) {
    switch (key.effect) {
    case Effect::never:
        return "It cannot be changed.";
    case Effect::atInstall:
        return "A change takes effect when the zone is installed anew.";
    case Effect::atBoot:
        return "A change takes effect at the next boot.";
    case Effect::live:
        return "A change takes effect at once by zonectl set, else at the next boot.";
    case Effect::atOnce:
        return "A change takes effect at once.";
    }
    return "";
}

/// Range and default as sentences: "Range: 16M or more. Default: 90s."
std::string limits(const Key& key) {
    std::string result;
    if (!key.range.empty()) {
        result += "Range: " + std::string(key.range) + ". ";
    }
    if (!key.fallback.empty()) {
        result += "Default: " + std::string(key.fallback) + ". ";
    }
    return result;
}

/// Text that mdoc takes literally: backslashes doubled as \e, a leading '.' or "'" protected, a sentence a line.
std::string mdocText(std::string_view words) {
    std::string result;
    std::size_t start = 0;
    while (start < words.size()) {
        std::size_t end = words.find(". ", start);
        end = end == std::string_view::npos ? words.size() : end + 1;
        for (const std::string& line : wrapped(words.substr(start, end - start), 76)) {
            if (!line.empty() && (line.front() == '.' || line.front() == '\'')) {
                result += "\\&";
            }
            for (const char c : line) {
                result += c == '\\' ? "\\e" : std::string(1, c);
            }
            result += '\n';
        }
        start = end + (end < words.size() ? 1 : 0);
    }
    return result;
}

} // namespace

std::span<const Key> schema() noexcept {
    return keys;
}

const Key* findKey(std::string_view path) noexcept {
    if (path.find("[]") != std::string_view::npos || path.find('*') != std::string_view::npos) {
        return nullptr; // a pattern, not a concrete path
    }
    const std::string general = generalPath(path);
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.path == general; });
    return found == keys.end() ? nullptr : &*found;
}

std::string_view keyTypeName(KeyType type) noexcept {
    static constexpr std::array<std::string_view, 13> names{
        "text", "name", "boolean", "size", "count", "decimal", "duration", "address", "network address",
        "path", "list", "map",     "init"};
    return names[static_cast<std::size_t>(type)];
}

std::string schemaText() {
    std::string result;
    for (const Key& key : schema()) {
        result += std::string(key.path) + " (" + std::string(keyTypeName(key.type)) +
                  (key.required ? ", required" : "") + ")\n";
        const std::string words = std::string(key.meaning) + " " + limits(key) + std::string(effectText(key));
        for (const std::string& line : wrapped(words, 76)) {
            result += "    " + line + "\n";
        }
        result += '\n';
    }
    return result;
}

std::string schemaMdoc() {
    std::string result = ".Sh KEYS\n"
                         "In a path below,\n.Ql []\nstands for each element of a list and\n.Ql *\n"
                         "for a name of your own.\n"
                         ".Bl -tag -width indent\n";
    for (const Key& key : schema()) {
        result += ".It Sy " + std::string(key.path) + " Pq " + std::string(keyTypeName(key.type)) +
                  (key.required ? ", required" : "") + "\n";
        result += mdocText(key.meaning) + mdocText(limits(key) + std::string(effectText(key)));
    }
    return result + ".El\n";
}

std::string exampleDefinition() {
    return R"(zone: web
description: Customer web server
image: bookworm
autoboot: true
boot-priority: 200
after: [mail]
requires: [db]
host-requires: [network-online.target]
boot-retries: 3
host-shutdown: shutdown
restart: on-failure
init: auto
hostname: web.example.org
network:
  - name: eth0
    address: 10.213.0.10/16
    gateway: 10.213.0.1
dns: [10.213.0.1]
group: customers
resources:
  cpus: 1.5
  memory: 512M
  processes: 512
  io:
    - device: disk
      write: 50M
mounts:
  - source: /srv/www
    target: /var/www
    read-only: true
environment:
  LANG: C.UTF-8
stop-timeout: 90s
privileged: false
admins:
  - user: root
    may: [login, exec, console, manage]
)";
}

} // namespace zoned::zone
