// OpenAI's coding assistant, its base URL changed and nothing else: one prompt, one command that it runs, one answer.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const { TOLLGATE_URL, PROVIDER_URL } = process.env;
const CODEX = join(import.meta.dirname, "node_modules", ".bin", "codex");
const PROVIDER = `{name="Tollgate", base_url="${TOLLGATE_URL}/v1", env_key="TOLLGATE_KEY", wire_api="responses"}`;

// OpenAI's own API, relayed; a server of Chat Completions; Anthropic.
for (const [model, path] of [
  ["via-openai", "/v1/responses"],
  ["via-like", "/v1/chat/completions"],
  ["via-anthropic", "/v1/messages"],
]) {
  test(`codex runs a command with a model behind ${path}`, async () => {
    const home = await mkdtemp(join(tmpdir(), "codex-"));
    try {
      const events = await codex(home, model, "Run `echo from-the-tool`");
      const done = events.filter(({ type }) => type === "item.completed").map(({ item }) => item);
      const command = done.find(({ type }) => type === "command_execution");
      assert.equal(command.aggregated_output.trim(), "from-the-tool");
      assert.equal(command.exit_code, 0);
      assert.match(done.filter(({ type }) => type === "agent_message").at(-1).text, /^The tools say: [^]*from-the-tool/);
      const end = events.at(-1);
      assert.equal(end.type, "turn.completed");
      assert.equal(end.usage.input_tokens, 300);
      const seen = await (await fetch(`${PROVIDER_URL}/seen`)).json();
      assert.equal(new URL(seen.at(-1).path, PROVIDER_URL).pathname, path);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
}

// The events of one prompt, run to its end.
async function codex(home, model, prompt) {
  const provider = ["-c", "model_provider=tollgate", "-c", `model_providers.tollgate=${PROVIDER}`];
  const words = ["exec", "--skip-git-repo-check", "--json", "-s", "danger-full-access", "-m", model, ...provider, prompt];
  const env = { ...process.env, HOME: home, CODEX_HOME: home };
  const running = promisify(execFile)(CODEX, words, { cwd: home, env, timeout: 120_000 });
  running.child.stdin.end();
  const { stdout } = await running;
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}
