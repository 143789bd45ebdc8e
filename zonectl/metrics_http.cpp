#include "metrics_http.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "metrics.hpp"
#include "output.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

constexpr std::size_t longestRequest = 8192;
// A scraper sends its request at once; the socket takes a bounded number of connections, which must not be held by those
// who send none.
constexpr std::chrono::seconds patience{2};
constexpr const char* plain = "text/plain; charset=utf-8";

std::string_view word(std::string_view& line) {
    const std::string_view taken = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(taken.size() + 1, line.size()));
    return taken;
}

const char* reasonOf(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Service Unavailable";
    }
}

bool complete(std::string_view request) {
    return request.find("\r\n\r\n") != std::string_view::npos || request.find("\n\n") != std::string_view::npos;
}

using Deadline = std::chrono::steady_clock::time_point;

/// As poll(2) for something to read; 0 after the deadline.
int waitForInput(Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd polled{STDIN_FILENO, POLLIN, 0};
    return left > 0 ? ::poll(&polled, 1, static_cast<int>(left)) : 0;
}

/// The request, or what to say of one that is none.
std::optional<HttpAnswer> readRequest(std::string& request) {
    const Deadline deadline = std::chrono::steady_clock::now() + patience;
    while (!complete(request)) {
        const int ready = waitForInput(deadline);
        if (ready == 0) {
            return HttpAnswer{408, plain, "the request did not come\n"};
        }
        std::array<char, 1024> buffer{};
        const ssize_t got = ready < 0 ? -1 : ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (sys::check(got, "reading the request") == 0) {
            return HttpAnswer{400, plain, "the request is not complete\n"};
        }
        request.append(buffer.data(), static_cast<std::size_t>(got));
        if (request.size() > longestRequest) {
            return HttpAnswer{431, plain, "the request is too long\n"};
        }
    }
    return std::nullopt;
}

} // namespace

HttpAnswer answerTo(std::string_view request, const std::function<std::string()>& metrics) {
    std::string_view line = request.substr(0, request.find_first_of("\r\n"));
    const std::string_view method = word(line);
    const std::string_view target = word(line);
    if (!line.starts_with("HTTP/1.") || !target.starts_with('/')) {
        return {400, plain, "this is no request of HTTP/1.1\n"};
    }
    if (method != "GET" && method != "HEAD") {
        return {405, plain, "only GET and HEAD are answered\n"};
    }
    HttpAnswer answer{404, plain, "the metrics are at /metrics\n", method == "HEAD"};
    if (target.substr(0, target.find('?')) == "/metrics") {
        answer.status = 200;
        answer.type = openMetricsType;
        answer.body = metrics();
    }
    return answer;
}

std::string httpText(const HttpAnswer& answer) {
    return join("HTTP/1.1 ", answer.status, " ", reasonOf(answer.status), "\r\nContent-Type: ", answer.type,
                "\r\nContent-Length: ", answer.body.size(), answer.status == 405 ? "\r\nAllow: GET, HEAD" : "",
                "\r\nConnection: close\r\n\r\n", answer.withoutBody ? "" : answer.body);
}

int serveMetrics(const std::function<std::string()>& metrics) {
    std::string request;
    auto answer = readRequest(request);
    if (!answer) {
        try {
            answer = answerTo(request, metrics);
        } catch (const std::exception& error) {
            printError(error.what());
            answer = HttpAnswer{503, plain, cleanText(error.what()) + "\n"};
        }
    }
    print(httpText(*answer));
    // Whatever of the request was not read would make the kernel reset the connection, and the answer with it.
    if (::shutdown(STDOUT_FILENO, SHUT_WR) == 0 && answer->status != 200) {
        std::array<char, 4096> rest{};
        const Deadline deadline = std::chrono::steady_clock::now() + patience;
        while (waitForInput(deadline) > 0) {
            if (::read(STDIN_FILENO, rest.data(), rest.size()) <= 0) {
                break;
            }
        }
    }
    return answer->status == 503 ? 1 : 0;
}

} // namespace zoned::ctl
