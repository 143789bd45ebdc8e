#include "zone/fault.hpp"

namespace zoned::zone {

namespace {

std::string lines(const std::vector<Problem>& problems) {
    std::string text;
    for (const Problem& problem : problems) {
        if (!text.empty()) {
            text += '\n';
        }
        text += problem.str();
    }
    return text;
}

} // namespace

Fault faultOf(const std::exception& error) {
    const auto* fault = dynamic_cast<const Fault*>(&error);
    return fault != nullptr ? *fault : Fault(FaultKind::failed, error.what());
}

std::string Problem::str() const {
    std::string result;
    if (!file.empty()) {
        result += file + ":";
        if (line > 0) {
            result += std::to_string(line) + ":";
        }
        result += ' ';
    } else if (line > 0) {
        result += "line " + std::to_string(line) + ": ";
    }
    if (!key.empty()) {
        result += key + ": ";
    }
    return result + text;
}

std::string Problem::place() const {
    return Problem{file, line, key, "is not valid"}.str();
}

DefinitionFault::DefinitionFault(std::vector<Problem> problems)
    : Fault(FaultKind::invalidDefinition, lines(problems)), problems_(std::move(problems)) {}

DefinitionFault withoutLines(const DefinitionFault& fault) {
    std::vector<Problem> problems = fault.problems();
    for (Problem& problem : problems) {
        problem.file.clear();
        problem.line = 0;
    }
    return DefinitionFault(std::move(problems));
}

} // namespace zoned::zone
