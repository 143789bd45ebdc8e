#include <array>
#include <cmath>
#include <cstdio>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "output.hpp"

namespace zoned::ctl {

namespace {

/// For people a percentage, for JSON a number from 0 to 1; null or nothing where it is not known.
std::string progressText(double progress, bool json) {
    if (progress < 0) {
        return json ? "null" : "";
    }
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), json ? "%.3f" : "%.0f%%", json ? progress : progress * 100);
    return text.data();
}

} // namespace

int runJobList(const Command& self, const std::vector<std::string>& arguments) {
    bool json = false;
    bool noHeadings = false;
    std::string columns;
    Arguments options("jobs", std::string(self.summary) + ".");
    options.flag("-j,--json", json, "As JSON");
    options.flag("-n,--no-headings", noHeadings, "Without the line of headings");
    options.option("-o,--output", columns, "COLUMNS", "Of id,kind,object,began,progress,message");
    options.examples("zonectl jobs\nzonectl jobs -n -o id,object");
    options.parse(arguments);

    Table table("jobs", {{"id", Column::Type::number},
                         {"kind"},
                         {"object"},
                         {"began"},
                         {"progress", Column::Type::number},
                         {"message"}});
    if (!columns.empty()) {
        table.select(columns);
    }
    if (noHeadings) {
        table.hideHeadings();
    }
    for (const auto& job : Client().jobs()) {
        const std::string began =
            json ? timestamp(std::chrono::system_clock::from_time_t(job.began)) : timeText(job.began);
        table.add({{std::to_string(job.id)},
                   {job.kind},
                   {job.object},
                   {began},
                   {progressText(job.progress, json)},
                   {job.message}});
    }
    print(json ? table.json() : table.text());
    return 0;
}

} // namespace zoned::ctl
