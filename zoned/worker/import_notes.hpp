// What an import has to say beside that it worked: sentences for the administrator, kept with the image.
#pragma once

#include <string>
#include <vector>

#include "finish_root.hpp"
#include "unpack.hpp"

namespace zoned::worker {

[[nodiscard]] std::vector<std::string> importNotes(const Unpacked& unpacked, const Identity& identity,
                                                   const InitProgram& init);

} // namespace zoned::worker
