// Tells which names in some folders came, went or were written, as inotify(7)
// has it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

class FolderWatch {
public:
    using Changed = std::function<void(const std::string& name)>;

    FolderWatch();
    /// @param events IN_… that are of interest. Throws Error.
    void add(const std::string& folder, std::uint32_t events, Changed changed);

    /// Readable when there is something to take.
    [[nodiscard]] int fd() const noexcept { return inotify_.get(); }
    /// Tells what happened so far. False where so much happened that some of it was lost.
    [[nodiscard]] bool take();

private:
    UniqueFd inotify_;
    std::map<int, Changed> folders_;
};

} // namespace zoned::sys
