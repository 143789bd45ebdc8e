#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "event_log.hpp"
#include "event_wait.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "zone/zone_name.hpp"

namespace zoned::ctl {

namespace {

class Teller {
public:
    Teller(std::vector<std::string> names, bool json) : log_(std::move(names)), json_(json) {}

    void run() {
        client_.listen();
        look();
        while (waitForEvent(client_, signals_, {}) != Woken::bySignal) {
            for (const News& news : client_.takeNews()) {
                tell(log_.take(news));
                if (news.kind == News::Kind::serviceThere) {
                    lookAgain();
                }
            }
        }
    }

private:
    void look() {
        const auto zones = client_.zones();
        tell(log_.take(zones, client_.images()));
    }

    void lookAgain() {
        try {
            look();
        } catch (const BusError& error) {
            printNote(error.what()); // it is gone again; its next start is told, too
        }
    }

    void tell(const std::vector<Event>& events) {
        // each written when it happens: whoever reads this from a pipe waits for it
        for (const Event& event : events) {
            print(json_ ? eventJson(event) : eventText(event));
        }
    }

    Signals signals_; // before the first event: a ^C then ends it well
    Client client_;
    EventLog log_;
    bool json_;
};

} // namespace

int runEvents(const Command& self, const std::vector<std::string>& arguments) {
    bool json = false;
    std::vector<std::string> names;
    Arguments options("events",
                      std::string(self.summary) +
                          ".\nA line each, until ^C, which is exit status 0. Goes on over restarts of zoned.");
    options.operands("NAME", names, "Zones and images, also those to come (else all)", true);
    options.flag("-j,--json", json, "As JSON, an object a line");
    options.examples("zonectl events\nzonectl events web --json");
    options.parse(arguments);
    for (const std::string& name : names) {
        if (const auto problem = zone::ZoneName::problem(name)) {
            throw UsageError("events: '" + name + "' is no name: " + *problem);
        }
    }
    Teller(std::move(names), json).run();
    return 0;
}

} // namespace zoned::ctl
