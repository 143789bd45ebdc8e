#include "authorizer.hpp"

#include "support/catch.hpp"

using namespace zoned::daemon;

namespace {
constexpr Verb restricted[]{Verb::details, Verb::manage, Verb::configure, Verb::image, Verb::enter, Verb::cancelJob};
}

TEST_CASE("root may everything") {
    CHECK(authorise({0}, Verb::list, "").allowed);
    for (const Verb verb : restricted) {
        CHECK(authorise({0}, verb, "zone web").allowed);
    }
}

TEST_CASE("everyone may list, and nothing else") {
    CHECK(authorise({1000}, Verb::list, "").allowed);
    for (const Verb verb : restricted) {
        const Decision decision = authorise({1000}, verb, "zone web");
        CHECK_FALSE(decision.allowed);
        CHECK(decision.why.find("zone web") != std::string::npos);
        CHECK(decision.why.find("user 1000") != std::string::npos);
    }
}

TEST_CASE("a caller whose user is not known may only list") {
    CHECK(authorise({}, Verb::list, "").allowed);
    for (const Verb verb : restricted) {
        CHECK_FALSE(authorise({}, verb, "").allowed);
    }
}
