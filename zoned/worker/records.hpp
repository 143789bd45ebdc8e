// Writes zoned's records to the disk, one after the other, for as long as zoned wants: fsync(2) takes as long as the
// disk is busy with what others write.
//
// A packet of the channel on stdin is one write, {"do": "replace", "path": …, "text": …, "mode": …, "durable": true} or
// {"do": "remove", "path": …}; each is answered by one packet, {} or {"error": …, "code": errno}.
#pragma once

#include "sys/channel.hpp"

namespace zoned::worker {

/// Returns at the end of the channel.
void writeRecords(sys::Channel channel);

} // namespace zoned::worker
