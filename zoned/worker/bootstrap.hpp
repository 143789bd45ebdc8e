// mmdebstrap, which makes a Debian root file system and writes it as a tar to a pipe.
//
// It needs real root (mounts, chroot, package scripts), so its output is not
// trusted more than a file an administrator names: it goes through the same
// sandboxed unpacking. It runs in a pid and a mount namespace of its own, so
// that killing their first process ends every part of it and every mount.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finish_root.hpp"
#include "sys/process.hpp"

namespace zoned::worker {

struct BootstrapOptions {
    std::string suite;
    std::string mirror; // "" for mmdebstrap's own choice
    std::vector<std::string> include;
    InitKind init = InitKind::systemd;
};

/// Each throws Failure failed with a sentence for the administrator.
void checkSuite(const std::string& suite);
void checkMirror(const std::string& mirror);
void checkPackage(const std::string& package);
void checkBootstrap(const BootstrapOptions& options);

[[nodiscard]] std::vector<std::string> bootstrapCommand(const BootstrapOptions& options);
/// Where mmdebstrap is; throws Failure failed that says how to get it.
[[nodiscard]] std::string findMmdebstrap();

/// Starts it with its tar on `output`, its messages on `messages` and its work folder beneath `scratch`.
[[nodiscard]] sys::Child startBootstrap(const BootstrapOptions& options, const std::string& scratch, int output,
                                        int messages);

/// Reads what mmdebstrap says.
class BootstrapMessages {
public:
    struct Step {
        double fraction = 0;
        std::string message;
    };

    /// Takes bytes of its stderr; returns the last step that they announce.
    std::optional<Step> feed(std::string_view bytes);
    /// The reason why it failed, as a sentence.
    [[nodiscard]] std::string reason(const BootstrapOptions& options, int status) const;
    [[nodiscard]] double fraction() const noexcept { return fraction_; }

private:
    std::optional<Step> takeLine(std::string_view line);

    std::string partial_;
    std::vector<std::string> errors_;
    std::string missingSuite_;
    double fraction_ = 0;
};

} // namespace zoned::worker
