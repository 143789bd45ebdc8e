#include <algorithm>
#include <optional>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "event_wait.hpp"
#include "going_down.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "sys/error.hpp"
#include "zone/zone_name.hpp"
#include "zone/zone_state.hpp"

namespace zoned::ctl {

namespace {

constexpr int interrupted = 130; // as a shell has it for ^C

class ZoneWait {
public:
    ZoneWait(std::string name, std::string wanted) : name_(std::move(name)), wanted_(std::move(wanted)) {}

    /// Returns the exit status.
    int run(std::optional<std::chrono::seconds> timeout) {
        // The clock runs from here, whatever the service takes for its first answer.
        Deadline deadline;
        if (timeout) {
            deadline = std::chrono::steady_clock::now() + *timeout;
        }
        // First the subscription, then the look: a change between the two is in the news, and one before in the look.
        client_.listen();
        look();
        while (!reached_ && !deleted_) {
            const Woken woken = waitForEvent(client_, signals_, nextLook(deadline));
            for (const News& news : client_.takeNews()) {
                take(news);
            }
            if (reached_ || deleted_) {
                break;
            }
            if (woken == Woken::bySignal) {
                return interrupted;
            }
            if (woken == Woken::byDeadline && goingDown_ && !isOver(deadline)) {
                look(); // nobody tells that it goes on after all
            } else if (woken == Woken::byDeadline) {
                printError(
                    sys::join("zone ", name_, " is not ", wanted_, " after ", timeout->count(), " s: it is ", state_));
                return 1;
            }
        }
        if (!reached_) {
            printError(sys::join("zone ", name_, " does not exist any more; it will not be ", wanted_));
        }
        return reached_ ? 0 : 1;
    }

private:
    [[nodiscard]] Deadline nextLook(const Deadline& deadline) const {
        const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        return goingDown_ ? Deadline(deadline ? std::min(*deadline, next) : next) : deadline;
    }

    static bool isOver(const Deadline& deadline) { return deadline && std::chrono::steady_clock::now() >= *deadline; }

    void look() {
        const auto zones = client_.zones();
        const auto found = std::ranges::find_if(zones, [this](const auto& zone) { return zone.name == name_; });
        if (found == zones.end()) {
            if (wanted_ != "gone" && !known_) {
                throw BusError("org.zoned1.Error.NoSuchZone", sys::join("there is no zone '", name_, "'"));
            }
            gone();
            return;
        }
        known_ = true;
        see(found->state);
        if (wanted_ == "booted" && !reached_) {
            try {
                const ZoneDetails zone = client_.zoneDetails(found->path);
                goingDown_ = zone.booted && isGoingDown(client_, found->path, zone.initKind);
                reached_ = zone.booted && !goingDown_;
            } catch (const BusError&) {
                // deleted in between: that is told in the news
            }
        }
    }

    void take(const News& news) {
        if (news.kind == News::Kind::serviceThere) {
            try {
                look(); // what happened while it was away, nobody told
            } catch (const BusError& error) {
                printNote(error.what());
            }
        }
        if (news.name != name_ || reached_) {
            return;
        }
        if (news.kind == News::Kind::zoneRemoved) {
            gone();
        } else if (news.kind == News::Kind::zoneChanged) {
            if (news.state) {
                see(*news.state);
                goingDown_ = false;
            }
            reached_ = reached_ || (wanted_ == "booted" && news.booted.value_or(false));
        }
    }

    void see(const std::string& state) {
        state_ = state;
        reached_ = reached_ || state == wanted_;
    }

    void gone() {
        deleted_ = true;
        reached_ = reached_ || wanted_ == "gone";
    }

    std::string name_;
    std::string wanted_;
    std::string state_;
    bool known_ = false;
    bool goingDown_ = false; // it is up, and its init says that it will not be for long
    bool reached_ = false;
    bool deleted_ = false;
    Signals signals_;
    Client client_;
};

} // namespace

int runWait(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::string state;
    std::string timeout;
    std::string states;
    for (const zone::State one : zone::allStates) {
        states += std::string(zone::stateName(one)) + ", ";
    }
    states += "booted or gone";
    Arguments options("wait",
                      std::string(self.summary) +
                          ".\nExit status 0 when it is, 1 after the timeout or where it cannot come to that any "
                          "more, 130 after ^C.");
    options.operand("NAME", name, "The zone");
    options.operand("STATE", state, "One of " + states);
    options.option("-t,--timeout", timeout, "DURATION", "At most so long (90, 90s, 2m)");
    options.examples("zonectl wait web booted --timeout 2m\nzonectl wait web gone");
    options.parse(arguments);
    if (const auto problem = zone::ZoneName::problem(name)) {
        throw UsageError("wait: '" + name + "' is no zone's name: " + *problem);
    }
    if (state != "booted" && state != "gone" && !zone::parseState(state)) {
        throw UsageError("wait: there is no state '" + state + "'; there are " + states);
    }
    std::optional<std::chrono::seconds> patience;
    if (!timeout.empty()) {
        patience = parseDuration("--timeout", timeout);
    }
    return ZoneWait(name, state).run(patience);
}

} // namespace zoned::ctl
