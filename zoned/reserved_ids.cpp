#include "reserved_ids.hpp"

#include <vector>

#include "store/zone_storage.hpp"

namespace zoned::daemon {

std::uint32_t ReservedIds::forZone(const std::string& zone) const {
    return choose(zone);
}

ReservedIds::Loan ReservedIds::forWorker() {
    const std::uint32_t first = choose("");
    lent_->insert(first);
    // a loan may outlive this: a worker's end is told when the service ends
    return Loan(std::shared_ptr<const std::uint32_t>(new std::uint32_t(first), [lent = lent_](const std::uint32_t* id) {
        lent->erase(*id);
        delete id;
    }));
}

std::uint32_t ReservedIds::choose(const std::string& self) const {
    registry_.requireKnownIds(self);
    std::vector<std::uint32_t> taken = registry_.idBasesTaken();
    taken.insert(taken.end(), lent_->begin(), lent_->end());
    return store::chooseIdBlock(host_.settings.ids.first, host_.settings.ids.last, taken, store::foreignIdRanges());
}

} // namespace zoned::daemon
