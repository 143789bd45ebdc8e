#include "sys/seccomp_load.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "sys/error.hpp"

namespace zoned::sys {

void loadFilter(std::string_view program) {
    if (program.empty() || program.size() % sizeof(sock_filter) != 0 ||
        program.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
        throw Error("loading a seccomp filter", EINVAL);
    }
    std::vector<sock_filter> instructions(program.size() / sizeof(sock_filter)); // for the alignment
    std::memcpy(instructions.data(), program.data(), program.size());
    sock_fprog filter{};
    filter.len = static_cast<unsigned short>(instructions.size());
    filter.filter = instructions.data();
    check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter), "loading a seccomp filter");
}

} // namespace zoned::sys
