#include "unit_start.hpp"

#include <memory>
#include <utility>

#include "sys/error.hpp"

namespace zoned::daemon {

void startWithin(sys::EventLoop& loop, std::chrono::milliseconds limit, UnitStarted then,
                 const std::function<void(UnitStarted)>& start) {
    struct Waiting {
        UnitStarted then;
        sys::EventLoop::Source timer;
    };
    const auto waiting = std::make_shared<Waiting>();
    waiting->then = std::move(then);
    // whichever comes first takes `then`; the timer holds the state until then, and whoever starts may drop its part
    const auto end = [](const std::shared_ptr<Waiting>& state, const std::string& problem) {
        const sys::EventLoop::Source timer = std::move(state->timer);
        if (const UnitStarted tell = std::exchange(state->then, nullptr)) {
            tell(problem);
        }
    };
    waiting->timer = loop.after(limit, [waiting, end, limit] {
        const std::shared_ptr<Waiting> held = waiting; // the source goes, and its captures with it
        end(held,
            sys::join("it has not started within ", std::chrono::duration_cast<std::chrono::seconds>(limit).count(),
                      " s; systemctl list-jobs shows what it waits for"));
    });
    start([waiting, end](const std::string& problem) { end(waiting, problem); });
}

} // namespace zoned::daemon
