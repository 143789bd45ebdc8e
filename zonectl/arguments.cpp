#include "arguments.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

/// CLI11's help with our usage line, and without its type names in capitals.
class HelpFormatter : public CLI::Formatter {
public:
    explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {
        column_width(26);
        label("Positionals", "Operands");
    }
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "\nUsage: " + usage_ + "\n";
    }
    std::string make_option_name(const CLI::Option* option, bool positional) const override {
        std::string name = CLI::Formatter::make_option_name(option, positional);
        if (const auto comma = name.find(','); comma != std::string::npos) {
            name.insert(comma + 1, " ");
        }
        return name;
    }
    std::string make_footer(const CLI::App* app) const override {
        const std::string footer = app->get_footer();
        return footer.empty() ? "" : "Examples:\n" + footer;
    }

private:
    std::string usage_;
};

std::string indented(const std::string& text) {
    std::string result = "  ";
    for (const char c : text) {
        result += c;
        if (c == '\n') {
            result += "  ";
        }
    }
    return result + "\n";
}

} // namespace

struct Arguments::State {
    CLI::App app;
    std::string verb;
    std::string operands; // of the usage line
    bool hasOptions = false;
    std::vector<std::string>* rest = nullptr;
    std::string restName;
    std::string restHelp;
    bool restMayBeEmpty = true;

    std::string usage() const { return "zonectl " + verb + (hasOptions ? " [OPTION…]" : "") + operands; }
};

Arguments::Arguments(const std::string& verb, const std::string& summary) : state_(std::make_unique<State>()) {
    state_->verb = verb;
    state_->app.description(summary);
    state_->app.set_help_flag("-h,--help", "Show this help");
}

Arguments::~Arguments() = default;

void Arguments::flag(const std::string& names, bool& target, const std::string& help) {
    state_->hasOptions = true;
    state_->app.add_flag(names, target, help);
}

void Arguments::option(const std::string& names, std::string& target, const std::string& value,
                       const std::string& help) {
    state_->hasOptions = true;
    state_->app.add_option(names, target, help)->option_text(value);
}

void Arguments::requiredOption(const std::string& names, std::string& target, const std::string& value,
                               const std::string& help) {
    state_->operands += " " + names.substr(names.rfind(',') + 1) + " " + value;
    state_->app.add_option(names, target, help)->option_text(value)->required();
}

void Arguments::repeatedOption(const std::string& names, std::vector<std::string>& target, const std::string& value,
                               const std::string& help) {
    state_->hasOptions = true;
    state_->app.add_option(names, target, help)->option_text(value)->expected(1)->allow_extra_args(false)->take_all();
}

void Arguments::choice(const std::string& names, std::string& target, const std::vector<std::string>& choices,
                       const std::string& value, const std::string& help) {
    state_->hasOptions = true;
    state_->app.add_option(names, target, help)->option_text(value)->check([choices](const std::string& given) {
        if (std::find(choices.begin(), choices.end(), given) != choices.end()) {
            return std::string{};
        }
        std::string list;
        for (const auto& one : choices) {
            list += (list.empty() ? "" : ", ") + one;
        }
        return join("'", given, "' is none of ", list);
    });
}

void Arguments::operand(const std::string& name, std::string& target, const std::string& help) {
    state_->operands += " " + name;
    state_->app.add_option(name, target, help)->option_text(" ")->required();
}

void Arguments::optionalOperand(const std::string& name, std::string& target, const std::string& help) {
    state_->operands += " [" + name + "]";
    state_->app.add_option(name, target, help)->option_text(" ");
}

void Arguments::operands(const std::string& name, std::vector<std::string>& target, const std::string& help,
                         bool mayBeEmpty) {
    state_->operands += mayBeEmpty ? " [" + name + "…]" : " " + name + "…";
    // newer versions of CLI11 take no '=' in a name
    state_->app.add_option(name.substr(0, name.find('=')), target, help)->option_text(" ")->required(!mayBeEmpty);
}

void Arguments::rest(const std::string& name, std::vector<std::string>& target, const std::string& help,
                     bool mayBeEmpty) {
    state_->rest = &target;
    state_->restName = name;
    state_->restHelp = help;
    state_->restMayBeEmpty = mayBeEmpty;
}

void Arguments::examples(const std::string& text) {
    state_->app.footer(indented(text));
}

std::string Arguments::help() const {
    std::string usage = state_->usage();
    if (state_->rest != nullptr) {
        usage += state_->restMayBeEmpty ? " [-- " + state_->restName + "]" : " -- " + state_->restName;
    }
    HelpFormatter formatter(usage);
    std::string text = formatter.make_help(&state_->app, "", CLI::AppFormatMode::Normal);
    if (state_->rest != nullptr) {
        const std::string line = "After --:\n  " + state_->restName + ": " + state_->restHelp + "\n\n";
        const auto examplesStart = text.find("Examples:\n");
        text.insert(examplesStart == std::string::npos ? text.size() : examplesStart, line);
    }
    // Sections are one empty line apart; CLI11 leaves one or two.
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at)) {
        text.erase(at, 1);
    }
    text.erase(text.find_last_not_of('\n') + 1);
    return text + "\n";
}

void Arguments::parse(const std::vector<std::string>& arguments) {
    const auto separator = std::find(arguments.begin(), arguments.end(), "--");
    std::vector<std::string> own(arguments.begin(), separator);
    const std::string advice = "\nTry 'zonectl " + state_->verb + " --help'.";
    try {
        // CLI11 takes its words from the back.
        std::reverse(own.begin(), own.end());
        state_->app.parse(std::move(own));
    } catch (const CLI::CallForHelp&) {
        throw HelpAsked{help()};
    } catch (const CLI::ParseError& e) {
        throw UsageError(state_->verb + ": " + e.what() + advice);
    }
    if (separator != arguments.end()) {
        if (state_->rest == nullptr) {
            throw UsageError(state_->verb + ": nothing may follow '--' here" + advice);
        }
        state_->rest->assign(separator + 1, arguments.end());
    }
    if (state_->rest != nullptr && !state_->restMayBeEmpty && state_->rest->empty()) {
        throw UsageError(join(state_->verb, ": ", state_->restName, " is missing; it follows '--'", advice));
    }
}

std::pair<std::string, std::string> parseSetting(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw UsageError(join("'", text, "' is not of the form key=value"));
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

std::chrono::seconds parseDuration(const std::string& option, const std::string& text) {
    constexpr std::int64_t day = 24 * 60 * 60;
    const auto bad = [&] {
        return UsageError(join(option, ": '", text, "' is no duration between 1s and 24h (90, 90s, 2m, 1m30s, 1h)"));
    };
    std::int64_t total = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        std::int64_t number = 0;
        const auto start = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && number <= day; ++at) {
            number = number * 10 + (text[at] - '0');
        }
        if (at == start) {
            throw bad();
        }
        const char unit = at < text.size() ? text[at++] : 's';
        if (unit != 's' && unit != 'm' && unit != 'h') {
            throw bad();
        }
        total += number * (unit == 's' ? 1 : unit == 'm' ? 60 : 3600);
        if (total > day) {
            throw bad();
        }
    }
    if (total == 0) {
        throw bad();
    }
    return std::chrono::seconds(total);
}

std::vector<std::string> splitList(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (comma > 0) {
            parts.emplace_back(text.substr(0, comma));
        }
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

} // namespace zoned::ctl
