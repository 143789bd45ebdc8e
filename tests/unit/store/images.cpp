#include "store/images.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using test::TestFolder;
using zone::ZoneName;

namespace {

store::ImageInfo info(const std::string& name) {
    return {name,      std::string(32, 'a'), "debian.tar", "Debian GNU/Linux 12 (bookworm) \"é\"", 1ULL << 40, 9,
            1700000000};
}

} // namespace

TEST_CASE("an image appears whole, when it is published", "[images]") {
    const TestFolder scratch;
    const store::Images images(scratch / "images");
    CHECK(images.list().empty());
    const std::string staging = images.makeStaging(ZoneName("deb"));
    CHECK(test::modeOf(staging) == 0700U);
    CHECK(test::modeOf(staging + "/rootfs") == 0755U);
    test::write(staging + "/rootfs/file", "x");
    CHECK(images.list().empty());
    CHECK(images.leftovers() == std::vector<std::string>{staging});
    images.publish(staging, info("deb"));
    CHECK(images.leftovers().empty());
    const auto found = images.find(ZoneName("deb"));
    REQUIRE(found);
    CHECK(found->name == "deb");
    CHECK(found->id == std::string(32, 'a'));
    CHECK(found->origin == "debian.tar");
    CHECK(found->osName == info("deb").osName);
    CHECK(found->bytes == 1ULL << 40);
    CHECK(found->files == 9U);
    CHECK(found->created == 1700000000);
    CHECK(test::read(images.rootfs(ZoneName("deb")) + "/file") == "x");
    CHECK(test::modeOf(scratch / "images/deb") == 0700U); // set-user-id programs are inside
}

TEST_CASE("an image is never replaced", "[images]") {
    const TestFolder scratch;
    const store::Images images(scratch.path());
    images.publish(images.makeStaging(ZoneName("a")), info("a"));
    const std::string second = images.makeStaging(ZoneName("a"));
    try {
        images.publish(second, info("a"));
        FAIL("was replaced");
    } catch (const zone::Fault& fault) {
        CHECK(fault.kind() == zone::FaultKind::nameTaken);
    }
    CHECK(images.leftovers() == std::vector<std::string>{second});
    CHECK(images.exists(ZoneName("a")));
}

TEST_CASE("a retired image is out of sight at once and its name is free", "[images]") {
    const TestFolder scratch;
    const store::Images images(scratch.path());
    images.publish(images.makeStaging(ZoneName("a")), info("a"));
    const std::string gone = images.retire(ZoneName("a"));
    CHECK_FALSE(images.exists(ZoneName("a")));
    CHECK(std::filesystem::is_directory(gone + "/rootfs"));
    CHECK(images.leftovers() == std::vector<std::string>{gone});
    images.publish(images.makeStaging(ZoneName("a")), info("a"));
    CHECK(images.retire(ZoneName("a")) != gone);
    CHECK_THROWS_AS(images.retire(ZoneName("a")), zone::Fault);
    CHECK(images.leftovers().size() == 2); // the failed one left nothing
}

TEST_CASE("temporary names cannot be foreseen", "[images]") {
    const TestFolder scratch;
    const store::Images images(scratch.path());
    CHECK(images.makeStaging(ZoneName("a")) != images.makeStaging(ZoneName("a")));
}

TEST_CASE("an image whose description is cut short or spoilt is no image, and is kept", "[images]") {
    const TestFolder scratch;
    const store::Images images(scratch.path());
    images.publish(images.makeStaging(ZoneName("a")), info("a"));
    const std::string path = scratch / "a/image.json";
    const std::string whole = test::read(path);
    const std::size_t end = whole.find_last_of('}');
    for (std::size_t length = 0; length <= end; ++length) {
        test::write(path, whole.substr(0, length));
        CAPTURE(length);
        CHECK_FALSE(images.find(ZoneName("a")));
    }
    for (
        const char* text :
        {"[]", "null", "3", "{}", "{\"name\":\"a\"}",
         R"({"name":"b","id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","origin":"","os":"","bytes":1,"files":1,"created":1})",
         R"({"name":"a","id":"../../etc","origin":"","os":"","bytes":1,"files":1,"created":1})",
         R"({"name":"a","id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","origin":"","os":"","bytes":-1,"files":1,"created":1})",
         R"({"name":"a","id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","origin":"","os":"\u001b","bytes":1,"files":1,"created":1})"}) {
        test::write(path, text);
        CAPTURE(text);
        CHECK_FALSE(images.find(ZoneName("a")));
        CHECK(images.list().empty());
    }
    CHECK(images.leftovers().empty());
    CHECK_THROWS_AS(images.publish(images.makeStaging(ZoneName("a")), info("a")), zone::Fault);
    test::write(path, whole);
    CHECK(images.exists(ZoneName("a")));
}

TEST_CASE("what else lies in the folder is no image", "[images]") {
    const TestFolder scratch;
    test::write(scratch / "file", "");
    std::filesystem::create_directories(scratch / "Upper");
    test::write(scratch / "Upper/image.json", "{}");
    std::filesystem::create_directories(scratch / "empty");
    const store::Images images(scratch.path());
    CHECK(images.list().empty());
    CHECK(images.leftovers().empty());
    CHECK_FALSE(images.exists(ZoneName("file")));
    CHECK(test::present(scratch / "file"));
}
