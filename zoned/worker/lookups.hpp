// Looks at what may not answer for long, or ever: a path on a network file system, an account that a directory service
// keeps. zoned asks with a deadline, and goes on without us.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zoned::worker {

/// Which of the paths there are, each with 1. Throws sys::Error where that cannot be told.
[[nodiscard]] std::map<std::string, std::int64_t> findPaths(const std::vector<std::string>& paths);

/// The number of a user who exists; nothing where there is none. Names are looked up through the C library, and so in
/// whatever the host keeps its accounts in.
[[nodiscard]] std::optional<std::uint32_t> findUser(const std::string& nameOrNumber);
[[nodiscard]] std::optional<std::uint32_t> findGroup(const std::string& nameOrNumber);
/// Those accounts that there are, with their numbers.
/// @param accounts "user:alice", "group:games"
[[nodiscard]] std::map<std::string, std::int64_t> findAccounts(const std::vector<std::string>& accounts);

} // namespace zoned::worker
