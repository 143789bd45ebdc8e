// Blocks of 65,536 ids of the host: those that zones were given, and those that are lent to the workers that run. All are
// given out here, so that an untrusted archive is never unpacked with the ids of a zone.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "host.hpp"
#include "registry.hpp"

namespace zoned::daemon {

class ReservedIds {
public:
    ReservedIds(const Host& host, const Registry& registry) : host_(host), registry_(registry) {}

    /// The first id of a free block for a zone. It is taken once the zone's record is saved, which is to be at once.
    /// Throws Fault failed where none is free, or the ids of another zone are not known.
    [[nodiscard]] std::uint32_t forZone(const std::string& zone) const;

    /// A block that is free again when the last copy is gone.
    class Loan {
    public:
        [[nodiscard]] std::uint32_t first() const noexcept { return *first_; }

    private:
        friend class ReservedIds;
        explicit Loan(std::shared_ptr<const std::uint32_t> first) : first_(std::move(first)) {}
        std::shared_ptr<const std::uint32_t> first_;
    };
    /// Throws as forZone().
    [[nodiscard]] Loan forWorker();

private:
    [[nodiscard]] std::uint32_t choose(const std::string& self) const;

    const Host& host_;
    const Registry& registry_;
    std::shared_ptr<std::set<std::uint32_t>> lent_ = std::make_shared<std::set<std::uint32_t>>();
};

} // namespace zoned::daemon
