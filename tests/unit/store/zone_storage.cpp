#include "store/zone_storage.hpp"

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using test::TestFolder;
using zone::ZoneName;

namespace {

const ZoneName web("web");

store::ZoneRecord record() {
    store::ZoneRecord result;
    result.complete = true;
    result.uuid = std::string(32, '1');
    result.idBase = 589824;
    result.image = "bookworm";
    result.imageId = std::string(32, 'b');
    result.addresses = {{"eth0", 0x0AD5000AU}};
    result.lastExit = "init ended";
    return result;
}

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

} // namespace

TEST_CASE("a zone's storage is incomplete until it is said to be complete", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch / "zones");
    CHECK(storage.names().empty());
    CHECK_FALSE(storage.find(web));
    storage.create(web, record());
    REQUIRE(storage.find(web));
    CHECK_FALSE(storage.find(web)->complete);
    CHECK(storage.find(web)->idBase == 589824U);
    storage.save(web, record());
    const auto found = storage.find(web);
    CHECK(found->complete);
    CHECK(found->uuid == record().uuid);
    CHECK(found->idBase == record().idBase);
    CHECK(found->image == record().image);
    CHECK(found->imageId == record().imageId);
    CHECK(found->addresses == record().addresses);
    CHECK(found->lastExit == record().lastExit);
    CHECK(storage.names() == std::vector<ZoneName>{web});
}

TEST_CASE("nobody but root comes past the zone's folder and its layer", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    CHECK(test::modeOf(storage.path(web)) == 0700U);
    CHECK(test::modeOf(storage.layer(web)) == 0700U);
    CHECK(test::modeOf(storage.layer(web) + "/upper") == 0755U);
    CHECK(test::modeOf(storage.layer(web) + "/work") == 0755U);
    CHECK(test::modeOf(storage.path(web) + "/state.json") == 0600U);
}

TEST_CASE("a zone that ran on an earlier boot of the host is known by its mark", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch / "zones");
    storage.create(web, record());
    CHECK_FALSE(storage.ranBefore(web));
    sys::replaceVolatileFile(storage.runningFile(web), storage.runningText());
    CHECK_FALSE(storage.ranBefore(web)); // it may run now
    sys::replaceVolatileFile(storage.runningFile(web), "another boot's id\n");
    CHECK(storage.ranBefore(web));
    CHECK(sys::removeFile(storage.runningFile(web)));
    CHECK_FALSE(storage.ranBefore(web));
}

TEST_CASE("storage that is there is not made again", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    storage.save(web, record());
    CHECK_THROWS_AS(storage.create(web, {}), zone::Fault);
    CHECK(storage.find(web)->complete);
}

TEST_CASE("retire takes the layer away and keeps the ids; forget ends it", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    storage.save(web, record());
    test::write(storage.layer(web) + "/upper/file", "x");
    const std::string gone = storage.retire(web);
    CHECK_FALSE(std::filesystem::exists(storage.layer(web)));
    CHECK_FALSE(storage.find(web)->complete);
    CHECK(storage.find(web)->idBase == 589824U);
    CHECK(storage.retire(web) == gone);               // again, after an interruption
    CHECK_THROWS_AS(storage.forget(web), sys::Error); // the worker is not done
    CHECK(storage.find(web)->idBase == 589824U);
    std::filesystem::remove_all(gone);
    storage.forget(web);
    CHECK_FALSE(storage.find(web));
    storage.forget(web);
    CHECK_THROWS_AS(storage.retire(web), zone::Fault);
    storage.create(web, record());
}

TEST_CASE("an install that was interrupted anywhere can be retired and forgotten", "[zone_storage]") {
    for (const char* kept : {"", "/layer", "/layer/upper"}) {
        const TestFolder scratch;
        store::ZoneStorage storage(scratch.path());
        std::filesystem::create_directories(storage.path(web) + kept);
        test::write(storage.path(web) + "/.state.json.tmp", "{");
        REQUIRE(storage.find(web));
        CHECK_FALSE(storage.find(web)->complete);
        std::filesystem::remove_all(storage.retire(web));
        storage.forget(web);
        CHECK_FALSE(storage.find(web));
    }
}

TEST_CASE("a state file cut short at any byte says incomplete", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    storage.save(web, record());
    const std::string path = storage.path(web) + "/state.json";
    const std::string whole = test::read(path);
    for (std::size_t length = 0; length <= whole.find_last_of('}'); ++length) {
        test::write(path, whole.substr(0, length));
        CAPTURE(length);
        REQUIRE(storage.find(web));
        CHECK_FALSE(storage.find(web)->complete);
    }
    for (std::size_t at = 0; at < whole.size(); ++at) { // and a spoilt one never fails the reader
        std::string spoilt = whole;
        spoilt[at] = '\xff';
        test::write(path, spoilt);
        CHECK(storage.find(web));
    }
    std::filesystem::remove(path);
    std::filesystem::create_directories(path);
    CHECK_FALSE(storage.find(web)->complete);
}

TEST_CASE("a record that cannot be read is not taken for an empty one, and never saved", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    CHECK(storage.find(web)->damage.empty()); // interrupted here, it is incomplete and no more
    CHECK(storage.find(web)->idsKnown);
    storage.save(web, record());
    const std::string path = storage.path(web) + "/state.json";
    const std::string whole = test::read(path);
    const auto refused = [&] {
        const auto found = storage.find(web);
        REQUIRE(found);
        CHECK(found->damage.find(path) != std::string::npos);
        CHECK_FALSE(found->complete);
        CHECK_THROWS_AS(storage.save(web, *found), sys::Error);
        return found->idsKnown;
    };
    test::write(path, "{");
    CHECK_FALSE(refused());
    test::write(path, R"({"complete": true})");
    CHECK_FALSE(refused());
    test::write(path, std::string(100 * 1024, ' '));
    CHECK_FALSE(refused());
    std::string noReason = whole;
    noReason.replace(noReason.find("last-exit"), 4, "lost");
    test::write(path, noReason);
    CHECK(refused());
    CHECK(test::read(path) == noReason);
    std::filesystem::remove(path);
    CHECK_FALSE(refused()); // while the layer is there
    std::filesystem::create_symlink(path, path);
    CHECK_FALSE(refused()); // ELOOP stands for whatever open(2) may fail with
    std::filesystem::remove(path);
    test::write(path, whole);
    CHECK(storage.find(web)->complete);
}

TEST_CASE("a zone whose record is damaged can be removed", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    test::write(storage.path(web) + "/state.json", "{");
    std::filesystem::remove_all(storage.retire(web));
    CHECK_FALSE(std::filesystem::exists(storage.layer(web)));
    CHECK(test::read(storage.path(web) + "/state.json") == "{");
    storage.forget(web);
    CHECK_FALSE(storage.find(web));
}

TEST_CASE("a record with unusable values is incomplete, and what it says of ids still counts", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    storage.save(web, record());
    const std::string path = storage.path(web) + "/state.json";
    const std::string whole = test::read(path);
    const std::vector<std::pair<std::string, std::string>> changes{
        {"\"image\": \"bookworm\"", "\"image\": \"../../etc\""},
        {"589824", "589825"},
        {"589824", "-65536"},
        {"589824", "\"589824\""},
        {"589824", "4295557120"},
        {"10.213.0.10", "10.213.0"},
        {"\"complete\": true", "\"complete\": 1"},
        {record().uuid, "../x"}};
    for (const auto& [from, to] : changes) {
        std::string text = whole;
        REQUIRE(text.find(from) != std::string::npos);
        text.replace(text.find(from), from.size(), to);
        test::write(path, text);
        CAPTURE(text);
        CHECK_FALSE(storage.find(web)->complete);
        CHECK(storage.find(web)->lastExit == "init ended");
    }
    test::write(path, whole);
    CHECK(storage.find(web)->complete);
}

TEST_CASE("a reason that is no UTF-8 or endless is kept in part", "[zone_storage]") {
    const TestFolder scratch;
    store::ZoneStorage storage(scratch.path());
    storage.create(web, record());
    store::ZoneRecord odd = record();
    odd.lastExit = "\xff" + std::string(100000, 'x');
    storage.save(web, odd);
    CHECK(storage.find(web)->complete);
    CHECK(storage.find(web)->lastExit.size() > 1000);
}

TEST_CASE("an id block is the first free one", "[zone_storage]") {
    using store::chooseIdBlock;
    CHECK(chooseIdBlock(524288, 1879048191, {}, {}) == 524288U);
    CHECK(chooseIdBlock(524289, 1879048191, {}, {}) == 589824U);
    CHECK(chooseIdBlock(524288, 1879048191, {524288, 655360}, {}) == 589824U);
    CHECK(chooseIdBlock(524288, 1879048191, {655360, 589824, 524288}, {}) == 720896U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{524288, 1}}) == 589824U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{589823, 1}}) == 589824U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{100000, 500000}}) == 655360U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{589824, 10}, {1000, 1}}) == 524288U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{524288, 0}}) == 524288U);
    CHECK(chooseIdBlock(524288, 1879048191, {}, Ranges{{~std::uint64_t{0}, 5}}) == 524288U);
    CHECK(chooseIdBlock(524288, 524288 + 65535, {}, {}) == 524288U);
    CHECK(chooseIdBlock(524288, 786431, {524288, 655360}, Ranges{{720896, 65536}}) == 589824U);
    CHECK(chooseIdBlock(524288, 786431, {}, Ranges{{655360, 99999999}}) == 524288U);
}

TEST_CASE("no free id block is a fault that says where to look", "[zone_storage]") {
    using store::chooseIdBlock;
    CHECK_THROWS_AS(chooseIdBlock(524288, 524288 + 65534, {}, {}), zone::Fault);
    CHECK_THROWS_AS(chooseIdBlock(524288, 524288 + 65535, {524288}, {}), zone::Fault);
    CHECK_THROWS_AS(chooseIdBlock(524288, 1879048191, {}, Ranges{{0, ~std::uint64_t{0}}}), zone::Fault);
    CHECK_THROWS_AS(chooseIdBlock(524288, 786431, {}, Ranges{{0, 700000}, {720896, 1}}), zone::Fault);
}

TEST_CASE("ids of others are read from passwd, group, subuid and subgid; nonsense is passed over", "[zone_storage]") {
    const TestFolder scratch;
    CHECK(store::foreignIdRanges(scratch.path()).empty());
    test::write(scratch / "subuid", "alice:100000:65536\n\nbad\nbob:x:1\ncarol:1:-1\ndave:5:0\n");
    test::write(scratch / "subgid", "alice:200000:65536"); // no newline at the end
    test::write(scratch / "passwd", "root:x:0:0:root:/root:/bin/sh\nbig:x:600000:1::/:\n+::::::\nx:y\n");
    test::write(scratch / "group", "staff:x:50:\n");
    CHECK(store::foreignIdRanges(scratch.path()) ==
          Ranges{{100000, 65536}, {200000, 65536}, {0, 1}, {600000, 1}, {50, 1}});
}
