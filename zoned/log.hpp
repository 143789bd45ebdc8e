// The service's log: to the journal where stderr is connected to it, else lines
// on stderr for people.
#pragma once

#include <functional>
#include <string>

namespace zoned::daemon {

/// @param level trace, debug, info, warn or error
/// @param serviceLog the file that keeps what was logged about a zone, beside that; "" for none
void setUpLog(const std::string& level, std::function<std::string(const std::string& zone)> serviceLog);

/// While it lives, what is logged is about that zone: it has the field ZONE in the journal, and is kept in the zone's
/// service log from info on. The innermost one counts.
class LogAbout {
public:
    explicit LogAbout(const std::string& zone);
    ~LogAbout();
    LogAbout(const LogAbout&) = delete;
    LogAbout& operator=(const LogAbout&) = delete;

    /// The zone that the exception is about that is being caught now; "" where nobody said. Asked once.
    [[nodiscard]] static std::string failed();

private:
    std::string before_;
    int exceptions_;
};

} // namespace zoned::daemon
