"""The quickstarts of README.md, run as they stand there, but for the address; and its configuration."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import KEY, URL

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text().replace("http://127.0.0.1:8080", URL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
CURL = [block for block in re.findall(r"```\n(.*?)```", README, re.S) if "curl" in block]
ENV = {**os.environ, "TOLLGATE_KEY": KEY}


def test_readme_has_its_quickstarts():
    assert (len(PYTHON), len(CURL)) == (3, 2)


@pytest.mark.parametrize("program", PYTHON, ids=["openai", "anthropic", "langchain"])
def test_a_python_quickstart_prints_the_echo(program):
    done = subprocess.run([sys.executable, "-c", program], env=ENV, capture_output=True, text=True)
    assert done.stdout.strip() == "Hello!", done.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("script", CURL, ids=["chat", "messages"])
def test_a_curl_quickstart_prints_the_echo(script):
    lines = [line for line in script.splitlines() if not line.startswith("export ")]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], env=ENV, capture_output=True, text=True)
    assert '"Hello' in done.stdout, done.stderr


def test_the_configuration_has_no_problems(tmp_path):
    (tmp_path / "tollgate.yaml").write_text(re.search(r"```yaml\n(.*?)```", README, re.S)[1])
    keys = {name: "provider-" + secrets.token_hex(16) for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")}
    done = subprocess.run(
        [os.environ["TOLLGATE"], "check", "--strict"], env={**ENV, **keys}, cwd=tmp_path, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
