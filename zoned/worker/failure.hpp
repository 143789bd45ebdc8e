// How a worker's job ends when it does not end well, and how text that others wrote is shown.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace zoned::worker {

enum class FailureKind {
    badArchive, // the archive is hostile, broken or too big: the same one will never be taken
    truncated,  // a badArchive whose bytes ended too early: where they came from may know a better reason
    failed,     // this machine could not do it: full disk, missing program, mirror out of reach
    cancelled,
};

/// The word used on the wire; truncated is told as badArchive.
[[nodiscard]] std::string_view name(FailureKind kind) noexcept;

class Failure : public std::runtime_error {
public:
    Failure(FailureKind kind, const std::string& sentence) : std::runtime_error(sentence), kind_(kind) {}
    [[nodiscard]] FailureKind kind() const noexcept { return kind_; }

private:
    FailureKind kind_;
};

/// The text with control characters (C0, DEL and the C1 ones of UTF-8) shown as '?' and cut to `limit` bytes:
/// file names and messages written by strangers end on terminals and in the journal.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 200);

} // namespace zoned::worker
