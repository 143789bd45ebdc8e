#include "zone/seats.hpp"

#include "support/catch.hpp"

using namespace zoned;
using zone::refusal;
using Users = std::vector<std::uint32_t>;

namespace {
constexpr zone::Seats seats{6, 2, 2};
}

TEST_CASE("one user cannot take all seats, nor can all users take root's", "[seats]") {
    CHECK(refusal(seats, 1000, {}).empty());
    CHECK(refusal(seats, 1000, Users{1000}).empty());
    CHECK(refusal(seats, 1000, Users{1000, 1000}).find("one user may have 2") != std::string::npos);
    CHECK(refusal(seats, 1001, Users{1000, 1000}).empty());
    const Users full{1000, 1000, 1001, 1002};
    CHECK(refusal(seats, 1003, full).find("all 4 for users other than root") != std::string::npos);
    CHECK(refusal(seats, 0, full).empty());
}

TEST_CASE("root takes what is free, and leaves others what is theirs only while it does", "[seats]") {
    CHECK(refusal(seats, 0, Users(5, 0)).empty());
    CHECK(refusal(seats, 1000, Users(5, 0)).empty());
    CHECK(refusal(seats, 0, Users(6, 0)).find("all 6") != std::string::npos);
    CHECK_FALSE(refusal(seats, 1000, Users(6, 0)).empty());
}
