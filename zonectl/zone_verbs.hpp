// What the verbs that only name zones have in common.
#pragma once

#include <string>
#include <vector>

#include "arguments.hpp"
#include "client.hpp"
#include "zone/boot_order.hpp"

namespace zoned::ctl {

/// Adds the operand NAME…
void addZoneNames(Arguments& arguments, std::vector<std::string>& names);
/// "zone web and all data in it", "zones a, b and all data in them": a question about a removal.
[[nodiscard]] std::string removalQuestion(const std::vector<std::string>& names);

/// Which zones each of several that were named together waits for, itself left out; nothing is asked for a single one.
[[nodiscard]] zone::Waits waitsAmong(Client& client, const std::vector<std::string>& names);

/// A definition file's text and what to call it.
struct DefinitionText {
    std::string text;
    std::string origin;
};
/// Reads a file, or standard input for "-"; at most 256 KiB. Throws sys::Error.
[[nodiscard]] DefinitionText readDefinition(const std::string& file);

} // namespace zoned::ctl
