#include "import_notes.hpp"

#include <algorithm>

#include "sys/error.hpp"

namespace zoned::worker {

namespace {

std::string joined(const std::vector<std::string>& words, std::size_t most = 10) {
    std::string text;
    for (std::size_t i = 0; i < std::min(words.size(), most); ++i) {
        text += (i == 0 ? "" : ", ") + words[i];
    }
    return words.size() > most ? text + ", …" : text;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return sys::join(count, " ", count == 1 ? one : many);
}

} // namespace

std::vector<std::string> importNotes(const Unpacked& unpacked, const Identity& identity, const InitProgram& init) {
    std::vector<std::string> notes;
    if (!unpacked.layout.folder.empty()) {
        const std::string beside = unpacked.layout.beside.empty()
                                       ? std::string()
                                       : "; what lies beside it was left out: " + joined(unpacked.layout.beside);
        notes.push_back(sys::join("the root file system was taken from ", unpacked.layout.folder, beside));
    }
    if (!init.machine.empty()) {
        notes.push_back(sys::join("it is for another kind of machine (", init.machine,
                                  "): its zones do not boot here; import the one for this machine"));
    }
    if (!init.found) {
        notes.emplace_back(
            "it has no init (/sbin/init): a zone boots from it only where the definition names a program "
            "with the key init");
    }
    if (unpacked.stripped > 0) {
        notes.push_back(counted(unpacked.stripped, "device node or socket was", "device nodes and sockets were") +
                        " left out: a zone has those of its own that it may have");
    }
    if (unpacked.leftOut.count() > 0) {
        notes.push_back(sys::join(counted(unpacked.leftOut.count(), "attribute was", "attributes were"),
                                  " left out, which say nothing here: ", unpacked.leftOut.names()));
    }
    if (!identity.removed.empty()) {
        notes.push_back("left out, because each zone makes its own: " + joined(identity.removed));
    }
    if (!identity.kept.empty()) {
        notes.push_back("all zones of this image share its secrets: " + joined(identity.kept));
    }
    return notes;
}

} // namespace zoned::worker
