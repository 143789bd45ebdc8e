#include "log_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "output.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

struct stat statusOf(int fd) {
    struct stat info {};
    sys::check(::fstat(fd, &info), "looking at a log");
    return info;
}

bool sameFile(int one, int other) {
    const struct stat first = statusOf(one);
    const struct stat second = statusOf(other);
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/// The length of an unfinished UTF-8 character at the end.
std::size_t unfinished(const std::string& text) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (byte < 0x80) {
            return 0;
        }
        if (byte >= 0xc0) {
            const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return back < length ? back : 0;
        }
    }
    return 0;
}

} // namespace

/// The log goes on in another file: the kernel tells the name that ours has by now.
bool LogReader::outdated() const {
    std::array<char, 4096> name{};
    const std::string link = "/proc/self/fd/" + std::to_string(current_.get());
    const ssize_t length = ::readlink(link.c_str(), name.data(), name.size());
    const std::string_view path(name.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.ends_with(".1") || path.ends_with(" (deleted)");
}

void LogReader::take(sys::UniqueFd file) {
    current_ = std::move(file);
    std::array<char, 65536> piece;
    for (ssize_t length; (length = ::read(current_.get(), piece.data(), piece.size())) != 0;) {
        sys::check(length, "reading a log");
        raw_.append(piece.data(), static_cast<std::size_t>(length));
    }
}

void LogReader::skip() {
    std::vector<sys::UniqueFd> files = open_();
    if (!files.empty()) {
        current_ = std::move(files.back());
        sys::check(::lseek(current_.get(), 0, SEEK_END), "looking at a log");
    }
}

std::string LogReader::news() {
    if (current_) {
        take(std::move(current_));
    }
    if (!current_ || outdated()) {
        std::vector<sys::UniqueFd> files = open_();
        auto next = files.begin();
        for (auto file = files.begin(); current_ && file != files.end(); ++file) {
            if (sameFile(file->get(), current_.get())) {
                next = std::next(file);
            }
        }
        for (; next != files.end(); ++next) {
            take(std::move(*next));
        }
    }
    const std::size_t whole = raw_.size() - unfinished(raw_);
    std::string text = cleanText(std::string_view(raw_).substr(0, whole));
    raw_.erase(0, whole);
    return text;
}

std::string lastLines(const std::string& text, std::size_t count) {
    std::size_t at = text.size();
    // the end of the last line begins no further one
    for (std::size_t end = at > 0 && text.back() == '\n' ? at - 1 : at; count > 0; --count) {
        const std::size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
        at = before == std::string::npos ? 0 : before + 1;
        if (at == 0) {
            break;
        }
        end = before;
    }
    return text.substr(at);
}

} // namespace zoned::ctl
