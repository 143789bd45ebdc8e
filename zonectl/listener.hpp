// Turns the service's signals into news. Only the client includes this: sdbus-c++ stays behind it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/bus_compat.hpp"
#include "news.hpp"

namespace zoned::ctl {

class Listener {
public:
    /// Subscribes, for as long as the connection lives, before it returns. The bus follows the service's name, so that this outlives the service.
    explicit Listener(sdbus::IConnection& bus);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    [[nodiscard]] std::vector<News> take();

private:
    using Values = std::map<std::string, sdbus::Variant>;

    void onSignal(sdbus::Message& message);
    void onOwner(sdbus::Message& message);
    void onProperties(sdbus::Message& message);
    void onAdded(sdbus::Message& message);
    void onRemoved(sdbus::Message& message);
    void onJobNew(sdbus::Message& message);
    void onJobRemoved(sdbus::Message& message);
    News& add(News::Kind kind, const std::string& name);

    std::vector<News> news_;
};

} // namespace zoned::ctl
