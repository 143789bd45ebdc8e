#include "stat_values.hpp"

#include <algorithm>
#include <array>

namespace zoned::ctl {

namespace {

constexpr double microseconds = 1e6;

enum class Part {
    none,   // the host's rate is no whole: there is a capacity, see Share
    within, // of the host's
    beside, // of the host's and of more: what zones send each other passes no hardware
};

struct Counter {
    const char* number; // of the service
    const char* rate;   // the column
    const char* total;  // the column of the counter itself
    double unit;        // of the number, by which it is divided
    Part part;          // what a zone's is of the host's: "read-host"
};

constexpr std::array counters{
    Counter{"cpu-usage", "cpu", "cpu-time", microseconds, Part::none},
    Counter{"io-read-bytes", "read", "read-total", 1, Part::within},
    Counter{"io-write-bytes", "write", "write-total", 1, Part::within},
    Counter{"io-reads", "reads", "reads-total", 1, Part::within},
    Counter{"io-writes", "writes", "writes-total", 1, Part::within},
    Counter{"net-rx-bytes", "rx", "rx-total", 1, Part::beside},
    Counter{"net-tx-bytes", "tx", "tx-total", 1, Part::beside},
    Counter{"net-rx-packets", "rx-packets", "rx-packets-total", 1, Part::beside},
    Counter{"net-tx-packets", "tx-packets", "tx-packets-total", 1, Part::beside},
};

constexpr std::array levels{"memory", "memory-peak", "oom-kills", "swap", "processes"};
constexpr std::array pressures{"cpu-some", "cpu-full", "memory-some", "memory-full", "io-some", "io-full"};
/// Of which there is a limit and a whole; the number's unit in the limit's.
struct Share {
    const char* column;
    double capUnit;
};
constexpr std::array levelsWithCap{Share{"cpu", 1000}, Share{"memory", 1}, Share{"swap", 1}, Share{"processes", 1}};

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

/// The same of what is within the whole: zone and host are read one after the other, so that in a short interval the
/// part may look larger than the whole.
void setShareWithin(Values& values, const std::string& name, std::optional<double> part, std::optional<double> whole) {
    setShare(values, name, part && whole ? std::min(*part, *whole) : part, whole);
}

/// The rate of a counter between the samples.
std::optional<double> rateOf(const Numbers& now, const Numbers* before, const std::string& number) {
    const auto seconds = secondsOf(now, before);
    const auto count = numberOf(now, number);
    const auto from = before == nullptr ? 0 : numberOf(*before, number);
    if (!seconds || !count || !from) {
        return std::nullopt;
    }
    // a counter that went back is that of a new boot
    return (*count - (*from > *count ? 0 : *from)) / *seconds;
}

Values ownValues(const Numbers& now, const Numbers* before) {
    Values values;
    for (const Counter& counter : counters) {
        if (const auto count = numberOf(now, counter.number)) {
            values[counter.total] = *count / counter.unit;
        }
        if (const auto rate = rateOf(now, before, counter.number)) {
            values[counter.rate] = *rate / counter.unit;
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

void addShareOfCap(Values& values, const Numbers& now, const Numbers* before) {
    for (const Share& share : levelsWithCap) {
        const std::string cap = std::string(share.column) + "-cap";
        if (const auto most = numberOf(now, cap)) {
            setShare(values, cap, valueOf(values, share.column), *most / share.capUnit);
        }
    }
    for (const Counter& counter : counters) {
        const std::string number = counter.number;
        setShare(values, std::string(counter.rate) + "-cap", rateOf(now, before, number + "-capped"),
                 numberOf(now, number + "-cap"));
    }
}

/// @param hostRates of the same time as the zone's, or none: averages since two different boots cannot be compared
void addShareOfHost(Values& values, const Numbers& host, const Values& hostRates) {
    for (const Share& share : levelsWithCap) {
        const std::string column = share.column;
        if (const auto whole = numberOf(host, column + "-cap")) {
            setShareWithin(values, column + "-host", valueOf(values, column), *whole / share.capUnit);
        }
    }
    for (const Counter& counter : counters) {
        if (counter.part != Part::none) {
            const auto set = counter.part == Part::within ? setShareWithin : setShare;
            set(values, std::string(counter.rate) + "-host", valueOf(values, counter.rate),
                valueOf(hostRates, counter.rate));
        }
    }
}

/// What can be added up is; of pressure, which cannot, the largest is told. Shares and ages have no total.
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
        for (const char* level : {"memory", "oom-kills", "swap", "processes"}) {
            add(row, level);
        }
        for (const std::string pressure : pressures) {
            if (const auto value = valueOf(row.values, pressure)) {
                total[pressure] = std::max(total[pressure], *value);
            }
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
        {"oom-kills", "memory", Unit::count, "processes killed for want of it since the boot"},
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
        {"read-cap", "io", Unit::percent, "of the zone's limit"},
        {"write-cap", "io", Unit::percent, "of the zone's limit"},
        {"reads-cap", "io", Unit::percent, "of the zone's limit"},
        {"writes-cap", "io", Unit::percent, "of the zone's limit"},
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
        {"rx-host", "net", Unit::percent, "of what the host receives"},
        {"tx-host", "net", Unit::percent, "of what the host sends"},
        {"rx-packets-host", "net", Unit::percent, "of the host's packets"},
        {"tx-packets-host", "net", Unit::percent, "of the host's packets"},
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
        const Numbers none;
        const ZoneSample* then = before == nullptr ? nullptr : find(*before, zone.name);
        const Numbers* from = before == nullptr ? nullptr : then == nullptr ? &none : &then->numbers;
        row.values = ownValues(zone.numbers, from);
        addShareOfCap(row.values, zone.numbers, from);
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
