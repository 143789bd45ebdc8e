#include "zone/schema.hpp"

#include <set>
#include <sstream>
#include <string>

#include "support/catch.hpp"

using namespace zoned::zone;

TEST_CASE("every key stands once and says what it means", "[schema]") {
    std::set<std::string_view> seen;
    for (const Key& key : schema()) {
        CAPTURE(key.path);
        CHECK(seen.insert(key.path).second);
        CHECK(key.meaning.size() > 10);
        CHECK(key.meaning.back() == '.');
        CHECK_FALSE(keyTypeName(key.type).empty());
        CHECK_FALSE((key.required && !key.fallback.empty()));
    }
}

TEST_CASE("a key's parent comes before it", "[schema]") {
    std::set<std::string> seen;
    for (const Key& key : schema()) {
        const std::string path(key.path);
        const std::size_t end = path.find_first_of(".[");
        CHECK((end == std::string::npos || seen.count(path.substr(0, end)) == 1));
        seen.insert(path);
    }
}

TEST_CASE("a concrete path finds its key", "[schema]") {
    const auto pathOf = [](std::string_view path) {
        const Key* key = findKey(path);
        return key == nullptr ? std::string("none") : std::string(key->path);
    };
    CHECK(pathOf("zone") == "zone");
    CHECK(pathOf("network[0].address") == "network[].address");
    CHECK(pathOf("network[17].name") == "network[].name");
    CHECK(pathOf("resources.memory") == "resources.memory");
    CHECK(pathOf("environment.LANG") == "environment.*");
    CHECK(pathOf("mounts[2].read-only") == "mounts[].read-only");
    for (const char* none : {"", "zon", "network.address", "network[].address", "network[x].address", "network[0",
                             "network[0]x", "network[0]", "environment.", "environment.*", "environment.A.B",
                             "environment.A[0]", "resources.", ".zone", "zone.x", "[0]"}) {
        CAPTURE(none);
        CHECK(pathOf(none) == "none");
    }
}

TEST_CASE("the reference names every key, its range and its default, in 80 columns", "[schema]") {
    const std::string text = schemaText();
    for (const Key& key : schema()) {
        CHECK(text.find(std::string(key.path) + " (") != std::string::npos);
    }
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        CAPTURE(line);
        CHECK(line.size() <= 80);
        CHECK((line.empty() || line.back() != ' '));
    }
}

TEST_CASE("the manual's reference names every key", "[schema]") {
    const std::string text = schemaMdoc();
    for (const Key& key : schema()) {
        CHECK(text.find(".It Sy " + std::string(key.path) + " Pq ") != std::string::npos);
    }
    CHECK(text.find(".Sh KEYS\n") == 0);
}

TEST_CASE("the example uses every top-level key", "[schema]") {
    const std::string text = "\n" + exampleDefinition();
    for (const Key& key : schema()) {
        if (key.path.find_first_of(".[") == std::string_view::npos) {
            CAPTURE(key.path);
            CHECK(text.find("\n" + std::string(key.path) + ":") != std::string::npos);
        }
    }
}
