// journald's native socket: a message of fields as one datagram, without libsystemd (the supervisor is linked
// statically) and without ever waiting.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// Name (capitals, digits and '_') and value, which may hold any bytes.
using JournalField = std::pair<std::string_view, std::string_view>;

/// The message as systemd's JOURNAL_NATIVE_PROTOCOL has it.
[[nodiscard]] std::string journalDatagram(std::span<const JournalField> fields);

class JournalSocket {
public:
    /// @param path of journald's socket
    explicit JournalSocket(std::string path) : path_(std::move(path)) {}

    /// False where the message was lost: no journald listens, or it does not keep up.
    bool send(std::span<const JournalField> fields) noexcept;

private:
    std::string path_;
    UniqueFd socket_;
};

} // namespace zoned::sys
