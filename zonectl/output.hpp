// What zonectl shows: tables (libsmartcols, as lsblk and findmnt have them), JSON, and the cleaning of
// text that a zone may have written. The JSON is not libsmartcols' own: its empty list is [null].
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zoned::ctl {

/// One line of text that is safe on a terminal: control characters (C0, DEL, C1) and bytes that
/// are no UTF-8 become '?', newlines and tabs become spaces. A zone must not be able to drive
/// the administrator's terminal.
[[nodiscard]] std::string cleanLine(std::string_view text);
/// As cleanLine, but newlines and tabs stay.
[[nodiscard]] std::string cleanText(std::string_view text);

/// JSON, with its line's end, that is safe on a terminal and says the same: what cleanLine would take out stands there
/// as an escape ("\u009b"). @param indent -1: on one line
[[nodiscard]] std::string jsonText(const nlohmann::ordered_json& value, int indent = -1);

struct Column {
    enum class Type { text, number, list };
    std::string name; // "state"; shown in capitals above a table, as it is in JSON
    Type type = Type::text;
};

/// A cell is the parts of a list, or one text; a number as JSON writes it, "null" where it is not known.
using Cell = std::vector<std::string>;

class Table {
public:
    /// @param name the array's name in JSON: "zones"
    Table(std::string name, std::vector<Column> columns) : name_(std::move(name)), columns_(std::move(columns)) {}

    /// One cell for each column.
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    /// Shows only these, in this order; throws UsageError where one is not known.
    void select(const std::string& commaSeparated);
    void hideHeadings() { headings_ = false; }

    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string json() const;

private:
    [[nodiscard]] std::vector<std::size_t> shownColumns() const;

    std::string name_;
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    std::vector<std::size_t> shown_; // empty: all
    bool headings_ = true;
};

/// "key: value" lines with the values below each other; empty values are left out.
[[nodiscard]] std::string fieldsText(const std::vector<std::pair<std::string, std::string>>& fields);

[[nodiscard]] std::string joinList(const std::vector<std::string>& parts, std::string_view separator = ", ");
/// "1.4 GiB"
[[nodiscard]] std::string sizeText(std::uint64_t bytes);
/// Seconds since 1970 as local time, "2026-03-01 12:00:00"; "" for 0.
[[nodiscard]] std::string timeText(std::int64_t seconds);

/// The same for machines, in UTC and to the microsecond: "2026-03-01T12:00:00.123456Z".
[[nodiscard]] std::string timestamp(std::chrono::system_clock::time_point time);
/// As timeText, with milliseconds: "2026-03-01 12:00:00.123".
[[nodiscard]] std::string preciseTimeText(std::chrono::system_clock::time_point time);

/// Writes to standard output; throws sys::Error where it cannot (a full disk must not look like success).
void print(std::string_view text);
/// Writes "zonectl: " and the cleaned text to standard error.
void printError(std::string_view text);
/// Writes a cleaned line to standard error, without a prefix: progress notes and advice.
void printNote(std::string_view text);

} // namespace zoned::ctl
