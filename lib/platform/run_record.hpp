// The run record of an active zone, RUN/zones/NAME/record: what it owns on the
// host, written before each act, so that whoever finds it can take it down.
//
// It is a file of JSON lines that only grows: the first holds the boot spec and
// the cgroup, each further one the name of a step that is about to be taken.
// A torn last line is a step that has not begun.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/step.hpp"
#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

/// The record's first line cannot be read.
class DamagedRecord : public sys::Error {
public:
    using sys::Error::Error;
};

class RunRecord {
public:
    /// Begins a new record at `path`; there must be none.
    static RunRecord begin(const std::string& path, const Remains& zone);
    /// The record at `path`; nothing where there is none. Throws DamagedRecord.
    static std::optional<RunRecord> find(const std::string& path);

    void note(const std::string& step);
    void remove();

    [[nodiscard]] const Remains& zone() const noexcept { return zone_; }
    /// Names of the steps taken, in order.
    [[nodiscard]] const std::vector<std::string>& steps() const noexcept { return steps_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    RunRecord(std::string path, Remains zone) : path_(std::move(path)), zone_(std::move(zone)) {}

    std::string path_;
    Remains zone_;
    std::vector<std::string> steps_;
    sys::UniqueFd file_;
};

} // namespace zoned::platform
