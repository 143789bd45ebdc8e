#include "zone_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

constexpr off_t serviceLogBytes = 256 * 1024;

std::string timeText() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    std::string text(32, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &parts));
    return text;
}

} // namespace

std::vector<sys::UniqueFd> openZoneLog(const Host& host, const zone::ZoneName& name, const std::string& source) {
    if (source != "console" && source != "service") {
        throw zone::Fault(zone::FaultKind::invalidArgument,
                          "there is no log '" + source + "' of a zone; it has 'console' and 'service'");
    }
    const std::string path = source == "console" ? host.consoleLog(name.str()) : host.serviceLog(name.str());
    std::vector<sys::UniqueFd> files;
    for (const std::string& file : {path + ".1", path}) {
        try {
            // O_NONBLOCK: whatever lies there, opening it does not wait
            sys::UniqueFd fd = sys::open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
            struct stat info {};
            if (::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode)) {
                files.push_back(std::move(fd));
            }
        } catch (const sys::Error& error) {
            if (error.code() != ENOENT) {
                throw;
            }
        }
    }
    return files;
}

void appendServiceLog(const std::string& path, std::string_view text) noexcept {
    try {
        const sys::UniqueFd file = sys::open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
        const std::string line = timeText() + " " + std::string(text) + "\n";
        struct stat info {};
        if (::write(file.get(), line.data(), line.size()) > 0 && ::fstat(file.get(), &info) == 0 &&
            info.st_size > serviceLogBytes) {
            (void)::rename(path.c_str(), (path + ".1").c_str());
        }
    } catch (const std::exception&) { // a full disk, or no memory for a line of a log
    }
}

} // namespace zoned::daemon
