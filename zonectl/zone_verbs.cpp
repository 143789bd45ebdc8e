#include "zone_verbs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "output.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/text_rules.hpp"

namespace zoned::ctl {

void addZoneNames(Arguments& arguments, std::vector<std::string>& names) {
    arguments.operands("NAME", names, "Zones to act on");
}

std::string removalQuestion(const std::vector<std::string>& names) {
    return names.size() == 1 ? "Remove zone " + names[0] + " and all data in it?"
                             : "Remove zones " + joinList(names) + " and all data in them?";
}

zone::Waits waitsAmong(Client& client, const std::vector<std::string>& names) {
    zone::Waits waits;
    for (const std::string& name : names.size() > 1 ? names : std::vector<std::string>{}) {
        try {
            waits[name] = client.waitsOf(client.zone(name));
        } catch (const BusError&) { // NOLINT(bugprone-empty-catch): what is wrong with it is said when it is acted on
        }
    }
    return waits;
}

DefinitionText readDefinition(const std::string& file) {
    // Far more than the service takes, so that its words on the size are the ones heard.
    constexpr std::size_t limit = 256 * 1024;
    DefinitionText definition{"", file == "-" ? "standard input" : file};
    if (file == "-") {
        definition.text = sys::readAll(STDIN_FILENO, definition.origin, limit);
    } else {
        definition.text = sys::readAll(sys::open(file, O_RDONLY).get(), file, limit);
    }
    // the bus carries no other text
    if (!zone::isUtf8(definition.text) || definition.text.find('\0') != std::string::npos) {
        throw sys::Error("reading the definition " + definition.origin + ": it is not UTF-8 text", 0);
    }
    return definition;
}

} // namespace zoned::ctl
