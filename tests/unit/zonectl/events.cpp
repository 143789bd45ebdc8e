#include <nlohmann/json.hpp>

#include "api/object_path.hpp"
#include "support/catch.hpp"
#include "zonectl/event_log.hpp"
#include "zonectl/output.hpp"

using namespace zoned;
using namespace zoned::ctl;

namespace {

ZoneSummary zone(const std::string& name, const std::string& state) {
    ZoneSummary summary;
    summary.name = name;
    summary.state = state;
    return summary;
}

ImageSummary image(const std::string& name) {
    ImageSummary summary;
    summary.name = name;
    return summary;
}

News changed(const std::string& name, const std::string& state, const std::string& reason = "") {
    News news;
    news.kind = News::Kind::zoneChanged;
    news.name = name;
    news.state = state;
    news.reason = reason;
    return news;
}

News of(News::Kind kind, const std::string& name = "") {
    News news;
    news.kind = kind;
    news.name = name;
    return news;
}

std::vector<std::string> texts(const std::vector<Event>& events) {
    std::vector<std::string> all;
    for (const Event& event : events) {
        all.push_back(event.text);
    }
    return all;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a change says from what to what, and why", "[events]") {
    EventLog log({});
    CHECK(log.take({zone("web", "running")}, {}).empty());
    CHECK(texts(log.take(changed("web", "installed", "init exited with status 3"))) ==
          Texts{"zone web: running -> installed (init exited with status 3)"});
    CHECK(log.take(changed("web", "installed")).empty());
}

TEST_CASE("news from before the first look are not told twice", "[events]") {
    EventLog log({});
    log.take({zone("web", "running")}, {image("deb")});
    CHECK(log.take(of(News::Kind::zoneAdded, "web")).empty());
    CHECK(log.take(of(News::Kind::imageAdded, "deb")).empty());
    CHECK(log.take(of(News::Kind::zoneRemoved, "db")).empty());
    CHECK(texts(log.take(of(News::Kind::zoneRemoved, "web"))) == Texts{"zone web: removed"});
}

TEST_CASE("what happened while the service was away is told when it is back", "[events]") {
    EventLog log({});
    log.take({zone("a", "running"), zone("b", "running"), zone("c", "installed")}, {image("x")});
    CHECK(log.take(of(News::Kind::serviceGone)).at(0).kind == "service-stopped");
    CHECK(log.take(of(News::Kind::serviceThere)).at(0).kind == "service-restarted");
    CHECK(texts(log.take({zone("a", "running"), zone("b", "installed"), zone("d", "configured")}, {image("y")})) ==
          Texts{"zone c: removed", "zone b: running -> installed", "zone d: added (configured)", "image x: removed",
                "image y: added"});
    CHECK(log.take(of(News::Kind::serviceThere)).at(0).kind == "service-started");
}

TEST_CASE("only what was asked for is told, but the service always", "[events]") {
    EventLog log({"web"});
    log.take({zone("web", "installed"), zone("db", "installed")}, {});
    CHECK(log.take(changed("db", "running")).empty());
    CHECK(log.take(changed("web", "running")).size() == 1);
    News job = of(News::Kind::jobBegan, "db");
    job.jobKind = "boot";
    CHECK(log.take(job).empty());
    CHECK(log.take(of(News::Kind::serviceGone)).size() == 1);
}

TEST_CASE("a job's end says how, in one clean line", "[events]") {
    EventLog log({});
    News job = of(News::Kind::jobEnded, "deb");
    job.job = 7;
    job.jobKind = "image-import";
    job.result = "failed";
    job.error = "org.zoned1.Error.BadArchive";
    job.message = "bad\x1b[2J\nworse";
    const auto events = log.take(job);
    REQUIRE(events.size() == 1);
    CHECK(eventText(events[0]).ends_with("  job 7: import of image deb: failed: bad?[2J worse\n"));
    const auto json = nlohmann::json::parse(eventJson(events[0]));
    CHECK(json.at("job") == 7);
    CHECK(json.at("event") == "job-ended");
    CHECK(json.at("message") == "bad?[2J\nworse");
}

TEST_CASE("times for machines are UTC with microseconds", "[events]") {
    const std::chrono::system_clock::time_point time{std::chrono::microseconds{1'000'000'000'000'042}};
    CHECK(timestamp(time) == "2001-09-09T01:46:40.000042Z");
    CHECK(preciseTimeText(time).ends_with(":40.000"));
}

TEST_CASE("a name is read from its path again", "[events]") {
    for (const char* name : {"web", "web-1", "1st", "9-x", "a--b"}) {
        CHECK(api::nameInPath(api::zonePath(name), "zone") == name);
        CHECK(api::nameInPath(api::imagePath(name), "zone").empty());
    }
    CHECK(api::nameInPath("/org/zoned1/zone/a_", "zone") == "a_");
    CHECK(api::nameInPath("/org/zoned1/zone/a_zz", "zone") == "a_zz");
}
