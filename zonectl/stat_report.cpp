#include "stat_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "arguments.hpp"
#include "output.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

using nlohmann::ordered_json;
using sys::join;

constexpr std::array resourceNames{"cpu", "memory", "swap", "processes", "io", "net", "pressure"};

const StatColumn* findColumn(std::string_view name) {
    const auto& all = statColumns();
    const auto found = std::ranges::find_if(all, [&](const StatColumn& column) { return column.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> chosen(const std::string& output) {
    std::vector<std::string> columns = splitList(output);
    for (const std::string& name : columns) {
        if (name != "name" && name != "state" && findColumn(name) == nullptr) {
            std::vector<std::string> names{"name", "state"};
            for (const StatColumn& column : statColumns()) {
                names.emplace_back(column.name);
            }
            throw UsageError(join("there is no column '", name, "'; there are ", joinList(names)));
        }
    }
    if (columns.empty()) {
        throw UsageError("no column is named");
    }
    return columns;
}

std::vector<std::string> wantedResources(const std::string& resources) {
    std::vector<std::string> wanted = splitList(resources);
    for (const std::string& name : wanted) {
        if (std::ranges::find(resourceNames, name) == resourceNames.end()) {
            throw UsageError(join("there is no resource '", name, "'; there are ",
                                  joinList({resourceNames.begin(), resourceNames.end()})));
        }
    }
    if (wanted.empty()) {
        throw UsageError("no resource is named");
    }
    return wanted;
}

/// Of counters either the rate or the total; both would be the same story twice.
bool leftOut(const StatColumn& column, bool rates) {
    const bool total = column.name.ends_with("-total") || column.name == "cpu-time";
    const bool counted = column.resource == "io" || column.resource == "net";
    return rates ? total : counted && !total;
}

template <typename Keep>
std::vector<std::string> columnsOf(const std::vector<std::string>& resources, Keep&& keep) {
    std::vector<std::string> columns{"name"};
    for (const std::string& resource : resources) {
        for (const StatColumn& column : statColumns()) {
            if (column.resource == resource && keep(column)) {
                columns.emplace_back(column.name);
            }
        }
    }
    return columns;
}

std::string formatted(const char* format, double value) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

std::string shortSize(double bytes) {
    return sizeText(static_cast<std::uint64_t>(std::llround(std::max(bytes, 0.0))));
}

const double* find(const StatRow& row, const std::string& column) {
    const auto found = row.values.find(column);
    return found == row.values.end() ? nullptr : &found->second;
}

ordered_json jsonValue(Unit unit, const double* value) {
    if (value == nullptr) {
        return nullptr;
    }
    if (unit == Unit::bytes || unit == Unit::count) {
        return std::llround(*value);
    }
    // what lies behind is noise of the clock
    constexpr double precision = 1e6;
    return std::round(*value * precision) / precision;
}

ordered_json rowJson(const StatRow& row, const StatLayout& layout, bool zone) {
    ordered_json object = ordered_json::object();
    if (zone) {
        object["name"] = row.name;
        object["state"] = row.state;
    }
    for (const std::string& name : layout.columns) {
        if (const StatColumn* column = findColumn(name)) {
            object[name] = jsonValue(column->unit, find(row, name));
        }
    }
    return object;
}

} // namespace

StatLayout layoutOf(const std::string& output, const std::string& resources, bool rates) {
    if (!output.empty()) {
        return {chosen(output)};
    }
    if (!resources.empty()) {
        return {
            columnsOf(wantedResources(resources), [&](const StatColumn& column) { return !leftOut(column, rates); })};
    }
    if (rates) {
        return {{"name", "cpu", "cpu-cap", "cpu-host", "memory", "memory-cap", "memory-host", "processes", "read",
                 "write", "rx", "tx"}};
    }
    return {{"name", "state", "cpu-time", "cpu-cap", "cpu-host", "memory", "memory-cap", "memory-host", "processes",
             "read-total", "write-total", "rx-total", "tx-total"}};
}

StatLayout jsonLayoutOf(const std::string& output, const std::string& resources) {
    if (!output.empty()) {
        return {chosen(output)};
    }
    const std::vector<std::string> all{resourceNames.begin(), resourceNames.end()};
    StatLayout layout{
        columnsOf(resources.empty() ? all : wantedResources(resources), [](const StatColumn&) { return true; })};
    if (resources.empty()) {
        layout.columns.insert(layout.columns.begin() + 1, "up");
    }
    return layout;
}

std::string valueText(Unit unit, const double* value) {
    if (value == nullptr) {
        return "-";
    }
    switch (unit) {
    case Unit::seconds:
        return formatted("%.2f s", *value);
    case Unit::processors:
        return formatted("%.2f", *value);
    case Unit::bytes:
        return shortSize(*value);
    case Unit::bytesPerSecond:
        return shortSize(*value) + "/s";
    case Unit::count:
        return formatted("%.0f", *value);
    case Unit::perSecond:
        return formatted("%.1f/s", *value);
    case Unit::percent:
        return formatted("%.1f%%", *value);
    }
    return "-";
}

std::string reportText(const StatReport& report, const StatLayout& layout, Widths& widths) {
    const auto rows = [&](const auto& each) {
        std::ranges::for_each(report.zones, each);
        each(report.total);
        each(report.host);
    };
    rows([&](const StatRow& row) {
        for (const std::string& name : layout.columns) {
            if (const StatColumn* column = findColumn(name)) {
                widths[name] = std::max(widths[name], valueText(column->unit, find(row, name)).size());
            }
        }
    });
    std::vector<Column> columns;
    for (const std::string& name : layout.columns) {
        columns.push_back({name, findColumn(name) == nullptr ? Column::Type::text : Column::Type::number});
    }
    Table table("stat", std::move(columns));
    if (!layout.headings) {
        table.hideHeadings();
    }
    rows([&](const StatRow& row) {
        std::vector<Cell> cells;
        for (const std::string& name : layout.columns) {
            const StatColumn* column = findColumn(name);
            if (column != nullptr) {
                const std::string value = valueText(column->unit, find(row, name));
                cells.push_back({std::string(widths[name] - value.size(), ' ') + value});
            } else if (name == "name") {
                cells.push_back({row.name});
            } else {
                cells.push_back({row.state.empty() ? "-" : row.state});
            }
        }
        table.add(std::move(cells));
    });
    return table.text();
}

std::string reportJson(const StatReport& report, const StatLayout& layout, std::string_view time, std::size_t peaksOf) {
    ordered_json object{{"time", time}};
    if (peaksOf > 0) {
        object["peaks-of"] = peaksOf;
    } else {
        object["interval"] = report.interval ? jsonValue(Unit::seconds, &*report.interval) : ordered_json(nullptr);
    }
    object["zones"] = ordered_json::array();
    for (const StatRow& row : report.zones) {
        object["zones"].push_back(rowJson(row, layout, true));
    }
    object["total"] = rowJson(report.total, layout, false);
    object["host"] = rowJson(report.host, layout, false);
    return jsonText(object);
}

} // namespace zoned::ctl
