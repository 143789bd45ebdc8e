// Writes records to the disk without ever waiting for it.
//
// What is on the disk is what is told as done: whoever changes a record goes on at once, with the record as it is going
// to be, and the job that it belongs to ends when the record is written. A process of our own writes them in the order
// in which they were asked for, one at a time. While the disk does not answer, they wait here, the latest of each file.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sys/channel.hpp"
#include "sys/event_loop.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

class Clerk {
public:
    /// Nothing: it is on the disk.
    using Done = std::function<void(const std::optional<zone::Fault>&)>;

    /// @param program path of zone-worker
    Clerk(sys::EventLoop& loop, std::string program) : loop_(loop), program_(std::move(program)) {}
    /// Waits for what is under way, and writes the rest itself.
    ~Clerk();
    Clerk(const Clerk&) = delete;
    Clerk& operator=(const Clerk&) = delete;

    /// Replaces a file durably (sys::replaceFile).
    /// @param about whose it is, for settled(): the zone's name
    void replace(const std::string& about, const std::string& path, const std::string& text, mode_t mode, Done done);
    /// Removes a file durably, where there is one.
    void remove(const std::string& about, const std::string& path, Done done);
    /// Replaces a file that matters only as long as the host runs; nobody waits for it.
    void replaceVolatile(const std::string& path, const std::string& text, mode_t mode);

    /// Calls back when all that was asked for about this is on the disk, at once where nothing is under way; with the
    /// last fault of what was under way.
    void settled(const std::string& about, Done then);

private:
    struct Write {
        std::string about; // "" where nobody waits
        std::string path;
        std::string packet;
        std::function<void()> perform; // in this process, at its end
        std::vector<Done> done;
    };
    struct Owed {
        std::size_t writes = 0;
        std::optional<zone::Fault> fault;
        std::vector<Done> waiting;
    };
    void ask(Write write);
    [[nodiscard]] bool mergeWithLast(Write& write);
    [[nodiscard]] bool lastIsWritten() noexcept;
    void sendNext();
    void start();
    void answered();
    void ended();
    void finish(const std::optional<zone::Fault>& fault);

    sys::EventLoop& loop_;
    std::string program_;
    std::deque<Write> writes_; // the first is under way
    std::map<std::string, Owed> owed_;
    bool asked_ = false; // the first has been sent
    sys::Channel channel_;
    sys::EventLoop::Source answers_;
    sys::EventLoop::Source exit_;
    sys::EventLoop::Source retry_;
    sys::EventLoop::Source idle_;
};

} // namespace zoned::daemon
