#include "authorizer.hpp"

#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

const char* verbText(Verb verb) {
    switch (verb) {
    case Verb::list:
        return "list zones";
    case Verb::details:
        return "read definitions";
    case Verb::manage:
        return "change the state of zones";
    case Verb::configure:
        return "define or delete zones";
    case Verb::image:
        return "change images";
    case Verb::enter:
        return "run programs in zones or open their consoles";
    case Verb::cancelJob:
        return "cancel jobs";
    }
    return "do this";
}

} // namespace

Decision authorise(const Caller& caller, Verb verb, const std::string& object) {
    if (verb == Verb::list || caller.uid == 0) {
        return {true, ""};
    }
    const std::string where = object.empty() ? "" : " (" + object + ")";
    if (caller.uid == static_cast<uid_t>(-1)) {
        return {false,
                sys::join("permission denied: who asks is not known, and only root may ", verbText(verb), where)};
    }
    return {false,
            sys::join("permission denied: only root may ", verbText(verb), where, "; you are user ", caller.uid)};
}

} // namespace zoned::daemon
