#include "zonectl/arguments.hpp"

#include <set>

#include "support/catch.hpp"
#include "zonectl/command.hpp"
#include "zonectl/exec_session.hpp"

using namespace zoned::ctl;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

TEST_CASE("an option that may be repeated takes one value each time", "[arguments]") {
    Words settings;
    Words names;
    Arguments arguments("create", "Create zones");
    arguments.repeatedOption("-s,--set", settings, "KEY=VALUE", "Set a key");
    arguments.operands("NAME", names, "Zones");
    arguments.parse({"--set", "a=1", "web", "-s", "b=2", "db", "--set=c=3"});
    CHECK(settings == Words{"a=1", "b=2", "c=3"});
    CHECK(names == Words{"web", "db"});
}

TEST_CASE("what follows -- is not looked at", "[arguments]") {
    Words rest;
    bool force = false;
    std::string name;
    Arguments arguments("exec", "Run a command");
    arguments.flag("-f,--force", force, "Force");
    arguments.operand("NAME", name, "The zone");
    arguments.rest("COMMAND", rest, "what to run", false);
    SECTION("options of the command stay the command's") {
        arguments.parse({"web", "--", "rm", "--force", "--", "-x", ""});
        CHECK_FALSE(force);
        CHECK(rest == Words{"rm", "--force", "--", "-x", ""});
    }
    SECTION("a missing command is told") {
        CHECK_THROWS_WITH(arguments.parse({"web"}), ContainsSubstring("it follows '--'"));
        CHECK_THROWS_AS(arguments.parse({"web", "--"}), UsageError);
    }
    SECTION("a command without -- is not taken") {
        CHECK_THROWS_AS(arguments.parse({"web", "ls"}), UsageError);
    }
}

TEST_CASE("wrong words are usage errors that name the verb", "[arguments]") {
    std::string name;
    std::string kind;
    Arguments arguments("image build", "Build");
    arguments.operand("NAME", name, "The image");
    arguments.choice("--init", kind, {"systemd", "openrc"}, "KIND", "Which init");
    CHECK_THROWS_AS(arguments.parse({}), UsageError);
    CHECK_THROWS_AS(arguments.parse({"a", "b"}), UsageError);
    CHECK_THROWS_AS(arguments.parse({"a", "--colour"}), UsageError);
    CHECK_THROWS_AS(arguments.parse({"a", "--init", "upstart"}), UsageError);
    CHECK_THROWS_AS(arguments.parse({"a", "--", "b"}), UsageError);
    CHECK_THROWS_WITH(arguments.parse({"a", "--init", "upstart"}), StartsWith("image build: "));
    arguments.parse({"-", "--init", "openrc"});
    CHECK(name == "-");
    CHECK(kind == "openrc");
}

TEST_CASE("every verb has help with a usage line and an example", "[arguments]") {
    std::set<std::string_view> names;
    for (const Command& command : commands()) {
        INFO(command.name);
        CHECK(names.insert(command.name).second);
        CHECK(overview().find(std::string(command.name)) != std::string::npos);
        std::string text;
        try {
            command.run(command, {"--help"});
        } catch (const HelpAsked& help) {
            text = help.text;
        }
        CHECK(text.find("Usage: zonectl " + std::string(command.name)) != std::string::npos);
        CHECK(text.find("Examples:\n  ") != std::string::npos);
        CHECK(text.find(std::string(command.summary)) != std::string::npos);
    }
}

TEST_CASE("every verb refuses an option it does not know, before it asks the service anything", "[arguments]") {
    for (const Command& command : commands()) {
        INFO(command.name);
        CHECK_THROWS_AS(command.run(command, {"--no-such-option"}), UsageError);
    }
}

TEST_CASE("usage errors end with status 2", "[arguments]") {
    CHECK(runZonectl({"no-such-verb"}) == 2);
    CHECK(runZonectl({"image"}) == 2);
    CHECK(runZonectl({"boot"}) == 2);
    CHECK(runZonectl({}) == 2);
    CHECK(runZonectl({"shutdown", "--timeout", "soon", "web"}) == 2);
    CHECK(runZonectl({"create", "web", "--set", "novalue"}) == 2);
    CHECK(runZonectl({"boot", "--dry-run", "--wait", "web"}) == 2);
}

TEST_CASE("durations", "[arguments]") {
    CHECK(parseDuration("--timeout", "90") == 90s);
    CHECK(parseDuration("--timeout", "90s") == 90s);
    CHECK(parseDuration("--timeout", "2m") == 120s);
    CHECK(parseDuration("--timeout", "1m30s") == 90s);
    CHECK(parseDuration("--timeout", "24h") == 24h);
    for (const std::string bad : {"", "0", "0s", "s", "-1", "1.5s", "1d", "25h", "90 s", "99999999999999999999"}) {
        INFO(bad);
        CHECK_THROWS_AS(parseDuration("--timeout", bad), UsageError);
    }
}

TEST_CASE("settings and lists", "[arguments]") {
    CHECK(parseSetting("a=b=c") == std::pair<std::string, std::string>("a", "b=c"));
    CHECK(parseSetting("a=") == std::pair<std::string, std::string>("a", ""));
    CHECK_THROWS_AS(parseSetting("a"), UsageError);
    CHECK_THROWS_AS(parseSetting("=a"), UsageError);
    CHECK(splitList("a,b,,c,") == Words{"a", "b", "c"});
    CHECK(splitList("").empty());
}

TEST_CASE("the end of a command becomes zonectl's exit status", "[arguments]") {
    CHECK(parseExecEnd(R"({"exited": 7})").status == 7);
    CHECK(parseExecEnd(R"({"exited": 0})").problem.empty());
    CHECK(parseExecEnd(R"({"killed": 9})").status == 137);
    const auto missing = parseExecEnd(R"({"error": "executing foo: No such file or directory", "code": 127})");
    CHECK(missing.status == 127);
    CHECK(missing.problem == "executing foo: No such file or directory");
    CHECK(parseExecEnd(R"({"error": "no"})").status == 1);
    for (const std::string bad : {"", "{}", "[]", "7", R"({"exited": "7"})", "{\"exited\""}) {
        INFO(bad);
        CHECK(parseExecEnd(bad).status == 1);
        CHECK_FALSE(parseExecEnd(bad).problem.empty());
    }
}
