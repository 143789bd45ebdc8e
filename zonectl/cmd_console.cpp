#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "console_session.hpp"
#include "escape.hpp"
#include "jobs.hpp"

namespace zoned::ctl {

int runConsole(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::string escape = "~";
    Arguments options("console", std::string(self.summary) +
                                     ": the last output again, then what comes.\n"
                                     "Possible as soon as the zone is installed; stays connected over boots and "
                                     "halts.\nWhat the zone writes now reaches your terminal as it is, as from "
                                     "a machine's serial line.\nType ~. at the start of a line to leave (over ssh "
                                     "~~., since ssh takes ~. itself), ~~ for\none ~.");
    options.option("-e,--escape", escape, "CHAR",
                   "The escape character instead of '~'; ^X for a control character, "
                   "none for none");
    options.operand("NAME", name, "The zone");
    options.examples("zonectl console web\nzonectl console -e ^] web");
    options.parse(arguments);

    const ConsoleRequest request{name, parseEscape(escape), {}, ""};
    Client client;
    try {
        return relayConsole(client, client.openConsole(client.zone(name)), request);
    } catch (const BusError& e) {
        reportFailure("open the console of zone " + name, e.what());
        return 1;
    }
}

} // namespace zoned::ctl
