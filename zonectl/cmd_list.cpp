#include <unistd.h>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

namespace {

/// Zones without a root are what --all is for; but one that something is wrong with, or that is
/// worked on, always shows.
bool hidden(const ZoneSummary& zone) {
    return (zone.state == "configured" || zone.state == "incomplete") && zone.note.empty();
}

} // namespace

int runList(const Command& self, const std::vector<std::string>& arguments) {
    bool all = false;
    bool json = false;
    bool noHeadings = false;
    std::string columns;
    Arguments options("list", std::string(self.summary) +
                                  ".\nShows the zones that have a root, and those that need attention.");
    options.flag("-a,--all", all, "Also zones that are only configured or incomplete");
    options.flag("-j,--json", json, "As JSON");
    options.flag("-n,--no-headings", noHeadings, "Without the line of headings");
    options.option("-o,--output", columns, "COLUMNS", "Of name,state,image,addresses,note,object");
    options.examples("zonectl list\nzonectl list --all -o name,state\nzonectl list --json");
    options.parse(arguments);

    Table table("zones", {{"name"}, {"state"}, {"image"}, {"addresses", Column::Type::list}, {"note"}, {"object"}});
    table.select(!columns.empty() ? columns
                 : json           ? "name,state,image,addresses,note,object"
                                  : "name,state,image,addresses,note");
    if (noHeadings) {
        table.hideHeadings();
    }
    std::size_t left = 0;
    for (const auto& zone : Client().zones()) {
        if (!all && hidden(zone)) {
            ++left;
            continue;
        }
        table.add({{zone.name}, {zone.state}, {zone.image}, zone.addresses, {zone.note}, {zone.path}});
    }
    print(json ? table.json() : table.text());
    if (left > 0 && !json && isTerminal(STDOUT_FILENO)) {
        printNote(
            sys::join("(", left, left == 1 ? " zone is" : " zones are", " not installed; see 'zonectl list --all')"));
    }
    return 0;
}

} // namespace zoned::ctl
