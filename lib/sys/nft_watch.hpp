// Notices that somebody took rules away: `nft flush ruleset`, a firewall that
// was reloaded. The kernel tells every change of the packet filter to whoever
// listens; elements of sets, which come and go with each zone, are passed over.
#pragma once

#include <string>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

class NftWatch {
public:
    /// Listens in the caller's network namespace. Throws Error.
    explicit NftWatch(std::string tableName);

    /// Readable when there is something to take.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// Takes what was told so far. True where a table of that name, or a chain, rule or set of one, was deleted, or
    /// where so much was told at once that some of it was lost.
    [[nodiscard]] bool takeDeletions();

private:
    std::string tableName_;
    UniqueFd socket_;
};

} // namespace zoned::sys
