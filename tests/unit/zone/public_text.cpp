#include "zone/public_text.hpp"

#include <cstring>
#include <string>

#include "support/catch.hpp"

using zoned::zone::publicReason;
using zoned::zone::undisclosed;

TEST_CASE("how a zone's init ended is told to everybody", "[public]") {
    for (const char* reason : {"", "halted", "shut down", "powered off from inside", "its init exited with status 3",
                               "its init did not shut down within 90 s; it was killed"}) {
        CHECK(publicReason(reason) == reason);
    }
    for (int signal = 1; signal < 32; ++signal) { // each in the C library's words
        const std::string reason =
            "its init was killed by signal " + std::to_string(signal) + " (" + ::sigdescr_np(signal) + ")";
        CHECK(publicReason(reason) == reason);
    }
}

TEST_CASE("what names the host's folders, devices and units is not", "[public]") {
    for (const char* reason :
         {"opening the mount source /srv/payroll: No such file or directory",
          "its init exited with status 3; taking the zone down: unmounting /srv/payroll: Device or resource busy",
          "/var/lib/zoned/zones/web/layer is missing", "host-requires: srv-payroll.mount: it failed",
          "its image '/srv/payroll' is missing", "its init exited with status ", "halted\n/srv/payroll"}) {
        CHECK(publicReason(reason) == undisclosed);
    }
}

TEST_CASE("of a reason with a reason in it each part is judged by itself", "[public]") {
    const std::string crashes = "it was restarted 5 times within 600 s, and ended again: ";
    CHECK(publicReason(crashes + "its init exited with status 1") == crashes + "its init exited with status 1");
    CHECK(publicReason(crashes + "opening the mount source /srv/payroll: no") == crashes + std::string(undisclosed));
    CHECK(publicReason("zone db, which it requires, was not booted: /srv/payroll is missing") ==
          "zone db, which it requires, was not booted: " + std::string(undisclosed));
    CHECK(publicReason("/srv/payroll: halted") == undisclosed);
}
