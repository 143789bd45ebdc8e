// Just enough of HTTP/1.1 to be scraped: one request on standard input, one answer on standard output, as a service of
// a socket unit with Accept=yes has them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace zoned::ctl {

struct HttpAnswer {
    int status = 200;
    std::string type;
    std::string body;
    bool withoutBody = false; // the request was HEAD
};

/// @param request its first line and fields; @param metrics makes the text, and is called only where it is asked for
[[nodiscard]] HttpAnswer answerTo(std::string_view request, const std::function<std::string()>& metrics);
[[nodiscard]] std::string httpText(const HttpAnswer& answer);

/// Reads the request, within 10 s and 8 KiB, and answers it; an error of `metrics` becomes status 503.
/// Returns the exit status.
int serveMetrics(const std::function<std::string()>& metrics);

} // namespace zoned::ctl
