#include "store/definitions.hpp"

#include <sys/stat.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using test::TestFolder;
using zone::ZoneName;

TEST_CASE("definitions are put, read, listed and removed", "[definitions]") {
    const TestFolder scratch;
    store::Definitions definitions(scratch / "etc/zones");
    CHECK(definitions.names().empty());
    CHECK_FALSE(definitions.text(ZoneName("web")));
    definitions.put(ZoneName("web"), "zone: web\n");
    definitions.put(ZoneName("web-2"), "x");
    definitions.put(ZoneName("web"), "zone: web # new\n");
    CHECK(definitions.text(ZoneName("web")) == "zone: web # new\n");
    CHECK(definitions.names() == std::vector<ZoneName>{ZoneName("web"), ZoneName("web-2")});
    CHECK(test::modeOf(definitions.path(ZoneName("web"))) == 0600U);
    definitions.remove(ZoneName("web"));
    definitions.remove(ZoneName("web"));
    CHECK(definitions.names() == std::vector<ZoneName>{ZoneName("web-2")});
}

TEST_CASE("files that stand for no zone are left out", "[definitions]") {
    const TestFolder scratch;
    for (const char* name : {"a.yaml", "B.yaml", ".a.yaml", "a.yml", "a.yaml~", "host.yaml", ".yaml", "a.yaml.tmp"}) {
        test::write(scratch / name, "");
    }
    CHECK(store::Definitions(scratch.path()).names() == std::vector<ZoneName>{ZoneName("a")});
}

TEST_CASE("a file that cannot be a definition is that zone's problem alone", "[definitions]") {
    const TestFolder scratch;
    test::write(scratch / "big.yaml", std::string(65 * 1024, '#'));
    std::filesystem::create_directories(scratch / "folder.yaml");
    test::write(scratch / "good.yaml", "zone: good\n");
    const store::Definitions definitions(scratch.path());
    CHECK(definitions.names().size() == 3);
    CHECK_THROWS_AS(definitions.text(ZoneName("big")), zone::DefinitionFault);
    CHECK_THROWS_AS(definitions.text(ZoneName("folder")), zone::DefinitionFault);
    CHECK(definitions.text(ZoneName("good")) == "zone: good\n");
}

TEST_CASE("what is no file is called so, and named once", "[definitions]") {
    const TestFolder scratch;
    const auto problemOf = [&](const std::string& name) {
        try {
            (void)store::Definitions(scratch.path()).text(ZoneName(name));
        } catch (const zone::DefinitionFault& fault) {
            return std::string(fault.what());
        }
        return std::string();
    };
    REQUIRE(::mkfifo((scratch / "pipe.yaml").c_str(), 0600) == 0);
    std::filesystem::create_symlink("loop.yaml", scratch / "loop.yaml");
    CHECK(problemOf("pipe") == (scratch / "pipe.yaml") + ": is no regular file");
    CHECK(problemOf("loop") == (scratch / "loop.yaml") + ": cannot be read: Too many levels of symbolic links");
}
