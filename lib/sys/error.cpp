#include "sys/error.hpp"

#include <cstring>

namespace zoned::sys {

namespace {

std::string sentence(const std::string& action, int code) {
    return code == 0 ? action : action + ": " + std::strerror(code);
}

} // namespace

Error::Error(std::string action, int code) : Failure(sentence(action, code)), action_(std::move(action)), code_(code) {}

} // namespace zoned::sys
