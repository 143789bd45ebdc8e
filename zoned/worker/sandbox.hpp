// A process that may do one thing: write into one folder.
//
// Unpacking runs libarchive and four decompressors over a stranger's bytes. The
// process that does it is root of a user namespace of its own, whose ids are
// those a zone would have; the folder, id-mapped so that ids land on disk as
// 0…65535, is its whole file system; it has its own pid, network, ipc and uts
// namespaces, five capabilities over that folder, no way to a new process or
// program, and three descriptors: the archive, /dev/null, and the channel to
// the worker. Taking it over gains nothing that the archive could not have
// contained anyway.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sys/channel.hpp"
#include "sys/process.hpp"

namespace zoned::worker {

struct SandboxOptions {
    std::string folder;       // on the host; becomes "/"
    std::uint32_t idBase = 0; // first of 65,536 host ids
    std::uint64_t maxSeconds = 0;
    int input = -1; // becomes descriptor 0
};

/// What runs inside: `root` is the folder's descriptor. Its exceptions are the caller's to turn into messages.
using SandboxWork = std::function<void(int root, sys::Channel& channel)>;
/// Tells an exception of the set-up or the work over the channel.
using SandboxFault = std::function<void(const std::exception& fault, sys::Channel& channel)>;

struct Sandbox {
    sys::Child child;
    sys::Channel channel;
};

[[nodiscard]] Sandbox startSandbox(const SandboxOptions& options, const SandboxWork& work, const SandboxFault& fault);

} // namespace zoned::worker
