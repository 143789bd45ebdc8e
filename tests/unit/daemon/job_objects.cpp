#include "job_objects.hpp"

#include "support/catch.hpp"

using namespace zoned::daemon;

TEST_CASE("a job that nobody asked for is cancelled by whoever may ask for such a one, of all three kinds of objects") {
    const auto cancel = [](Held what, const std::string& name) {
        JobInfo job;
        job.id = 7;
        job.hold = {what, name};
        return requestToCancel(job);
    };
    const Request zone = cancel(Held::zone, "web");
    CHECK(zone.text == "Cancel of job 7");
    CHECK(zone.verb == Verb::manage);
    CHECK(zone.target.kind == "zone");
    CHECK(zone.target.name == "web");
    const Request image = cancel(Held::image, "bookworm");
    CHECK(image.verb == Verb::image);
    CHECK(image.target.kind == "image");
    // the zones that boot with the host: whoever may import images has no say in them
    const Request host = cancel(Held::host, "host");
    CHECK(host.verb == Verb::manage);
    CHECK(host.target.kind.empty());
    CHECK(host.target.name.empty());
}
