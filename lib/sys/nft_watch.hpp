// Notices that somebody changed a table's rules, or took them away: `nft flush
// ruleset`, a firewall that was reloaded. The kernel tells every change of the
// packet filter to whoever listens; elements of sets, which come and go with
// each zone, are passed over.
#pragma once

#include <string>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

class NftWatch {
public:
    enum class News {
        none,
        changed, // a chain, rule or set was added or altered
        deleted, // the table, or a chain, rule or set of it; or so much was told at once that some of it was lost
    };

    /// Listens in the caller's network namespace. Throws Error.
    explicit NftWatch(std::string tableName);

    /// Readable when there is something to take.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// Takes what was told so far of tables of that name: the gravest of it.
    [[nodiscard]] News take();

private:
    std::string tableName_;
    UniqueFd socket_;
};

} // namespace zoned::sys
