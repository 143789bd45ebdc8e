#include "platform/run_record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

using Json = nlohmann::json;

constexpr std::size_t largestRecord = 4 << 20;

/// A folder, a pipe, a file too large in the record's place is a record that is damaged.
std::optional<std::string> textOf(const std::string& path) {
    try {
        return sys::readFile(path, largestRecord);
    } catch (const sys::Error& error) {
        throw DamagedRecord(error.action(), error.code());
    }
}

Remains headOf(const std::string& line, const std::string& path) {
    const Json head = Json::parse(line, nullptr, false);
    try {
        return {bootSpecFromJson(head.at("spec").get<std::string>()), head.at("cgroup").get<std::string>()};
    } catch (const std::exception& error) { // no JSON, another shape, a spec that is none
        throw DamagedRecord("reading the run record " + path + ": its first line is damaged: " + error.what(), 0);
    }
}

} // namespace

RunRecord RunRecord::begin(const std::string& path, const Remains& zone) {
    RunRecord record(path, zone);
    record.file_ = sys::open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
    const Json head = {{"cgroup", zone.cgroup}, {"spec", toJson(zone.spec)}};
    try {
        sys::writeAll(record.file_.get(), head.dump() + "\n", path);
    } catch (...) {
        ::unlink(path.c_str()); // a full /run: nothing was made that it could tell of
        throw;
    }
    return record;
}

std::optional<RunRecord> RunRecord::find(const std::string& path) {
    const auto text = textOf(path);
    if (!text) {
        return std::nullopt;
    }
    std::istringstream lines(*text);
    std::string line;
    std::getline(lines, line);
    RunRecord record(path, headOf(line, path));
    while (std::getline(lines, line)) {
        const Json entry = Json::parse(line, nullptr, false);
        // a torn line is the last; a step that cannot be read may have been taken all the same
        if (entry.is_object()) {
            const auto step = entry.find("step");
            if (step == entry.end() || !step->is_string()) {
                throw DamagedRecord("reading the run record " + path + ": a step's line is damaged", 0);
            }
            record.steps_.push_back(step->get<std::string>());
        }
    }
    try {
        record.file_ = sys::open(path, O_WRONLY | O_APPEND);
    } catch (const sys::Error& error) {
        if (error.code() == ENOENT) {
            return std::nullopt; // the unit's own clean-up, which runs beside ours, was done just now
        }
        throw;
    }
    return record;
}

void RunRecord::note(const std::string& step) {
    sys::writeAll(file_.get(), Json{{"step", step}}.dump() + "\n", path_);
    steps_.push_back(step);
}

void RunRecord::remove() {
    if (::unlink(path_.c_str()) < 0 && errno != ENOENT) {
        sys::throwErrno("removing the run record ", path_);
    }
    steps_.clear();
}

} // namespace zoned::platform
