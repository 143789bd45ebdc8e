#include "failure.hpp"

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
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool c1 = byte == 0xC2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80;
        if (c1) {
            shown += '?';
            ++i;
        } else {
            shown += byte < 0x20 || byte == 0x7F ? '?' : text[i];
        }
    }
    return shown;
}

} // namespace zoned::worker
