#!/usr/bin/env python3
"""Checks the rules between folders (rules.py): who may include what, what core may call, words, names and sizes.

Prints one finding a line, "file:line: rule; what to do instead", and exits 1 if there is any.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rules


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    instead: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}; instead: {self.instead}"


def source_files(root):
    """Paths of the source files, relative to the root, in a fixed order."""
    found = [name for name in ("dev", "CMakeLists.txt") if (root / name).is_file()]
    for folder in rules.SOURCE_FOLDERS:
        for parent, folders, files in os.walk(root / folder):
            folders[:] = sorted(name for name in folders if name not in ("build", "__pycache__", "corpus"))
            for name in sorted(files):
                if name.endswith(rules.SOURCE_SUFFIXES) or name in rules.SOURCE_NAMES:
                    found.append((pathlib.Path(parent) / name).relative_to(root).as_posix())
    return found


TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\\ ]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)


def without_comments_and_literals(text):
    """The same text, line for line, with comments and literals blanked. Digit separators are no literals."""
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)
    return TOKENS.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def longest_prefix(path, prefixes):
    matching = [prefix for prefix in prefixes if path.startswith(prefix)]
    return max(matching, key=len, default=None)


def check_project_include(path, line, header):
    folder = longest_prefix(path, rules.MAY_INCLUDE)
    if folder is None or header.startswith(rules.MAY_INCLUDE[folder]) or header.startswith(rules.GENERATED_HEADERS):
        return
    if "/" not in header:
        if path.startswith("tests/"):
            return  # a test's own world, beside it
        yield Finding(path, line, f'"{header}" is no path from the root', 'include as "folder/file.h"')
        return
    allowed = ", ".join(rules.MAY_INCLUDE[folder])
    for (source, target), why in rules.WHY_NOT.items():
        if path.startswith(source) and header.startswith(target):
            yield Finding(path, line, f"{folder} may not include {header}", why)
            return
    yield Finding(path, line, f"{folder} may not include {header}", f"only {allowed}")


def check_outside_include(path, line, header):
    if header in rules.STANDARD_HEADERS:
        for files, banned, instead in rules.BANNED_HEADERS:
            if header in banned and re.search(files, path):
                yield Finding(path, line, f"<{header}> is banned here", instead)
        return
    for pattern, allowed, instead in rules.OUTSIDE_HEADERS:
        if re.match(pattern, header):
            if not re.search(allowed, path):
                yield Finding(path, line, f"<{header}> is banned here", instead)
            return


INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<(?P<outside>[^>]+)>|"(?P<project>[^"]+)")', re.MULTILINE)


def check_cpp(path, text):
    code = without_comments_and_literals(text)
    for match in INCLUDE.finditer(text):
        if "include" not in code[match.start() : match.end()]:
            continue  # commented out
        line = text.count("\n", 0, match.start("outside" if match["outside"] else "project")) + 1
        if match["project"]:
            yield from check_project_include(path, line, match["project"])
        else:
            yield from check_outside_include(path, line, match["outside"])
    for files, pattern, instead in rules.BANNED_WORDS:
        if not re.search(files, path):
            continue
        for match in re.finditer(pattern, code):
            line = code.count("\n", 0, match.start()) + 1
            yield Finding(path, line, f"{match.group().strip(' (')} is banned here", instead)
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield Finding(path, 1, "a header without #pragma once", "add it below the header's comment")


def check_text(path, text):
    lines = text.splitlines()
    if len(lines) > rules.MAX_FILE_LINES:
        rule = f"{len(lines)} lines, more than {rules.MAX_FILE_LINES}"
        yield Finding(path, len(lines), rule, "split it by what it does")
    for number, line in enumerate(lines, 1):
        # Tables of rules read better unwrapped.
        if len(line) > rules.MAX_LINE_COLUMNS and path != "tests/layering/rules.py":
            rule = f"{len(line)} columns, more than {rules.MAX_LINE_COLUMNS}"
            yield Finding(path, number, rule, "wrap it")
        match = rules.LEFT_OPEN.search(line)
        if match:
            yield Finding(path, number, f"{match.group()} in the code", "do it now, or write an issue")


def check_name(path):
    for part in pathlib.PurePosixPath(path).parts:
        words = set(re.split(r"[_.\-]", part.lower()))
        for word in sorted(words & rules.BANNED_NAME_WORDS):
            yield Finding(path, 1, f"'{word}' in a name says nothing", "what it does, in the field's terms")


def check_tree(root):
    for path in source_files(root):
        yield from check_name(path)
        text = (root / path).read_text(encoding="utf-8")
        yield from check_text(path, text)
        if path.endswith((".h", ".cpp")):
            yield from check_cpp(path, text)


def undefined_symbols(archive):
    """(object, symbol) of what the archive's objects need and none of them defines."""
    command = ["nm", "--format=posix", "-A", str(archive)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise OSError(f"nm {archive}: {result.stderr.strip()}")
    needed, defined = [], set()
    for line in result.stdout.splitlines():
        match = re.match(r".*\[(?P<object>.+)\]: (?P<symbol>\S+) (?P<kind>\w)", line)
        if not match:
            continue
        if match["kind"] in "Uw":
            needed.append((match["object"], match["symbol"]))
        else:
            defined.add(match["symbol"])
    if not defined:
        raise ValueError(f"{archive}: nm found no symbol in it")
    return sorted({(where, symbol) for where, symbol in needed if symbol not in defined})


def check_archive(archive):
    for where, symbol in undefined_symbols(archive):
        bare = symbol.split("@")[0]
        instead = next((why for pattern, why in rules.BANNED_SYMBOLS if re.fullmatch(pattern, bare)), None)
        if instead is None and rules.ALLOWED_SYMBOLS.fullmatch(bare):
            continue
        yield Finding(
            f"{archive.name}({where})",
            0,
            f"core needs the symbol {bare}",
            instead or "a port; if it is pure computation, add it to ALLOWED_SYMBOLS of tests/layering/rules.py",
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--archive", type=pathlib.Path, help="core's static library, to check its undefined symbols")
    arguments = parser.parse_args()
    findings = list(check_tree(arguments.root))
    if arguments.archive:
        findings += check_archive(arguments.archive)
    for finding in findings:
        print(finding)
    print(f"layering: {len(findings)} findings in {len(source_files(arguments.root))} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
