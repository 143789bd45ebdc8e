// zone-worker: long or dangerous work on files, for zoned.
//
// It is started as root for one job, says how far it is in JSON lines on
// stdout, and ends with the job. SIGTERM cancels. It dies with zoned.

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "config.h"
#include "failure.hpp"
#include "image_job.hpp"
#include "lookups.hpp"
#include "records.hpp"
#include "remove_job.hpp"
#include "report.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace zoned::worker;

namespace {

struct Arguments {
    ImageOptions image;
    std::uint64_t maxSeconds = 3600;
    BootstrapOptions bootstrap;
    std::string init = "systemd";
    std::vector<std::string> folders;
};

/// What is sought, each followed by a NUL.
std::vector<std::string> wordsOnStdin() {
    constexpr std::size_t most = 1024 * 1024; // a definition has 64 KiB
    std::vector<std::string> words;
    std::istringstream text(sys::readAll(STDIN_FILENO, "what is sought", most));
    for (std::string word; std::getline(text, word, '\0');) {
        words.push_back(word);
    }
    return words;
}

void addImageOptions(CLI::App& command, Arguments& arguments) {
    command.add_option("--rootfs", arguments.image.rootfs, "the empty folder to fill")->required();
    command.add_option("--id-base", arguments.image.idBase, "first of the 65536 ids to unpack with")
        ->required()
        ->check(CLI::Range(65536U, 4294901760U));
    command.add_option("--max-bytes", arguments.image.budget.bytes, "largest size of all files")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 60));
    command.add_option("--max-entries", arguments.image.budget.entries, "most entries of the archive")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
    command.add_option("--max-seconds", arguments.maxSeconds, "longest time")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{7} * 24 * 3600));
}

void runImage(Arguments& arguments, Report& report) {
    std::string& rootfs = arguments.image.rootfs;
    while (rootfs.size() > 1 && rootfs.back() == '/') {
        rootfs.pop_back();
    }
    if (rootfs.size() < 2 || rootfs.front() != '/') {
        throw Failure(FailureKind::failed, "--rootfs needs the absolute path of a folder");
    }
    arguments.image.maxTime = std::chrono::seconds(arguments.maxSeconds);
    const ImageResult result = ImageJob(arguments.image, report).run();
    report.result(result);
}

/// zoned reads what we say. Where it died before we were tied to it, nobody is left to end us, and nobody reads.
void dieWithReader() {
    sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "tying the worker to its parent");
    pollfd output{STDOUT_FILENO, 0, 0};
    if (::poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0) {
        throw Failure(FailureKind::cancelled, "nobody waits for the worker any more");
    }
}

int guarded(Report& report, const std::function<void()>& work) {
    try {
        work();
        return 0;
    } catch (const Failure& failure) {
        report.error(failure);
    } catch (const std::exception& fault) {
        report.error(Failure(FailureKind::failed, fault.what()));
    }
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app("zone-worker: works on files for zoned; not for use by hand");
    app.set_version_flag("--version", "zone-worker " ZONED_VERSION);
    app.require_subcommand(1);
    CLI::App& import = *app.add_subcommand("import", "unpack the tar archive on stdin (plain, gzip, xz, zstd)");
    addImageOptions(import, arguments);
    CLI::App& build = *app.add_subcommand("build", "make a Debian root file system with mmdebstrap");
    addImageOptions(build, arguments);
    build.add_option("--suite", arguments.bootstrap.suite, "such as bookworm")->required();
    build.add_option("--mirror", arguments.bootstrap.mirror, "URL of the packages");
    build.add_option("--include", arguments.bootstrap.include, "further packages")->delimiter(',');
    build.add_option("--init", arguments.init, "the init system")
        ->check(CLI::IsMember({"systemd", "sysvinit", "openrc", "none"}));
    CLI::App& remove = *app.add_subcommand("remove", "remove trees");
    remove.add_option("folder", arguments.folders, "absolute paths")->required();
    CLI::App& paths = *app.add_subcommand(
        "find-paths", "say which of the absolute paths on stdin, each followed by a NUL, there are");
    CLI::App& accounts =
        *app.add_subcommand("find-accounts", "say which of the accounts on stdin there are: user:NAME, group:NAME, or "
                                             "with a number, each followed by a NUL");
    CLI::App& records = *app.add_subcommand("write-records", "write what the channel on stdin brings");
    CLI11_PARSE(app, argc, argv);

    Report report(STDOUT_FILENO);
    return guarded(report, [&] {
        dieWithReader();
        if (remove.parsed()) {
            removeTrees(arguments.folders, report);
            report.done();
            return;
        }
        if (records.parsed()) {
            writeRecords(sys::Channel(sys::UniqueFd(STDIN_FILENO)));
            return;
        }
        if (paths.parsed() || accounts.parsed()) {
            const std::vector<std::string> sought = wordsOnStdin();
            report.found(paths.parsed() ? findPaths(sought) : findAccounts(sought));
            return;
        }
        if (build.parsed()) {
            arguments.bootstrap.init = *parseInitKind(arguments.init);
            arguments.image.bootstrap = arguments.bootstrap;
        }
        runImage(arguments, report);
    });
}
