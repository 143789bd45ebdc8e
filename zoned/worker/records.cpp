#include "records.hpp"

#include <nlohmann/json.hpp>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::worker {
namespace {

using nlohmann::json;

void write(const json& wish) {
    const std::string path = wish.at("path");
    if (wish.at("do") == "remove") {
        (void)sys::removeFile(path);
        return;
    }
    const std::string text = wish.at("text");
    const mode_t mode = wish.at("mode");
    if (wish.at("durable").get<bool>()) {
        sys::replaceFile(path, text, mode);
    } else {
        sys::replaceVolatileFile(path, text, mode);
    }
}

json answerTo(const std::string& packet) {
    try {
        write(json::parse(packet));
        return json::object();
    } catch (const sys::Error& error) {
        return {{"error", error.action()}, {"code", error.code()}};
    }
}

} // namespace

void writeRecords(sys::Channel channel) {
    while (const auto packet = channel.receive()) {
        constexpr auto replace = json::error_handler_t::replace;
        if (!channel.send(answerTo(packet->data).dump(-1, ' ', false, replace))) {
            return;
        }
    }
}

} // namespace zoned::worker
