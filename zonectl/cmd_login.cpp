#include <unistd.h>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "exec_session.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

int runLogin(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    ExecRequest request;
    Arguments options("login", std::string(self.summary) +
                                   ": a login shell on a terminal of the zone's own.\nNeeds no service inside the "
                                   "zone, and no password.");
    options.option("-l,--user", request.user, "USER", "A user of the zone, by name or number; default: root");
    options.operand("NAME", name, "The zone");
    options.examples("zonectl login web\nzonectl login -l www-data web");
    options.parse(arguments);
    if (!isTerminal(STDIN_FILENO)) {
        throw UsageError("login: standard input is not a terminal; use 'zonectl exec' in scripts");
    }
    request.tty = true;
    describeTerminal(request);
    Client client;
    return relayExec(client, name, request, "log into zone " + name);
}

} // namespace zoned::ctl
