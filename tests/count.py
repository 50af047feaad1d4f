"""Counts the tests of one `make test` by kind, from the logs it left: `count.py LOGS`."""

import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
NUMBERED = re.compile(r"^test (?:\S+::)?((?:case|sec)_\d{3})\w* \.\.\. ok", re.M)


def workspace(log: str) -> tuple[Counter, int]:
    """Passed tests per kind and the number of ignored ones, from the output of `cargo test`."""
    kinds, ignored, kind = Counter(), 0, "unit"
    for line in log.splitlines():
        if line.lstrip().startswith("Running unittests"):
            kind = "unit"
        elif line.lstrip().startswith("Running tests/"):
            kind = "integration"
        elif line.lstrip().startswith("Doc-tests"):
            kind = "documentation"
        elif found := RESULT.search(line):
            kinds[kind] += int(found[1])
            ignored += int(found[3])
    return kinds, ignored


def clients(report: Path) -> tuple[int, int]:
    """Passed and skipped tests of a JUnit report."""
    cases = list(xml.parse(report).iter("testcase"))
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - skipped, skipped


def main(logs: Path) -> None:
    log = (logs / "cargo.log").read_text()
    kinds, ignored = workspace(log)
    for name in ("python", "frameworks", "llama_index", "node"):
        passed, skipped = clients(logs / f"{name}.xml")
        kinds[f"real clients, {name}"] += passed
        ignored += skipped
    print("\ntests passed, by kind")
    for kind, count in kinds.items():
        print(f"  {count:6}  {kind}")
    print(f"  {sum(kinds.values()):6}  together; {ignored} ignored or skipped")
    print(f"  {len(set(NUMBERED.findall(log))):6}  numbered promises proved in the workspace (docs/cases.md)")


main(Path(sys.argv[1]))
