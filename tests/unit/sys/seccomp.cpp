#include "sys/seccomp.hpp"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "sys/seccomp_load.hpp"

using namespace zoned;

namespace {

#ifdef __x86_64__
constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
#endif

const std::string& program() {
    static const std::string compiled = sys::compileZoneFilter();
    return compiled;
}

/// errno of a call in a child behind the filter; 0 where it succeeded.
template <typename Call>
int filtered(Call call) {
    return test::inChild([&] {
        if (geteuid() != 0) {
            prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
        }
        sys::loadFilter(program());
        errno = 0;
        return call() == -1 ? errno : 0;
    });
}

/// What the filter answers to a call that this machine cannot make: classic BPF as far as libseccomp uses it.
std::uint32_t judged(std::uint32_t architecture, std::uint32_t number,
                     const std::vector<std::uint64_t>& arguments = {}) {
    seccomp_data data{};
    std::copy(arguments.begin(), arguments.end(), data.args);
    data.arch = architecture;
    data.nr = static_cast<int>(number);
    std::vector<sock_filter> code(program().size() / sizeof(sock_filter));
    std::memcpy(code.data(), program().data(), program().size());
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < code.size(); ++at) {
        const sock_filter& step = code[at];
        bool taken = false;
        switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, sizeof accumulator);
            continue;
        case BPF_RET | BPF_K:
            return step.k;
        case BPF_JMP | BPF_JA:
            at += step.k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            taken = accumulator == step.k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            taken = accumulator >= step.k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            taken = accumulator > step.k;
            break;
        default:
            FAIL("an instruction that this test does not know: " << step.code);
        }
        at += taken ? step.jt : step.jf;
    }
    FAIL("the program runs over its end");
    return 0;
}

#ifdef __x86_64__
/// A call through i386's gate, in a child behind the filter or without it.
long i386(long number, long first = 0, long second = 0, long third = 0) {
    long result = 0;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"(first), "c"(second), "d"(third)
                 : "memory", "r8", "r9", "r10", "r11");
    const int code = static_cast<int>(result);
    if (code < 0 && code > -4096) {
        errno = -code;
        return -1;
    }
    return code;
}
#endif

} // namespace

TEST_CASE("what a userland lives on passes the filter") {
    CHECK(filtered([] { return syscall(__NR_getpid); }) == 0);
    CHECK(filtered([] { return syscall(__NR_openat, AT_FDCWD, "/dev/null", O_RDONLY); }) == 0);
    CHECK(filtered([] { return syscall(__NR_socket, AF_UNIX, SOCK_STREAM, 0); }) == 0);
    CHECK(filtered([] { return syscall(__NR_clone3, nullptr, 0); }) == EINVAL); // the kernel's own answer
    CHECK(filtered([] { return syscall(__NR_setns, -1, 0); }) == EBADF);
    CHECK(filtered([] { return syscall(__NR_pidfd_open, -1, 0); }) == EINVAL);
    CHECK(filtered([] { return syscall(__NR_mount_setattr, -1, "", 0x8000000, nullptr, 0); }) == EINVAL);
    CHECK(filtered([] { return syscall(__NR_landlock_create_ruleset, nullptr, 0, 0x80000000U); }) != EPERM);
    CHECK(filtered([] { return syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, nullptr); }) == EFAULT);
    CHECK(filtered([] { return syscall(__NR_reboot, 0, 0, 0, nullptr); }) == (geteuid() == 0 ? EINVAL : EPERM));
}

TEST_CASE("calls that act on the host are refused with EPERM") {
    // None of them fails with EPERM by itself on these arguments, at least for root.
    CHECK(filtered([] { return syscall(__NR_bpf, -1, nullptr, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_kexec_load, 0, 0, nullptr, -1L); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_init_module, nullptr, 0, nullptr); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_finit_module, -1, "", 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_delete_module, nullptr, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_open_by_handle_at, -1, nullptr, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_perf_event_open, nullptr, 0, 0, 0, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_fanotify_init, -1, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_quotactl, -1, nullptr, 0, nullptr); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_swapon, nullptr, 0); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_clock_settime, -1, nullptr); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_settimeofday, nullptr, nullptr); }) == EPERM);
    CHECK(filtered([] { return syscall(__NR_acct, ""); }) == EPERM);
}

TEST_CASE("unknown and switched-off calls look absent") {
    CHECK(filtered([] { return syscall(__NR_io_uring_setup, 1, nullptr); }) == ENOSYS);
    CHECK(filtered([] { return syscall(__NR_userfaultfd, 0); }) == ENOSYS);
    // docker and podman go on without keyrings where they are absent, and end where they are forbidden
    CHECK(filtered([] { return syscall(__NR_add_key, nullptr, nullptr, nullptr, 0, 0); }) == ENOSYS);
    CHECK(filtered([] { return syscall(__NR_keyctl, -1, 0, 0, 0, 0); }) == ENOSYS);
    CHECK(filtered([] { return syscall(__NR_request_key, nullptr, nullptr, nullptr, 0); }) == ENOSYS);
    CHECK(judged(AUDIT_ARCH_X86_64, 4242) == (SECCOMP_RET_ERRNO | ENOSYS));
}

TEST_CASE("the audit socket is refused as on a kernel without audit, other netlink is not") {
    CHECK(filtered([] { return syscall(__NR_socket, AF_VSOCK, SOCK_STREAM, 0); }) == EAFNOSUPPORT);
    CHECK(filtered([] { return syscall(__NR_socket, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }) == EAFNOSUPPORT);
    CHECK(filtered([] { return syscall(__NR_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }) == 0);
    // the kernel reads an int, so bits above it must not lead past the filter
    constexpr long dirt = 1L << 32;
    CHECK(filtered([] { return syscall(__NR_socket, AF_NETLINK | dirt, SOCK_RAW, NETLINK_AUDIT | dirt); }) ==
          EAFNOSUPPORT);
}

TEST_CASE("sockets are made of a few families only, whatever the upper half of the argument says") {
    for (const long family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
        INFO("family " << family);
        CHECK(filtered([&] { return syscall(__NR_socket, family, SOCK_RAW, 0); }) != EAFNOSUPPORT);
    }
    CHECK(filtered([] {
              int ends[2];
              return syscall(__NR_socketpair, AF_UNIX, SOCK_STREAM, 0, ends);
          }) == 0);
    for (long family = 0; family < 64; ++family) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
            family == AF_PACKET) {
            continue;
        }
        INFO("family " << family);
        constexpr long dirt = 1L << 32;
        for (const std::uint32_t call : {__NR_socket, __NR_socketpair}) {
            CHECK(judged(native, call, {static_cast<std::uint64_t>(family)}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
            CHECK(judged(native, call, {static_cast<std::uint64_t>(family | dirt)}) ==
                  (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
        }
    }
    CHECK(filtered([] { return syscall(__NR_socket, AF_ALG, SOCK_SEQPACKET, 0); }) == EAFNOSUPPORT);
}

TEST_CASE("typing into a terminal from the program's side is refused") {
    const auto ioctlOnNull = [](unsigned long request) {
        return filtered([&] {
            const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
            return syscall(__NR_ioctl, file, request, "x");
        });
    };
    CHECK(ioctlOnNull(TIOCSTI) == EPERM);
    CHECK(ioctlOnNull(TIOCLINUX) == EPERM);
    CHECK(ioctlOnNull(TIOCSTI | (1UL << 32)) == EPERM);
    CHECK(ioctlOnNull(TIOCGWINSZ) == ENOTTY);
}

#ifdef __x86_64__
TEST_CASE("the 32-bit gate is filtered like the 64-bit one") {
    constexpr long getpidCall = 20;
    if (test::inChild([] { return i386(getpidCall) > 0 ? 0 : 1; }) != 0) {
        std::fputs("skipped: this kernel runs no 32-bit calls\n", stderr);
        return;
    }
    CHECK(filtered([] { return i386(getpidCall); }) == 0);
    CHECK(filtered([] { return i386(288); }) == ENOSYS);                                            // keyctl
    CHECK(filtered([] { return i386(357, -1); }) == EPERM);                                         // bpf
    CHECK(filtered([] { return i386(425); }) == ENOSYS);                                            // io_uring_setup
    CHECK(filtered([] { return i386(359, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }) == EAFNOSUPPORT); // socket
    CHECK(filtered([] { return i386(359, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }) == 0);
    CHECK(filtered([] { return i386(54, 0, TIOCSTI); }) == EPERM); // ioctl
    CHECK(filtered([] { return i386(359, AF_ALG, SOCK_SEQPACKET, 0); }) == EAFNOSUPPORT);
    CHECK(filtered([] { return i386(359, AF_INET, SOCK_DGRAM, 0); }) == 0);
    CHECK(filtered([] { return i386(360, AF_ALG, SOCK_SEQPACKET, 0); }) == EAFNOSUPPORT); // socketpair
    // socketcall's family lies in memory; the rest of it is harmless
    CHECK(filtered([] { return i386(102, 1); }) == ENOSYS); // socket
    CHECK(filtered([] { return i386(102, 8); }) == ENOSYS); // socketpair
    CHECK(filtered([] { return i386(102, 0); }) == EINVAL); // the kernel's own answer
    CHECK(filtered([] { return i386(102, 3); }) == EFAULT); // connect
    CHECK(filtered([] { return i386(117, 99); }) != EPERM); // ipc
}

TEST_CASE("x32 calls and other architectures look absent") {
    constexpr std::uint32_t x32 = 0x40000000;
    CHECK(judged(AUDIT_ARCH_X86_64, __NR_getpid) == SECCOMP_RET_ALLOW);
    CHECK(judged(AUDIT_ARCH_X86_64, __NR_getpid | x32) == (SECCOMP_RET_ERRNO | ENOSYS));
    CHECK(judged(AUDIT_ARCH_X86_64, 520 | x32) == (SECCOMP_RET_ERRNO | ENOSYS)); // x32's own execve
    CHECK(judged(AUDIT_ARCH_AARCH64, 172) == (SECCOMP_RET_ERRNO | ENOSYS));
    CHECK(judged(AUDIT_ARCH_I386, 20) == SECCOMP_RET_ALLOW);
    CHECK(judged(AUDIT_ARCH_X86_64, __NR_socket | x32, {AF_ALG}) == (SECCOMP_RET_ERRNO | ENOSYS));
}
#endif

TEST_CASE("a torn program is not loaded") {
    CHECK_THROWS_AS(sys::loadFilter(""), sys::Error);
    CHECK_THROWS_AS(sys::loadFilter(std::string_view(program()).substr(1)), sys::Error);
}
