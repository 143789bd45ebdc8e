// What everybody on the host may be told of why something went wrong.
//
// Properties, signals and the units' status are read by any local user. A reason, though, is written for the
// administrator: it names folders, devices and units of the host, and what the kernel said of them. So everybody is told
// those sentences only that are known to say nothing of that kind, and of all others that there is a reason. Who may
// read the definition is told all (GetDetails, GetJobEnd).
#pragma once

#include <string>
#include <string_view>

namespace zoned::zone {

/// What stands for a reason that is not for everybody.
inline constexpr std::string_view undisclosed = "it failed; those who may see its details are told why";

/// The reason itself where it is one of the known sentences, `undisclosed` for another; "" for none.
[[nodiscard]] std::string publicReason(std::string_view reason);

} // namespace zoned::zone
