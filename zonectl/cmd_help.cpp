#include <algorithm>

#include "arguments.hpp"
#include "command.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone/schema.hpp"

namespace zoned::ctl {

int runHelp(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> topic;
    Arguments options("help", std::string(self.summary) + ".");
    options.operands("VERB", topic, "A verb (help image build), or 'definition' for the keys of a zone's definition",
                     true);
    options.examples("zonectl help boot\nzonectl help definition");
    options.parse(arguments);

    const std::string name = joinList(topic, " ");
    if (topic.empty()) {
        print(overview());
        return 0;
    }
    if (name == "definition") {
        print(zone::schemaText());
        return 0;
    }
    const auto all = commands();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.name == name; });
    if (found != all.end()) {
        return found->run(*found, {"--help"});
    }
    const bool group = topic.size() == 1 && std::any_of(all.begin(), all.end(), [&](const Command& c) {
                           return c.name.starts_with(name + " ");
                       });
    if (group) {
        return runZonectl({name, "--help"});
    }
    throw UsageError(sys::join("there is no help on '", name, "'\nTry 'zonectl help'."));
}

} // namespace zoned::ctl
