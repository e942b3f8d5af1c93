#!/usr/bin/env python3
"""Shows that check_layering.py can fail: each test plants one violation in a small tree and looks for its finding."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
CHECK = HERE / "check_layering.py"

LEFT_OPEN = "TO" + "DO"  # written apart, or this file itself would be a finding

# What is planted: name of the case → file, its text, the line of the finding, words of the finding.
PLANTED = {
    "ports include another part of core": ("core/ports/a.cpp", '#include "core/http/b.h"', 1, "may not include"),
    "session includes health": ("core/session/a.cpp", '\n#include "core/health/prober.h"', 2, "pool's snapshot"),
    "session includes membership": ("core/session/a.cpp", '#include "core/membership/w.h"', 1, "pool's snapshot"),
    "upstream includes admin": ("core/upstream/a.cpp", '#include "core/admin/server.h"', 1, "may not include"),
    "core includes io": ("core/admin/a.cpp", '#include "io/log.h"', 1, "core does no I/O"),
    "core includes the simulator": ("core/session/a.cpp", '#include "sim/world.h"', 1, "never knows the simulator"),
    "the simulator includes a real binding": ("sim/a.cpp", '#include "io/asio_clock.h"', 1, "io/redis"),
    "io includes the simulator": ("io/a.cpp", '#include "sim/world.h"', 1, "production code"),
    "the Redis client includes Asio's side": ("io/redis/a.cpp", '#include "io/asio_clock.h"', 1, "any Stream"),
    "a main includes the simulator": ("proxy/main.cpp", '#include "sim/world.h"', 1, "only core/, io/"),
    "the sentinel includes the proxy": ("sentinel/main.cpp", '#include "proxy/wiring.h"', 1, "may not include"),
    "an include beside the file": ("core/http/a.cpp", '#include "parser.h"', 1, "folder/file.h"),
    "Boost in core": ("core/session/a.cpp", "#include <boost/asio.hpp>", 1, "behind a port"),
    "Asio in a header of io": ("io/a.h", "#pragma once\n#include <boost/asio.hpp>", 2, "only io/*.cpp"),
    "spdlog in core": ("core/admin/a.cpp", "#include <spdlog/spdlog.h>", 1, "Observer"),
    "spdlog in a header of io": ("io/a.h", "#pragma once\n#include <spdlog/logger.h>", 2, "Observer"),
    "prometheus in core": ("core/admin/a.cpp", "#include <prometheus/registry.h>", 1, "Observer"),
    "CLI11 in a header": ("io/a.h", "#pragma once\n#include <CLI/CLI.hpp>", 2, "settings struct"),
    "hiredis outside the Redis client": ("io/a.cpp", "#include <hiredis/hiredis.h>", 1, "Registry port"),
    "llhttp outside core/http": ("core/session/a.cpp", "#include <llhttp.h>", 1, "parser of core/http"),
    "a system header in core": ("core/upstream/a.cpp", "#include <sys/socket.h>", 1, "port of core/ports"),
    "a system header in the simulator": ("sim/a.cpp", "#include <unistd.h>", 1, "port of core/ports"),
    "gtest outside tests": ("core/http/a.cpp", "#include <gtest/gtest.h>", 1, "tests only"),
    "threads in core": ("core/session/a.cpp", "#include <thread>", 1, "TaskGroup"),
    "threads in the simulator": ("sim/a.cpp", "#include <condition_variable>", 1, "TaskGroup"),
    "iostream in core": ("core/http/a.cpp", "#include <iostream>", 1, "Observer"),
    "<random> in core": ("core/balance/a.cpp", "#include <random>", 1, "keyed streams"),
    "the real clock in core": ("core/limit/a.cpp", "auto t = std::chrono::steady_clock::now();", 1, "Clock"),
    "the real clock in the simulator": ("sim/a.cpp", "\n\nusing C = std::chrono::system_clock;", 3, "Clock"),
    "sleeping in core": ("core/session/a.cpp", "std::this_thread::sleep_for(1s);", 1, "core/async/sleep.h"),
    "the environment in core": ("core/session/a.cpp", 'auto* x = std::getenv("X");', 1, "settings"),
    "rand in core": ("core/balance/a.cpp", "int x = rand();", 1, "keyed streams"),
    "random_device in core": ("core/balance/a.cpp", "std::random_device d;", 1, "keyed streams"),
    "a std distribution in core": ("core/balance/a.cpp", "std::uniform_int_distribution<> d;", 1, "integer arithm"),
    "std::shuffle in the simulator": ("sim/a.cpp", "std::shuffle(a, b, c);", 1, "integer arithmetic"),
    "std::hash in core": ("core/limit/a.cpp", "std::hash<int> h;", 1, "a hash of our own"),
    "printing in core": ("core/session/a.cpp", 'std::printf("x");', 1, "Observer"),
    "stderr in core": ("core/session/a.cpp", 'std::fprintf(stderr, "x");', 1, "GOPHER_CHECK"),
    "a socket in core": ("core/upstream/a.cpp", "int s = ::socket(1, 2, 3);", 1, "Network port"),
    "global state in core": ("core/session/a.cpp", "thread_local int x;", 1, "no global state"),
    "delete this": ("io/a.cpp", "void f() { delete this; }", 1, "an owner"),
    "a header without pragma once": ("core/http/a.h", "int x;", 1, "#pragma once"),
    "a long file": ("core/http/a.cpp", "int x;\n" * 501, 501, "501 lines"),
    "a long line": ("io/a.cpp", "\n// " + "x" * 118, 2, "121 columns"),
    "a file named helper": ("core/http/parse_helper.cpp", "", 1, "'helper' in a name"),
    "a folder named common": ("io/common/log.cpp", "", 1, "'common' in a name"),
    "a file named manager": ("sim/manager.cpp", "", 1, "'manager' in a name"),
    "work left open in a comment": ("io/a.cpp", f"// {LEFT_OPEN}: later", 1, "write an issue"),
    "work left open in Python": ("tests/a.py", f"# {LEFT_OPEN}: later", 1, "write an issue"),
}

# What looks like a violation and is none.
INNOCENT = {
    "core/session/a.cpp": (
        "// std::thread and steady_clock are what this never uses; rand() neither.\n"
        '/* #include <thread> */ const char* x = "getenv(";\n'
        "auto y = co_await sleep_until(clock, t); int operand(); int z = operand(); long n = 1'000'000;\n"
        '#include "core/balance/pool.h"\n#include <expected>\n'
    ),
    "core/async/check.cpp": "#include <cstdio>\nvoid f() { std::fprintf(stderr, 0); std::abort(); }\n",
    "core/health/prober.h": '#pragma once\n#include "core/balance/pool.h"\n',
    "io/clock.cpp": '#include <boost/asio.hpp>\n#include <thread>\n#include "io/clock.h"\n#include "version_stamp.h"\n',
    "sim/world.cpp": '#include "io/redis/client.h"\n#include "core/session/acceptor.h"\n#include <unordered_map>\n',
    "tests/data_path/a.cpp": '#include <gtest/gtest.h>\n#include "sim/world.h"\n',
}


def check(*arguments):
    return subprocess.run([sys.executable, CHECK, *map(str, arguments)], capture_output=True, text=True, check=False)


def plant(root, path, text):
    file = pathlib.Path(root) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Tree(unittest.TestCase):
    def test_each_planted_violation_is_found_with_its_line_and_what_to_do_instead(self):
        for case, (path, text, line, words) in PLANTED.items():
            with self.subTest(case), tempfile.TemporaryDirectory() as root:
                plant(root, path, text)
                result = check("--root", root)
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                findings = [one for one in result.stdout.splitlines() if one.startswith(f"{path}:{line}: ")]
                self.assertTrue(any(words in one and "; instead: " in one for one in findings), result.stdout)

    def test_what_only_looks_like_a_violation_passes(self):
        with tempfile.TemporaryDirectory() as root:
            for path, text in INNOCENT.items():
                plant(root, path, text)
            result = check("--root", root)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_what_was_built_or_generated_is_not_looked_at(self):
        with tempfile.TemporaryDirectory() as root:
            plant(root, "build/release/helper.cpp", "#include <thread>")
            plant(root, "docker/build/helper.cpp", "#include <thread>")
            self.assertEqual(check("--root", root).returncode, 0)


class Archive(unittest.TestCase):
    def archive_of(self, folder, code):
        source, compiled, archive = (pathlib.Path(folder) / name for name in ("a.cpp", "a.o", "libgopher_core.a"))
        source.write_text(code)
        subprocess.run(["g++", "-std=c++20", "-c", source, "-o", compiled], check=True)
        subprocess.run(["ar", "rcs", archive, compiled], check=True)
        return archive

    def findings(self, code):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as root:
            result = check("--root", root, "--archive", self.archive_of(folder, code))
            self.assertEqual(result.stderr, "")
            return result.returncode, result.stdout

    def test_symbols_that_do_io_or_read_the_world_are_found(self):
        for code, symbol, words in (
            ("#include <sys/socket.h>\nint f() { return socket(1, 2, 3); }", "socket", "Network port"),
            ("#include <sys/epoll.h>\nint f() { return epoll_create1(0); }", "epoll_create1", "Network port"),
            ("#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }", "steady_clock", "Clock"),
            ("#include <time.h>\nint f() { return clock_gettime(0, 0); }", "clock_gettime", "Clock"),
            ("#include <stdlib.h>\nauto f() { return getenv(\"X\"); }", "getenv", "settings"),
            ("#include <random>\nauto f() { return std::random_device()(); }", "random_device", "keyed streams"),
            ("#include <stdlib.h>\nint f() { return rand(); }", "rand", "keyed streams"),
            ("#include <pthread.h>\nint f() { return pthread_create(0, 0, 0, 0); }", "pthread_create", "TaskGroup"),
            ("#include <stdio.h>\nauto f() { return fopen(\"x\", \"r\"); }", "fopen", "opens nothing"),
            ("#include <iostream>\nvoid f() { std::cout << 1; }", "_ZSt4cout", "Observer"),
            ("extern \"C\" int quite_unknown();\nint f() { return quite_unknown(); }", "quite_unknown", "a port"),
        ):
            with self.subTest(symbol):
                status, findings = self.findings(code)
                self.assertEqual(status, 1, findings)
                named = [one for one in findings.splitlines() if "core needs the symbol" in one and symbol in one]
                self.assertTrue(named and words in named[0], findings)

    def test_the_standard_library_and_symbols_of_its_own_objects_pass(self):
        status, findings = self.findings(
            "#include <arpa/inet.h>\n#include <map>\n#include <memory>\n#include <mutex>\n#include <stdexcept>\n"
            "#include <string>\n"
            "struct B { virtual ~B() = default; virtual int f() = 0; };\n"
            "struct D : B { std::map<std::string, std::shared_ptr<int>> m; int f() override; };\n"
            "std::mutex lock;\nint g(B& b) { std::lock_guard hold(lock); return b.f(); }\n"
            "int D::f() { if (m.empty()) throw std::runtime_error(std::to_string(g(*this))); char t[64];\n"
            "  return inet_pton(AF_INET, m.begin()->first.c_str(), t); }\n"
        )
        self.assertEqual(status, 0, findings)

    def test_an_archive_that_is_not_there_is_no_success(self):
        self.assertNotEqual(check("--root", HERE / "none", "--archive", HERE / "none.a").returncode, 0)


if __name__ == "__main__":
    unittest.main()
