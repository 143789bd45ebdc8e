// The options and operands of one verb: a small front of CLI11.
//
// It is a front of our own so that a verb says what it takes in our words, so
// that only one file is compiled against CLI11, and because two rules hold for
// every verb: what follows "--" belongs to somebody else and is never looked
// at, and an option that takes a value takes exactly one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zoned::ctl {

/// The command line is wrong: exit status 2.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// --help was given: the text to show.
struct HelpAsked {
    std::string text;
};

class Arguments {
public:
    /// @param verb    "image build"
    /// @param summary what it does, in one sentence
    Arguments(const std::string& verb, const std::string& summary);
    ~Arguments();
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;

    /// @param names "-a,--all"
    void flag(const std::string& names, bool& target, const std::string& help);
    void option(const std::string& names, std::string& target, const std::string& value, const std::string& help);
    void requiredOption(const std::string& names, std::string& target, const std::string& value,
                        const std::string& help);
    /// An option that may be given again.
    void repeatedOption(const std::string& names, std::vector<std::string>& target, const std::string& value,
                        const std::string& help);
    void choice(const std::string& names, std::string& target, const std::vector<std::string>& choices,
                const std::string& value, const std::string& help);
    /// One operand that must be there.
    void operand(const std::string& name, std::string& target, const std::string& help);
    void optionalOperand(const std::string& name, std::string& target, const std::string& help);
    /// All remaining operands; at least one unless `mayBeEmpty`.
    void operands(const std::string& name, std::vector<std::string>& target, const std::string& help,
                  bool mayBeEmpty = false);
    /// What follows "--", untouched.
    void rest(const std::string& name, std::vector<std::string>& target, const std::string& help,
              bool mayBeEmpty = true);
    /// Shown at the end of the help; one example a line.
    void examples(const std::string& text);

    [[nodiscard]] std::string help() const;
    /// Throws UsageError or HelpAsked.
    void parse(const std::vector<std::string>& arguments);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// "key=value" in two; throws UsageError where there is no '=' or no key.
[[nodiscard]] std::pair<std::string, std::string> parseSetting(const std::string& text);
/// "90", "90s", "2m", "1h", "1m30s": 1 s to a day, else UsageError that names the option.
[[nodiscard]] std::chrono::seconds parseDuration(const std::string& option, const std::string& text);
/// "a,b,,c" as its non-empty parts.
[[nodiscard]] std::vector<std::string> splitList(std::string_view text);

} // namespace zoned::ctl
