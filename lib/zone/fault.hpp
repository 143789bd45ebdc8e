// What can go wrong that an administrator is told by name: the expected
// outcomes, beside sys::Error for what the kernel refused.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "sys/error.hpp"

namespace zoned::zone {

/// Each has its D-Bus error name in api/error_names.
enum class FaultKind {
    invalidName,       // not a zone or image name
    invalidArgument,   // a value of the request is unusable
    invalidDefinition, // see DefinitionFault
    noSuchZone,
    noSuchImage,
    noSuchJob,
    nameTaken,
    imageInUse,
    wrongState, // the zone's state does not allow the command
    busy,       // another job holds the object; the text names it
    notPermitted,
    limitUnavailable, // the host does not offer a cgroup controller that a limit needs
    badArchive,       // the archive was refused whole
    cancelled,
    bootFailed,
    timeout,
    failed // the rest, with its own words
};

class Fault : public sys::Failure {
public:
    Fault(FaultKind kind, const std::string& text) : sys::Failure(text), kind_(kind) {}
    [[nodiscard]] FaultKind kind() const noexcept { return kind_; }

private:
    FaultKind kind_;
};

/// What a request or a job is told of whatever ended it: a Fault is itself, the rest has `failed` with its own words.
[[nodiscard]] Fault faultOf(const std::exception& error);

/// One thing wrong with a definition.
struct Problem {
    std::string file; // as the reader was told; "" where it came without one
    int line = 0;     // 1-based; 0 where no line can be named
    std::string key;  // "network[0].address"; "" for the file as a whole
    std::string text;

    /// "web.yaml:7: network[0].address: …"
    [[nodiscard]] std::string str() const;
    /// Without the text, which may quote what the definition says: "web.yaml:7: network[0].address: is not valid".
    [[nodiscard]] std::string place() const;
    bool operator==(const Problem&) const = default;
};

/// A definition that cannot be used; carries every problem found, one a line in what().
class DefinitionFault : public Fault {
public:
    explicit DefinitionFault(std::vector<Problem> problems);
    [[nodiscard]] const std::vector<Problem>& problems() const noexcept { return problems_; }

private:
    std::vector<Problem> problems_;
};

/// The same, of a text that nobody has seen: its lines would tell nothing.
[[nodiscard]] DefinitionFault withoutLines(const DefinitionFault& fault);

} // namespace zoned::zone
