// Prints zone.yaml(5), made from the schema; the build runs it, it is not installed.
#include <cstdio>
#include <iostream>
#include <string>

#include "zone/schema.hpp"

namespace {

constexpr const char* head = R"(.\" Made from the schema by zone-schema-man; do not edit.
.Dd November 23, 2026
.Dt ZONE.YAML 5
.Os zoned
.Sh NAME
.Nm zone.yaml
.Nd definition of a zone
.Sh DESCRIPTION
A zone is defined by one YAML file,
.Pa /etc/zoned/zones/NAME.yaml ,
which belongs to root and may be edited by hand.
It is a map of the keys below.
Keys that are unknown or given twice are refused, and so are anchors,
aliases and tags, more than 64 KiB of text and more than 16 levels.
Every complaint names the file, the line and the key.
.Pp
.Xr zonectl 1
.Cm verify
checks a file without doing anything, and
.Cm create
makes a zone from one.
Its option
.Fl -set Ar key Ns = Ns Ar value
takes the paths below, with an element's number in the brackets, and as value
what could stand in the file:
.Ql network[0].address=10.213.0.10/16 ,
.Ql dns=[9.9.9.9] .
An empty value takes the key away.
.Ss Types
A
.Em boolean
is true, false, yes or no.
A
.Em size
is a number of bytes, or a number with K, M, G or T, which are powers of 1024;
KiB, MiB, GiB and TiB are the same.
A
.Em duration
is a number of seconds, or a number with s, m or h.
Numbers are decimal and have no leading zeros, which some readers of YAML take
for octal.
A
.Em string
that people read has no control characters, and no marks that turn the
direction of text.
)";

constexpr const char* tail = R"(.Sh SEE ALSO
.Xr zonectl 1 ,
.Xr zoned 8
)";

std::string examples() {
    std::string text = ".Sh FILES\n"
                       ".Bl -tag -width indent\n"
                       ".It Pa /etc/zoned/zones/NAME.yaml\n"
                       "The definition of the zone NAME.\n"
                       ".El\n"
                       ".Sh EXAMPLES\n"
                       "A zone with every kind of key:\n"
                       ".Bd -literal -offset indent\n";
    text += zoned::zone::exampleDefinition();
    text += ".Ed\n"
            ".Pp\n"
            "The least that a zone needs:\n"
            ".Bd -literal -offset indent\n"
            "zone: test\n"
            "image: bookworm\n"
            ".Ed\n";
    return text;
}

} // namespace

int main() {
    std::cout << head << zoned::zone::schemaMdoc() << examples() << tail << std::flush;
    return std::cout ? 0 : 1;
}
