// From samples of the service's numbers to what `zonectl stat` shows: rates, shares, totals, peaks. No I/O.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client.hpp"

namespace zoned::ctl {

/// How a column's values are written, and what they mean in JSON.
enum class Unit {
    seconds,
    processors, // of time: 0.5 is half of one processor
    bytes,
    bytesPerSecond,
    count,
    perSecond,
    percent,
};

struct StatColumn {
    std::string_view name;     // "cpu-cap"
    std::string_view resource; // "cpu": see stat's --resources; "" is shown with none alone
    Unit unit;
    std::string_view help;
};

/// All, in the order of the manual.
[[nodiscard]] const std::vector<StatColumn>& statColumns();

/// Values by column; one that is not known is not there.
using Values = std::map<std::string, double, std::less<>>;

struct StatRow {
    std::string name;  // of the zone; "[total]", "[host]"
    std::string state; // "" for those
    Values values;
};

struct StatReport {
    std::optional<double> interval; // seconds between the samples; nothing: since the boot of each zone and of the host
    std::vector<StatRow> zones;
    StatRow total, host;
};

/// @param before the sample that `now` is compared with; none: everything since the boot
[[nodiscard]] StatReport makeReport(const Sample& now, const Sample* before);

/// The largest values of all reports that it was given.
class Peaks {
public:
    void add(const StatReport& report);
    [[nodiscard]] const StatReport& report() const noexcept { return peaks_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    StatReport peaks_;
    std::size_t count_ = 0;
};

} // namespace zoned::ctl
