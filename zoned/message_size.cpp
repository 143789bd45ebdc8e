#include "message_size.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace zoned::daemon {
namespace {

constexpr std::size_t itemBytes = 8;

/// A type whose arrays can be had at once.
bool isTrivial(const char* contents) {
    return contents[0] != '\0' && contents[1] == '\0' && std::strchr("ynqiuxtd", contents[0]) != nullptr;
}

bool isText(char type) {
    return type == SD_BUS_TYPE_STRING || type == SD_BUS_TYPE_OBJECT_PATH || type == SD_BUS_TYPE_SIGNATURE;
}

/// Adds up what is left of the container that is open; false where there is no more to be learnt: enough was counted,
/// or the message is not well formed, which its handler is going to say.
bool addUp(sd_bus_message* message, std::size_t limit, std::size_t& bytes) {
    char type = 0;
    const char* contents = nullptr;
    int more = 0;
    while ((more = sd_bus_message_peek_type(message, &type, &contents)) > 0 && bytes <= limit) {
        if (type == SD_BUS_TYPE_ARRAY && isTrivial(contents)) {
            const void* items = nullptr;
            std::size_t size = 0;
            if (sd_bus_message_read_array(message, contents[0], &items, &size) < 0) {
                return false;
            }
            bytes += size + itemBytes;
        } else if (contents != nullptr) {
            bytes += itemBytes;
            if (sd_bus_message_enter_container(message, type, contents) < 0 || !addUp(message, limit, bytes) ||
                sd_bus_message_exit_container(message) < 0) {
                return false;
            }
        } else {
            union {
                const char* text;
                std::uint64_t number;
            } value{};
            if (sd_bus_message_read_basic(message, type, &value) < 0) {
                return false;
            }
            bytes += itemBytes + (isText(type) && value.text != nullptr ? std::strlen(value.text) : 0);
        }
    }
    return more == 0;
}

} // namespace

std::size_t sizeOf(sd_bus_message* message, std::size_t limit) {
    std::size_t bytes = 0;
    (void)addUp(message, limit, bytes);
    (void)sd_bus_message_rewind(message, 1);
    return bytes;
}

} // namespace zoned::daemon
