// What is done to an unpacked root file system before it is an image, and what is read from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::worker {

enum class InitKind { systemd, sysvinit, openrc, none };

/// Nothing where the word is unknown.
[[nodiscard]] std::optional<InitKind> parseInitKind(std::string_view word);

/// What was found of the machine that the image comes from.
struct Identity {
    std::vector<std::string> removed; // secrets that every zone makes anew
    std::vector<std::string> kept;    // secrets that all zones of the image will share
};

/// Empties /etc/machine-id, so that each zone gets its own, and removes what else tells one machine from another or
/// lets one pose as the other: host keys, seeds, leases, instance ids, and the build host's /etc/hostname and
/// /etc/resolv.conf. Follows links beneath the root alone, removes files alone, never what a link leads to.
Identity forgetIdentity(int root);
/// Removes /etc/localtime, and /etc/timezone with it, where it is a link to UTC: in a system that was just built that is
/// what tzdata says where nobody chose. A zone without one takes the host's.
void forgetDefaultTimeZone(int root);
/// Gives an init that reads /etc/inittab a getty on the console in place of those on tty1 to tty6, which no zone has.
void useConsoleGetty(int root);
/// The content of an inittab with that change made.
[[nodiscard]] std::string withConsoleGetty(std::string_view inittab);
/// PRETTY_NAME of /etc/os-release; "" where there is none.
[[nodiscard]] std::string readOsName(int root);
/// The value of PRETTY_NAME in an os-release(5) file, unquoted.
[[nodiscard]] std::string prettyName(std::string_view osRelease);

} // namespace zoned::worker
