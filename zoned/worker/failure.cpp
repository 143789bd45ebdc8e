#include "failure.hpp"

#include "zone/text_rules.hpp"

namespace zoned::worker {

std::string_view name(FailureKind kind) noexcept {
    switch (kind) {
    case FailureKind::badArchive:
    case FailureKind::truncated:
        return "badArchive";
    case FailureKind::cancelled:
        return "cancelled";
    case FailureKind::failed:
        break;
    }
    return "failed";
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (shown.size() >= limit) {
            // never in the middle of a UTF-8 sequence
            while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0xC0) == 0x80) {
                shown.pop_back();
            }
            if (!shown.empty() && static_cast<unsigned char>(shown.back()) >= 0xC0) {
                shown.pop_back();
            }
            return shown + "...";
        }
        if (const std::size_t length = zone::controlCharacterLength(text.substr(i)); length != 0) {
            shown += '?';
            i += length - 1;
        } else {
            shown += text[i];
        }
    }
    return shown;
}

} // namespace zoned::worker
