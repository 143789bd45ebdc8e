#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

int runImageDelete(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    bool force = false;
    Arguments options("image delete", std::string(self.summary) + ". One that a zone uses is kept.");
    options.flag("-f,--force", force, "Do not ask");
    options.operands("NAME", names, "Images to remove");
    options.examples("zonectl image delete old");
    options.parse(arguments);
    if (!force && !confirm((names.size() == 1 ? "Remove image " : "Remove images ") + joinList(names) + "?")) {
        return 1;
    }

    Client client;
    std::vector<Request> requests;
    for (const auto& name : names) {
        requests.push_back({"delete image " + name, "image " + name + ": deleted",
                            [&client, name] { return client.removeImage(client.image(name)); }});
    }
    return runJobs(client, requests).status();
}

} // namespace zoned::ctl
