// What zones use as OpenMetrics text (version 1.0.0), for Prometheus and everything that speaks its language.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client.hpp"

namespace zoned::ctl {

/// @param zones all that are defined, for their states; `sample` has the numbers of the active ones
[[nodiscard]] std::string openMetrics(const std::string& version, const std::vector<ZoneSummary>& zones,
                                      const Sample& sample);
/// A label's value between its quotes.
[[nodiscard]] std::string escapeLabel(std::string_view value);

/// The text's media type, for HTTP.
inline constexpr const char* openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

} // namespace zoned::ctl
