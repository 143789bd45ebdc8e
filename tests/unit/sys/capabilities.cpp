#include "sys/capabilities.hpp"

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>

#include "support/catch.hpp"
#include "support/child.hpp"

using namespace zoned;

namespace {

bool holds(std::uint64_t set, int capability) {
    return ((set >> capability) & 1U) != 0;
}

std::uint64_t boundingSet() {
    std::uint64_t set = 0;
    for (int capability = 0; capability < 64; ++capability) {
        if (prctl(PR_CAPBSET_READ, static_cast<unsigned long>(capability), 0L, 0L, 0L) == 1) {
            set |= std::uint64_t{1} << capability;
        }
    }
    return set;
}

std::uint64_t ownSet(cap_flag_t flag) {
    const cap_t own = cap_get_proc();
    std::uint64_t set = 0;
    for (int capability = 0; capability < 64; ++capability) {
        cap_flag_value_t value = CAP_CLEAR;
        if (cap_get_flag(own, capability, flag, &value) == 0 && value == CAP_SET) {
            set |= std::uint64_t{1} << capability;
        }
    }
    cap_free(own);
    return set;
}

bool canDrop() {
    if (holds(ownSet(CAP_EFFECTIVE), CAP_SETPCAP)) {
        return true;
    }
    std::fputs("skipped: needs CAP_SETPCAP\n", stderr);
    return false;
}

} // namespace

TEST_CASE("a zone keeps what a full userland needs and nothing that acts on the host") {
    const std::uint64_t zone = sys::zoneCapabilities(false);
    for (const int kept : {CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD,
                           CAP_SETUID, CAP_SETFCAP, CAP_DAC_OVERRIDE, CAP_AUDIT_WRITE}) {
        INFO(sys::capabilityName(static_cast<unsigned int>(kept)));
        CHECK(holds(zone, kept));
    }
    for (const int gone :
         {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_SYSLOG, CAP_WAKE_ALARM,
          CAP_BPF, CAP_PERFMON, CAP_SYS_PACCT, CAP_BLOCK_SUSPEND, CAP_AUDIT_READ, CAP_CHECKPOINT_RESTORE, 63}) {
        INFO(sys::capabilityName(static_cast<unsigned int>(gone)));
        CHECK_FALSE(holds(zone, gone));
    }
}

TEST_CASE("a privileged zone lacks what would reach the host without a user namespace") {
    const std::uint64_t privileged = sys::zoneCapabilities(true);
    CHECK((privileged & ~sys::zoneCapabilities(false)) == 0);
    for (const int gone : {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_MKNOD, CAP_SYS_RESOURCE}) {
        INFO(sys::capabilityName(static_cast<unsigned int>(gone)));
        CHECK_FALSE(holds(privileged, gone));
    }
    CHECK(holds(privileged, CAP_SYS_ADMIN));
}

TEST_CASE("dropping leaves exactly the kept ones in the bounding set") {
    if (!canDrop()) {
        return;
    }
    const std::uint64_t before = boundingSet();
    const std::uint64_t keep = sys::zoneCapabilities(false);
    REQUIRE((before & ~keep) != 0); // else there is nothing to drop here
    CHECK(test::inChild([&] {
              sys::dropBoundingSet(keep);
              return boundingSet() == (before & keep) ? 0 : 1;
          }) == 0);
}

TEST_CASE("dropping clears the thread's own sets too") {
    if (!canDrop()) {
        return;
    }
    const std::uint64_t keep = sys::zoneCapabilities(false);
    const std::uint64_t effective = ownSet(CAP_EFFECTIVE);
    const std::uint64_t permitted = ownSet(CAP_PERMITTED);
    REQUIRE((permitted & ~keep) != 0);
    CHECK(test::inChild([&] {
              sys::dropBoundingSet(keep);
              return ownSet(CAP_EFFECTIVE) == (effective & keep) && ownSet(CAP_PERMITTED) == (permitted & keep) &&
                             (ownSet(CAP_INHERITABLE) & ~keep) == 0
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("dropping twice is fine") {
    if (!canDrop()) {
        return;
    }
    CHECK(test::inChild([] {
              const std::uint64_t keep = sys::zoneCapabilities(true);
              sys::dropBoundingSet(keep);
              sys::dropBoundingSet(keep);
              return (boundingSet() & ~keep) == 0 ? 0 : 1;
          }) == 0);
}

TEST_CASE("dropping everything works though the right to drop goes with it") {
    if (!canDrop()) {
        return;
    }
    CHECK(test::inChild([] {
              sys::dropBoundingSet(0);
              return boundingSet() == 0 && ownSet(CAP_PERMITTED) == 0 ? 0 : 1;
          }) == 0);
}

TEST_CASE("capabilities have names, and numbers where libcap has none") {
    CHECK(sys::capabilityName(CAP_NET_ADMIN) == "cap_net_admin");
    CHECK(sys::capabilityName(63) == "63");
}
