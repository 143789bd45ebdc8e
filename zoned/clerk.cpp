#include "clerk.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "border.hpp"
#include "spawn.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

using nlohmann::json;
using zone::Fault;
using zone::FaultKind;

// A process that nobody needs takes memory.
constexpr std::chrono::seconds idleTime{60};
// At our end; what systemd gives us for it is more.
constexpr int lastPatience = 20'000; // ms

std::string packetOf(const json& wish) {
    return wish.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Fault> faultIn(const std::string& packet) {
    const json answer = json::parse(packet, nullptr, false);
    if (!answer.is_object()) {
        return Fault(FaultKind::failed, "the answer of what writes records is not understood");
    }
    if (!answer.contains("error")) {
        return std::nullopt;
    }
    return Fault(FaultKind::failed, sys::Error(answer.value("error", ""), answer.value("code", 0)).what());
}

} // namespace

Clerk::~Clerk() {
    answers_.reset();
    exit_.reset();
    if (writes_.empty()) {
        return;
    }
    if (asked_) {
        pollfd answer{channel_.fd(), POLLIN, 0};
        if (::poll(&answer, 1, lastPatience) > 0 && lastIsWritten()) {
            writes_.pop_front();
        }
    }
    channel_.close();
    for (const Write& write : writes_) {
        try {
            write.perform();
        } catch (const sys::Error& error) {
            spdlog::error("{}", error.what());
        }
    }
}

/// What the answer says that came at our end; where it came from nobody, or tells of a fault, we try ourselves.
bool Clerk::lastIsWritten() noexcept {
    try {
        const auto packet = channel_.receive();
        return packet && !faultIn(packet->data);
    } catch (const std::exception&) {
        return false;
    }
}

void Clerk::replace(const std::string& about, const std::string& path, const std::string& text, mode_t mode,
                    Done done) {
    ask({about,
         path,
         packetOf({{"do", "replace"}, {"path", path}, {"text", text}, {"mode", mode}, {"durable", true}}),
         [path, text, mode] { sys::replaceFile(path, text, mode); },
         {std::move(done)}});
}

void Clerk::remove(const std::string& about, const std::string& path, Done done) {
    ask({about,
         path,
         packetOf({{"do", "remove"}, {"path", path}}),
         [path] { (void)sys::removeFile(path); },
         {std::move(done)}});
}

void Clerk::replaceVolatile(const std::string& path, const std::string& text, mode_t mode) {
    ask({"",
         path,
         packetOf({{"do", "replace"}, {"path", path}, {"text", text}, {"mode", mode}, {"durable", false}}),
         [path, text, mode] { sys::replaceVolatileFile(path, text, mode); },
         {}});
}

void Clerk::settled(const std::string& about, Done then) {
    if (const auto found = owed_.find(about); found != owed_.end()) {
        found->second.waiting.push_back(std::move(then));
    } else {
        then(std::nullopt);
    }
}

void Clerk::ask(Write write) {
    if (!write.about.empty()) {
        ++owed_[write.about].writes;
    }
    if (!mergeWithLast(write)) {
        writes_.push_back(std::move(write));
        sendNext();
    }
}

/// What has not been begun, and is about the same file, need not be written: only the latest counts. One that nobody
/// waits for must not take the place of one that somebody does, and none may pass another of its file.
bool Clerk::mergeWithLast(Write& write) {
    const auto begun = static_cast<std::ptrdiff_t>(asked_ ? 1 : 0);
    const auto none = std::make_reverse_iterator(writes_.begin() + begun);
    const auto last = std::find_if(writes_.rbegin(), none, [&](const Write& each) { return each.path == write.path; });
    if (last == none || last->about != write.about) {
        return false;
    }
    last->packet = std::move(write.packet);
    last->perform = std::move(write.perform);
    std::ranges::move(write.done, std::back_inserter(last->done));
    if (!write.about.empty()) {
        --owed_[write.about].writes;
    }
    return true;
}

void Clerk::start() {
    auto [ours, theirs] = sys::Channel::pair();
    Program program{{program_, "write-records"}, {"LC_ALL=C.UTF-8"}, {{STDIN_FILENO, theirs.fd()}}};
    const pid_t pid = spawn(program);
    exit_ = loop_.onExit(pid, [](int) {}); // its channel tells
    channel_ = std::move(ours);
    sys::setNonBlocking(channel_.fd());
    answers_ = loop_.watch(channel_.fd(), EPOLLIN, [this](std::uint32_t) { answered(); });
}

void Clerk::sendNext() {
    if (asked_ || writes_.empty()) {
        return;
    }
    idle_.reset();
    try {
        if (!channel_) {
            start();
        }
        if (!channel_.send(writes_.front().packet)) {
            throw sys::Error("asking for a record to be written", EPIPE);
        }
        asked_ = true;
    } catch (const sys::Error& error) {
        channel_.close();
        retry_ = loop_.defer([this, why = std::string(error.what())] { finish(Fault(FaultKind::failed, why)); });
        asked_ = true;
    }
}

void Clerk::answered() {
    std::optional<sys::Packet> packet;
    try {
        packet = channel_.receive();
    } catch (const sys::Error& error) {
        if (error.code() == EAGAIN) {
            return;
        }
        spdlog::error("{}", error.what());
    }
    if (packet) {
        finish(faultIn(packet->data));
    } else {
        ended();
    }
}

/// It has died: what it was writing may be written or not.
void Clerk::ended() {
    answers_.reset();
    channel_.close();
    if (asked_) {
        finish(Fault(FaultKind::failed, "writing " + writes_.front().path + ": the process that writes it was ended"));
    }
}

void Clerk::finish(const std::optional<Fault>& fault) {
    const Write write = std::move(writes_.front());
    writes_.pop_front();
    asked_ = false;
    if (fault) {
        spdlog::error("{}", fault->what());
    }
    std::vector<Done> waiting;
    std::optional<Fault> told = fault;
    if (const auto found = owed_.find(write.about); found != owed_.end()) {
        Owed& owed = found->second;
        owed.fault = fault ? fault : owed.fault;
        if (--owed.writes == 0) {
            waiting = std::move(owed.waiting);
            told = owed.fault;
            owed_.erase(found);
        }
    }
    sendNext(); // before anybody asks for more
    if (writes_.empty()) {
        idle_ = loop_.after(idleTime, [this] {
            answers_.reset();
            channel_.close();
        });
    }
    for (const Done& done : write.done) {
        attempt("telling of a written record", [&] { done(fault); });
    }
    for (const Done& each : waiting) {
        attempt("telling of a written record", [&] { each(told); });
    }
}

} // namespace zoned::daemon
