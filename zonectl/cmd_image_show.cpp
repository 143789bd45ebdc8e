#include <nlohmann/json.hpp>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"

namespace zoned::ctl {

int runImageShow(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    bool json = false;
    Arguments options("image show", std::string(self.summary));
    options.flag("-j,--json", json, "As JSON");
    options.operand("NAME", name, "The image");
    options.examples("zonectl image show bookworm");
    options.parse(arguments);

    Client client;
    ImageDetails image;
    try {
        image = client.imageDetails(client.image(name));
    } catch (const BusError& e) {
        reportFailure("show image " + name, e.what());
        return 1;
    }
    if (json) {
        const nlohmann::ordered_json object{
            {"name", image.name},       {"id", image.id},          {"os", image.os},
            {"origin", image.origin},   {"bytes", image.bytes},    {"files", image.files},
            {"created", image.created}, {"used-by", image.usedBy}, {"notes", image.notes}};
        print(jsonText(object, 2));
    } else {
        print(fieldsText({{"Image", image.name},
                          {"System", image.os},
                          {"Origin", image.origin},
                          {"Size", sizeText(image.bytes) + " in " + std::to_string(image.files) + " files"},
                          {"Created", timeText(image.created)},
                          {"Used by", joinList(image.usedBy)},
                          {"Id", image.id}}));
        for (const std::string& note : image.notes) {
            print("Note: " + note + "\n");
        }
    }
    return 0;
}

} // namespace zoned::ctl
