// Secrets that Debian's packages make once, when they are installed, and nothing makes
// again: in an image they would be the same for all its zones, so that who has one zone
// can pose as the others. An image therefore does not keep them, where it has the program
// that makes them, and a zone that lacks them makes its own before its init starts.
//
// What a system makes again by itself (machine-id, random seeds, leases …) is not here:
// see zoned/worker/finish_root.cpp.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace zoned::zone {

struct OwnSecret {
    std::string_view what;
    std::array<const char*, 8> files;   // from the root; the last ones may be null
    const char* usedBy;                 // a file that is there where somebody wants them
    std::array<const char*, 5> command; // makes them; an absolute path in the zone and arguments
};

inline constexpr std::array<OwnSecret, 4> ownSecrets = {{
    // sshd does not start without any (openssh-server's postinst)
    {"ssh host keys",
     {"etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub", "etc/ssh/ssh_host_ecdsa_key",
      "etc/ssh/ssh_host_ecdsa_key.pub", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub",
      "etc/ssh/ssh_host_dsa_key", "etc/ssh/ssh_host_dsa_key.pub"},
     "etc/ssh/sshd_config",
     {"/usr/bin/ssh-keygen", "-A"}},
    // one is enough, and dropbear says which it does not find (dropbear's postinst)
    {"dropbear's host keys",
     {"etc/dropbear/dropbear_rsa_host_key", "etc/dropbear/dropbear_ecdsa_host_key",
      "etc/dropbear/dropbear_ed25519_host_key"},
     "etc/default/dropbear",
     {"/usr/bin/dropbearkey", "-t", "ed25519", "-f", "/etc/dropbear/dropbear_ed25519_host_key"}},
    // PostgreSQL's, Postfix' and Dovecot's certificate until they get a real one (ssl-cert's postinst)
    {"the self-signed certificate of ssl-cert",
     {"etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem"},
     "usr/share/ssl-cert/ssleay.cnf",
     {"/usr/sbin/make-ssl-cert", "generate-default-snakeoil"}},
    // who knows it may give orders to the name server (bind9's postinst)
    {"the control key of named",
     {"etc/bind/rndc.key"},
     "etc/bind/named.conf",
     {"/usr/sbin/rndc-confgen", "-a", "-u", "bind"}},
}};

} // namespace zoned::zone
