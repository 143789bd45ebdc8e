// Zones that wait for each other (the keys after and requires): rules of the
// graph they make.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zoned::zone {

/// zone -> the zones that it waits for
using Waits = std::map<std::string, std::vector<std::string>>;

/// The zones on a shortest way from one to another along `waits`, both included: {"a", "b", "c"}; empty where there
/// is none.
[[nodiscard]] std::vector<std::string> wayBetween(const std::string& from, const std::string& to, const Waits& waits);

/// The zones in the order in which they can be started: each group waits, among them, only for those of the groups
/// before it. Zones that wait for each other are in the last group together.
[[nodiscard]] std::vector<std::vector<std::string>> bootGroups(const std::vector<std::string>& zones,
                                                               const Waits& waits);

/// Why a text is no name of a systemd unit (systemd.unit(5)); nothing where it is one.
[[nodiscard]] std::optional<std::string> unitNameProblem(const std::string& text);

} // namespace zoned::zone
