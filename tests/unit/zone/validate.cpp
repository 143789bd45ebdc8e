#include "zone/validate.hpp"

#include <limits>
#include <map>
#include <string>

#include "support/catch.hpp"
#include "zone/text_rules.hpp"

using namespace zoned::zone;

namespace {

Surroundings surroundings() {
    Surroundings result;
    result.subnet = *parseIpv4Network("10.213.0.1/16");
    result.managedBridge = "zones0";
    result.images = {"bookworm", "trixie"};
    result.addressesTaken = {{*parseIpv4("10.213.0.20"), "db"}, {*parseIpv4("10.213.0.21"), "web"}};
    result.missingUsers = {"gone"};
    result.missingGroups = {"gone"};
    result.groups = {"customers", "staff"};
    result.host.cpus = *parseCpuSet("0-3");
    result.host.deviceProblem = [](const std::string& device) {
        return device == "/dev/nosuch" ? "there is none" : "";
    };
    result.zones = {"web", "db", "app"};
    result.waits = {{"app", {"db"}}, {"db", {"web"}}};
    return result;
}

Definition good() {
    Definition definition;
    definition.zone = "web";
    definition.image = "bookworm";
    return definition;
}

using Change = std::function<void(Definition&)>;

/// A definition that the check must find fault with, and where; or, with key "", must let pass.
struct Example {
    std::string key;
    Change change;
};

Example bad(std::string key, Change change) {
    return {std::move(key), std::move(change)};
}
Example fine(Change change) {
    return {"", std::move(change)};
}

Nic nic(const std::string& address, const std::string& bridge = "", const std::string& gateway = "") {
    Nic result;
    if (!address.empty()) {
        result.address = *parseIpv4Network(address);
    }
    if (!bridge.empty()) {
        result.bridge = bridge;
    }
    if (!gateway.empty()) {
        result.gateway = *parseIpv4(gateway);
    }
    return result;
}

Change io(IoLimit limit) {
    return [limit = std::move(limit)](Definition& definition) { definition.resources.io = {limit}; };
}

std::vector<Example> resourceExamples() {
    return {
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = 0; }),
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = 0.009; }),
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = -1; }),
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = 4097; }),
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = std::numeric_limits<double>::quiet_NaN(); }),
        bad("resources.cpus", [](Definition& d) { d.resources.cpus = std::numeric_limits<double>::infinity(); }),
        fine([](Definition& d) { d.resources.cpus = 0.01; }),
        fine([](Definition& d) { d.resources.cpus = 4096; }),
        bad("resources.cpu-weight", [](Definition& d) { d.resources.cpuWeight = 0; }),
        bad("resources.cpu-weight", [](Definition& d) { d.resources.cpuWeight = 10001; }),
        fine([](Definition& d) { d.resources.cpuWeight = 1; }),
        fine([](Definition& d) { d.resources.cpuWeight = 10000; }),
        bad("resources.io-weight", [](Definition& d) { d.resources.ioWeight = 0; }),
        bad("resources.io-weight", [](Definition& d) { d.resources.ioWeight = 10001; }),
        fine([](Definition& d) { d.resources.ioWeight = 10000; }),
        bad("resources.cpu-set", [](Definition& d) { d.resources.cpuSet = parseCpuSet("4"); }),
        bad("resources.cpu-set", [](Definition& d) { d.resources.cpuSet = parseCpuSet("0-8"); }),
        fine([](Definition& d) { d.resources.cpuSet = parseCpuSet("0-3"); }),
        bad("resources.memory", [](Definition& d) { d.resources.memory = 0; }),
        bad("resources.memory", [](Definition& d) { d.resources.memory = (16ULL << 20) - 1; }),
        fine([](Definition& d) { d.resources.memory = 16ULL << 20; }),
        bad("resources.memory-high", [](Definition& d) { d.resources.memoryHigh = (16ULL << 20) - 1; }),
        bad("resources.memory-high",
            [](Definition& d) {
                d.resources.memory = 32ULL << 20;
                d.resources.memoryHigh = 33ULL << 20;
            }),
        fine([](Definition& d) {
            d.resources.memory = 32ULL << 20;
            d.resources.memoryHigh = 32ULL << 20;
        }),
        fine([](Definition& d) { d.resources.swap = 0; }),
        bad("resources.processes", [](Definition& d) { d.resources.processes = 0; }),
        bad("resources.processes", [](Definition& d) { d.resources.processes = 4194305; }),
        fine([](Definition& d) { d.resources.processes = 1; }),
        fine([](Definition& d) { d.resources.processes = 4194304; }),
        bad("resources.io[0].device", io({"", 4096, {}, {}, {}})),
        bad("resources.io[0].device", io({"sda", 4096, {}, {}, {}})),
        bad("resources.io[0].device", io({"/dev/nosuch", 4096, {}, {}, {}})),
        bad("resources.io[0].device", io({"/dev/sd a", 4096, {}, {}, {}})),
        bad("resources.io[0]", io({"/dev/sda", {}, {}, {}, {}})),
        bad("resources.io[0].read", io({"/dev/sda", 1023, {}, {}, {}})),
        bad("resources.io[0].write", io({"/dev/sda", {}, 0, {}, {}})),
        bad("resources.io[0].read-iops", io({"/dev/sda", {}, {}, 1, {}})),
        bad("resources.io[0].write-iops", io({"/dev/sda", {}, {}, {}, 1000000001})),
        bad("resources.io[1].device",
            [](Definition& d) {
                d.resources.io = {{"disk", 4096, {}, {}, {}}, {"disk", {}, 4096, {}, {}}};
            }),
        bad("resources.io",
            [](Definition& d) {
                for (int i = 0; i < 33; ++i) {
                    d.resources.io.push_back({"/dev/sd" + std::to_string(i), 4096, {}, {}, {}});
                }
            }),
        fine(io({"disk", 1024, 1024, 2, 1000000000})),
        fine(io({"/dev/sda", 1024, {}, {}, {}})),
    };
}

Change network(std::vector<Nic> nics) {
    return [nics = std::move(nics)](Definition& definition) { definition.network = nics; };
}

Nic named(const std::string& name) {
    Nic result;
    result.name = name;
    return result;
}

Change mount(const std::string& source, const std::string& target) {
    return [=](Definition& definition) { definition.mounts.push_back({source, target, false}); };
}

Change admin(const std::string& user, const std::string& group) {
    return [=](Definition& definition) { definition.admins = {{user, group, {Right::login}}}; };
}

Change variable(const std::string& name, const std::string& value) {
    return [=](Definition& definition) { definition.environment[name] = value; };
}

Change initOf(std::vector<std::string> argv) {
    return [argv = std::move(argv)](Definition& definition) { definition.init = {InitKind::custom, argv}; };
}

Change after(std::vector<std::string> zones) {
    return [zones = std::move(zones)](Definition& definition) { definition.after = zones; };
}

Change units(std::vector<std::string> names) {
    return [names = std::move(names)](Definition& definition) { definition.hostRequires = names; };
}

const std::map<std::string, std::vector<Example>>& examples() {
    static const std::map<std::string, std::vector<Example>> all{
        {"zone-name",
         {bad("zone", [](Definition& d) { d.zone = "Web"; }), bad("zone", [](Definition& d) { d.zone = ""; }),
          bad("zone", [](Definition& d) { d.zone = "global"; }), fine([](Definition& d) { d.zone = "web-2"; })}},
        {"description",
         {bad("description", [](Definition& d) { d.description = std::string(1025, 'x'); }),
          bad("description", [](Definition& d) { d.description = "a\nb"; }),
          bad("description", [](Definition& d) { d.description = "\x1b[2J"; }),
          bad("description", [](Definition& d) { d.description = "\u202etxt.exe"; }),
          bad("description", [](Definition& d) { d.description = "\xff"; }),
          fine([](Definition& d) { d.description = std::string(1024, 'x'); }),
          fine([](Definition& d) { d.description = "Büro: the shop"; })}},
        {"image",
         {bad("image", [](Definition& d) { d.image = "bookwurm"; }), bad("image", [](Definition& d) { d.image = ""; }),
          bad("image", [](Definition& d) { d.image = "../x"; }), fine([](Definition& d) { d.image = "trixie"; })}},
        {"boot-priority",
         {bad("boot-priority", [](Definition& d) { d.bootPriority = 1001; }),
          fine([](Definition& d) { d.bootPriority = 1000; }), fine([](Definition& d) { d.bootPriority = 0; })}},
        {"after",
         {bad("after[0]", after({"nosuch"})), bad("after[1]", after({"db", "db"})), bad("after[0]", after({"web"})),
          bad("after[0]", after({"../x"})), bad("after", after(std::vector<std::string>(33, "db"))),
          fine(after({"db", "app"})), fine(after({}))}},
        {"requires",
         {bad("requires[0]", [](Definition& d) { d.needs = {"nosuch"}; }),
          bad("requires[0]", [](Definition& d) { d.needs = {"web"}; }), fine([](Definition& d) { d.needs = {"db"}; })}},
        {"cycle",
         {bad("after[0]", after({"db"})), bad("after[1]", after({"other", "app"})),
          bad("requires[0]", [](Definition& d) { d.needs = {"app"}; }), fine(after({"other"})), fine([](Definition& d) {
              d.zone = "app"; // which nobody waits for
              d.after = {"db", "web"};
          })}},
        {"host-requires",
         {bad("host-requires[1]", units({"a.target", "b"})),
          bad("host-requires", units(std::vector<std::string>(33, "a.target"))),
          bad("host-requires[0]", units({"poweroff.target"})), bad("host-requires[0]", units({"halt.service"})),
          bad("host-requires[1]", units({"a.target", "systemd-reboot.service"})),
          bad("host-requires[0]", units({"default.target"})), bad("host-requires[0]", units({"ctrl-alt-del.target"})),
          fine(units({"network-online.target", "mnt-data.mount", "rescue.mount", "systemd-networkd.service",
                      "default@1.service"}))}},
        {"boot-retries", {bad("boot-retries", [](Definition& d) { d.bootRetries = 101; }), fine([](Definition& d) {
                              d.bootRetries = 0;
                          })}},
        {"init",
         {bad("init", initOf({})), bad("init", initOf({""})), bad("init", initOf({"init"})),
          bad("init", initOf(std::vector<std::string>(65, "/x"))), bad("init[1]", initOf({"/sbin/init", "a\nb"})),
          bad("init[0]", initOf({"/" + std::string(4096, 'x')})), fine(initOf({"/sbin/init", "--verbose", ""})),
          fine([](Definition& d) { d.init.kind = InitKind::systemd; })}},
        {"hostname",
         {bad("hostname", [](Definition& d) { d.hostname = "a..b"; }),
          bad("hostname", [](Definition& d) { d.hostname = "-a"; }),
          bad("hostname", [](Definition& d) { d.hostname = "a."; }),
          bad("hostname", [](Definition& d) { d.hostname = "a\nb"; }),
          bad("hostname", [](Definition& d) { d.hostname = std::string(32, 'a') + "." + std::string(32, 'a'); }),
          bad("hostname", [](Definition& d) { d.hostname = std::string(64, 'a'); }),
          fine([](Definition& d) { d.hostname = std::string(31, 'a') + "." + std::string(32, 'a'); }),
          fine([](Definition& d) { d.hostname = "Web.Example.org"; })}},
        {"interface-count",
         {bad("network",
              [](Definition& d) {
                  d.network.clear();
                  for (int i = 0; i < 9; ++i) {
                      d.network.push_back(named("eth" + std::to_string(i)));
                  }
              }),
          fine([](Definition& d) { d.network.clear(); }), fine([](Definition& d) {
              d.network.clear();
              for (int i = 0; i < 8; ++i) {
                  d.network.push_back(named("eth" + std::to_string(i)));
              }
          })}},
        {"interface-names",
         {bad("network[0].name", network({named("lo")})), bad("network[0].name", network({named("")})),
          bad("network[0].name", network({named("a/b")})), bad("network[0].name", network({named("..")})),
          bad("network[0].name", network({named("a b")})), bad("network[0].name", network({named("sixteen-letters1")})),
          bad("network[0].name", network({named("all")})), bad("network[1].name", network({named("a"), named("a")})),
          fine(network({named("fifteen-letters"), named("eth0.5"), named("x_y")}))}},
        {"bridges",
         {bad("network[0].bridge", network({nic("", "br 0")})), bad("network[0].bridge", network({nic("", "a/../b")})),
          bad("network[0].bridge", network({nic("", "lo")})),
          bad("network[1].bridge", network({named("eth0"), nic("", "zones0")})), fine(network({nic("", "br0")}))}},
        {"address-usable",
         {bad("network[0].address", network({nic("10.1.0.0/16", "br0")})),
          bad("network[0].address", network({nic("10.1.255.255/16", "br0")})),
          bad("network[0].address", network({nic("127.0.0.1/8", "br0")})),
          bad("network[0].address", network({nic("0.1.2.3/8", "br0")})),
          bad("network[0].address", network({nic("224.0.0.5/24", "br0")})),
          bad("network[0].address", network({nic("10.1.2.3/0", "br0")})), fine(network({nic("10.1.0.0/31", "br0")})),
          fine(network({nic("10.1.0.7/32", "br0")})), fine(network({nic("192.0.2.7/24", "br0")}))}},
        {"address-managed",
         {bad("network[0].address", network({nic("10.214.0.10/16")})),
          bad("network[0].address", network({nic("10.213.0.10/24")})),
          bad("network[0].address", network({nic("10.213.0.1/16")})),
          bad("network[0].address", network({nic("10.213.0.0/16")})),
          bad("network[0].address", network({nic("10.213.255.255/16")})), fine(network({nic("10.213.0.10/16")})),
          fine(network({nic("10.214.0.10/24", "br0")}))}},
        {"address-taken",
         {bad("network[0].address", network({nic("10.213.0.20/16")})),
          fine(network({nic("10.213.0.21/16")})), // the zone's own
          fine(network({nic("10.213.0.20/16", "br0")}))}},
        {"address-twice",
         {bad("network[1].address", network({nic("10.213.0.30/16"), nic("10.213.0.30/16")})),
          bad("network[1].address", network({nic("10.1.0.30/16", "br0"), nic("10.1.0.30/16", "br0")})),
          fine(network({nic("10.1.0.30/16", "br0"), nic("10.1.0.30/16", "br1")})),
          fine(network({nic("10.213.0.30/16"), nic("10.213.0.31/16")}))}},
        {"gateway",
         {bad("network[0].gateway", network({nic("10.213.0.10/16", "", "10.214.0.1")})),
          bad("network[0].gateway", network({nic("10.213.0.10/16", "", "10.213.0.10")})),
          bad("network[0].gateway", network({nic("10.213.0.10/16", "", "10.213.0.0")})),
          bad("network[0].gateway", network({nic("", "br0", "10.1.0.1")})),
          bad("network[0].gateway", network({nic("", "", "10.1.0.1")})),
          bad("network[0].gateway", network({nic("10.1.0.2/24", "br0", "10.1.1.1")})),
          fine(network({nic("10.1.0.2/24", "br0", "10.1.0.1")})), fine(network({nic("", "", "10.213.0.7")})),
          fine(network({nic("10.213.0.10/16", "", "10.213.0.1")}))}},
        {"dns",
         {bad("dns[0]", [](Definition& d) { d.dns = {"ns.example.org"}; }),
          bad("dns[1]",
              [](Definition& d) {
                  d.dns = {"9.9.9.9", "1.2.3"};
              }),
          bad("dns[0]", [](Definition& d) { d.dns = {"9.9.9.9\nsearch evil"}; }),
          bad("dns[0]", [](Definition& d) { d.dns = {""}; }),
          bad("dns", [](Definition& d) { d.dns = std::vector<std::string>(9, "9.9.9.9"); }), fine([](Definition& d) {
              d.dns = {"9.9.9.9", "2620:fe::fe"};
          })}},
        {"group",
         {bad("group", [](Definition& d) { d.group = "custommers"; }),
          bad("group", [](Definition& d) { d.group = "../customers"; }),
          fine([](Definition& d) { d.group = "customers"; }), fine([](Definition&) {})}},
        {"resources", resourceExamples()},
        {"mount-sources",
         {bad("mounts[0].source", mount("srv", "/a")), bad("mounts[0].source", mount("", "/a")),
          bad("mounts[0].source", mount("/srv/../etc", "/a")), bad("mounts[0].source", mount("/..", "/a")),
          bad("mounts[0].source", mount("/a\nb", "/a")),
          bad("mounts[0].source", mount("/" + std::string(4095, 'x'), "/a")), fine(mount("/srv/..www", "/a")),
          fine(mount("/", "/a"))}},
        {"mount-targets",
         {bad("mounts[0].target", mount("/a", "a")), bad("mounts[0].target", mount("/a", "/")),
          bad("mounts[0].target", mount("/a", "/a/")), bad("mounts[0].target", mount("/a", "/a//b")),
          bad("mounts[0].target", mount("/a", "/a/../b")), bad("mounts[0].target", mount("/a", "/./b")),
          bad("mounts[0].target", mount("/a", "/proc")), bad("mounts[0].target", mount("/a", "/proc/sys")),
          bad("mounts[0].target", mount("/a", "/sys/fs")), bad("mounts[0].target", mount("/a", "/dev/shm")),
          bad("mounts[1].target",
              [](Definition& d) {
                  d.mounts = {{"/a", "/x", false}, {"/b", "/x", true}};
              }),
          fine(mount("/a", "/devices")), fine(mount("/a", "/srv/proc")), fine(mount("/a", "/var/www"))}},
        {"environment",
         {bad("environment.1A", variable("1A", "")), bad("environment.", variable("", "")),
          bad("environment.A B", variable("A B", "")), bad("environment.A", variable("A", "x\ny")),
          bad("environment.A", variable("A", std::string("x\0y", 3))), bad("environment.A", variable("A", "\xff")),
          bad("environment.A", variable("A", std::string(4097, 'x'))),
          bad("environment.container", variable("container", "x")),
          bad("environment.container_uuid", variable("container_uuid", "x")),
          bad("environment.NOTIFY_SOCKET", variable("NOTIFY_SOCKET", "x")),
          bad("environment",
              [](Definition& d) {
                  for (int i = 0; i < 65; ++i) {
                      d.environment["V" + std::to_string(i)] = "";
                  }
              }),
          fine(variable("LANG", "C.UTF-8")), fine(variable("_a1", std::string(4096, 'x'))), fine([](Definition& d) {
              for (int i = 0; i < 64; ++i) {
                  d.environment["V" + std::to_string(i)] = "";
              }
          })}},
        {"stop-timeout",
         {bad("stop-timeout", [](Definition& d) { d.stopTimeout = std::chrono::seconds(0); }),
          bad("stop-timeout", [](Definition& d) { d.stopTimeout = std::chrono::seconds(3601); }),
          fine([](Definition& d) { d.stopTimeout = std::chrono::seconds(1); }),
          fine([](Definition& d) { d.stopTimeout = std::chrono::hours(1); })}},
        {"privileged", {fine([](Definition& d) { d.privileged = true; })}}, // see its own test for the other side
        {"admins",
         {bad("admins[0]", admin("", "")), bad("admins[0]", admin("alice", "web")), fine(admin("alice", "")),
          fine(admin("", "web"))}},
        {"accounts",
         {bad("admins[0].user", admin("gone", "")), bad("admins[0].group", admin("", "gone")),
          fine(admin("alice", ""))}},
    };
    return all;
}

std::vector<Finding> runOne(const Check& check, const Definition& definition, const Surroundings& world) {
    std::vector<Finding> findings;
    check.run(definition, world, findings);
    return findings;
}

} // namespace

TEST_CASE("no check is without examples, and no example without its check", "[validate]") {
    CHECK(checks().size() == examples().size());
    for (const Check& check : checks()) {
        CAPTURE(check.name);
        REQUIRE(examples().count(std::string(check.name)) == 1);
        bool failing = check.name == "privileged";
        bool passing = false;
        for (const Example& example : examples().at(std::string(check.name))) {
            (example.key.empty() ? passing : failing) = true;
        }
        CHECK(failing);
        CHECK(passing);
    }
}

TEST_CASE("each check finds fault where it must, at the right key, and lets the rest pass", "[validate]") {
    for (const Check& check : checks()) {
        int number = 0;
        for (const Example& example : examples().at(std::string(check.name))) {
            Definition definition = good();
            example.change(definition);
            const auto findings = runOne(check, definition, surroundings());
            CAPTURE(check.name, number++, example.key);
            if (example.key.empty()) {
                CHECK(findings.empty());
                continue;
            }
            REQUIRE_FALSE(findings.empty());
            CHECK(findings.front().key == example.key);
            CHECK(findings.front().text.size() > 5);
            CHECK_FALSE(validate(definition, surroundings()).empty());
        }
    }
}

TEST_CASE("a privileged zone is only for the host's administrator", "[validate]") {
    Definition definition = good();
    definition.privileged = true;
    Surroundings world = surroundings();
    world.allowPrivileged = false;
    const auto findings = validate(definition, world);
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().key == "privileged");
    definition.privileged = false;
    CHECK(validate(definition, world).empty());
}

TEST_CASE("a good definition has no findings; a bad one has all of its findings, in order", "[validate]") {
    CHECK(validate(good(), surroundings()).empty());
    Definition definition = good();
    definition.zone = "Web";
    definition.image = "none";
    definition.network = {nic("10.213.0.20/24", "", "10.99.0.1")};
    definition.resources.memory = 1;
    std::vector<std::string> keys;
    for (const Finding& finding : validate(definition, surroundings())) {
        keys.push_back(finding.key);
    }
    CHECK(keys == std::vector<std::string>{"zone", "image", "network[0].address", "network[0].address",
                                           "network[0].gateway", "resources.memory"});
}

TEST_CASE("findings name the other side of a conflict", "[validate]") {
    Definition definition = good();
    definition.network = {nic("10.213.0.20/16")};
    const auto findings = validate(definition, surroundings());
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().text == "10.213.0.20 is taken by zone db");
    definition = good();
    definition.image = "bookwrm";
    CHECK(validate(definition, surroundings()).front().text == "there is no image 'bookwrm'; did you mean 'bookworm'?");
}

TEST_CASE("a cycle of zones is named", "[validate]") {
    Definition definition = good();
    definition.needs = {"app"};
    const auto findings = validate(definition, surroundings());
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].key == "requires[0]");
    CHECK(findings[0].text == "the zones would wait for each other: web -> app -> db -> web");
}

TEST_CASE("a long text is cut between two characters", "[text]") {
    CHECK(cut("short", 5) == "short");
    CHECK(cut("longer", 4) == "long…");
    CHECK(cut("a\u00e4\u00e4", 2) == "a…");
    CHECK(cut("a\u00e4\u00e4", 3) == "a\u00e4…");
    CHECK(cut(std::string(100, '\x80'), 10) == "…");
}

TEST_CASE("the place of a problem does not tell what stands there", "[text]") {
    CHECK(Problem{"web.yaml", 7, "dns[0]", "'s3cret' is no address"}.place() == "web.yaml:7: dns[0]: is not valid");
    CHECK(Problem{"web.yaml", 0, "", "s3cret"}.place() == "web.yaml: is not valid");
}
