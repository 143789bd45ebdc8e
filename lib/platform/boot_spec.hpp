// Everything a supervisor needs to bring one zone up: the service resolves a
// definition into it (addresses assigned, paths found, masks computed), so that
// the supervisor needs no YAML, no name service and no policy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "zone/definition.hpp"

namespace zoned::platform {

struct NicSpec {
    std::string name;     // inside the zone
    std::string hostName; // the host's end, of this boot alone: sys/port_name.hpp
    std::string bridge;   // empty is not possible: a zone without networks has no NicSpec
    std::string mac;      // "02:…", derived from the zone's uuid and the interface's name
    bool managed = true;  // on the managed network: guarded against spoofing by the nft sets
    std::optional<zone::Ipv4Network> address;
    std::optional<std::uint32_t> gateway;
};

struct Limit {
    std::string file;  // "memory.max"
    std::string value; // as written to the kernel
    bool operator==(const Limit&) const = default;
};

struct BootSpec {
    std::string zone;
    std::string uuid;  // 32 hex digits
    std::string image; // host path of the image's root file system
    std::string layer; // host path of the folder with upper/ and work/
    std::uint32_t idBase = 0;
    bool privileged = false;
    zone::InitKind initKind = zone::InitKind::automatic;
    std::vector<std::string> initArgv; // custom only
    std::vector<std::string> initArgs; // appended
    std::string hostname;
    bool hostnameGiven = false; // by the definition; else the zone may call itself otherwise
    std::vector<std::string> dns;
    bool dnsGiven = false; // by the definition; else they are the host's
    std::map<std::string, std::string> environment;
    std::vector<NicSpec> nics;
    std::vector<Limit> limits;
    std::vector<zone::Mount> mounts;
    std::uint64_t capabilities = 0; // the bounding set that is kept, bit n = capability n
    std::string seccompProgram;     // host path of the compiled filter
    std::string nftTable;
    std::string consoleJournal;          // host path of the journal's socket that the console's lines go to; "": none
    std::uint32_t stopTimeout = 90;      // seconds
    std::vector<std::string> ownFolders; // of the zone manager, on the host: no mount shows anything of them
};

/// Names for the host's ends of the interfaces that no earlier boot had: those linger while their network
/// namespaces die.
void giveFreshHostNames(BootSpec& spec);

/// The list alone, as in a spec: for the message "limits".
[[nodiscard]] std::string toJson(const std::vector<Limit>& limits);
[[nodiscard]] std::vector<Limit> limitsFromJson(const std::string& text);

[[nodiscard]] std::string toJson(const BootSpec& spec);
/// Throws sys::Error (code 0) on anything malformed.
[[nodiscard]] BootSpec bootSpecFromJson(const std::string& text);

} // namespace zoned::platform
