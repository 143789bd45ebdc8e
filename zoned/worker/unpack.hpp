// Reads a tar archive and hands its entries to an Extractor.
//
// Two libarchive readers in a row: the first only decompresses, the second
// reads tar from it. That way the decompressed stream is ours to count (a
// compression bomb stops at its budget even where its bytes are skipped) and
// to read to its end (the checksums that xz and zstd keep there are checked,
// and a file cut short after tar's last entry is noticed).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "extractor.hpp"
#include "root_layout.hpp"

namespace zoned::worker {

struct Unpacked {
    std::uint64_t bytes = 0;    // data of the files, without holes
    std::uint64_t files = 0;    // of any type
    std::uint64_t stripped = 0; // device nodes and sockets left out, those in /dev not counted
    LeftOut leftOut;            // attributes
    RootLayout layout;
};

/// Told now and then: how many bytes of the (compressed) input were read, and the entry at hand.
using UnpackObserver = std::function<void(std::uint64_t inputBytes, const std::string& entry)>;

/// Unpacks the archive read from `input` into `root`. Throws Failure badArchive or truncated, or sys::Error.
/// Names in PAX headers are UTF-8: LC_CTYPE must be a UTF-8 locale.
Unpacked unpack(int input, int root, Budget budget, const UnpackObserver& observer);

} // namespace zoned::worker
