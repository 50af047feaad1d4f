"""Says which test proves which promise: writes docs/cases.md, or with `--check` fails if it is out of date or a promise
has no test.

A promise is a line of tests/cases.tsv. The test that proves it carries its number in its name: `case_020_...` or
`sec_011_...` in Rust, `test_case_020_...` in Python, `case_020: ...` in Node.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "cases.md"
NAMES = {
    ".rs": re.compile(r"^\s*(?:async )?fn ((case|sec|fault)_(\d{3})_\w+)", re.M),
    ".py": re.compile(r"^\s*(?:async )?def (test_(case|sec|fault)_(\d{3})_\w+)", re.M),
    ".js": re.compile(r"""^\s*test\(["']((case|sec|fault)_(\d{3}): [^"']+)["']""", re.M),
}


def promises() -> dict[tuple[str, int], str]:
    lines = (ROOT / "tests" / "cases.tsv").read_text().splitlines()
    return {(kind, int(number)): text for kind, number, text in (line.split("\t") for line in lines)}


def proofs() -> dict[tuple[str, int], list[str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py", "*.js"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    found = defaultdict(list)
    for path in sorted(set(listed)):
        file = ROOT / path
        if file.exists():
            for name, kind, number in NAMES[file.suffix].findall(file.read_text()):
                found[kind, int(number)].append(f"`{path}`: `{name}`")
    return found


def page(wanted: dict[tuple[str, int], str], found: dict[tuple[str, int], list[str]]) -> str:
    titles = {"case": "Behaviour", "sec": "Security", "fault": "Faults"}
    out = [
        "# Promises and their tests", "",
        "Written by `make docs` from `tests/cases.tsv` and the names of the tests; `make lint` fails when it is out of date.",
    ]
    for kind, title in titles.items():
        out += ["", f"## {title}", "", "| # | Promise | Test |", "|---|---|---|"]
        for (of, number), text in sorted(wanted.items()):
            if of == kind:
                tests = "<br>".join(found.get((of, number), ["**none yet**"]))
                out.append(f"| {number} | {text} | {tests} |")
    return "\n".join(out) + "\n"


def main(check: bool) -> int:
    wanted, found = promises(), proofs()
    missing = [f"{kind}_{number:03}" for kind, number in sorted(wanted) if (kind, number) not in found]
    unlisted = [f"{kind}_{number:03}" for kind, number in sorted(found) if (kind, number) not in wanted]
    text = page(wanted, found)
    if not check:
        PAGE.write_text(text)
    stale = not PAGE.exists() or PAGE.read_text() != text
    if missing:
        print("promises without a test:", " ".join(missing))
    if unlisted:
        print("tests with a number that tests/cases.tsv does not list:", " ".join(unlisted))
    if stale:
        print("docs/cases.md is out of date: run `make docs`")
    print(f"{len(wanted) - len(missing)} of {len(wanted)} promises have a test")
    return int(check and bool(missing or unlisted or stale))


sys.exit(main("--check" in sys.argv[1:]))
