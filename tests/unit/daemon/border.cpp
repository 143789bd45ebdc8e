#include "border.hpp"

#include <memory>
#include <sstream>
#include <string>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "log.hpp"
#include "support/catch.hpp"
#include "sys/error.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using namespace zoned::daemon;

namespace {

/// What is logged while it lives.
class Logged {
public:
    Logged() : before_(spdlog::default_logger()) {
        auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
        sink->set_pattern("%l: %v");
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
    }
    Logged(const Logged&) = delete;
    Logged& operator=(const Logged&) = delete;
    ~Logged() { spdlog::set_default_logger(before_); }
    [[nodiscard]] std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_;
};

} // namespace

TEST_CASE("what fails is told once, with what was being done and of which zone, and does not go on") {
    const Logged logged;
    const bool done = attempt("telling of a job's end", [] {
        const LogAbout about("web");
        throw sys::Error("writing to the bus", ENOBUFS);
    });
    CHECK_FALSE(done);
    CHECK(logged.text() == "error: zone web: telling of a job's end: writing to the bus: No buffer space available\n");
}

TEST_CASE("expected outcomes, system errors and faults of the program end at the border alike") {
    const Logged logged;
    CHECK_FALSE(attempt("doing one", [] { throw zone::Fault(zone::FaultKind::busy, "it is busy"); }));
    CHECK_FALSE(attempt("doing two", [] { throw std::out_of_range("no such entry"); }));
    CHECK(attempt("doing three", [] {}));
    CHECK(logged.text() == "error: doing one: it is busy\n"
                           "error: doing two: a fault of this program: no such entry\n");
}

TEST_CASE("what is being done is the outermost work that the exception has left, and no earlier one") {
    const Logged logged;
    try {
        const Doing outer("the request");
        const Doing inner("a part of it");
        throw sys::Error("reading a file", EIO);
    } catch (const std::exception& error) {
        tellFault(error);
    }
    try {
        const Doing caught("what was caught on the way");
        throw sys::Error("reading a file", EIO);
    } catch (const std::exception&) {
        const Doing later("what went well");
    }
    try {
        throw sys::Error("writing a file", EIO);
    } catch (const std::exception& error) {
        tellFault(error);
    }
    CHECK(logged.text() == "error: the request: reading a file: Input/output error\n"
                           "error: an event could not be handled: writing a file: Input/output error\n");
}

TEST_CASE("a handler with the border around it takes what it is given, and throws nothing") {
    const Logged logged;
    std::string got;
    const auto handler = bordered("hearing an answer", [&got](const std::string& text, int number) {
        got = text + std::to_string(number);
        throw sys::Error("understanding it", 0);
    });
    CHECK_NOTHROW(handler("answer", 7));
    CHECK(got == "answer7");
    CHECK(logged.text() == "error: hearing an answer: understanding it\n");
}

TEST_CASE("any exception is a fault for whoever waits, and a fault is itself") {
    CHECK(zone::faultOf(zone::Fault(zone::FaultKind::busy, "it is busy")).kind() == zone::FaultKind::busy);
    const zone::Fault other = zone::faultOf(sys::Error("reading x", EIO));
    CHECK(other.kind() == zone::FaultKind::failed);
    CHECK(std::string(other.what()) == "reading x: Input/output error");
}
