#include "zone/cpu_set.hpp"

#include <algorithm>
#include <charconv>

namespace zoned::zone {

namespace {

constexpr std::uint32_t largestCpu = 8191;

/// A processor's number at `begin`, which is moved past it.
std::optional<std::uint32_t> cpuNumber(const char*& begin, const char* end) {
    std::uint32_t value = 0;
    const auto [rest, fault] = std::from_chars(begin, end, value);
    if (fault != std::errc{} || value > largestCpu) {
        return std::nullopt;
    }
    begin = rest;
    return value;
}

} // namespace

std::string CpuSet::str() const {
    std::string text;
    for (const auto& [first, last] : ranges) {
        // one after the other: at -O3, GCC 12 warns of "-" + a string (-Wrestrict, GCC PR 105651)
        text += text.empty() ? "" : ",";
        text += std::to_string(first);
        if (first != last) {
            text += '-';
            text += std::to_string(last);
        }
    }
    return text;
}

bool CpuSet::contains(const CpuSet& other) const noexcept {
    return std::all_of(other.ranges.begin(), other.ranges.end(), [this](const auto& wanted) {
        return std::any_of(ranges.begin(), ranges.end(), [&wanted](const auto& range) {
            return range.first <= wanted.first && wanted.second <= range.second;
        });
    });
}

std::optional<CpuSet> parseCpuSet(const std::string& text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    CpuSet set;
    for (;;) {
        const auto first = cpuNumber(at, end);
        auto last = first;
        if (first && at != end && *at == '-') {
            last = cpuNumber(++at, end);
        }
        if (!first || !last || *last < *first) {
            return std::nullopt;
        }
        set.ranges.emplace_back(*first, *last);
        if (at == end) {
            break;
        }
        if (*at++ != ',') {
            return std::nullopt;
        }
    }
    std::sort(set.ranges.begin(), set.ranges.end());
    CpuSet merged;
    for (const auto& range : set.ranges) {
        if (!merged.empty() && range.first <= merged.ranges.back().second + 1) {
            merged.ranges.back().second = std::max(merged.ranges.back().second, range.second);
        } else {
            merged.ranges.push_back(range);
        }
    }
    return merged;
}

} // namespace zoned::zone
