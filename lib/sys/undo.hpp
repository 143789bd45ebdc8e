// Runs an action when the scope is left, unless it was called off: the undo
// of a half-done piece of work.
#pragma once

#include <utility>

namespace zoned::sys {

template <typename Action>
class Undo {
public:
    explicit Undo(Action action) : action_(std::move(action)) {}
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo() {
        if (armed_) {
            action_();
        }
    }

    void cancel() noexcept { armed_ = false; }

private:
    Action action_;
    bool armed_ = true;
};

} // namespace zoned::sys
