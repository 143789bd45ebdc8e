// How a report of `zonectl stat` is written: a table, or an object of JSON.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stat_values.hpp"

namespace zoned::ctl {

struct StatLayout {
    std::vector<std::string> columns; // of statColumns(), and "name" and "state"
    bool headings = true;
};

/// The columns of --output ("name,cpu"), else of --resources ("cpu,net"), else a summary.
/// Throws UsageError where one is not known.
/// @param rates whether there is an interval: else counters are shown as they are
[[nodiscard]] StatLayout layoutOf(const std::string& output, const std::string& resources, bool rates);
/// All columns, for JSON, unless some were chosen.
[[nodiscard]] StatLayout jsonLayoutOf(const std::string& output, const std::string& resources);

/// "1.5 GiB", "12.3%", "-" where it is not known.
[[nodiscard]] std::string valueText(Unit unit, const double* value);

/// The widest value of each column so far, so that the columns of a run's reports stay where they are.
using Widths = std::map<std::string, std::size_t>;
[[nodiscard]] std::string reportText(const StatReport& report, const StatLayout& layout, Widths& widths);
/// One line: {"time": …, "interval": …, "zones": […], "total": {…}, "host": {…}}; numbers in the columns' base units.
/// @param peaksOf the number of reports that these are the peaks of; 0: they are none
[[nodiscard]] std::string reportJson(const StatReport& report, const StatLayout& layout, std::string_view time,
                                     std::size_t peaksOf);

} // namespace zoned::ctl
