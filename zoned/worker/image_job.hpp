// One import or build, seen from the privileged side: starts the sandboxed
// unpacking (and mmdebstrap, whose pipe it reads), passes their progress on,
// ends them when asked or when time is up, and decides whose fault is told.
//
// Two processes joined by a pipe fail together: when mmdebstrap gives up, the
// unpacking sees an archive that ends too early. The cause is told, not the
// echo; `verdict` is that rule.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bootstrap.hpp"
#include "extractor.hpp"
#include "failure.hpp"
#include "report.hpp"
#include "sandbox.hpp"
#include "sys/event_loop.hpp"

namespace zoned::worker {

struct ImageOptions {
    std::string rootfs; // an empty folder
    std::uint32_t idBase = 0;
    Budget budget;
    std::chrono::seconds maxTime{3600};
    std::optional<BootstrapOptions> bootstrap; // none: the archive is on stdin
};

class ImageJob {
public:
    ImageJob(ImageOptions options, Report& report);
    ~ImageJob();
    ImageJob(const ImageJob&) = delete;
    ImageJob& operator=(const ImageJob&) = delete;

    /// Runs to the end; throws Failure or sys::Error.
    ImageResult run();

private:
    void startUnpacking(int input);
    void startBuilding();
    void onUnpackMessage();
    void onUnpackExit(int status);
    void onBuildMessage();
    void onBuildExit(int status);
    void stop(FailureKind kind, const std::string& sentence);
    void killChildren() noexcept;
    void quitIfDone();
    ImageResult verdict() const;

    ImageOptions options_;
    Report& report_;
    sys::EventLoop loop_;
    sys::EventLoop::Source interrupt_, terminate_, hangup_, deadline_, grace_;

    Sandbox unpacker_;
    sys::EventLoop::Source unpackMessages_, unpackExit_;
    bool unpacking_ = false;
    std::optional<ImageResult> result_;
    std::string folder_; // of the archive that is the root; "" where its top is
    std::optional<Failure> unpackFailure_;

    sys::Child builder_;
    sys::EventLoop::Source buildOutput_, buildExit_;
    sys::UniqueFd buildPipe_;
    std::string scratch_;
    bool building_ = false;
    BootstrapMessages buildMessages_;
    std::optional<std::string> buildFailure_;

    std::optional<Failure> stopped_;
    bool killed_ = false;
};

} // namespace zoned::worker
