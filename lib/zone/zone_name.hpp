// A zone's (or an image's) name: a DNS label. One that breaks the rules cannot be made.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace zoned::zone {

/// 1 to 63 lower-case letters, digits and '-'; starts and ends with a letter or digit (RFC 1123);
/// "global" and "host" are reserved.
class ZoneName {
public:
    /// Throws Fault (FaultKind::invalidName) that says which rule is broken.
    explicit ZoneName(std::string_view text);

    /// Why the text is no zone name; nothing where it is one.
    [[nodiscard]] static std::optional<std::string> problem(std::string_view text);

    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    auto operator<=>(const ZoneName&) const = default;

private:
    std::string text_;
};

} // namespace zoned::zone
