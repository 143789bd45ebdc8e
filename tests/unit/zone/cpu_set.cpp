#include "zone/cpu_set.hpp"

#include "support/catch.hpp"

using namespace zoned::zone;

TEST_CASE("a set of processors is numbers and ranges", "[cpu_set]") {
    CHECK(parseCpuSet("0")->str() == "0");
    CHECK(parseCpuSet("0-3,6")->str() == "0-3,6");
    CHECK(parseCpuSet("5-5")->str() == "5");
    CHECK(parseCpuSet("8191")->str() == "8191");
}

TEST_CASE("one and the same set is written in one way", "[cpu_set]") {
    CHECK(parseCpuSet("6,0-3")->str() == "0-3,6");
    CHECK(parseCpuSet("1,0,2")->str() == "0-2");
    CHECK(parseCpuSet("0-5,2-3,4-8")->str() == "0-8");
    CHECK(*parseCpuSet("3,3") == *parseCpuSet("3"));
}

TEST_CASE("what is no set of processors is refused", "[cpu_set]") {
    for (const char* text : {"", ",", "0,", ",0", "0,,1", "a", "0-", "-1", "3-1", "0 1", " 0", "0x1", "8192", "0-8192",
                             "0--1", "99999999999", "0-3:1/2", "all", "+1"}) {
        CAPTURE(text);
        CHECK_FALSE(parseCpuSet(text).has_value());
    }
}

TEST_CASE("a set contains those that have no processor outside of it", "[cpu_set]") {
    const CpuSet host = *parseCpuSet("0-3,8-11");
    CHECK(host.contains(*parseCpuSet("0")));
    CHECK(host.contains(*parseCpuSet("1-2,9")));
    CHECK(host.contains(host));
    CHECK(host.contains(CpuSet{}));
    CHECK_FALSE(host.contains(*parseCpuSet("4")));
    CHECK_FALSE(host.contains(*parseCpuSet("2-4")));
    CHECK_FALSE(host.contains(*parseCpuSet("0-11")));
    CHECK_FALSE(CpuSet{}.contains(host));
}
