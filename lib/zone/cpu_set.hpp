// A set of processors, written as the kernel writes it: "0-3,6".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zoned::zone {

struct CpuSet {
    /// First and last processor of each range: in order, and neither touching nor overlapping.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    bool operator==(const CpuSet&) const = default;

    [[nodiscard]] bool empty() const noexcept { return ranges.empty(); }
    /// "0-3,6"; "" for no processor.
    [[nodiscard]] std::string str() const;
    /// Whether every processor of `other` is in this set.
    [[nodiscard]] bool contains(const CpuSet& other) const noexcept;
};

/// Numbers and ranges, in any order, between commas; nothing where the text is something else or names no
/// processor. A processor's number is at most 8191 (the largest NR_CPUS of the kernel, less one).
[[nodiscard]] std::optional<CpuSet> parseCpuSet(const std::string& text);

} // namespace zoned::zone
