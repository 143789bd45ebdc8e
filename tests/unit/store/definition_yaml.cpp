#include "store/definition_yaml.hpp"

#include <chrono>
#include <random>
#include <set>

#include "support/catch.hpp"
#include "zone/schema.hpp"

using namespace zoned;
using store::applySettings;
using store::parseDefinition;
using store::readDefinition;
using store::writeDefinition;

namespace {

const std::string least = "zone: web\nimage: bookworm\n";

/// The complaints about a text, one a line; "" where it is good.
std::string complaint(const std::string& text) {
    try {
        (void)parseDefinition(text, "web.yaml");
        return "";
    } catch (const zone::DefinitionFault& fault) {
        return fault.what();
    }
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

zone::Surroundings surroundings() {
    zone::Surroundings result;
    result.subnet = *zone::parseIpv4Network("10.213.0.1/16");
    result.images = {"bookworm"};
    result.groups = {"customers"};
    result.zones = {"mail", "db"};
    return result;
}

} // namespace

TEST_CASE("the example of the manual is read, every key of it", "[definition_yaml]") {
    const zone::Definition definition = readDefinition(zone::exampleDefinition(), "web.yaml", surroundings());
    CHECK(definition.zone == "web");
    CHECK(definition.description == "Customer web server");
    CHECK(definition.image == "bookworm");
    CHECK(definition.autoboot);
    CHECK(definition.bootPriority == 200U);
    CHECK(definition.after == std::vector<std::string>{"mail"});
    CHECK(definition.needs == std::vector<std::string>{"db"});
    CHECK(definition.hostRequires == std::vector<std::string>{"network-online.target"});
    CHECK(definition.bootRetries == 3U);
    CHECK(definition.hostShutdown == zone::HostShutdown::shutdown);
    CHECK(definition.restart == zone::Restart::onFailure);
    CHECK(definition.init.kind == zone::InitKind::automatic);
    CHECK(definition.hostname == "web.example.org");
    REQUIRE(definition.network.size() == 1);
    CHECK(definition.network[0].name == "eth0");
    CHECK(definition.network[0].address->str() == "10.213.0.10/16");
    CHECK(definition.network[0].gateway == zone::parseIpv4("10.213.0.1"));
    CHECK(definition.dns == std::vector<std::string>{"10.213.0.1"});
    CHECK(definition.group == "customers");
    CHECK(definition.resources.io == std::vector<zone::IoLimit>{{"disk", {}, 50ULL << 20, {}, {}}});
    CHECK(definition.resources.cpus == 1.5);
    CHECK(definition.resources.memory == 512ULL << 20);
    CHECK(definition.resources.processes == 512U);
    CHECK(definition.mounts == std::vector<zone::Mount>{{"/srv/www", "/var/www", true}});
    CHECK(definition.environment == std::map<std::string, std::string>{{"LANG", "C.UTF-8"}});
    CHECK(definition.stopTimeout == std::chrono::seconds(90));
    CHECK_FALSE(definition.privileged);
    using enum zone::Right;
    CHECK(definition.admins == std::vector<zone::Admin>{{"root", "", {login, exec, console, manage}}});
}

TEST_CASE("administrators are read, and what is no right is told with its line", "[definition_yaml]") {
    const std::string start = least + "admins:\n";
    const auto admins =
        parseDefinition(start + "- {user: 1000, may: [exec, login]}\n- group: web\n  may: [manage]\n", "")
            .definition.admins;
    CHECK(admins == std::vector<zone::Admin>{{"1000", "", {zone::Right::exec, zone::Right::login}},
                                             {"", "web", {zone::Right::manage}}});
    CHECK(complaint(start + "- user: alice\n  may: [login, mange]\n") ==
          "web.yaml:5: admins[0].may[1]: 'mange' is none of login, exec, console, manage; did you mean 'manage'?");
    CHECK(complaint(start + "- user: alice\n") == "web.yaml:4: admins[0].may: the key is missing");
    for (const char* wrong : {"- alice\n", "- {user: [a], may: [exec]}\n", "- {user: a, may: exec}\n",
                              "- {user: a, may: [config]}\n", "- {user: a, can: [exec], may: [exec]}\n"}) {
        CAPTURE(wrong);
        CHECK(complaint(start + wrong).substr(0, 19) == "web.yaml:4: admins[");
    }
}

TEST_CASE("flow style, an address in a list and a list as init are read", "[definition_yaml]") {
    const auto definition = parseDefinition("{zone: web, image: b, init: [/sbin/init, -v], dns: [9.9.9.9],\n"
                                            " network: [{address: [10.213.0.10/16]}], hostname: 123}",
                                            "")
                                .definition;
    CHECK(definition.init.kind == zone::InitKind::custom);
    CHECK(definition.init.argv == std::vector<std::string>{"/sbin/init", "-v"});
    CHECK(definition.network.at(0).address->str() == "10.213.0.10/16");
    CHECK(definition.hostname == "123");
}

TEST_CASE("absent keys have their defaults; an empty list of networks is no network", "[definition_yaml]") {
    zone::Definition expected;
    expected.zone = "web";
    expected.image = "bookworm";
    CHECK(parseDefinition(least, "").definition == expected);
    CHECK(parseDefinition(least + "network: []\n", "").definition.network.empty());
}

TEST_CASE("the reader knows the schema's keys, all of them and no others", "[definition_yaml]") {
    std::set<std::string> schema;
    for (const zone::Key& key : zone::schema()) {
        schema.emplace(key.path);
    }
    const auto keys = store::definitionKeysRead();
    CHECK(std::set<std::string>(keys.begin(), keys.end()) == schema);
}

TEST_CASE("every key of the schema changes the definition when it is set", "[definition_yaml]") {
    const std::map<std::string, std::pair<std::string, std::string>> examples{
        {"zone", {"zone", "other"}},
        {"description", {"description", "Web: the shop"}},
        {"image", {"image", "trixie"}},
        {"autoboot", {"autoboot", "yes"}},
        {"boot-priority", {"boot-priority", "7"}},
        {"after", {"after", "[db]"}},
        {"requires", {"requires", "[db]"}},
        {"host-requires", {"host-requires", "[network-online.target]"}},
        {"boot-retries", {"boot-retries", "0"}},
        {"host-shutdown", {"host-shutdown", "halt"}},
        {"restart", {"restart", "on-failure"}},
        {"init", {"init", "[/bin/sh]"}},
        {"hostname", {"hostname", "www"}},
        {"network", {"network", "[]"}},
        {"network[].name", {"network[0].name", "lan0"}},
        {"network[].bridge", {"network[0].bridge", "br0"}},
        {"network[].address", {"network[0].address", "10.213.0.10/16"}},
        {"network[].gateway", {"network[0].gateway", "10.213.0.1"}},
        {"dns", {"dns", "[9.9.9.9]"}},
        {"resources", {"resources", "{memory: 1G}"}},
        {"resources.cpus", {"resources.cpus", "0.5"}},
        {"resources.cpu-weight", {"resources.cpu-weight", "200"}},
        {"resources.cpu-set", {"resources.cpu-set", "0-3,6"}},
        {"resources.memory", {"resources.memory", "512M"}},
        {"resources.memory-high", {"resources.memory-high", "256M"}},
        {"resources.swap", {"resources.swap", "0"}},
        {"resources.io-weight", {"resources.io-weight", "50"}},
        {"resources.io", {"resources.io", "[{device: disk, read: 50M}]"}},
        {"resources.io[].device", {"resources.io[0].device", "/dev/sdb"}},
        {"resources.io[].read", {"resources.io[0].read", "2M"}},
        {"resources.io[].write", {"resources.io[0].write", "2M"}},
        {"resources.io[].read-iops", {"resources.io[0].read-iops", "100"}},
        {"resources.io[].write-iops", {"resources.io[0].write-iops", "100"}},
        {"group", {"group", "customers"}},
        {"resources.processes", {"resources.processes", "100"}},
        {"resources.optional", {"resources.optional", "true"}},
        {"mounts", {"mounts", "[{source: /a, target: /b}]"}},
        {"mounts[].source", {"mounts[0].source", "/c"}},
        {"mounts[].target", {"mounts[0].target", "/d"}},
        {"mounts[].read-only", {"mounts[0].read-only", "true"}},
        {"environment", {"environment", "{A: b}"}},
        {"environment.*", {"environment.A", "c"}},
        {"stop-timeout", {"stop-timeout", "5m"}},
        {"privileged", {"privileged", "true"}},
        {"admins", {"admins", "[{group: web, may: [manage]}]"}},
        {"admins[].user", {"admins[0].user", "bob"}},
        {"admins[].group", {"admins[0].group", "web"}},
        {"admins[].may", {"admins[0].may", "[exec]"}},
    };
    for (const zone::Key& key : zone::schema()) {
        CAPTURE(key.path);
        REQUIRE(examples.count(std::string(key.path)) == 1);
        const auto& [path, value] = examples.at(std::string(key.path));
        const bool inMount = key.path.substr(0, 8) == "mounts[]";
        const bool inAdmin = key.path.substr(0, 8) == "admins[]";
        const bool inIo = key.path.find("io[]") != std::string_view::npos;
        const std::string start = least + (inMount ? "mounts: [{source: /a, target: /b}]\n" : "") +
                                  (inAdmin ? "admins: [{user: alice, may: [login]}]\n" : "") +
                                  (inIo ? "resources: {io: [{device: /dev/sda, read: 1M}]}\n" : "");
        const auto before = parseDefinition(start, "").definition;
        const auto after = parseDefinition(applySettings(start, {{path, value}}), "").definition;
        CHECK_FALSE(before == after);
    }
}

TEST_CASE("a complaint names the file, the line, the key and what is expected", "[definition_yaml]") {
    CHECK(complaint(least + "resources:\n  memory: 12Q\n") ==
          "web.yaml:4: resources.memory: '12Q' is not a size; write a number with K, M, G or T, such as 512M");
    CHECK(complaint(least + "network:\n  - name: eth0\n    addressx: 10.0.0.1/8\n") ==
          "web.yaml:5: network[0].addressx: there is no such key; did you mean 'address'?");
    CHECK(complaint(least + "restart: on-failures\n") ==
          "web.yaml:3: restart: 'on-failures' is none of no, on-failure, always; did you mean 'on-failure'?");
    CHECK(complaint(least + "host-shutdown: [halt]\n").find("web.yaml:3: host-shutdown: ") == 0);
    CHECK(complaint(least + "autoboot: maybe\n") == "web.yaml:3: autoboot: 'maybe' is not true or false");
    CHECK(complaint(least + "resources: [1]\n") ==
          "web.yaml:3: resources: a list is not a map; write its keys in lines 'key: value'");
    CHECK(complaint("image: b\n") == "web.yaml: zone: the key is missing");
    CHECK(complaint(least + "mounts: [{source: /a}]\n") == "web.yaml:3: mounts[0].target: the key is missing");
    CHECK(complaint(least + "image: c\n") == "web.yaml:3: image: the key stands in line 2 already");
    CHECK(contains(complaint(least + "description:\n"), "web.yaml:3: description: has no value"));
    CHECK(contains(complaint(""), "is empty"));
    CHECK(contains(complaint("# nothing\n"), "is empty"));
    CHECK(contains(complaint("just words\n"), "is not a map"));
    CHECK(contains(complaint("zone: [web\n"), "is not valid YAML"));
}

TEST_CASE("all problems are told at once, in the order of the lines", "[definition_yaml]") {
    CHECK(complaint("zone: web\nautobot: true\nimage: b\nstop-timeout: soon\nresources: {cpus: x}\n") ==
          "web.yaml:2: autobot: there is no such key; did you mean 'autoboot'?\n"
          "web.yaml:4: stop-timeout: 'soon' is not a duration; write a number with s, m or h, such as 90s\n"
          "web.yaml:5: resources.cpus: 'x' is not a number, such as 1.5");
}

TEST_CASE("the findings of the checks carry the line of their key, or of what is around it", "[definition_yaml]") {
    try {
        (void)readDefinition("zone: web\nimage: none\nnetwork:\n  - name: eth0\n    gateway: 1.2.3.4\ndns:\n  - x\n",
                             "web.yaml", surroundings());
        FAIL("was read");
    } catch (const zone::DefinitionFault& fault) {
        REQUIRE(fault.problems().size() == 3);
        CHECK(fault.problems()[0].line == 2);
        CHECK(fault.problems()[1].line == 5);
        CHECK(fault.problems()[2].line == 7);
        CHECK(fault.problems()[2].str().find("web.yaml:7: dns[0]: ") == 0);
    }
}

TEST_CASE("sizes and durations", "[definition_yaml]") {
    const auto memory = [](const std::string& text) {
        return parseDefinition(least + "resources: {memory: " + text + "}", "").definition.resources.memory;
    };
    CHECK(memory("1024") == 1024U);
    CHECK(memory("16K") == 16384U);
    CHECK(memory("16KiB") == 16384U);
    CHECK(memory("2G") == 2ULL << 30);
    CHECK(memory("1TiB") == 1ULL << 40);
    for (const char* bad : {"", "M", "-1M", "1.5G", "12Q", "1 M", "0x10", "1e3", "99999999999T", "18446744073709551616",
                            ".nan", ".inf", "1MB", "1m"}) {
        CAPTURE(bad);
        CHECK(contains(complaint(least + "resources:\n  memory: " + bad + "\n"), "web.yaml:4: resources.memory: "));
    }
    const auto timeout = [](const std::string& text) {
        return parseDefinition(least + "stop-timeout: " + text, "").definition.stopTimeout.count();
    };
    CHECK(timeout("90") == 90);
    CHECK(timeout("45s") == 45);
    CHECK(timeout("5m") == 300);
    CHECK(timeout("1h") == 3600);
    for (const char* bad : {"-1s", "1d", "s", "1.5h", "99999999999999999999h", "5000000000"}) {
        CHECK(contains(complaint(least + "stop-timeout: " + bad + "\n"), "is not a duration"));
    }
    for (const char* bad : {".nan", "nan", "inf", "-inf", ".inf", "1e400", "1,5", "1.5x", "''"}) {
        CAPTURE(bad);
        CHECK(contains(complaint(least + "resources:\n  cpus: " + bad + "\n"), "web.yaml:4: resources.cpus: "));
    }
}

TEST_CASE("hostile texts are refused at once, with a line", "[definition_yaml][attack]") {
    const auto start = std::chrono::steady_clock::now();
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c < 'j'; ++c) {
        const std::string previous = std::string("*") + static_cast<char>(c - 1);
        bomb += std::string(1, c) + ": &" + c + " [" + previous + "," + previous + "," + previous + "]\n";
    }
    CHECK(complaint(bomb) == "web.yaml:1: anchors (&name) are not allowed");
    CHECK(complaint("zone: web\nimage: *x\n").find("web.yaml:2: ") == 0);
    CHECK(complaint(least + "dns: [&x 9.9.9.9]\n") == "web.yaml:3: anchors (&name) are not allowed");
    CHECK(complaint(least + "autoboot: !!bool true\n") == "web.yaml:3: tags (!name) are not allowed");
    CHECK(complaint("!x\nzone: web\n").find("tags") != std::string::npos);
    CHECK(contains(complaint(least + "dns: " + std::string(10000, '[')), "web.yaml:3: "));
    CHECK(contains(complaint(least + "dns: " + std::string(10000, '[') + std::string(10000, ']')),
                   "web.yaml:3: is nested more than 16 levels deep"));
    CHECK(contains(complaint(least + "dns: " + std::string(30000, '{')), "web.yaml:3: "));
    std::string deep;
    for (std::size_t i = 0; i < 300; ++i) {
        deep += std::string(i, ' ') + "a:\n";
    }
    CHECK(contains(complaint(deep), "more than 16 levels deep"));
    CHECK(complaint(std::string(100'000'000, 'x')) == "web.yaml: is larger than 64 KiB");
    CHECK(complaint("zone: " + std::string(65 * 1024, 'x')) == "web.yaml: is larger than 64 KiB");
    std::string many = least + "dns: [";
    for (int i = 0; i < 5000; ++i) {
        many += "a,";
    }
    CHECK(contains(complaint(many + "a]"), "more than 4096 values"));
    CHECK(contains(complaint(least + "---\nzone: b\n"), "second document"));
    CHECK(contains(complaint(least + "...\nzone: b\n"), "second document"));
    CHECK(complaint("zone: web\nimage: \x01\n") == "web.yaml:2: has a control character");
    CHECK(complaint(std::string("zone: w\0b\n", 10)) == "web.yaml:1: has a control character");
    CHECK(complaint("zone: web\n\nimage: \xff\n") == "web.yaml:3: is not valid UTF-8");
    CHECK(contains(complaint(least + "? [a, b]\n: c\n"), "cannot be a key"));
    CHECK(contains(complaint(least + "<<: {autoboot: true}\n"), "there is no such key"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

TEST_CASE("control characters do not come in by escapes, and none goes out in a complaint",
          "[definition_yaml][attack]") {
    for (const char* value : {"\"a\\nb\"", "\"a\\0b\"", "\"\\e[2J\"", "\"\\x9b\"", "|\n  a\n  b\n"}) {
        CAPTURE(value);
        CHECK_FALSE(complaint(least + "description: " + value + "\n").empty());
        CHECK_FALSE(complaint(least + "environment:\n  A: " + value + "\n").empty());
        CHECK_FALSE(complaint(least + "resources:\n  memory: " + value + "\n").empty());
    }
    for (const char* text : {"\"\\e[2J\": 1\n", "\"\\e\": 1\n\"\\e\": 2\n", "environment: {\"\\e\": 1}\n",
                             "network: \"\\e\"\n", "network: [{\"\\x9b\": 1}]\n"}) {
        const std::string told = complaint(least + text);
        CAPTURE(told);
        CHECK_FALSE(told.empty());
        for (const char c : told) {
            CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
        }
        CHECK_FALSE(contains(told, "\xc2\x9b"));
    }
}

TEST_CASE("damaged texts are refused or read, never worse", "[definition_yaml][attack]") {
    const std::string whole = zone::exampleDefinition();
    std::mt19937 random(42);
    const std::string letters = "{}[]:,-?&*!|>'\"%@`#\n\t \\~x0";
    int read = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string text = whole;
        for (unsigned n = 1 + random() % 4; n > 0; --n) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
            case 0:
                text[at] = letters[random() % letters.size()];
                break;
            case 1:
                text.erase(at, random() % 20);
                text += '\n';
                break;
            default:
                text.insert(at, 1, letters[random() % letters.size()]);
            }
        }
        try {
            const auto parsed = parseDefinition(text, "");
            ++read;
            CHECK(parseDefinition(writeDefinition(parsed.definition), "").definition == parsed.definition);
        } catch (const zone::DefinitionFault& fault) {
            CHECK_FALSE(fault.problems().empty());
        }
    }
    CHECK(read > 0);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        (void)complaint(whole.substr(0, length));
    }
}

TEST_CASE("what is written reads back the same", "[definition_yaml]") {
    std::mt19937 random(7);
    const auto one = [&](const std::vector<std::string>& texts) { return texts[random() % texts.size()]; };
    const std::vector<std::string> words{"a",     "true", "no",  "null", "~",     "1.5",  "- x", "a: b", "#x",  "'q'",
                                         "\"q\"", "{a}",  "[b]", "*a",   "&a",    "!t",   "%y",  "@z",   "`b`", " x ",
                                         "x ",    "a #b", "ä€😀", "0x1F", "a\\nb", "?",    "-",   ":",    "a:",  "<<",
                                         "|",     ">",    "---", "...",  "Null",  "NULL", "=",   "a, b", "\\",  "Yes"};
    for (int i = 0; i < 500; ++i) {
        zone::Definition definition;
        definition.zone = one(words);
        definition.image = one(words);
        definition.description = random() % 2 ? one(words) : "";
        definition.autoboot = random() % 2;
        definition.bootPriority = static_cast<std::uint32_t>(random());
        definition.after = random() % 2 ? std::vector{one(words), one(words)} : std::vector<std::string>{};
        definition.needs = random() % 2 ? std::vector{one(words)} : std::vector<std::string>{};
        definition.hostRequires = random() % 2 ? std::vector{one(words)} : std::vector<std::string>{};
        definition.bootRetries = static_cast<std::uint32_t>(random() % 4);
        definition.hostShutdown = static_cast<zone::HostShutdown>(random() % 2);
        definition.restart = static_cast<zone::Restart>(random() % 3);
        definition.hostname = random() % 2 ? one(words) : "";
        if (random() % 3 == 0) {
            definition.init = {zone::InitKind::custom, {one(words), "", one(words)}};
        } else if (random() % 2) {
            definition.init.kind = zone::InitKind::openrc;
        }
        if (random() % 2) {
            definition.network.clear();
            for (auto n = random() % 3; n > 0; --n) {
                zone::Nic nic;
                nic.name = one(words);
                if (random() % 2) {
                    nic.bridge = one(words);
                }
                if (random() % 2) {
                    nic.address = zone::Ipv4Network{static_cast<std::uint32_t>(random()),
                                                    static_cast<std::uint8_t>(random() % 33)};
                }
                if (random() % 2) {
                    nic.gateway = static_cast<std::uint32_t>(random());
                }
                definition.network.push_back(nic);
            }
        }
        for (auto n = random() % 3; n > 0; --n) {
            definition.dns.push_back(one(words));
            definition.mounts.push_back({one(words), one(words), random() % 2 == 0});
            definition.environment[one(words)] = random() % 2 ? one(words) : "";
        }
        if (random() % 2) {
            definition.resources.cpus = static_cast<double>(random() % 100000) / 1000;
            definition.resources.memory = std::uint64_t{random()} << (random() % 32);
            definition.resources.processes = static_cast<std::uint32_t>(random());
            definition.resources.optional = random() % 2;
        }
        if (random() % 2) {
            definition.group = one(words);
            definition.resources.cpuWeight = static_cast<std::uint32_t>(random());
            definition.resources.cpuSet = zone::parseCpuSet(random() % 2 ? "0-3,6" : "1");
            definition.resources.memoryHigh = random();
            definition.resources.swap = random() % 2 ? 0 : random();
            definition.resources.ioWeight = static_cast<std::uint32_t>(random());
            for (auto n = random() % 3; n > 0; --n) {
                definition.resources.io.push_back({one(words), random(), {}, {}, random()});
            }
        }
        definition.stopTimeout = std::chrono::seconds(random() % 100000);
        definition.privileged = random() % 2;
        for (auto n = random() % 3; n > 0; --n) {
            const bool isUser = random() % 2 == 0;
            const std::string who = "u" + one(words); // an empty one is none
            definition.admins.push_back(
                {isUser ? who : "", isUser ? "" : who, {zone::Right::exec, zone::Right::manage}});
        }
        const std::string text = writeDefinition(definition);
        CAPTURE(text);
        REQUIRE(parseDefinition(text, "").definition == definition);
        CHECK(writeDefinition(parseDefinition(text, "").definition) == text);
    }
}

TEST_CASE("a number with a leading zero is refused, since readers of YAML differ about it", "[definition_yaml]") {
    for (const std::string text :
         {"processes: 0777", "processes: '0777'", "memory: 010M", "cpus: 01.5", "processes: 00"}) {
        const std::string said = complaint(least + "resources: {" + text + "}\n");
        CAPTURE(text);
        CHECK(said.starts_with("web.yaml:3: resources."));
        CHECK(said.ends_with("; write it without the leading 0, which can mean an octal number"));
    }
    CHECK(complaint(least + "stop-timeout: 090s\n").find("leading 0") != std::string::npos);
    CHECK(parseDefinition(least + "resources: {cpus: 0.5}\n", "").definition.resources.cpus == 0.5);
}

TEST_CASE("what is wrong with limits is told with its line", "[definition_yaml]") {
    CHECK(complaint(least + "resources:\n  cpu-set: 0-x\n") ==
          "web.yaml:4: resources.cpu-set: '0-x' is no set of processors; write it such as 0-3,6");
    CHECK(complaint(least + "resources:\n  io:\n    - read: 1M\n") ==
          "web.yaml:5: resources.io[0].device: the key is missing");
    CHECK(complaint(least + "resources:\n  io:\n    - device: disk\n      reed: 1M\n") ==
          "web.yaml:6: resources.io[0].reed: there is no such key; did you mean 'read'?");
    CHECK(complaint(least + "resources:\n  cpu-weight: 10001\n  io-weight: -1\n") ==
          "web.yaml:5: resources.io-weight: '-1' is not a whole number");
    const auto refusal = [](const std::string& text) -> std::string {
        try {
            (void)readDefinition(text, "web.yaml", surroundings());
            return "";
        } catch (const zone::DefinitionFault& fault) {
            return fault.what();
        }
    };
    CHECK(refusal(least + "resources:\n  cpu-weight: 0\n") ==
          "web.yaml:4: resources.cpu-weight: is 1 to 10000; a zone without one has 100");
    CHECK(refusal(least + "resources:\n  io:\n    - device: disk\n      write: 1\n") ==
          "web.yaml:6: resources.io[0].write: is 1K or more, in bytes a second");
    CHECK(refusal(least + "group: custommers\n") ==
          "web.yaml:3: group: zoned.yaml has no group named 'custommers'; did you mean 'customers'?");
    CHECK(refusal(least + "group: customers\n").empty());
}

TEST_CASE("defaults are left out of what is written", "[definition_yaml]") {
    CHECK(writeDefinition(parseDefinition(least, "").definition) == least);
}

TEST_CASE("settings make a definition from nothing, and change one", "[definition_yaml]") {
    CHECK(applySettings("", {{"zone", "web"}, {"image", "bookworm"}}) == least);
    CHECK(applySettings("", {}).empty());
    const std::string commented = "# mine\nimage: b # c\nzone: a\n";
    CHECK(applySettings(commented, {}) == commented);
    CHECK(applySettings(commented, {{"autoboot", "true"}}) == "image: b\nzone: a\nautoboot: true\n");
    const auto set = [](const std::string& text, std::vector<std::pair<std::string, std::string>> settings) {
        return parseDefinition(applySettings(text, settings), "").definition;
    };
    CHECK(set(least, {{"network[0].address", "10.213.0.9/16"}}).network[0].address->str() == "10.213.0.9/16");
    CHECK(set(least, {{"network[0]", "{name: x}"}, {"network[1].name", "y"}}).network.size() == 2);
    CHECK(set(least, {{"dns", "[9.9.9.9]"}, {"dns[1]", "8.8.8.8"}, {"dns[0]", ""}}).dns ==
          std::vector<std::string>{"8.8.8.8"});
    CHECK(set(least, {{"description", "Web: the #1 {shop}, null"}}).description == "Web: the #1 {shop}, null");
    CHECK(set(least, {{"description", "null"}}).description == "null");
    CHECK(set(least, {{"description", "\"quoted\""}}).description == "quoted");
    CHECK(set(least, {{"environment", "{LANG: C}"}, {"environment.TZ", "UTC"}}).environment.size() == 2);
    CHECK(set(least + "autoboot: true\n", {{"autoboot", ""}}).autoboot == false);
    CHECK(applySettings(least, {{"resources.memory", ""}, {"mounts[3].source", ""}}) == least);
    CHECK(set(least, {{"init", "[/bin/busybox, init]"}}).init.argv.size() == 2);
    CHECK(set(least, {{"resources.memory", "1G"}, {"resources.memory", ""}}).resources == zone::Resources{});
}

TEST_CASE("settings that cannot be are refused, by their key", "[definition_yaml]") {
    const auto refusal = [](const std::string& key, const std::string& value, const std::string& text = least) {
        try {
            return "made " + applySettings(text, {{key, value}});
        } catch (const zone::DefinitionFault& fault) {
            return std::string(fault.what());
        }
    };
    CHECK(refusal("resources.memoryy", "1G") ==
          "resources.memoryy: there is no such key; did you mean 'resources.memory'?");
    for (const char* key : {"", "x", "network.name", "network[].name", "network[x].name", "zone[0]", "dns[]", "dns[-1]",
                            "environment", "environment.", "a\nb", "network[0", "resources."}) {
        CAPTURE(key);
        const bool wrongValue = std::string(key) == "environment";
        CHECK(contains(refusal(key, wrongValue ? "[" : "x"),
                       wrongValue ? "a bracket is not closed" : "there is no such key"));
    }
    CHECK(contains(refusal("network[2].name", "x"), "the list has only 0 elements; the next one is [0]"));
    CHECK(contains(refusal("dns[99999999999999999999]", "x"), "too large"));
    CHECK(contains(refusal("dns", "[&a x, *a]"), "anchors"));
    CHECK(contains(refusal("dns", "[a]\n---\n[b]"), "second document"));
    CHECK(contains(refusal("description", "a\nautoboot: true"), "one line"));
    CHECK(contains(refusal("init[0]", "x", least + "init: systemd\n"), "not a list"));
    CHECK(contains(refusal("autoboot", "true", least + "resources:\n  memory: 12Q\n"), "line 4: resources.memory"));
}
