// Names of the host's ends of zones' interfaces, "zv1k3gg0123abcd":
//
//   zv        a zone's port
//   1k3g      four letters that stand for the packet filter table
//   g or o    guarded, or open: a port of a bridge of the administrator's own
//   0123abcd  of one boot and interface
//
// So the constant rules of a table know its ports by their names alone, and a
// guarded one that no set speaks of passes nothing. Two services on one machine
// have a table each, and each lets the other's ports be.
#pragma once

#include <cstdint>
#include <string>

namespace zoned::sys {

/// What all ports of the table's begin with.
[[nodiscard]] std::string portPrefix(const std::string& table);
/// What those begin with that only send what the guard's sets allow.
[[nodiscard]] std::string guardedPrefix(const std::string& table);
/// A whole name, IFNAMSIZ - 1 bytes.
[[nodiscard]] std::string portName(const std::string& table, bool guarded, std::uint32_t number);

} // namespace zoned::sys
