#include <algorithm>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "exec_session.hpp"
#include "output.hpp"
#include "zone/text_rules.hpp"

namespace zoned::ctl {

namespace {

/// The bus carries texts, and a text is UTF-8.
void requireText(const std::string& word) {
    if (!zone::isUtf8(word)) {
        throw UsageError("exec: the argument '" + cleanLine(word) +
                         "' is not UTF-8, and only such arguments can be passed to a zone; name files by a pattern of "
                         "a shell inside (zonectl exec NAME -- sh -c '…'), or give the bytes as its standard input");
    }
}

} // namespace

int runExec(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::vector<std::string> environment;
    ExecRequest request;
    Arguments options("exec", std::string(self.summary) +
                                  ", with standard input, output and error connected.\n"
                                  "Exit status: the command's own; 128+N if signal N ended it; 127 if it was not "
                                  "found and 126 if\nit could not be executed; 1 if the zone could not be entered.");
    options.option("-u,--user", request.user, "USER", "A user of the zone, by name or number; default: root");
    options.option("-w,--cwd", request.cwd, "DIRECTORY", "Where to run it; default: the user's home");
    options.repeatedOption("-e,--env", environment, "NAME=VALUE", "Set a variable of its environment");
    options.flag("-t,--tty", request.tty, "Give it a terminal (for interactive programs)");
    options.operand("NAME", name, "The zone");
    options.rest("COMMAND [ARG…]", request.argv, "what to run; not passed through a shell", false);
    options.examples("zonectl exec web -- systemctl is-system-running\n"
                     "zonectl exec web -- tar -cf - /etc > etc.tar\n"
                     "zonectl exec --tty --user www-data web -- sh -c 'cd /var/www && top'");
    options.parse(arguments);
    std::ranges::for_each(request.argv, requireText);
    std::ranges::for_each(environment, requireText);
    requireText(request.cwd);
    requireText(request.user);
    for (const auto& variable : environment) {
        request.environment.insert_or_assign(parseSetting(variable).first, parseSetting(variable).second);
    }
    if (request.tty) {
        describeTerminal(request);
    }
    Client client;
    return relayExec(client, name, request, "run " + request.argv.front() + " in zone " + name);
}

} // namespace zoned::ctl
