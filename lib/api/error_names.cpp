#include "api/error_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace zoned::api {
namespace {

using zone::FaultKind;

constexpr std::array names{
    std::pair{FaultKind::invalidName, std::string_view{"org.zoned1.Error.InvalidName"}},
    std::pair{FaultKind::invalidArgument, std::string_view{"org.zoned1.Error.InvalidArgument"}},
    std::pair{FaultKind::invalidDefinition, std::string_view{"org.zoned1.Error.InvalidDefinition"}},
    std::pair{FaultKind::noSuchZone, std::string_view{"org.zoned1.Error.NoSuchZone"}},
    std::pair{FaultKind::noSuchImage, std::string_view{"org.zoned1.Error.NoSuchImage"}},
    std::pair{FaultKind::noSuchJob, std::string_view{"org.zoned1.Error.NoSuchJob"}},
    std::pair{FaultKind::nameTaken, std::string_view{"org.zoned1.Error.NameTaken"}},
    std::pair{FaultKind::imageInUse, std::string_view{"org.zoned1.Error.ImageInUse"}},
    std::pair{FaultKind::wrongState, std::string_view{"org.zoned1.Error.WrongState"}},
    std::pair{FaultKind::busy, std::string_view{"org.zoned1.Error.Busy"}},
    std::pair{FaultKind::notPermitted, std::string_view{"org.zoned1.Error.NotPermitted"}},
    std::pair{FaultKind::limitUnavailable, std::string_view{"org.zoned1.Error.LimitUnavailable"}},
    std::pair{FaultKind::badArchive, std::string_view{"org.zoned1.Error.BadArchive"}},
    std::pair{FaultKind::cancelled, std::string_view{"org.zoned1.Error.Cancelled"}},
    std::pair{FaultKind::bootFailed, std::string_view{"org.zoned1.Error.BootFailed"}},
    std::pair{FaultKind::timeout, std::string_view{"org.zoned1.Error.Timeout"}},
    std::pair{FaultKind::failed, std::string_view{"org.zoned1.Error.Failed"}},
};
static_assert(names.size() == static_cast<std::size_t>(FaultKind::failed) + 1, "a FaultKind has no D-Bus name");

} // namespace

std::string_view errorName(zone::FaultKind kind) noexcept {
    const auto* found = std::ranges::find(names, kind, &std::pair<FaultKind, std::string_view>::first);
    return found == names.end() ? names.back().second : found->second;
}

std::optional<zone::FaultKind> faultKind(std::string_view errorName) noexcept {
    const auto* found = std::ranges::find(names, errorName, &std::pair<FaultKind, std::string_view>::second);
    if (found == names.end()) {
        return std::nullopt;
    }
    return found->first;
}

} // namespace zoned::api
