// How many of a zone's things that take memory and processes (programs let in, views of its console) may be held at
// once: one user of the host must not take them from the others, nor all users together from the host's root, who has
// to see to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace zoned::zone {

struct Seats {
    std::size_t all;
    std::size_t eachUser; // who is not root
    std::size_t forRoot;  // of `all`, kept free of other users
};

/// Why the user gets none; "" where there is one.
/// @param taken the users who hold one each; 0 is root
[[nodiscard]] std::string refusal(const Seats& seats, std::uint32_t user, const std::vector<std::uint32_t>& taken);

} // namespace zoned::zone
