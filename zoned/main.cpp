// zoned: the zone manager's service. See service.hpp for its parts.
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "border.hpp"
#include "config.h"
#include "host.hpp"
#include "log.hpp"
#include "machined.hpp"
#include "service.hpp"
#include "sys/error.hpp"
#include "sys/event_loop.hpp"

namespace {

using namespace zoned;

struct Options {
    std::string root;
    std::string address;
    std::string logLevel;
};

/// Tells the service manager that we live, twice in the time it gives us.
class Watchdog {
public:
    explicit Watchdog(sys::EventLoop& loop) : loop_(loop) {
        std::uint64_t limit = 0;
        if (sd_watchdog_enabled(0, &limit) > 0) {
            interval_ = std::chrono::microseconds(limit / 2);
            tick();
        }
    }

private:
    void tick() {
        sd_notify(0, "WATCHDOG=1");
        timer_ = loop_.after(interval_, [this] { tick(); });
    }

    sys::EventLoop& loop_;
    std::chrono::microseconds interval_{0};
    sys::EventLoop::Source timer_;
};

int serve(const Options& options) {
    daemon::Host host = daemon::examineHost(options.root);
    daemon::setUpLog(options.logLevel.empty() ? host.settings.logLevel : options.logLevel,
                     [host](const std::string& zone) { return host.hasZone(zone) ? host.serviceLog(zone) : ""; });
    const sys::UniqueFd lock = daemon::lockHost(host);
    daemon::prepareHost(host);
    sys::EventLoop loop;
    loop.onFault(daemon::tellFault);
    const auto quit = [&loop] { loop.quit(0); };
    const auto terminate = loop.onSignalFrom(SIGTERM, [quit](pid_t sender) {
        if (daemon::isMachined(sender)) {
            spdlog::warn("systemd-machined asks this service to end, for a zone's sake; that is not done: "
                         "'zonectl shutdown' ends a zone");
        } else {
            quit();
        }
    });
    const auto interrupt = loop.onSignal(SIGINT, quit);
    daemon::Service service(loop, std::move(host));
    service.start([] {
        sd_notify(0, "READY=1");
        spdlog::info("zoned {} is ready", ZONED_VERSION);
    });
    const Watchdog watchdog(loop);
    const int code = loop.run();
    sd_notify(0, "STOPPING=1");
    return code;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("The zone manager's service, org.zoned1 on the system bus.", "zoned");
    app.set_version_flag("--version", "zoned " ZONED_VERSION);
    app.add_option("--root", options.root, "folder that stands for / in our own paths (etc, var, run)");
    app.add_option("--address", options.address, "address of the bus, in place of the system bus");
    app.add_option("--log-level", options.logLevel, "in place of zoned.yaml's log-level")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (!options.address.empty()) {
        setenv("DBUS_SYSTEM_BUS_ADDRESS", options.address.c_str(), 1);
    }
    signal(SIGPIPE, SIG_IGN);
    try {
        return serve(options);
    } catch (const std::exception& error) {
        std::cerr << "zoned: " << error.what() << "\n";
        return 1;
    }
}
