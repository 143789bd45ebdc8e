#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "output.hpp"

namespace zoned::ctl {

int runImageList(const Command& self, const std::vector<std::string>& arguments) {
    bool json = false;
    bool noHeadings = false;
    std::string columns;
    Arguments options("image list", std::string(self.summary) + ".");
    options.flag("-j,--json", json, "As JSON, with sizes in bytes and times in seconds since 1970");
    options.flag("-n,--no-headings", noHeadings, "Without the line of headings");
    options.option("-o,--output", columns, "COLUMNS", "Of name,os,size,created,used-by,origin");
    options.examples("zonectl image list\nzonectl image list --json");
    options.parse(arguments);

    Table table("images", {{"name"},
                           {"os"},
                           {"size", Column::Type::number},
                           {"created", json ? Column::Type::number : Column::Type::text},
                           {"used-by", Column::Type::list},
                           {"origin"}});
    if (!columns.empty()) {
        table.select(columns);
    }
    if (noHeadings) {
        table.hideHeadings();
    }
    for (const auto& image : Client().images()) {
        table.add({{image.name},
                   {image.os},
                   {json ? std::to_string(image.bytes) : sizeText(image.bytes)},
                   {json ? std::to_string(image.created) : timeText(image.created)},
                   image.usedBy,
                   {image.origin}});
    }
    print(json ? table.json() : table.text());
    return 0;
}

} // namespace zoned::ctl
