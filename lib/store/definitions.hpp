// The folder of definitions, /etc/zoned/zones: read, write durably, list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zone/zone_name.hpp"

namespace zoned::store {

class Definitions {
public:
    explicit Definitions(std::string folder);

    /// The names that NAME.yaml files stand for, sorted; files that are no zone name are left out.
    [[nodiscard]] std::vector<zone::ZoneName> names() const;
    [[nodiscard]] std::optional<std::string> text(const zone::ZoneName& name) const;
    void put(const zone::ZoneName& name, const std::string& text);
    void remove(const zone::ZoneName& name);
    [[nodiscard]] std::string path(const zone::ZoneName& name) const;
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

private:
    std::string folder_;
};

} // namespace zoned::store
