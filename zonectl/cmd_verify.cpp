#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runVerify(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> files;
    Arguments options("verify", std::string(self.summary) + ".\nEach problem is told with its file, line and key.");
    options.operands("FILE", files, "YAML definitions, see zone.yaml(5); '-' is standard input");
    options.examples("zonectl verify web.yaml");
    options.parse(arguments);

    Client client;
    int status = 0;
    for (const auto& file : files) {
        try {
            const DefinitionText definition = readDefinition(file);
            const Verified verified = client.verify(definition.text, definition.origin);
            for (const auto& warning : verified.warnings) {
                printError(sys::join(definition.origin, ": warning: ", warning));
            }
            print(cleanText(sys::join(definition.origin, ": valid, defines zone ", verified.zone, "\n")));
        } catch (const BusError& e) {
            // The problems name the file themselves.
            if (e.name() == "org.zoned1.Error.InvalidDefinition") {
                printError(e.what());
            } else {
                reportFailure("verify " + file, e.what());
            }
            status = 1;
        } catch (const sys::Error& e) {
            printError(e.what());
            status = 1;
        }
    }
    return status;
}

} // namespace zoned::ctl
