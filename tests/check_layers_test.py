#!/usr/bin/python3
"""check_layers finds what it says it finds, and nothing in what is right."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).with_name("check_layers")

# file, text, the line that is wrong
WRONG = [
    ("lib/sys/a.cpp", '#include "zone/fault.hpp"\n', 1),
    ("lib/zone/a.cpp", '\n#include "store/images.hpp"\n', 2),
    ("lib/zone/a.cpp", "#include <fstream>\n", 1),
    ("lib/api/a.cpp", '#include "store/images.hpp"\n', 1),
    ("lib/store/a.cpp", '#include "platform/plan.hpp"\n', 1),
    ("lib/platform/a.cpp", '#include "zoned/registry.hpp"\n', 1),
    ("lib/platform/a.cpp", '#include "registry.hpp"\n', 1),
    ("zonectl/a.cpp", '#include "platform/plan.hpp"\n', 1),
    ("zonectl/a.cpp", '#include "store/images.hpp"\n', 1),
    ("zoned/worker/a.cpp", '#include "../registry.hpp"\n', 1),
    ("zoned/a.cpp", '#include "worker/unpack.hpp"\n', 1),
    ("zoned/a.cpp", "void f() {\n    int fd = ::open(path, 0);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    if (stat(path, &s) == 0) {}\n}\n", 2),
    ("zoned/a.cpp", "int f() {\n    return openat(fd, path, 0);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    ::mount(a, b, c, 0, d);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    std::ifstream file(path);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    std::filesystem::remove(path);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    auto* x = fopen(path, mode);\n}\n", 2),
    ("zoned/a.cpp", "void f() {\n    ::close(fd);\n}\n", 2),
    ("lib/sys/a.cpp", "void f() {\n    std::system(command);\n}\n", 2),
    ("lib/sys/a.cpp", "// TO" + "DO: later\n", 1),
]

RIGHT = [
    ("lib/sys/a.cpp", "int f() { return ::open(path, 0); }\n"),
    ("lib/platform/a.cpp", '#include "platform/plan.hpp"\n#include "store/images.hpp"\n#include <sys/stat.h>\n'),
    ("zoned/a.cpp", '#include "registry.hpp"\n#include "api/zone_adaptor.hpp"\n#include "config.h"\n'),
    ("zoned/a.cpp", "auto fd = sys::open(path, 0);\nfile.open(path);\nfile->close();\n"),
    ("zoned/a.cpp", "// open(it)\nauto text = \"::open(x)\";\n"),
    ("zoned/a.cpp", "void Visits::open(int id) {}\nvoid f() {\n    open(3);\n}\n"),
    ("zoned/a.cpp", "void f() {\n    struct stat info {};\n    ::fstat(fd, &info);\n}\n"),
]


def run(tree):
    done = subprocess.run([sys.executable, CHECK, tree], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def run_on(name, text):
    with tempfile.TemporaryDirectory() as tree:
        path = Path(tree, name)
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return run(tree)


class CheckLayers(unittest.TestCase):
    def test_a_violation_is_named_with_its_line(self):
        for name, text, line in WRONG:
            with self.subTest(name=name, text=text):
                status, output = run_on(name, text)
                self.assertEqual(status, 1)
                self.assertEqual(output.count("\n"), 1, output)
                self.assertTrue(output.startswith(f"{name}:{line}: "), output)

    def test_what_is_right_passes(self):
        for name, text in RIGHT:
            with self.subTest(name=name, text=text):
                self.assertEqual(run_on(name, text), (0, "1 files\n"))

    def test_an_empty_tree_is_not_taken_for_a_clean_one(self):
        with tempfile.TemporaryDirectory() as tree:
            self.assertEqual(run(tree)[0], 1)


if __name__ == "__main__":
    unittest.main()
