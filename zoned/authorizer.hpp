// Who may do what: one function, whatever the way in.
#pragma once

#include <sys/types.h>

#include <string>

namespace zoned::daemon {

/// Verbs of the bus by what they give away or change.
enum class Verb {
    list,      // names, states, images, jobs: public
    details,   // definitions and plans
    manage,    // install, boot, halt, …
    configure, // define, delete, verify
    image,     // import, build, delete
    enter,     // exec, console
    cancelJob
};

struct Caller {
    uid_t uid = static_cast<uid_t>(-1); // -1: not known
};

struct Decision {
    bool allowed = false;
    std::string why; // why not, as a sentence
};

/// @param object the zone, image or job the verb is for; "" for the service as a whole
[[nodiscard]] Decision authorise(const Caller& caller, Verb verb, const std::string& object);

} // namespace zoned::daemon
