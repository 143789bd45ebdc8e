#include "output.hpp"

#include <libsmartcols.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "arguments.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::ctl {

namespace {

using nlohmann::ordered_json;
using sys::Error;
using sys::join;

/// The length of the UTF-8 character at the start of `text`, 0 where there is none that may be
/// shown: broken, overlong, a surrogate, or one of the C1 controls (U+0080 to U+009F), which
/// terminals obey as they do ESC.
std::size_t shownCharacter(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
        return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) {
        return 0;
    }
    unsigned code = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (byte(i) & 0x3f);
    }
    constexpr std::array<unsigned, 5> least{0, 0, 0xa0, 0x800, 0x10000};
    // Bidirectional overrides can make a line read as another one (CVE-2021-42574).
    const bool bidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || bidi ? 0 : length;
}

std::string clean(std::string_view text, bool keepLines) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        std::size_t length = shownCharacter(text);
        if (length > 0) {
            result += text.substr(0, length);
        } else {
            const bool space = text[0] == '\n' || text[0] == '\t';
            result += !space ? '?' : keepLines ? text[0] : ' ';
            length = 1;
        }
        text.remove_prefix(length);
    }
    return result;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

struct TableRelease {
    void operator()(libscols_table* table) const noexcept { scols_unref_table(table); }
};

void succeed(int result, const char* what) {
    if (result < 0) {
        throw Error(what, -result);
    }
}

} // namespace

std::string cleanLine(std::string_view text) {
    return clean(text, false);
}
std::string cleanText(std::string_view text) {
    return clean(text, true);
}

std::string jsonText(const ordered_json& value, int indent) {
    // C0 is escaped by the library; bytes that are no UTF-8 become U+FFFD
    const std::string text = value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
    std::string result;
    result.reserve(text.size() + 1);
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = std::string_view(text).substr(at);
        std::size_t length = rest[0] == '\n' ? 1 : shownCharacter(rest);
        if (length > 0) {
            result += rest.substr(0, length);
        } else { // DEL, two bytes of C1, or three of a mark of direction: in strings alone
            const bool one = rest[0] == '\x7f';
            length = one ? 1 : (static_cast<unsigned char>(rest[0]) & 0xe0) == 0xc0 ? 2 : 3;
            result += ordered_json(std::string(rest.substr(0, length))).dump(-1, ' ', true).substr(1);
            result.pop_back();
        }
        at += length;
    }
    return result + "\n";
}

void Table::select(const std::string& commaSeparated) {
    shown_.clear();
    for (const auto& wanted : splitList(commaSeparated)) {
        const auto found =
            std::find_if(columns_.begin(), columns_.end(), [&](const Column& column) { return column.name == wanted; });
        if (found == columns_.end()) {
            std::vector<std::string> names;
            for (const auto& column : columns_) {
                names.push_back(column.name);
            }
            throw UsageError(join("there is no column '", wanted, "'; there are ", joinList(names)));
        }
        shown_.push_back(static_cast<std::size_t>(found - columns_.begin()));
    }
    if (shown_.empty()) {
        throw UsageError("no column is named");
    }
}

std::vector<std::size_t> Table::shownColumns() const {
    std::vector<std::size_t> shown = shown_;
    for (std::size_t i = 0; shown_.empty() && i < columns_.size(); ++i) {
        shown.push_back(i);
    }
    return shown;
}

std::string Table::text() const {
    if (rows_.empty()) {
        return "";
    }
    // The width of characters; numbers keep their C form. Not in main(): reading a locale is a part of what a short
    // command takes.
    std::setlocale(LC_CTYPE, "");
    const std::unique_ptr<libscols_table, TableRelease> table(scols_new_table());
    if (!table) {
        throw Error("making a table", ENOMEM);
    }
    succeed(scols_table_enable_noheadings(table.get(), headings_ ? 0 : 1), "making a table");
    // The whole text, always: what is shown is also what scripts cut up.
    succeed(scols_table_enable_nowrap(table.get(), 1), "making a table");
    // and "no wrap" alone leaves out what does not fit on the terminal
    succeed(scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER), "making a table");
    const auto shown = shownColumns();
    for (const std::size_t index : shown) {
        const Column& column = columns_[index];
        const int flags = column.type == Column::Type::number ? SCOLS_FL_RIGHT : 0;
        if (scols_table_new_column(table.get(), upper(column.name).c_str(), 0, flags) == nullptr) {
            throw Error("making a table's column", ENOMEM);
        }
    }
    for (const auto& row : rows_) {
        auto* line = scols_table_new_line(table.get(), nullptr);
        if (line == nullptr) {
            throw Error("making a table's line", ENOMEM);
        }
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const std::string cell = cleanLine(joinList(row.at(shown[i])));
            succeed(scols_line_set_data(line, i, cell.c_str()), "filling a table");
        }
    }
    char* printed = nullptr;
    succeed(scols_print_table_to_string(table.get(), &printed), "printing a table");
    const std::unique_ptr<char, decltype(&std::free)> owner(printed, &std::free);
    std::string result = printed != nullptr ? printed : "";
    if (!result.empty() && result.back() != '\n') {
        result += '\n';
    }
    return result;
}

std::string Table::json() const {
    auto array = ordered_json::array();
    for (const auto& row : rows_) {
        ordered_json object;
        for (const std::size_t index : shownColumns()) {
            const Cell& cell = row.at(index);
            ordered_json value;
            switch (columns_[index].type) {
            case Column::Type::text:
                value = cleanLine(joinList(cell));
                break;
            case Column::Type::number:
                value = ordered_json::parse(joinList(cell));
                break;
            case Column::Type::list:
                value = ordered_json::array();
                for (const auto& part : cell) {
                    value.push_back(cleanLine(part));
                }
                break;
            }
            object[columns_[index].name] = std::move(value);
        }
        array.push_back(std::move(object));
    }
    return jsonText(ordered_json{{name_, std::move(array)}}, 2);
}

std::string fieldsText(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::size_t width = 0;
    for (const auto& [key, value] : fields) {
        width = std::max(width, value.empty() ? 0 : key.size());
    }
    std::string text;
    for (const auto& [key, value] : fields) {
        if (!value.empty()) {
            text += key + ":" + std::string(width - key.size() + 1, ' ') + cleanLine(value) + "\n";
        }
    }
    return text;
}

std::string joinList(const std::vector<std::string>& parts, std::string_view separator) {
    std::string text;
    for (const auto& part : parts) {
        if (!text.empty()) {
            text += separator;
        }
        text += part;
    }
    return text;
}

std::string sizeText(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.95 would be shown as "1024.0".
    for (; value >= 1023.95 && unit + 1 < units.size(); ++unit) {
        value /= 1024;
    }
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units.at(unit));
    return buffer.data();
}

std::string timeText(std::int64_t seconds) {
    if (seconds == 0) {
        return "";
    }
    const std::time_t when = seconds;
    std::tm local{};
    std::array<char, 64> buffer{};
    if (localtime_r(&when, &local) == nullptr ||
        std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &local) == 0) {
        return std::to_string(seconds);
    }
    return buffer.data();
}

std::string timestamp(std::chrono::system_clock::time_point time) {
    const auto since = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
    const std::time_t when = std::chrono::floor<std::chrono::seconds>(since).count();
    std::tm utc{};
    std::array<char, 64> buffer{};
    if (gmtime_r(&when, &utc) == nullptr ||
        std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        return std::to_string(when);
    }
    constexpr long million = 1'000'000;
    const std::string part = std::to_string(million + (since % std::chrono::seconds(1)).count());
    return join(buffer.data(), ".", part.substr(1), "Z");
}

std::string preciseTimeText(std::chrono::system_clock::time_point time) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const std::string part = std::to_string(1000 + (since % std::chrono::seconds(1)).count());
    return timeText(std::chrono::floor<std::chrono::seconds>(since).count()) + "." + part.substr(1);
}

void print(std::string_view text) {
    sys::writeAll(STDOUT_FILENO, text, "standard output");
}

namespace {
/// Standard error that cannot be written leaves nobody to tell.
void writeStandardError(std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}
} // namespace

void printError(std::string_view text) {
    writeStandardError("zonectl: " + cleanText(text) + "\n");
}
void printNote(std::string_view text) {
    writeStandardError(cleanText(text) + "\n");
}

} // namespace zoned::ctl
