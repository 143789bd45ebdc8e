#include "store/settings.hpp"

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using store::parseSettings;

namespace {

std::string complaint(const std::string& text) {
    try {
        (void)parseSettings(text, "zoned.yaml");
        return "";
    } catch (const zone::DefinitionFault& fault) {
        return fault.what();
    }
}

} // namespace

TEST_CASE("without a file, and with an empty one, the settings are the defaults", "[settings]") {
    const test::TestFolder scratch;
    for (const auto& settings :
         {store::readSettings(scratch / "absent.yaml"), parseSettings("# only a comment\n", "")}) {
        CHECK(settings.network.bridge == "zones0");
        CHECK(settings.network.address.str() == "10.213.0.1/16");
        CHECK(settings.network.masquerade);
        CHECK(settings.network.connections == 16384U);
        CHECK(settings.cgroup == "zones.slice");
        CHECK(settings.nftTable == "zoned");
        CHECK(settings.ids.first == 524288U);
        CHECK(settings.ids.last == 1879048191U);
        CHECK(settings.images.mirror.empty());
        CHECK(settings.images.maxBytes == 64ULL << 30);
        CHECK(settings.images.maxEntries == 4'000'000U);
        CHECK(settings.boot.parallel == 0U);
        CHECK(settings.boot.readyTimeout == std::chrono::minutes(5));
        CHECK(settings.boot.shutdownTimeout == std::chrono::seconds(90));
        CHECK(settings.boot.restartLimit == 5U);
        CHECK(settings.boot.restartWindow == std::chrono::minutes(10));
        CHECK(settings.machined);
        CHECK(settings.consoleJournal);
        CHECK(settings.logLevel == "info");
    }
}

TEST_CASE("every setting is read", "[settings]") {
    const test::TestFolder scratch;
    test::write(scratch / "zoned.yaml",
                "network: {bridge: br7, address: 192.168.7.1/24, masquerade: no, connections: 512}\n"
                "cgroup: test.slice\nnft-table: zoned_test\n"
                "ids: {first: 655360, last: 786431}\n"
                "image-build: {mirror: 'http://mirror.example.org/debian'}\n"
                "images: {max-bytes: 1G, max-entries: 1000}\nlog-level: debug\n"
                "boot: {parallel: 3, ready-timeout: 20s, shutdown-timeout: 1m,\n"
                "       restart-limit: 9, restart-window: 1h}\n"
                "machined: false\nconsole-journal: no\n");
    const auto settings = store::readSettings(scratch / "zoned.yaml");
    CHECK(settings.network.bridge == "br7");
    CHECK(settings.network.address.str() == "192.168.7.1/24");
    CHECK_FALSE(settings.network.masquerade);
    CHECK(settings.network.connections == 512U);
    CHECK(settings.cgroup == "test.slice");
    CHECK(settings.nftTable == "zoned_test");
    CHECK(settings.ids.first == 655360U);
    CHECK(settings.ids.last == 786431U);
    CHECK(settings.images.mirror == "http://mirror.example.org/debian");
    CHECK(settings.images.maxBytes == 1ULL << 30);
    CHECK(settings.images.maxEntries == 1000U);
    CHECK(settings.boot.parallel == 3U);
    CHECK(settings.boot.readyTimeout == std::chrono::seconds(20));
    CHECK(settings.boot.shutdownTimeout == std::chrono::minutes(1));
    CHECK(settings.boot.restartLimit == 9U);
    CHECK(settings.boot.restartWindow == std::chrono::hours(1));
    CHECK(settings.logLevel == "debug");
    CHECK_FALSE(settings.machined);
    CHECK_FALSE(settings.consoleJournal);
}

TEST_CASE("bad settings are told with file, line and key", "[settings]") {
    CHECK(complaint("cgroup: a\nnft-tabel: x\n") ==
          "zoned.yaml:2: nft-tabel: there is no such key; did you mean 'nft-table'?");
    CHECK(complaint("log-level: wran\n") ==
          "zoned.yaml:1: log-level: 'wran' is none of trace, debug, info, warn, error; did you mean 'warn'?");
    for (const std::string bad : {"network: {bridge: lo}",
                                  "network: {bridge: 'a b'}",
                                  "network: {address: 10.0.0.1}",
                                  "network: {address: 10.0.0.0/16}",
                                  "network: {address: 10.0.255.255/16}",
                                  "network: {address: 10.0.0.1/30}",
                                  "network: {address: 10.0.0.1/7}",
                                  "network: {address: 127.0.0.1/8}",
                                  "network: {masquerade: 1}",
                                  "network: {connections: 0}",
                                  "network: {connections: 1000001}",
                                  "cgroup: a/b",
                                  "cgroup: ..",
                                  "cgroup: ''",
                                  "nft-table: 'a b'",
                                  "nft-table: 'a; flush ruleset'",
                                  "ids: {first: 100}",
                                  "ids: {first: 0}",
                                  "ids: {first: 524289}",
                                  "ids: {last: 524288}",
                                  "ids: {last: 4294967295}",
                                  "ids: {first: -1}",
                                  "image-build: {mirror: 'file:///etc'}",
                                  "image-build: {mirror: 'http://a b'}",
                                  "image-build: {mirror: 'http://a\"'}",
                                  "images: {max-bytes: 1}",
                                  "images: {max-bytes: 12Q}",
                                  "images: {max-entries: 0}",
                                  "groups: [a]",
                                  "groups: {a-b: {memory: 1G}}",
                                  "groups: {A: {memory: 1G}}",
                                  "groups: {customers: {memory: 1M}}",
                                  "groups: {customers: {memoryy: 1G}}",
                                  "groups: {customers: {cpu-weight: 0}}",
                                  "groups: {customers: [1]}",
                                  "boot: {parallel: 1025}",
                                  "boot: {ready-timeout: 0s}",
                                  "boot: {shutdown-timeout: 2h}",
                                  "boot: {restart-limit: -1}",
                                  "boot: {restart-window: 25h}",
                                  "log-level: loud",
                                  "zone: web",
                                  "network: []",
                                  "network: {bridge: [a]}",
                                  "log-level: &a info",
                                  "- a"}) {
        CAPTURE(bad);
        CHECK(complaint(bad).find("zoned.yaml:1: ") == 0);
    }
}

TEST_CASE("groups have limits as definitions have them", "[settings]") {
    const auto groups =
        store::parseSettings("groups:\n  customers:\n    memory: 4G\n    cpus: 2\n  staff:\n", "zoned.yaml").groups;
    CHECK(groups.size() == 2);
    CHECK(groups.at("customers").memory == 4ULL << 30);
    CHECK(groups.at("customers").cpus == 2);
    CHECK(groups.at("staff") == zone::Resources{});
    CHECK(complaint("groups:\n  customers:\n    memory: 4G\n    io-weight: 10001\n")
              .find("zoned.yaml:4: groups.customers.io-weight: is 1 to 10000") == 0);
}

TEST_CASE("a settings file of any size is told of, not read", "[settings]") {
    const test::TestFolder scratch;
    test::write(scratch / "zoned.yaml", std::string(1 << 20, '#'));
    CHECK_THROWS_AS(store::readSettings(scratch / "zoned.yaml"), zone::DefinitionFault);
}

TEST_CASE("all paths lie below the root that is given", "[settings]") {
    const store::Paths host;
    CHECK(host.settings == "/etc/zoned/zoned.yaml");
    CHECK(host.runZones == "/run/zoned/zones");
    const store::Paths test("/tmp/x/");
    for (const std::string& path :
         {test.settings, test.definitions, test.images, test.zones, test.logs, test.run, test.runZones}) {
        CHECK(path.find("/tmp/x/") == 0);
        CHECK(path.find("//") == std::string::npos);
    }
}
