// A digest that is the same for ever and spreads well, for names and addresses
// that are derived from a text. It resists nobody: what must not be forged
// needs another.
#pragma once

#include <cstdint>
#include <string_view>

namespace zoned::sys {

/// FNV-1a, 64 bits.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text) noexcept {
    std::uint64_t digest = 0xcbf29ce484222325U;
    for (const char letter : text) {
        digest = (digest ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
    }
    return digest;
}

} // namespace zoned::sys
