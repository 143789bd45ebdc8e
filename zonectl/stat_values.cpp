#include "stat_values.hpp"

#include <algorithm>
#include <array>

namespace zoned::ctl {

namespace {

constexpr double microseconds = 1e6;

struct Counter {
    const char* number; // of the service
    const char* rate;   // the column
    const char* total;  // the column of the counter itself
    double unit;        // of the number, by which it is divided
    bool shared;        // whether a zone's part of the host's is told: "read-host"
};

constexpr std::array counters{
    Counter{"cpu-usage", "cpu", "cpu-time", microseconds, false},
    Counter{"io-read-bytes", "read", "read-total", 1, true},
    Counter{"io-write-bytes", "write", "write-total", 1, true},
    Counter{"io-reads", "reads", "reads-total", 1, true},
    Counter{"io-writes", "writes", "writes-total", 1, true},
    Counter{"net-rx-bytes", "rx", "rx-total", 1, false},
    Counter{"net-tx-bytes", "tx", "tx-total", 1, false},
    Counter{"net-rx-packets", "rx-packets", "rx-packets-total", 1, false},
    Counter{"net-tx-packets", "tx-packets", "tx-packets-total", 1, false},
};

constexpr std::array levels{"memory", "memory-peak", "swap", "processes"};
constexpr std::array pressures{"cpu-some", "cpu-full", "memory-some", "memory-full", "io-some", "io-full"};
/// Of which there is a limit and a whole; the number's unit in the limit's.
struct Share {
    const char* column;
    double capUnit;
};
constexpr std::array shares{Share{"cpu", 1000}, Share{"memory", 1}, Share{"swap", 1}, Share{"processes", 1}};

std::optional<double> numberOf(const Numbers& numbers, const std::string& name) {
    const auto found = numbers.find(name);
    return found == numbers.end() ? std::nullopt : std::optional(static_cast<double>(found->second));
}

std::optional<double> valueOf(const Values& values, std::string_view name) {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
}

/// Between the samples; without an earlier one since the boot.
std::optional<double> secondsOf(const Numbers& now, const Numbers* before) {
    const auto end = numberOf(now, before == nullptr ? "up" : "time");
    const auto begin = before == nullptr ? 0 : numberOf(*before, "time");
    if (!end || !begin || *end <= *begin) {
        return std::nullopt;
    }
    return (*end - *begin) / microseconds;
}

void setShare(Values& values, const std::string& name, std::optional<double> part, std::optional<double> whole) {
    if (part && whole && *whole > 0) {
        values[name] = 100 * *part / *whole;
    }
}

Values ownValues(const Numbers& now, const Numbers* before) {
    Values values;
    const auto seconds = secondsOf(now, before);
    for (const Counter& counter : counters) {
        const auto count = numberOf(now, counter.number);
        if (!count) {
            continue;
        }
        values[counter.total] = *count / counter.unit;
        const auto from = before == nullptr ? 0 : numberOf(*before, counter.number);
        if (seconds && from) {
            // a counter that went back is that of a new boot
            values[counter.rate] = (*count - (*from > *count ? 0 : *from)) / counter.unit / *seconds;
        }
    }
    for (const char* level : levels) {
        if (const auto number = numberOf(now, level)) {
            values[level] = *number;
        }
    }
    for (const char* pressure : pressures) {
        if (const auto number = numberOf(now, pressure)) {
            values[pressure] = *number / 100;
        }
    }
    if (const auto up = numberOf(now, "up")) {
        values["up"] = *up / microseconds;
    }
    return values;
}

void addShareOfCap(Values& values, const Numbers& now) {
    for (const Share& share : shares) {
        const std::string cap = std::string(share.column) + "-cap";
        if (const auto most = numberOf(now, cap)) {
            setShare(values, cap, valueOf(values, share.column), *most / share.capUnit);
        }
    }
}

/// @param hostRates of the same time as the zone's, or none: averages since two different boots cannot be compared
void addShareOfHost(Values& values, const Numbers& host, const Values& hostRates) {
    for (const Share& share : shares) {
        const std::string column = share.column;
        if (const auto whole = numberOf(host, column + "-cap")) {
            setShare(values, column + "-host", valueOf(values, column), *whole / share.capUnit);
        }
    }
    for (const Counter& counter : counters) {
        if (counter.shared) {
            setShare(values, std::string(counter.rate) + "-host", valueOf(values, counter.rate),
                     valueOf(hostRates, counter.rate));
        }
    }
}

/// What can be added up: the zones' own values but for shares, pressure and age.
Values sum(const std::vector<StatRow>& rows) {
    Values total;
    const auto add = [&total](const StatRow& row, const std::string& column) {
        if (const auto value = valueOf(row.values, column)) {
            total[column] += *value;
        }
    };
    for (const StatRow& row : rows) {
        for (const Counter& counter : counters) {
            add(row, counter.rate);
            add(row, counter.total);
        }
        for (const char* level : {"memory", "swap", "processes"}) {
            add(row, level);
        }
    }
    return total;
}

const ZoneSample* find(const Sample& sample, const std::string& name) {
    const auto found = std::ranges::find_if(sample.zones, [&](const ZoneSample& zone) { return zone.name == name; });
    return found == sample.zones.end() ? nullptr : &*found;
}

void keepLargest(StatRow& peak, const StatRow& row) {
    peak.name = row.name;
    peak.state = row.state;
    for (const auto& [column, value] : row.values) {
        const auto [place, fresh] = peak.values.emplace(column, value);
        place->second = fresh ? value : std::max(place->second, value);
    }
}

} // namespace

const std::vector<StatColumn>& statColumns() {
    static const std::vector<StatColumn> all{
        {"up", "", Unit::seconds, "since init was started"},
        {"cpu-time", "cpu", Unit::seconds, "processor time used since the boot"},
        {"cpu", "cpu", Unit::processors, "processors used"},
        {"cpu-cap", "cpu", Unit::percent, "of the zone's limit"},
        {"cpu-host", "cpu", Unit::percent, "of the host's processors"},
        {"memory", "memory", Unit::bytes, "in use, with the page cache"},
        {"memory-peak", "memory", Unit::bytes, "most in this boot"},
        {"memory-cap", "memory", Unit::percent, "of the zone's limit"},
        {"memory-host", "memory", Unit::percent, "of the host's memory"},
        {"swap", "swap", Unit::bytes, "in use"},
        {"swap-cap", "swap", Unit::percent, "of the zone's limit"},
        {"swap-host", "swap", Unit::percent, "of the host's swap"},
        {"processes", "processes", Unit::count, "tasks"},
        {"processes-cap", "processes", Unit::percent, "of the zone's limit"},
        {"processes-host", "processes", Unit::percent, "of what the host allows"},
        {"read", "io", Unit::bytesPerSecond, "from disks"},
        {"write", "io", Unit::bytesPerSecond, "to disks"},
        {"reads", "io", Unit::perSecond, "operations"},
        {"writes", "io", Unit::perSecond, "operations"},
        {"read-host", "io", Unit::percent, "of what the host reads"},
        {"write-host", "io", Unit::percent, "of what the host writes"},
        {"reads-host", "io", Unit::percent, "of the host's operations"},
        {"writes-host", "io", Unit::percent, "of the host's operations"},
        {"read-total", "io", Unit::bytes, "since the boot"},
        {"write-total", "io", Unit::bytes, "since the boot"},
        {"reads-total", "io", Unit::count, "since the boot"},
        {"writes-total", "io", Unit::count, "since the boot"},
        {"rx", "net", Unit::bytesPerSecond, "received by the zone"},
        {"tx", "net", Unit::bytesPerSecond, "sent by the zone"},
        {"rx-packets", "net", Unit::perSecond, "received"},
        {"tx-packets", "net", Unit::perSecond, "sent"},
        {"rx-total", "net", Unit::bytes, "since the boot"},
        {"tx-total", "net", Unit::bytes, "since the boot"},
        {"rx-packets-total", "net", Unit::count, "since the boot"},
        {"tx-packets-total", "net", Unit::count, "since the boot"},
        {"cpu-some", "pressure", Unit::percent, "of 10 s in which a task waited for a processor"},
        {"cpu-full", "pressure", Unit::percent, "of 10 s in which all tasks waited for a processor"},
        {"memory-some", "pressure", Unit::percent, "of 10 s in which a task waited for memory"},
        {"memory-full", "pressure", Unit::percent, "of 10 s in which all tasks waited for memory"},
        {"io-some", "pressure", Unit::percent, "of 10 s in which a task waited for a disk"},
        {"io-full", "pressure", Unit::percent, "of 10 s in which all tasks waited for a disk"},
    };
    return all;
}

StatReport makeReport(const Sample& now, const Sample* before) {
    StatReport report;
    const Numbers* hostBefore = before == nullptr ? nullptr : &before->host;
    report.interval = before == nullptr ? std::nullopt : secondsOf(now.host, hostBefore);
    report.host = {"[host]", "", ownValues(now.host, hostBefore)};
    addShareOfHost(report.host.values, now.host, {});
    const Values hostRates = before == nullptr ? Values{} : report.host.values;
    for (const ZoneSample& zone : now.zones) {
        StatRow row{zone.name, zone.state, {}};
        if (before == nullptr) {
            row.values = ownValues(zone.numbers, nullptr);
        } else {
            const ZoneSample* then = find(*before, zone.name);
            const Numbers none;
            row.values = ownValues(zone.numbers, then == nullptr ? &none : &then->numbers);
        }
        addShareOfCap(row.values, zone.numbers);
        addShareOfHost(row.values, now.host, hostRates);
        report.zones.push_back(std::move(row));
    }
    report.total = {"[total]", "", sum(report.zones)};
    addShareOfHost(report.total.values, now.host, hostRates);
    return report;
}

void Peaks::add(const StatReport& report) {
    ++count_;
    for (const StatRow& row : report.zones) {
        auto place = std::ranges::find_if(peaks_.zones, [&](const StatRow& peak) { return peak.name >= row.name; });
        if (place == peaks_.zones.end() || place->name != row.name) {
            place = peaks_.zones.insert(place, StatRow{});
        }
        keepLargest(*place, row);
    }
    keepLargest(peaks_.total, report.total);
    keepLargest(peaks_.host, report.host);
}

} // namespace zoned::ctl
