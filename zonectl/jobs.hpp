// Asking for jobs and waiting for their ends: what most verbs do.
//
// All requests are sent before the first is waited for, so that several zones are worked on at
// once. While jobs run, a terminal shows one line of progress; ^C asks the service to cancel them
// and waits for their ends, a second ^C leaves them behind.
//
// A service that is restarted takes its jobs along. What they were about goes on in the zones'
// supervisors, so it is the zone's state that then tells whether a request was fulfilled.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client.hpp"

namespace zoned::ctl {

/// What a request makes of a zone.
struct Goal {
    std::string zone;
    std::string state;   // "running"; "gone" where there is to be no zone; "" where no state tells that it is reached
    bool booted = false; // and the zone says that it is ready
};

struct Request {
    std::string what; // "boot zone web", after "cannot"
    std::string done; // "zone web: booted"; "" says nothing
    /// Sends the request; returns the job's path.
    std::function<ObjectPath()> send;
    /// Says more, once it was reported that the job has failed; may be empty.
    std::function<void(const JobEnd& end)> failed{};
    Goal goal{};
};

struct Outcomes {
    std::vector<bool> succeeded; // in the order of the requests
    bool cancelled = false;      // by ^C

    [[nodiscard]] int status() const;
};

/// Sends them all, reports each one's end, returns when all have ended.
Outcomes runJobs(Client& client, const std::vector<Request>& requests);

/// One request for each name, once: `cannot verb zone NAME: …`, `zone NAME: done`.
/// @param goal its zone is each of them in turn
std::vector<Request>
zoneRequests(Client& client, const std::vector<std::string>& names, const std::string& verb, const std::string& done,
             const Goal& goal, const std::function<ObjectPath(Client&, const ObjectPath& zone)>& send,
             const std::function<void(Client&, const std::string& name, const JobEnd& end)>& failed);

/// All of them at once.
/// Returns the exit status.
/// @param goal its zone is each of them in turn
int forEachZone(const std::vector<std::string>& names, const std::string& verb, const std::string& done,
                const Goal& goal, const std::function<ObjectPath(Client&, const ObjectPath& zone)>& send,
                const std::function<void(Client&, const std::string& name, const JobEnd& end)>& failed = {});

/// "cannot boot zone web: …"; the problems of a definition, one a line, below it.
void reportFailure(const std::string& what, const std::string& message);

/// What was left out of an image that was just made, and the like; a line each.
void printImageNotes(Client& client, const std::string& image, const Outcomes& ends);

/// The line of progress, for `width` columns: "image-build deb  [####      ] 40%  unpacking".
[[nodiscard]] std::string progressLine(const std::vector<JobSummary>& running, std::size_t width);

} // namespace zoned::ctl
