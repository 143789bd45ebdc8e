#include <fcntl.h>
#include <unistd.h>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "sys/file.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

int runImageImport(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::string file;
    Arguments options("image import", std::string(self.summary) + ": tar, plain or packed with gzip, xz or zstd.");
    options.operand("NAME", name, "Name of the new image");
    options.operand("FILE", file, "The archive; '-' is standard input");
    options.examples("zonectl image import alpine alpine-minirootfs.tar.gz\n"
                     "xzcat rootfs.tar.xz | zonectl image import mine -");
    options.parse(arguments);

    const bool standardInput = file == "-";
    if (standardInput && isTerminal(STDIN_FILENO)) {
        throw UsageError("image import: an archive is not read from a terminal");
    }
    const auto opened = standardInput ? sys::UniqueFd() : sys::open(file, O_RDONLY);
    const int archive = standardInput ? STDIN_FILENO : opened.get();
    const std::string origin = standardInput ? "standard input" : file.substr(file.rfind('/') + 1);
    Client client;
    const Outcomes ends = runJobs(client, {{"import image " + name, "image " + name + ": imported",
                                            [&] { return client.importImage(name, archive, origin); }}});
    printImageNotes(client, name, ends);
    return ends.status();
}

} // namespace zoned::ctl
