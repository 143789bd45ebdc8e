#include "cgroup_numbers.hpp"

#include <array>
#include <optional>
#include <utility>

#include "stat_text.hpp"

namespace zoned::daemon {
namespace {

/// "avg10=1.23" in hundredths of a percent.
std::optional<std::uint64_t> hundredths(std::string_view text) {
    const std::size_t point = text.find('.');
    const auto whole = numberOf(text.substr(0, point));
    if (!whole || point == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view part = text.substr(point + 1);
    const auto fraction = numberOf(part);
    // the kernel always writes two digits: LOAD_FRAC
    return fraction && part.size() == 2 ? std::optional(*whole * 100 + *fraction) : std::nullopt;
}

struct Single {
    const char* file;
    const char* name;
};

constexpr std::array singles{
    Single{"memory.current", "memory"},    Single{"memory.peak", "memory-peak"},  Single{"memory.max", "memory-cap"},
    Single{"memory.swap.current", "swap"}, Single{"memory.swap.max", "swap-cap"}, Single{"pids.current", "processes"},
    Single{"pids.max", "processes-cap"},
};

struct IoField {
    std::string_view counter; // in io.stat
    std::string_view limit;   // in io.max
    const char* name;
};

constexpr std::array ioFields{
    IoField{"rbytes=", "rbps=", "io-read-bytes"},
    IoField{"wbytes=", "wbps=", "io-write-bytes"},
    IoField{"rios=", "riops=", "io-reads"},
    IoField{"wios=", "wiops=", "io-writes"},
};

/// The number after `key` in "8:0 rbytes=1 wbytes=2"; nothing where it is not there or no number ("max").
std::optional<std::uint64_t> field(std::string_view line, std::string_view key) {
    for (std::string_view word = takeWord(line); !word.empty(); word = takeWord(line)) {
        if (word.starts_with(key)) {
            return numberOf(word.substr(key.size()));
        }
    }
    return std::nullopt;
}

/// The line of a device in a file that has one for each.
std::string_view lineOf(std::string_view text, std::string_view device) {
    std::string_view found;
    forEachLine(text, [&](std::string_view line) {
        std::string_view rest = line;
        if (takeWord(rest) == device) {
            found = line;
        }
    });
    return found;
}

} // namespace

void addCpuStat(std::string_view text, Numbers& numbers) {
    constexpr std::array<std::pair<std::string_view, const char*>, 4> known{{{"usage_usec", "cpu-usage"},
                                                                             {"user_usec", "cpu-user"},
                                                                             {"system_usec", "cpu-system"},
                                                                             {"throttled_usec", "cpu-throttled"}}};
    forEachLine(text, [&](std::string_view line) {
        const std::string_view key = takeWord(line);
        for (const auto& [word, name] : known) {
            if (key == word) {
                addNumber(name, takeWord(line), numbers);
            }
        }
    });
}

void addCpuMax(std::string_view text, Numbers& numbers) {
    const auto quota = numberOf(takeWord(text));
    const auto period = numberOf(takeWord(text));
    if (quota && period && *period > 0) {
        numbers["cpu-cap"] = *quota * 1000 / *period;
    }
}

void addNumber(const std::string& name, std::string_view text, Numbers& numbers) {
    if (const auto number = numberOf(takeWord(text))) {
        numbers[name] = *number;
    }
}

void addOomKills(std::string_view text, Numbers& numbers) {
    forEachLine(text, [&](std::string_view line) {
        if (takeWord(line) == "oom_kill") {
            addNumber("oom-kills", takeWord(line), numbers);
        }
    });
}

void addIoStat(std::string_view text, const IsDisk& isDisk, Numbers& numbers) {
    // the file is there with its controller alone, and empty until something was read or written
    for (const IoField& known : ioFields) {
        numbers[known.name] = 0;
    }
    forEachLine(text, [&](std::string_view line) {
        if (isDisk(takeWord(line))) {
            for (const IoField& known : ioFields) {
                numbers[known.name] += field(line, known.counter).value_or(0);
            }
        }
    });
}

void addIoMax(std::string_view text, std::string_view ioStat, Numbers& numbers) {
    forEachLine(text, [&](std::string_view line) {
        const std::string_view counted = lineOf(ioStat, takeWord(line));
        for (const IoField& known : ioFields) {
            if (const auto limit = field(line, known.limit)) {
                const std::string name = known.name;
                numbers[name + "-cap"] += *limit;
                numbers[name + "-capped"] += field(counted, known.counter).value_or(0);
            }
        }
    });
}

void addPressure(const std::string& resource, std::string_view text, Numbers& numbers) {
    forEachLine(text, [&](std::string_view line) {
        const std::string_view kind = takeWord(line);
        if (kind != "some" && kind != "full") {
            return;
        }
        const std::string name = resource + "-" + std::string(kind);
        for (std::string_view field = takeWord(line); !field.empty(); field = takeWord(line)) {
            if (field.starts_with("avg10=")) {
                if (const auto part = hundredths(field.substr(6))) {
                    numbers[name] = *part;
                }
            } else if (field.starts_with("total=")) {
                addNumber(name + "-time", field.substr(6), numbers);
            }
        }
    });
}

Numbers cgroupNumbers(const std::string& cgroup, const IsDisk& isDisk) {
    Numbers numbers;
    const auto with = [&](const char* file, const auto& add) {
        if (const auto text = statText(cgroup + "/" + file)) {
            add(*text);
        }
    };
    with("cpu.stat", [&](const std::string& text) { addCpuStat(text, numbers); });
    if (numbers.empty()) {
        return numbers; // every cgroup has this file: there is none
    }
    with("cpu.max", [&](const std::string& text) { addCpuMax(text, numbers); });
    for (const Single& single : singles) {
        with(single.file, [&](const std::string& text) { addNumber(single.name, text, numbers); });
    }
    with("memory.events", [&](const std::string& text) { addOomKills(text, numbers); });
    with("io.stat", [&](const std::string& text) {
        addIoStat(text, isDisk, numbers);
        with("io.max", [&](const std::string& limits) { addIoMax(limits, text, numbers); });
    });
    for (const char* resource : {"cpu", "memory", "io"}) {
        with((std::string(resource) + ".pressure").c_str(),
             [&](const std::string& text) { addPressure(resource, text, numbers); });
    }
    return numbers;
}

} // namespace zoned::daemon
