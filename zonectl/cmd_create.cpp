#include <algorithm>

#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

struct CreateOptions {
    std::vector<std::string> names;
    std::string image;
    std::string file;
    std::vector<std::string> settings;
    bool boot = false;
    bool wait = false;
};

struct NewZone {
    std::string name;
    ObjectPath path;
};

/// Defines all of them; the refused ones are reported and left out.
std::vector<NewZone> define(Client& client, const CreateOptions& options, const DefinitionText& definition) {
    Pairs settings;
    if (!options.image.empty()) {
        settings.emplace_back("image", options.image);
    }
    for (const auto& setting : options.settings) {
        settings.push_back(parseSetting(setting));
    }
    std::vector<NewZone> defined;
    const auto one = [&](const std::string& name, const std::string& what) {
        try {
            const auto [path, warnings] = client.define(name, definition.text, definition.origin, settings);
            defined.push_back({name.empty() ? client.zoneDetails(path).name : name, path});
            for (const auto& warning : warnings) {
                printError(join("warning: zone ", defined.back().name, ": ", warning));
            }
        } catch (const BusError& e) {
            reportFailure(what, e.what());
        }
    };
    for (const auto& name : options.names) {
        one(name, "create zone " + name);
    }
    if (options.names.empty()) {
        one("", "create the zone of " + definition.origin);
    }
    return defined;
}

/// Installs them; a zone that cannot be installed loses the definition it was just given.
std::vector<NewZone> install(Client& client, const std::vector<NewZone>& defined, bool& cancelled) {
    std::vector<Request> requests;
    for (const auto& zone : defined) {
        requests.push_back({"create zone " + zone.name,
                            join("zone ", zone.name, ": created"),
                            [&client, zone] { return client.install(zone.path); },
                            {},
                            {zone.name, "installed"}});
    }
    const Outcomes outcomes = runJobs(client, requests);
    cancelled = outcomes.cancelled;
    std::vector<NewZone> installed;
    std::vector<Request> undo;
    for (std::size_t i = 0; i < defined.size(); ++i) {
        if (outcomes.succeeded[i]) {
            installed.push_back(defined[i]);
        } else {
            undo.push_back({"take back the definition of zone " + defined[i].name, "",
                            [&client, path = defined[i].path] { return client.remove(path); }});
        }
    }
    runJobs(client, undo);
    return installed;
}

int create(const CreateOptions& options) {
    const DefinitionText definition = options.file.empty() ? DefinitionText{} : readDefinition(options.file);
    const std::size_t wanted = std::max<std::size_t>(options.names.size(), 1);
    Client client;
    bool cancelled = false;
    const auto installed = install(client, define(client, options, definition), cancelled);
    int status = installed.size() == wanted ? 0 : 1;
    if (options.boot && !cancelled) {
        std::vector<Request> requests;
        for (const auto& zone : installed) {
            requests.push_back({"boot zone " + zone.name,
                                join("zone ", zone.name, options.wait ? ": ready" : ": booted"),
                                [&client, &options, zone] { return client.boot(zone.path, {}, options.wait); },
                                {},
                                {zone.name, "running", options.wait}});
        }
        status = runJobs(client, requests).status() == 0 ? status : 1;
    }
    return status;
}

} // namespace

int runCreate(const Command& self, const std::vector<std::string>& arguments) {
    CreateOptions wanted;
    Arguments options("create", std::string(self.summary) +
                                    ".\nThe definition is made of --file, --image and --set; see 'zonectl help "
                                    "definition' for its keys.");
    options.operands("NAME", wanted.names, "Names of the new zones; with --file one at most", true);
    options.option("-i,--image", wanted.image, "IMAGE", "The image to start from: the same as --set image=IMAGE");
    options.option("-f,--file", wanted.file, "FILE", "Take the definition of this YAML file ('-': standard input)");
    options.repeatedOption("-s,--set", wanted.settings, "KEY=VALUE", "Set a key of the definition");
    options.flag("-b,--boot", wanted.boot, "Boot them afterwards");
    options.flag("-w,--wait", wanted.wait, "With --boot: wait until they are ready");
    options.examples("zonectl create web --image bookworm --boot\n"
                     "zonectl create a b c --image bookworm --set resources.memory=512M\n"
                     "zonectl create -f web.yaml --set autoboot=true");
    options.parse(arguments);
    if (wanted.file.empty() && wanted.names.empty()) {
        throw UsageError("create: a name or --file is needed\nTry 'zonectl create --help'.");
    }
    if (!wanted.file.empty() && wanted.names.size() > 1) {
        throw UsageError("create: --file makes one zone; at most one name can be given with it");
    }
    if (wanted.wait && !wanted.boot) {
        throw UsageError("create: --wait needs --boot");
    }
    for (const auto& setting : wanted.settings) {
        (void)parseSetting(setting); // before anything is done
    }
    return create(wanted);
}

} // namespace zoned::ctl
