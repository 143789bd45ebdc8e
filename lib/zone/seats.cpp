#include "zone/seats.hpp"

#include <algorithm>

namespace zoned::zone {

std::string refusal(const Seats& seats, std::uint32_t user, const std::vector<std::uint32_t>& taken) {
    if (taken.size() >= seats.all) {
        return "all " + std::to_string(seats.all) + " are in use";
    }
    if (user == 0) {
        return "";
    }
    if (static_cast<std::size_t>(std::ranges::count(taken, user)) >= seats.eachUser) {
        return "one user may have " + std::to_string(seats.eachUser) + " of them";
    }
    const std::size_t others = seats.all - seats.forRoot;
    const auto ofUsers =
        static_cast<std::size_t>(std::ranges::count_if(taken, [](std::uint32_t id) { return id != 0; }));
    return ofUsers >= others ? "all " + std::to_string(others) + " for users other than root are in use" : "";
}

} // namespace zoned::zone
