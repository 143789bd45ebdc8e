// The service, as the verbs see it: a typed client of org.zoned1, see lib/api/*.xml for what each
// call means. sdbus-c++ stays behind it.
//
// Every call throws BusError with the service's own sentence where it was refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "news.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::ctl {

/// The service refused, or could not be reached.
class BusError : public std::runtime_error {
public:
    BusError(std::string name, const std::string& text) : std::runtime_error(text), name_(std::move(name)) {}
    /// "org.zoned1.Error.Busy"
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};

using ObjectPath = std::string;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct ZoneSummary {
    std::string name;
    std::string state;
    std::string note;
    std::string image;
    std::vector<std::string> addresses;
    ObjectPath path;
};

struct ZoneDetails {
    std::string name, state;
    bool booted = false;
    std::string reason, problem, maintenance, description, image;
    bool autoboot = false;
    bool privileged = false;
    Pairs addresses; // interface, address
    std::uint32_t initPid = 0;
    std::string initKind;
    std::int64_t since = 0; // seconds since 1970
    std::uint32_t idBase = 0;
    std::string cgroup;
    std::string group;
    std::vector<std::string> changed; // keys that wait for the next boot
    Pairs limits;                     // in effect: key below resources, value
    ObjectPath job;                   // "/" for none
    /// False where the rest is not for us, and reason, maintenance and problem are what everybody is told.
    bool detailed = false;
    std::string machineId;
    Pairs hostInterfaces; // interface, the host's end of it
    std::vector<std::string> after, needs, hostRequires;
    std::string restart; // "" of a definition that cannot be used
    std::uint32_t bootPriority = 0;
};

struct ImageSummary {
    std::string name, origin, os;
    std::uint64_t bytes = 0;
    std::int64_t created = 0; // seconds since 1970
    std::vector<std::string> usedBy;
    ObjectPath path;
};

struct ImageDetails {
    std::string name, id, origin, os;
    std::uint64_t bytes = 0, files = 0;
    std::int64_t created = 0;
    std::vector<std::string> usedBy;
    std::vector<std::string> notes;
};

struct JobSummary {
    std::uint32_t id = 0;
    std::string kind, object;
    double progress = -1; // 0..1, or -1
    std::string message;
    ObjectPath path;
    std::int64_t began = 0; // seconds since 1970
};

/// Numbers by name, as of org.zoned1.Manager.Stat.
using Numbers = std::map<std::string, std::uint64_t>;

struct ZoneSample {
    std::string name, state;
    Numbers numbers; // none where the zone is not active
};

struct Sample {
    Numbers host;
    std::vector<ZoneSample> zones; // by name
};

struct JobEnd {
    std::string result; // "done", "failed", "cancelled"
    std::string error;  // a D-Bus error name
    std::string message;
};

struct Verified {
    std::string zone;
    std::vector<std::string> warnings;
};

struct Defined {
    ObjectPath zone;
    std::vector<std::string> warnings;
};

struct SetOutcome {
    std::vector<std::string> applied, waiting, warnings;
};

struct ImageRecipe {
    std::string suite;
    std::string mirror;               // "" for the service's own
    std::vector<std::string> include; // further packages
    std::string init;                 // "" for the default
};

struct ExecRequest {
    std::vector<std::string> argv; // empty: a login shell
    std::string user, cwd;         // "" for the default
    std::map<std::string, std::string> environment;
    bool tty = false;
    std::uint16_t rows = 0, columns = 0; // 0: not known
    std::string term;
};

struct ExecStreams {
    sys::UniqueFd control;
    std::vector<sys::UniqueFd> stdio;
};

class Client {
public:
    /// Connects to the system bus.
    Client();
    /// Nobody is asked for a password by any call of this process from now on.
    static void neverAskPassword() noexcept;
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    [[nodiscard]] std::string version();
    [[nodiscard]] std::vector<ZoneSummary> zones();
    [[nodiscard]] std::vector<ImageSummary> images();
    [[nodiscard]] std::vector<JobSummary> jobs();
    /// @param names none: all zones that are active
    [[nodiscard]] Sample sample(const std::vector<std::string>& names);
    [[nodiscard]] ObjectPath zone(const std::string& name);
    [[nodiscard]] ObjectPath image(const std::string& name);
    [[nodiscard]] ZoneDetails zoneDetails(const ObjectPath& zone);
    /// The zones that this one waits for (after, requires), as far as we may know.
    [[nodiscard]] std::vector<std::string> waitsOf(const ObjectPath& zone);
    [[nodiscard]] ImageDetails imageDetails(const ObjectPath& image);
    [[nodiscard]] std::string definition(const ObjectPath& zone);
    /// The steps of a boot: name, what it does.
    [[nodiscard]] Pairs plan(const ObjectPath& zone);

    /// @param name "" takes it from the text
    Defined define(const std::string& name, const std::string& text, const std::string& origin, const Pairs& settings);
    /// Returns the name of the zone that the text would define.
    Verified verify(const std::string& text, const std::string& origin);

    /// Changes keys of a zone's definition and, where `stored` is false, of the zone that runs.
    SetOutcome set(const ObjectPath& zone, const Pairs& settings, bool runtime, bool stored);

    // Requests that answer with a job.
    ObjectPath install(const ObjectPath& zone);
    ObjectPath uninstall(const ObjectPath& zone);
    ObjectPath remove(const ObjectPath& zone);
    ObjectPath boot(const ObjectPath& zone, const std::vector<std::string>& initArgs, bool wait);
    ObjectPath ready(const ObjectPath& zone);
    ObjectPath halt(const ObjectPath& zone);
    /// @param timeout 0 takes the definition's
    ObjectPath shutdown(const ObjectPath& zone, std::chrono::seconds timeout);
    ObjectPath reboot(const ObjectPath& zone, bool force);
    ObjectPath autoboot();
    ObjectPath shutdownAll();
    ObjectPath buildImage(const std::string& name, const ImageRecipe& recipe);
    ObjectPath importImage(const std::string& name, int archive, const std::string& origin);
    ObjectPath removeImage(const ObjectPath& image);

    void clearMaintenance(const ObjectPath& zone);
    ExecStreams exec(const ObjectPath& zone, const ExecRequest& request);
    /// Where that takes no password.
    ExecStreams execWithoutAsking(const ObjectPath& zone, const ExecRequest& request);
    sys::UniqueFd openConsole(const ObjectPath& zone);
    /// The files of a log, oldest first. @param source "console" or "service"
    std::vector<sys::UniqueFd> readLog(const ObjectPath& zone, const std::string& source);

    void cancel(const ObjectPath& job);
    /// How a job ended; nothing while no end was told. With all that we may know of it.
    [[nodiscard]] std::optional<JobEnd> ended(const ObjectPath& job);

    /// Begins to collect news (news.hpp): what is read after this cannot have been missed.
    void listen();
    /// Those that dispatch() and every other call received since, oldest first.
    [[nodiscard]] std::vector<News> takeNews();

    // For poll(2): signals of the bus arrive in dispatch().
    [[nodiscard]] int fd() const;
    [[nodiscard]] short events() const;
    /// Milliseconds until dispatch() must be called; negative: no need.
    [[nodiscard]] int timeout() const;
    void dispatch();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace zoned::ctl
