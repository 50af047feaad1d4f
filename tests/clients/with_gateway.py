"""Runs a command with a gateway before a scripted provider: `with_gateway.py BINARIES -- COMMAND...`

The command finds in its environment:
  TOLLGATE_URL   where the gateway listens
  TOLLGATE_KEY   a key for every model
  NARROW_KEY     a key for `via-openai` alone
  ADMIN_TOKEN    the token of the control plane
  TOLLGATE       the gateway's binary
  PROVIDER_URL   the provider, whose `/seen` lists what it was asked
  PROVIDER_KEY   the provider's own key, which no answer may hold
After the command the gateway is interrupted and must end cleanly.
"""

import os
import secrets
import signal
import string
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from provider.server import Provider

START_SECONDS = 30
CONFIG = """
listen: 127.0.0.1:0
data_dir: {folder}/data
providers:
  up_openai: {{kind: openai, base_url: "{url}/v1", api_key: "${{PROVIDER_KEY}}"}}
  up_like: {{kind: openai_like, base_url: "{url}/v1", api_key: "${{PROVIDER_KEY}}"}}
  up_gemini: {{kind: gemini, base_url: "{url}", api_key: "${{PROVIDER_KEY}}"}}
  up_bedrock: {{kind: bedrock, region: us-east-1, base_url: "{url}", credential: {{kind: aws_static, access_key: CLIENTTESTS, secret: "${{PROVIDER_KEY}}"}}}}
  up_cohere: {{kind: cohere, base_url: "{url}/v2", api_key: "${{PROVIDER_KEY}}"}}
  up_vertex: {{kind: vertex, region: us-central1, project: client-tests, base_url: "{url}", api_key: "${{PROVIDER_KEY}}"}}
  up_anthropic: {{kind: anthropic, base_url: "{url}", api_key: "${{PROVIDER_KEY}}"}}
  echo: {{kind: echo}}
models:
  via-openai: {{targets: [up_openai/gpt-4o-mini]}}
  via-anthropic: {{targets: [up_anthropic/claude-sonnet-4-5]}}
  via-bedrock: {{targets: ["up_bedrock/qwen.qwen3-235b-a22b-2507-v1:0"]}}
  via-vertex: {{targets: [up_vertex/gemini-3-flash-preview]}}
  via-gemini: {{targets: [up_gemini/gemini-3-flash-preview]}}
  via-cohere: {{targets: [up_cohere/command-a-03-2025]}}
  via-like: {{targets: [up_like/gpt-4o-mini]}}
  via-responses: {{targets: [up_openai/o1-pro]}}
  fallback: {{targets: [up_openai/status-503, up_anthropic/claude-sonnet-4-5], retry: {{attempts: 1}}}}
  echo: {{targets: [echo/echo]}}
  strict: {{targets: [up_anthropic/claude-sonnet-4-5], strict: true}}
keys:
  - {{name: all, secret: "${{TOLLGATE_KEY}}", models: ["*"]}}
  - {{name: narrow, secret: "${{NARROW_KEY}}", models: [via-openai]}}
"""


def mint() -> str:
    """A gateway key that nobody else has."""
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    random = ["".join(secrets.choice(alphabet) for _ in range(length)) for length in (12, 43)]
    head = "_".join(["tg", "test", *random])
    return f"{head}_{zlib.crc32(head.encode()):08x}"


def wait_for(name: str, folder: Path, gateway: subprocess.Popen) -> str:
    """What the gateway writes into a file of its data directory when it is ready."""
    deadline = time.monotonic() + START_SECONDS
    file = folder / "data" / name
    while time.monotonic() < deadline and gateway.poll() is None:
        if file.exists() and (text := file.read_text().strip()):
            return text
        time.sleep(0.02)
    raise SystemExit("the gateway did not start:\n" + (folder / "log").read_text())


def main(binaries: Path, command: list[str]) -> int:
    provider = Provider(key="provider-" + secrets.token_hex(16))
    own = {"TOLLGATE_KEY": mint(), "NARROW_KEY": mint(), "PROVIDER_KEY": provider.key}
    with tempfile.TemporaryDirectory(prefix="tollgate-clients-") as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(CONFIG.format(folder=folder, url=provider.url))
        with (folder / "log").open("w") as log:
            gateway = subprocess.Popen(
                [binaries / "tollgate", "serve", "--config", folder / "config.yaml"],
                cwd=folder, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], **own},
            )
        try:
            address = wait_for("address", folder, gateway)
            own["ADMIN_TOKEN"] = wait_for("admin_token", folder, gateway)
            places = {"TOLLGATE": str(binaries / "tollgate"), "TOLLGATE_URL": f"http://{address}", "PROVIDER_URL": provider.url}
            env = {**os.environ, **own, **places}
            code = subprocess.run(command, env=env).returncode
            gateway.send_signal(signal.SIGINT)
            ended = gateway.wait(timeout=30)
        finally:
            gateway.kill()
        log = (folder / "log").read_text()
        leaked = [name for name, secret in own.items() if secret in log]
        if ended != 0 or leaked:
            print(f"the gateway ended with {ended}; secrets in its log: {leaked}")
            code = code or 1
        if code:
            print("--- the end of the gateway's log ---\n" + log[-4000:])
        return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[sys.argv.index("--") + 1 :]))
