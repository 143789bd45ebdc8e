// Who is at the other end of a Unix socket.
#pragma once

namespace zoned::sys {

/// Whether the process that connected was root of our own user namespace, and lives in that and in our pid namespace.
///
/// The credentials are of the moment of connect(2), and ids of another user namespace are translated to ours: the root
/// of a zone is its first id here. Root of a zone without a user namespace is root here as well, and so is whoever made
/// a user namespace that maps our root: both are told by the namespaces. A process that has ended is nobody.
[[nodiscard]] bool isPeerOurRoot(int socket) noexcept;

} // namespace zoned::sys
