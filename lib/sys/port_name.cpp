#include "sys/port_name.hpp"

#include <string_view>

#include "sys/digest.hpp"

namespace zoned::sys {

std::string portPrefix(const std::string& table) {
    constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuv";
    const std::uint64_t digest = fnv1a(table);
    std::string prefix = "zv";
    for (unsigned int shift = 0; shift < 20; shift += 5) {
        prefix += letters[(digest >> (shift + 20)) & 31U];
    }
    return prefix;
}

// neither letter is a hexadecimal digit: an earlier version named ports "zv" and ten of those
std::string guardedPrefix(const std::string& table) {
    return portPrefix(table) + 'g';
}

std::string portName(const std::string& table, bool guarded, std::uint32_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name = guarded ? guardedPrefix(table) : portPrefix(table) + 'o';
    for (int shift = 28; shift >= 0; shift -= 4) {
        name += digits[(number >> static_cast<unsigned int>(shift)) & 15U];
    }
    return name;
}

} // namespace zoned::sys
