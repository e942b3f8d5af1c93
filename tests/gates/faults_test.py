#!/usr/bin/env python3
"""Every known fault can still be planted, and the README's table names exactly these."""

import pathlib
import re
import tempfile
import unittest

import faults
import prove_gates

ROOT = faults.HERE.parent.parent


class Faults(unittest.TestCase):
    def test_every_fault_can_be_planted(self):
        self.assertEqual([why for why in (faults.why_not(fault, ROOT) for fault in faults.load()) if why], [])

    def test_names_are_short_and_their_own(self):
        names = [fault.name for fault in faults.load()]
        self.assertGreaterEqual(len(names), 32)
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^[a-z0-9]+(-[a-z0-9]+)*$")

    def test_the_readme_says_what_caught_each(self):
        readme = (ROOT / "README.md").read_text()
        table = re.search(r"^\| fault \|.*\n\|[-|: ]*\n((?:\|.*\n)*)", readme, re.MULTILINE)
        self.assertIsNotNone(table)
        told = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|", table[1], re.MULTILINE)
        self.assertEqual([name for name, _ in told], [fault.name for fault in faults.load()])
        gates = {"build", prove_gates.NOT_RUN, *(gate.name for gate in prove_gates.GATES)}
        self.assertEqual([row for row in told if row[1].removesuffix(prove_gates.FIRST_TRIED) not in gates], [])

    def test_the_tests_that_the_readme_names_are_there(self):
        readme = (ROOT / "README.md").read_text()
        row = r"^\| `[^`]+` \| [^|]+ \| [^|]+ \| (?:\w+/)?([A-Z]\w+)\.([A-Z]\w+)[ /]"
        named = re.findall(row, readme, re.MULTILINE)
        self.assertGreater(len(named), 50)
        code = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.cpp"))
        there = set(re.findall(r"\b(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\((\w+),\s*(\w+)", code))
        self.assertEqual([test for test in named if test not in there], [])

    def test_a_fault_that_has_rotted_is_told(self):
        text = "# a\nThe sum is a difference.\nsum.cpp\n int a = 1;\n-int b = a + 1;\n+int b = a - 1;\n"
        fault = faults.parse(text)[0]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "sum.cpp"
            self.assertIn("there is no sum.cpp", faults.why_not(fault, file.parent))
            for text, why in (
                ("int a = 1;\nint b = a + 1;\n", ""),
                ("int a = 1;\n  int b = a + 1;\n", "0 times"),
                ("long int a = 1;\nint b = a + 1;\n", "0 times"),
                ("int a = 1;\nint b = a + 1;\n" * 2, "2 times"),
            ):
                file.write_text(text)
                told = faults.why_not(fault, file.parent)
                self.assertEqual(bool(told), bool(why))
                self.assertIn(why, told)
            self.assertEqual(faults.planted(fault, "int a = 1;\nint b = a + 1;\n"), "int a = 1;\nint b = a - 1;\n")

    def test_what_is_no_fault_is_refused(self):
        for text in ("a\nwhat\nfile\n-x\n+y", "# a\nwhat\n-x\n+y"):
            with self.assertRaises(ValueError):
                faults.parse(text)


if __name__ == "__main__":
    unittest.main()
