#include "entry_path.hpp"

#include "failure.hpp"
#include "sys/error.hpp"

namespace zoned::worker {

namespace {
[[noreturn]] void refuse(std::string_view raw, std::string_view why) {
    throw Failure(FailureKind::badArchive, sys::join("the archive's entry '", printable(raw), "' ", why));
}
} // namespace

EntryPath parseEntryPath(std::string_view raw) {
    if (raw.empty()) {
        throw Failure(FailureKind::badArchive, "the archive has an entry without a name");
    }
    if (raw.size() > maxEntryPath) {
        refuse(raw, "has a name longer than 4095 bytes");
    }
    if (raw.front() == '/') {
        // whoever packed it meant the host's own places; other programs would write there
        refuse(raw, "has an absolute name");
    }
    EntryPath path;
    std::size_t begin = 0;
    while (begin <= raw.size()) {
        const std::size_t end = std::min(raw.find('/', begin), raw.size());
        const std::string_view part = raw.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            refuse(raw, "climbs up with '..'");
        }
        if (part.size() > maxEntryName) {
            refuse(raw, "has a part longer than 255 bytes");
        }
        path.parent = path.full();
        path.name = part;
    }
    return path;
}

} // namespace zoned::worker
