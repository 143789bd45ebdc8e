#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"

namespace zoned::ctl {

int runImageBuild(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::vector<std::string> includes;
    ImageRecipe recipe;
    Arguments options("image build", std::string(self.summary) + " from its packages (mmdebstrap).");
    options.requiredOption("-s,--suite", recipe.suite, "SUITE", "Debian's name for the release: bookworm, trixie");
    options.option("-m,--mirror", recipe.mirror, "URL", "Where to get packages from; default: zoned.yaml's");
    options.repeatedOption("-p,--include", includes, "PACKAGE,…", "Further packages");
    options.choice("-i,--init", recipe.init, {"systemd", "sysvinit", "openrc", "none"}, "KIND",
                   "systemd (default), sysvinit, openrc or none");
    options.operand("NAME", name, "Name of the new image");
    options.examples("zonectl image build bookworm --suite bookworm\n"
                     "zonectl image build web --suite trixie --include nginx,openssh-server");
    options.parse(arguments);
    for (const auto& list : includes) {
        for (auto& package : splitList(list)) {
            recipe.include.push_back(std::move(package));
        }
    }

    Client client;
    const Outcomes ends = runJobs(client, {{"build image " + name, "image " + name + ": built",
                                            [&] { return client.buildImage(name, recipe); }}});
    printImageNotes(client, name, ends);
    return ends.status();
}

} // namespace zoned::ctl
