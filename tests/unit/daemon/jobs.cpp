#include "jobs.hpp"

#include <vector>

#include "support/catch.hpp"
#include "sys/event_loop.hpp"

using namespace zoned;
using daemon::Held;
using daemon::Jobs;
using zone::FaultKind;

namespace {

const daemon::Hold web{Held::zone, "web"};

FaultKind kindThrown(const std::function<void()>& action, std::string* text = nullptr) {
    try {
        action();
    } catch (const zone::Fault& fault) {
        if (text != nullptr) {
            *text = fault.what();
        }
        return fault.kind();
    }
    FAIL("nothing was thrown");
    return FaultKind::failed;
}

/// Lets everything that was deferred happen.
void settle(sys::EventLoop& loop) {
    const auto end = loop.after(std::chrono::milliseconds(1), [&loop] { loop.quit(0); });
    loop.run();
}

} // namespace

TEST_CASE("an object that a job holds refuses a second job and names the first") {
    sys::EventLoop loop;
    Jobs jobs(loop);
    const auto id = jobs.start("boot", web);
    std::string text;
    CHECK(kindThrown([&] { jobs.start("halt", web); }, &text) == FaultKind::busy);
    CHECK(text.rfind("zone web is busy: job " + std::to_string(id) + " (boot) since ", 0) == 0);
    CHECK_NOTHROW(jobs.start("boot", {Held::zone, "db"}));
    CHECK_NOTHROW(jobs.start("image-delete", {Held::image, "web"}));
}

TEST_CASE("a job that ended holds nothing, and its end is told later and once") {
    sys::EventLoop loop;
    Jobs jobs(loop);
    std::vector<std::string> told;
    jobs.listen({{}, {}, [&](const daemon::JobInfo& job, const daemon::JobEnd& end) {
                     told.push_back(job.kind + (end.fault ? ": " + end.text : ""));
                 }});
    const auto id = jobs.start("boot", web);
    jobs.fail(id, FaultKind::bootFailed, "no init");
    jobs.finish(id);
    CHECK(told.empty());
    CHECK(jobs.holder(web) == nullptr);
    CHECK_NOTHROW(jobs.requireFree(web));
    settle(loop);
    CHECK(told == std::vector<std::string>{"boot: no init"});
    CHECK(jobs.list().empty());
}

TEST_CASE("a job is cancelled by its action, and one without an action cannot be") {
    sys::EventLoop loop;
    Jobs jobs(loop);
    const auto id = jobs.start("boot", web);
    CHECK(kindThrown([&] { jobs.cancel(id); }) == FaultKind::wrongState);
    jobs.onCancel(id, [&] { jobs.fail(id, FaultKind::cancelled, "on request"); });
    jobs.cancel(id);
    CHECK(jobs.holder(web) == nullptr);
    CHECK_NOTHROW(jobs.cancel(id)); // it ended, and has not been buried yet
    settle(loop);
    CHECK(kindThrown([&] { jobs.cancel(id); }) == FaultKind::noSuchJob);
}

TEST_CASE("progress is told with the latest only, when it changes, and not after the end") {
    sys::EventLoop loop;
    Jobs jobs(loop);
    std::vector<std::string> told;
    jobs.listen({{},
                 [&](const daemon::JobInfo& job) {
                     told.push_back(job.message);
                     loop.quit(0);
                 },
                 {}});
    const auto id = jobs.start("image-build", {Held::image, "bookworm"});
    jobs.report(id, 0.1, "fetching");
    jobs.report(id, 0.5, "unpacking");
    jobs.report(id, 0.5, "unpacking");
    CHECK(told.empty());
    loop.run();
    CHECK(told == std::vector<std::string>{"unpacking"});
    jobs.report(id, 0.5, "unpacking");
    jobs.report(id, 0.9, "cleaning up");
    jobs.finish(id);
    jobs.report(id, 1, "never");
    const auto end = loop.after(std::chrono::milliseconds(150), [&loop] { loop.quit(0); });
    loop.run();
    CHECK(told.size() == 1);
}

TEST_CASE("the end of a job is told when all that belongs to it is written") {
    sys::EventLoop loop;
    std::vector<std::function<void(const std::optional<zone::Fault>&)>> waiting;
    Jobs jobs(loop, [&](const daemon::Hold& hold, auto then) {
        CHECK(hold == web);
        waiting.push_back(std::move(then));
    });
    std::vector<std::string> ends;
    daemon::Jobs::Listener listener;
    listener.removed = [&](const daemon::JobInfo&, const daemon::JobEnd& end) { ends.push_back(end.text); };
    jobs.listen(std::move(listener));
    const auto first = jobs.start("halt", web);
    jobs.finish(first);
    settle(loop);
    REQUIRE(waiting.size() == 1);
    CHECK(ends.empty());
    CHECK(jobs.list().size() == 1);
    // it holds the zone no more
    const auto second = jobs.start("boot", web);
    waiting.front()(std::nullopt);
    CHECK(ends == std::vector<std::string>{""});
    jobs.warn(second, "beware");
    jobs.finish(second);
    settle(loop);
    waiting.back()(zone::Fault(FaultKind::failed, "the disk is full"));
    CHECK(ends.back() == "beware\nthe disk is full");
}
