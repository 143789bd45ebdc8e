// What texts may look like: names of interfaces and hosts, characters that can
// harm a terminal or a configuration file, and the word that was probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::zone {

/// C0 and C1 control characters and DEL, the marks that turn the direction of text (U+202E and kin) and the separators of
/// lines, in UTF-8: a terminal obeys them, so that people read what is not there, and a line-based file breaks at them.
/// The bytes of the one that `text` begins with; 0 where it begins with none.
[[nodiscard]] std::size_t controlCharacterLength(std::string_view text) noexcept;
[[nodiscard]] bool hasControlCharacter(std::string_view text) noexcept;
[[nodiscard]] bool isUtf8(std::string_view text) noexcept;

/// Why the text cannot name a network interface (or bridge); nothing where it can.
[[nodiscard]] std::optional<std::string> interfaceNameProblem(std::string_view text);
/// Why the text is no host name: DNS labels, 64 bytes at most (sethostname(2)); nothing where it is one.
[[nodiscard]] std::optional<std::string> hostNameProblem(std::string_view text);

/// The text's beginning, of at most `bytes` and an ellipsis, where it is longer; no character is cut in two.
[[nodiscard]] std::string cut(std::string_view text, std::size_t bytes);

/// The candidate that `word` is probably a misspelling of; "" where none is near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// "; did you mean 'memory'?" or "".
[[nodiscard]] std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

} // namespace zoned::zone
