// Anthropic's coding assistant, its base URL changed and nothing else: the tools that it runs, the pictures that it looks
// at, the tools that it finds, and what it counts, before a provider of each dialect. No request of its may fail.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const { TOLLGATE_URL, TOLLGATE_KEY, ADMIN_TOKEN, PROVIDER_URL, PATH } = process.env;
const CLAUDE = join(import.meta.dirname, "node_modules", ".bin", "claude");
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

for (const [model, path] of [
  ["via-anthropic", "/v1/messages"],
  ["via-openai", "/v1/chat/completions"],
  ["via-responses", "/v1/responses"],
  ["via-gemini", "/v1beta/models/gemini-3-flash-preview:streamGenerateContent"],
  ["via-bedrock", "/model/qwen.qwen3-235b-a22b-2507-v1%3A0/converse-stream"],
  ["via-cohere", "/v2/chat"],
]) {
  test(`claude works with a model behind ${path}`, async (t) => {
    const home = await mkdtemp(join(tmpdir(), "claude-"));
    t.after(() => rm(home, { recursive: true, force: true }));
    const before = (await requests()).length;
    const ask = (prompt) => claude(home, model, prompt);

    const ran = await ask("Run `echo from-the-tool`");
    assert.equal(ran.result, "The tools say: from-the-tool");
    assert.equal(ran.num_turns, 2);
    // Two prompts of 150 tokens, of which a cache held 30.
    assert.equal(ran.usage.cache_read_input_tokens, 60);
    assert.equal(ran.usage.input_tokens + ran.usage.cache_creation_input_tokens, 240);
    assert.equal(new URL((await seen()).at(-1).path, PROVIDER_URL).pathname, path);

    const file = join(home, "written.txt");
    await ask(call("Write", { file_path: file, content: "by the model" }));
    assert.equal(await readFile(file, "utf8"), "by the model");

    const picture = join(home, "a.png");
    await writeFile(picture, Buffer.from(PNG, "base64"));
    assert.match((await ask(call("Read", { file_path: picture }))).result, /^The tools say: /);
    assert.ok((await seen()).at(-1).body.includes(PNG), "the picture did not arrive");

    // The assistant brings tools that are loaded when they are searched for.
    const found = await ask(call("ToolSearch", { query: "select:WebFetch" }));
    assert.equal(found.is_error, false);
    assert.match((await seen()).at(-1).body, model === "via-anthropic" ? /"tool_reference"/ : /The tool WebFetch can be called now/);

    assert.match((await ask("/context")).result, /Tokens:\*\* [1-9]/);

    const sent = (await requests()).slice(0, -before || undefined);
    assert.ok(sent.some(({ surface }) => surface === "count_tokens"));
    assert.deepEqual([...new Set(sent.map(({ status }) => status))], [200]);
  });
}

const call = (name, input) => `Call \`${name}\` with \`${JSON.stringify(input)}\``;
const seen = async () => (await fetch(`${PROVIDER_URL}/seen`)).json();

// The records of the gateway, the newest first.
async function requests() {
  const answer = await fetch(`${TOLLGATE_URL}/api/v1/requests?limit=500`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  return (await answer.json()).requests;
}

// The result of one prompt, run to its end.
async function claude(home, model, prompt) {
  const env = {
    PATH, HOME: home, CLAUDE_CONFIG_DIR: join(home, ".claude"), ANTHROPIC_BASE_URL: TOLLGATE_URL, ANTHROPIC_AUTH_TOKEN: TOLLGATE_KEY,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1",
  };
  const words = ["-p", prompt, "--model", model, "--output-format", "json", "--allowedTools", "Bash,Read,Write,ToolSearch"];
  const running = promisify(execFile)(CLAUDE, words, { cwd: home, env, timeout: 120_000 });
  running.child.stdin.end();
  const { stdout } = await running;
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
