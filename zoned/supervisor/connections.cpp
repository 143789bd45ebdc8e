#include "connections.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "service_manager.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/peer.hpp"
#include "zone/public_text.hpp"

namespace zoned::supervisor {

namespace {

using Json = nlohmann::json;

platform::EnterRequest enterRequest(const Json& json) {
    platform::EnterRequest request;
    request.by = json.value("by", request.by);
    request.argv = json.value("argv", std::vector<std::string>{});
    request.user = json.value("user", request.user);
    request.cwd = json.value("cwd", request.cwd);
    request.environment = json.value("env", request.environment);
    request.terminal = json.value("tty", false);
    request.rows = json.value("rows", request.rows);
    request.columns = json.value("columns", request.columns);
    request.term = json.value("term", request.term);
    if (request.user.empty()) {
        request.user = "root";
    }
    return request;
}

std::vector<int> numbers(const std::vector<sys::UniqueFd>& fds) {
    std::vector<int> result;
    for (const sys::UniqueFd& fd : fds) {
        result.push_back(fd.get());
    }
    return result;
}

std::string encode(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Steps follow each other faster than a whole status can be written and read.
bool isOneStepOn(platform::Status before, const platform::Status& now) {
    return std::exchange(before.step, now.step) != now.step && before == now;
}

} // namespace

Connections::Connections(sys::EventLoop& loop, sys::UniqueFd listener, const Place& place)
    : loop_(loop), listener_(std::move(listener)), place_(place),
      supervisor_(loop, place,
                  {[this] { statusChanged(); },
                   [this] {
                       tellAll(encode({{"type", "reboot-spec"}}));
                       return !clients_.empty();
                   },
                   [this] { leaveIfIdle(); }}) {
    sys::setNonBlocking(listener_.get());
    listenSource_ = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { take(); });
}

void Connections::take() {
    auto channel = sys::Channel::accept(listener_.get());
    if (!channel) {
        return;
    }
    if (!sys::isPeerOurRoot(channel->fd())) {
        // a zone's root that was shown our socket: who asks here may do anything to this host
        if (!std::exchange(strangerTold_, true)) { // once: he may come as often as he likes
            std::cerr << "zone-supervisor: somebody else than the host's root has connected, and was sent away\n";
        }
        return;
    }
    sys::setNonBlocking(channel->fd());
    Client& added = clients_.emplace_back();
    const ClientAt client = std::prev(clients_.end());
    added.channel = std::move(*channel);
    added.source = loop_.watch(added.channel.fd(), EPOLLIN, [this, client](std::uint32_t) { read(client); });
    platform::Status status = supervisor_.status();
    status.unasked = !asked_;
    answer(added, platform::toJson(status));
}

void Connections::read(ClientAt client) {
    try {
        const auto packet = client->channel.receive();
        if (packet) {
            obey(client, packet->data);
            return;
        }
    } catch (const sys::Error& error) {
        if (error.code() == EAGAIN) {
            return;
        }
        std::cerr << "zone-supervisor: " << error.what() << "\n";
    } catch (const std::exception& error) {
        std::cerr << "zone-supervisor: a request is not understood: " << error.what() << "\n";
    }
    drop(client);
}

void Connections::obey(ClientAt client, const std::string& request) {
    const Json json = Json::parse(request, nullptr, false);
    const std::string type = json.is_object() ? json.value("type", "") : "";
    asked_ = true;
    if (type == "quit") {
        leaveIfIdle();
    } else if (type == "refuse") {
        refusal_ = json.value("text", "");
        tellUnit("", refusal_);
        leaveIfIdle();
    } else if (type == "boot") {
        refusal_.clear();
        supervisor_.boot(platform::bootSpecFromJson(json.at("spec").dump()), json.value("target", "") != "ready");
    } else if (type == "halt") {
        supervisor_.halt();
    } else if (type == "shutdown") {
        supervisor_.shutdown(std::chrono::seconds(json.value("timeout", 90)));
    } else if (type == "reboot") {
        supervisor_.reboot(json.value("force", false));
    } else if (type == "limits") {
        setLimits(*client, request);
    } else if (type == "exec") {
        enter(client, request);
    } else if (type == "console") {
        openConsole(*client, request);
    }
}

void Connections::openConsole(Client& client, const std::string& request) {
    const Json json = Json::parse(request);
    const int id = json.value("id", 0);
    announce(); // that is all it is for
    try {
        const sys::UniqueFd viewer = supervisor_.openConsole(json.value("by", uid_t{0}));
        answer(client, encode({{"type", "opened"}, {"id", id}}), {viewer.get()});
    } catch (const sys::Error& error) {
        answer(client, encode({{"type", "refused"}, {"id", id}, {"text", error.what()}}));
    }
}

void Connections::setLimits(Client& client, const std::string& request) {
    const Json json = Json::parse(request);
    const int id = json.value("id", 0);
    try {
        supervisor_.setLimits(platform::limitsFromJson(json.at("limits").dump()));
        noteDefinition(json.value("definition", ""));
        answer(client, encode({{"type", "opened"}, {"id", id}}));
    } catch (const std::exception& error) {
        answer(client, encode({{"type", "refused"}, {"id", id}, {"text", error.what()}}));
    }
}

/// The limits are in effect, whether that can be noted or not. (A service of an earlier version sends none.)
void Connections::noteDefinition(const std::string& text) const {
    try {
        if (!text.empty()) {
            sys::replaceVolatileFile(place_.runZone + std::string(platform::bootedFile), text);
        }
    } catch (const sys::Error& error) {
        std::cerr << "zone-supervisor: " << error.what() << "\n";
    }
}

void Connections::enter(ClientAt client, const std::string& request) {
    const Json json = Json::parse(request);
    const int id = json.value("id", 0);
    // the client may be gone when the program has started: it is looked up by its channel then
    const int fd = client->channel.fd();
    const auto reply = [this, fd](const Json& answerJson, const std::vector<int>& fds) {
        for (Client& each : clients_) {
            if (each.channel.fd() == fd) {
                answer(each, encode(answerJson), fds);
                return;
            }
        }
    };
    const auto refuse = [reply, id](const std::string& text) {
        reply({{"type", "refused"}, {"id", id}, {"text", text}}, {});
    };
    try {
        supervisor_.enter(
            enterRequest(json),
            [reply, id](const std::vector<sys::UniqueFd>& fds) {
                reply({{"type", "opened"}, {"id", id}}, numbers(fds));
            },
            refuse);
    } catch (const std::exception& error) {
        refuse(error.what());
    }
}

void Connections::answer(Client& client, const std::string& text, const std::vector<int>& fds) {
    try {
        client.channel.send(text, fds);
    } catch (const sys::Error&) {
        // it does not read: it has to connect anew, and is told the state as it is then
        ::shutdown(client.channel.fd(), SHUT_RDWR);
    }
}

void Connections::tellAll(const std::string& text) {
    for (Client& client : clients_) {
        answer(client, text);
    }
}

void Connections::drop(ClientAt client) {
    clients_.erase(client);
    if (clients_.empty()) {
        leaveIfIdle();
    }
}

void Connections::stop() {
    asked_ = true;
    supervisor_.shutdown(supervisor_.stopTimeout());
}

/// Our unit is up when the first thing that was asked of it is done: who starts it (`systemctl start`) learns then
/// whether the zone was booted.
void Connections::announce() {
    if (!std::exchange(announced_, true)) {
        tellServiceManager("READY=1");
    }
}

void Connections::statusChanged() {
    const platform::Status& status = supervisor_.status();
    tellAll(isOneStepOn(last_, status) ? encode({{"type", "step"}, {"step", status.step}}) : platform::toJson(status));
    last_ = status;
    tellUnit(std::string(zone::stateName(status.state)), status.reason);
    if (status.requests > 0 && !supervisor_.idle()) {
        announce();
    }
}

/// What systemctl(1) shows of our unit: its status, to everybody, and below it lines of the journal, to those who may read
/// that.
void Connections::tellUnit(const std::string& state, const std::string& why) {
    const std::string shown = zone::publicReason(why);
    const std::string text = state + (state.empty() || shown.empty() ? "" : ": ") + shown;
    if (state + why == told_) {
        return;
    }
    told_ = state + why;
    tellServiceManager("STATUS=" + text);
    if (shown != why) {
        std::cerr << "zone-supervisor: " << why << "\n";
    }
}

/// Nothing that the zone or anybody else wanted: our unit fails.
bool Connections::endedBadly() const {
    const platform::Status& status = supervisor_.status();
    const bool crashed = status.boots > 0 && !status.asked && !platform::isOrderlyEnd(status.reason);
    return !refusal_.empty() || !status.failure.empty() || crashed;
}

void Connections::leaveIfIdle() {
    if (supervisor_.idle() && (asked_ || clients_.empty()) && !leaving_) {
        leaving_ = loop_.defer([this] {
            leaving_.reset();
            if (supervisor_.idle()) {
                if (!endedBadly()) {
                    announce();
                }
                loop_.quit(endedBadly() ? 1 : 0);
            }
        });
    }
}

void Connections::leaveExitFile() const {
    try {
        sys::replaceVolatileFile(place_.runZone + "/exit.json", platform::toJson(supervisor_.status()));
    } catch (const sys::Error& error) {
        std::cerr << "zone-supervisor: " << error.what() << "\n"; // a full /run must not keep us from leaving
    }
}

} // namespace zoned::supervisor
