#include "metrics.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "sys/error.hpp"
#include "zone/zone_state.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

struct Source {
    const char* number; // of the service
    const char* labels; // further ones, ready to be written
};

struct Family {
    const char* name; // without "zoned_zone_" and "zoned_host_"; with its unit at the end, as the format wants it
    const char* type;
    const char* unit;
    const char* help;
    std::uint64_t divisor; // from the number to the unit
    std::vector<Source> sources;
};

constexpr std::uint64_t microseconds = 1'000'000;

const std::vector<Family>& families() {
    static const std::vector<Family> all{
        {"up_seconds", "gauge", "seconds", "Time since the start", microseconds, {{"up", ""}}},
        {"cpu_seconds",
         "counter",
         "seconds",
         "Processor time used",
         microseconds,
         {{"cpu-user", "mode=\"user\""}, {"cpu-system", "mode=\"system\""}}},
        {"cpu_throttled_seconds",
         "counter",
         "seconds",
         "Time held back by the limit",
         microseconds,
         {{"cpu-throttled", ""}}},
        {"cpu_limit_processors", "gauge", "processors", "Processors that may be used", 1000, {{"cpu-cap", ""}}},
        {"memory_bytes", "gauge", "bytes", "Memory in use", 1, {{"memory", ""}}},
        {"memory_peak_bytes", "gauge", "bytes", "Most memory used since the start", 1, {{"memory-peak", ""}}},
        {"memory_available_bytes",
         "gauge",
         "bytes",
         "Memory that programs could have at once",
         1,
         {{"memory-available", ""}}},
        {"oom_kills", "counter", "", "Processes that were killed for want of memory", 1, {{"oom-kills", ""}}},
        {"memory_limit_bytes", "gauge", "bytes", "Memory that may be used", 1, {{"memory-cap", ""}}},
        {"swap_bytes", "gauge", "bytes", "Swap in use", 1, {{"swap", ""}}},
        {"swap_limit_bytes", "gauge", "bytes", "Swap that may be used", 1, {{"swap-cap", ""}}},
        {"processes", "gauge", "", "Tasks, threads counted each", 1, {{"processes", ""}}},
        {"processes_limit", "gauge", "", "Tasks that may be", 1, {{"processes-cap", ""}}},
        {"io_bytes",
         "counter",
         "bytes",
         "Bytes that went from and to disks",
         1,
         {{"io-read-bytes", "direction=\"read\""}, {"io-write-bytes", "direction=\"write\""}}},
        {"io_operations",
         "counter",
         "operations",
         "Operations on disks",
         1,
         {{"io-reads", "direction=\"read\""}, {"io-writes", "direction=\"write\""}}},
        {"io_limit_bytes_per_second",
         "gauge",
         "bytes_per_second",
         "Bytes that may be read and written in a second",
         1,
         {{"io-read-bytes-cap", "direction=\"read\""}, {"io-write-bytes-cap", "direction=\"write\""}}},
        {"io_limit_operations_per_second",
         "gauge",
         "operations_per_second",
         "Operations that may be done in a second",
         1,
         {{"io-reads-cap", "direction=\"read\""}, {"io-writes-cap", "direction=\"write\""}}},
        {"network_bytes",
         "counter",
         "bytes",
         "Bytes received and sent",
         1,
         {{"net-rx-bytes", "direction=\"receive\""}, {"net-tx-bytes", "direction=\"transmit\""}}},
        {"network_packets",
         "counter",
         "packets",
         "Packets received and sent",
         1,
         {{"net-rx-packets", "direction=\"receive\""}, {"net-tx-packets", "direction=\"transmit\""}}},
        {"pressure_waiting_seconds",
         "counter",
         "seconds",
         "Time in which some or all tasks waited for a resource",
         microseconds,
         {{"cpu-some-time", "resource=\"cpu\",tasks=\"some\""},
          {"cpu-full-time", "resource=\"cpu\",tasks=\"full\""},
          {"memory-some-time", "resource=\"memory\",tasks=\"some\""},
          {"memory-full-time", "resource=\"memory\",tasks=\"full\""},
          {"io-some-time", "resource=\"io\",tasks=\"some\""},
          {"io-full-time", "resource=\"io\",tasks=\"full\""}}},
    };
    return all;
}

std::string head(const std::string& name, std::string_view type, std::string_view unit, std::string_view help) {
    std::string text = join("# TYPE ", name, " ", type, "\n");
    if (!unit.empty()) {
        text += join("# UNIT ", name, " ", unit, "\n");
    }
    return text + join("# HELP ", name, " ", help, ".\n");
}

/// Exact: the numbers are whole ones of a smaller unit.
std::string valueOf(std::uint64_t number, std::uint64_t divisor) {
    std::string text = std::to_string(number / divisor);
    if (divisor > 1) {
        std::string rest = std::to_string(divisor + number % divisor); // with the zeros in front
        text += "." + rest.substr(1);
    }
    return text;
}

/// The lines of one family for one zone, or for the host where `label` is empty.
std::string samples(const std::string& name, const Family& family, const std::string& label, const Numbers& numbers) {
    std::string text;
    for (const Source& source : family.sources) {
        const auto found = numbers.find(source.number);
        if (found == numbers.end()) {
            continue;
        }
        const std::string labels = join(label, label.empty() || *source.labels == '\0' ? "" : ",", source.labels);
        text += join(name, std::string_view(family.type) == "counter" ? "_total" : "");
        text += labels.empty() ? "" : join("{", labels, "}");
        text += join(" ", valueOf(found->second, family.divisor), "\n");
    }
    return text;
}

std::string states(const std::vector<ZoneSummary>& zones) {
    const std::string name = "zoned_zone_state";
    std::string text = head(name, "stateset", "", "State of the zone");
    for (const ZoneSummary& zone : zones) {
        for (const zone::State state : zone::allStates) {
            const std::string_view word = zone::stateName(state);
            text += join(name, "{zone=\"", escapeLabel(zone.name), "\",", name, "=\"", word, "\"} ",
                         zone.state == word ? 1 : 0, "\n");
        }
    }
    return zones.empty() ? "" : text;
}

} // namespace

std::string escapeLabel(std::string_view value) {
    std::string text;
    for (const char c : value) {
        if (c == '\n') {
            text += "\\n";
        } else {
            text += c == '\\' || c == '"' ? join("\\", std::string_view(&c, 1)) : std::string(1, c);
        }
    }
    return text;
}

std::string openMetrics(const std::string& version, const std::vector<ZoneSummary>& zones, const Sample& sample) {
    std::string text = head("zoned", "info", "", "The zone manager");
    text += join("zoned_info{version=\"", escapeLabel(version), "\"} 1\n");
    text += states(zones);
    for (const Family& family : families()) {
        // a family's lines stand together: the format's rule
        const std::string ofZones = join("zoned_zone_", family.name);
        std::string lines;
        for (const ZoneSample& zone : sample.zones) {
            lines += samples(ofZones, family, join("zone=\"", escapeLabel(zone.name), "\""), zone.numbers);
        }
        text += lines.empty() ? "" : head(ofZones, family.type, family.unit, family.help) + lines;
        const std::string ofHost = join("zoned_host_", family.name);
        const std::string hostLines = samples(ofHost, family, "", sample.host);
        text += hostLines.empty() ? "" : head(ofHost, family.type, family.unit, family.help) + hostLines;
    }
    return text + "# EOF\n";
}

} // namespace zoned::ctl
