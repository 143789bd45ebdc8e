#include "zonectl/output.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "zonectl/arguments.hpp"
#include "zonectl/jobs.hpp"

using namespace zoned::ctl;

TEST_CASE("control characters of a zone never reach the terminal", "[output]") {
    CHECK(cleanLine("plain text") == "plain text");
    CHECK(cleanLine("a\x1b[31mb\x07") == "a?[31mb?");
    CHECK(cleanLine("a\x7f\x08") == "a??");
    CHECK(cleanLine("one\ntwo\tthree") == "one two three");
    CHECK(cleanText("one\ntwo\tthree\r") == "one\ntwo\tthree?");
    CHECK(cleanLine(std::string_view("a\0b", 3)) == "a?b");
}

TEST_CASE("UTF-8 is shown, its broken and its dangerous forms are not", "[output]") {
    CHECK(cleanLine("Zürich … 漢字 😀") == "Zürich … 漢字 😀");
    CHECK(cleanLine("\xff\xfe") == "??");
    CHECK(cleanLine("\xc3") == "?");           // cut off
    CHECK(cleanLine("\xc0\xaf") == "??");      // overlong
    CHECK(cleanLine("\xe0\x80\xaf") == "???"); // overlong
    CHECK(cleanLine("\xed\xa0\x80") == "???"); // a surrogate
    CHECK(cleanLine("\xc2\x9b"
                    "31m") == "??31m");        // CSI as a C1 control
    CHECK(cleanLine("\xe2\x80\xae") == "???"); // right-to-left override
}

namespace {
Table zones() {
    Table table("zones", {{"name"}, {"addresses", Column::Type::list}, {"pid", Column::Type::number}, {"note"}});
    table.add({{"web"}, {"10.213.0.10", "10.213.0.11"}, {"1234"}, {"says \"hi\"\x1b[2J"}});
    table.add({{"db"}, {}, {"7"}, {""}});
    return table;
}
} // namespace

TEST_CASE("a table has headings, all cells and no control characters", "[output]") {
    const std::string text = zones().text();
    CHECK(text.starts_with("NAME"));
    CHECK(text.find("10.213.0.10, 10.213.0.11") != std::string::npos);
    CHECK(text.find("1234") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
}

TEST_CASE("JSON keeps types, lists and empty values", "[output]") {
    const auto json = nlohmann::json::parse(zones().json());
    REQUIRE(json.at("zones").size() == 2);
    const auto& web = json.at("zones").at(0);
    CHECK(web.at("name") == "web");
    CHECK(web.at("addresses") == nlohmann::json::array({"10.213.0.10", "10.213.0.11"}));
    CHECK(web.at("pid") == 1234);
    CHECK(web.at("note") == "says \"hi\"?[2J");
    const auto& db = json.at("zones").at(1);
    CHECK(db.at("addresses") == nlohmann::json::array());
    CHECK(db.at("note") == "");
}

TEST_CASE("JSON says what it is given, in bytes that no terminal obeys", "[output]") {
    const nlohmann::ordered_json value{{"note", "a\x1b[2J\x7f \xc2\x9b"
                                                "31m \xe2\x80\xae Z\xc3\xbcrich \xf0\x9f\x98\x80"}};
    for (const int indent : {-1, 2}) {
        const std::string text = jsonText(value, indent);
        CHECK(nlohmann::ordered_json::parse(text) == value);
        CHECK(text == cleanText(text));
        CHECK(text.find("Z\xc3\xbcrich \xf0\x9f\x98\x80") != std::string::npos);
    }
    CHECK(jsonText("\xff") == "\"\xef\xbf\xbd\"\n"); // no UTF-8
}

TEST_CASE("JSON of an empty table is an empty array", "[output]") {
    const Table table("images", {{"name"}});
    CHECK(nlohmann::json::parse(table.json()) == nlohmann::json{{"images", nlohmann::json::array()}});
    CHECK(table.text().empty());
}

TEST_CASE("columns are chosen and ordered by name", "[output]") {
    Table table = zones();
    table.select("pid,name");
    table.hideHeadings();
    CHECK(table.text() == "1234 web\n   7 db\n");
    CHECK_THROWS_AS(table.select("name,colour"), UsageError);
    CHECK_THROWS_AS(table.select(","), UsageError);
}

TEST_CASE("fields are aligned and empty ones are left out", "[output]") {
    CHECK(fieldsText({{"Zone", "web"}, {"Reason", ""}, {"Image", "deb\n12"}}) == "Zone:  web\nImage: deb 12\n");
}

TEST_CASE("sizes are told in the largest unit that fits", "[output]") {
    CHECK(sizeText(0) == "0 B");
    CHECK(sizeText(1023) == "1023 B");
    CHECK(sizeText(1024) == "1.0 KiB");
    CHECK(sizeText(1536) == "1.5 KiB");
    CHECK(sizeText(1024 * 1024 - 1) == "1.0 MiB");
    CHECK(sizeText(std::uint64_t{3} << 30) == "3.0 GiB");
}

TEST_CASE("the line of progress fits the terminal", "[output]") {
    const JobSummary build{1, "image-build", "deb", 0.4, "unpacking\x1b[2J apt", "/org/zoned1/job/1"};
    CHECK(progressLine({build}, 200) == "image-build deb  [########            ] 40%  unpacking?[2J apt");
    CHECK(progressLine({build, build, build}, 200).ends_with(" (and 2 more)"));
    const std::string narrow = progressLine({build, build}, 30);
    CHECK(narrow.size() == 30);
    CHECK(narrow.ends_with(" (and 1 more)"));
    const JobSummary boot{2, "boot", "web", -1, "Zürich", "/org/zoned1/job/2"};
    CHECK(progressLine({boot}, 200) == "boot web  Zürich");
    CHECK(progressLine({boot}, 12) == "boot web  Z"); // not half a character
    CHECK(progressLine({}, 80).empty());
}
