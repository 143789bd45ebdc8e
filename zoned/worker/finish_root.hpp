// What is done to an unpacked root file system before it is an image, and what is read from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zoned::worker {

enum class InitKind { systemd, sysvinit, openrc, none };

/// Nothing where the word is unknown.
[[nodiscard]] std::optional<InitKind> parseInitKind(std::string_view word);

/// Empties /etc/machine-id, so that each zone gets its own, and removes the build host's
/// /etc/hostname and /etc/resolv.conf.
void forgetIdentity(int root);
/// Gives an init that reads /etc/inittab a getty on the console in place of those on tty1 to tty6, which no zone has.
void useConsoleGetty(int root);
/// The content of an inittab with that change made.
[[nodiscard]] std::string withConsoleGetty(std::string_view inittab);
/// PRETTY_NAME of /etc/os-release; "" where there is none.
[[nodiscard]] std::string readOsName(int root);
/// The value of PRETTY_NAME in an os-release(5) file, unquoted.
[[nodiscard]] std::string prettyName(std::string_view osRelease);

} // namespace zoned::worker
