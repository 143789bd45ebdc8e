#include "zone_verbs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "output.hpp"
#include "sys/file.hpp"

namespace zoned::ctl {

void addZoneNames(Arguments& arguments, std::vector<std::string>& names) {
    arguments.operands("NAME", names, "Zones to act on");
}

std::string removalQuestion(const std::vector<std::string>& names) {
    return names.size() == 1 ? "Remove zone " + names[0] + " and all data in it?"
                             : "Remove zones " + joinList(names) + " and all data in them?";
}

DefinitionText readDefinition(const std::string& file) {
    // Far more than the service takes, so that its words on the size are the ones heard.
    constexpr std::size_t limit = 256 * 1024;
    if (file == "-") {
        return {sys::readAll(STDIN_FILENO, "standard input", limit), "standard input"};
    }
    const auto opened = sys::open(file, O_RDONLY);
    return {sys::readAll(opened.get(), file, limit), file};
}

} // namespace zoned::ctl
