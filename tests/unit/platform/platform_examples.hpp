// A boot spec with every field set, for the tests of lib/platform.
#pragma once

#include "platform/boot_spec.hpp"

namespace zoned::test {

inline platform::BootSpec fullSpec() {
    platform::BootSpec spec;
    spec.zone = "web";
    spec.uuid = "0123456789abcdef0123456789abcdef";
    spec.image = "/images/bookworm/rootfs";
    spec.layer = "/zones/web/layer";
    spec.idBase = 655360;
    spec.initKind = zone::InitKind::custom;
    spec.initArgv = {"/bin/own", "--flag"};
    spec.initArgs = {"single"};
    spec.hostname = "web.example";
    spec.hostnameGiven = true;
    spec.dns = {"10.0.0.1", "::1"};
    spec.dnsGiven = true;
    spec.environment = {{"LANG", "C.UTF-8"}, {"EMPTY", ""}};
    spec.nics = {{"eth0", "zv0", "zones0", "02:00:00:00:00:01", true, zone::Ipv4Network{0x0a000005, 24}, 0x0a000001},
                 {"eth1", "zv1", "br0", "02:00:00:00:00:02", false, std::nullopt, std::nullopt}};
    spec.limits = {{"cpu.max", "150000 100000"}, {"cpu.weight", "50"}, {"memory.max", "536870912"}};
    spec.mounts = {{"/srv/www", "/var/www", true}, {"/srv/data", "/data", false}};
    spec.capabilities = 0x1ffffffffff;
    spec.seccompProgram = "/run/zoned/seccomp.bpf";
    spec.ownFolders = {"/etc/zoned", "/run/zoned"};
    spec.nftTable = "zoned";
    spec.stopTimeout = 30;
    return spec;
}

} // namespace zoned::test
