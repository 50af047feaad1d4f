// The Anthropic SDK, its base URL changed and nothing else, before a provider of each dialect.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { KEY, MODELS, NO_PDF, PDF, PNG, URL, collect, lastSeen, user, waitUntil } from "./common.js";

const client = new Anthropic({ apiKey: KEY, baseURL: URL, maxRetries: 0 });
const WEATHER = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const texts = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

for (const model of MODELS) {
  test(`${model}: answers a question with usage`, async () => {
    const message = await client.messages.create({ model, max_tokens: 64, system: "be brief", messages: user("hello") });
    assert.equal(texts(message), "You said: hello Told: be brief");
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage.cache_read_input_tokens, 30);
  });

  test(`${model}: streams an answer`, async () => {
    const stream = client.messages.stream({ model, max_tokens: 64, messages: user("hello") });
    const pieces = [];
    stream.on("text", (piece) => pieces.push(piece));
    const final = await stream.finalMessage();
    assert.equal(pieces.join(""), "You said: hello");
    assert.equal(texts(final), "You said: hello");
    assert.equal(final.usage.output_tokens, 3);
  });

  test(`${model}: streams a tool call and takes its result`, async () => {
    const messages = user("weather?");
    const first = await client.messages.stream({ model, max_tokens: 64, messages, tools: [WEATHER] }).finalMessage();
    const call = first.content.find((block) => block.type === "tool_use");
    assert.deepEqual([first.stop_reason, call.input], ["tool_use", { city: "Ada" }]);
    messages.push({ role: "assistant", content: first.content });
    messages.push(...user([{ type: "tool_result", tool_use_id: call.id, content: "sunny" }]));
    const second = await client.messages.create({ model, max_tokens: 64, messages, tools: [WEATHER] });
    assert.equal(texts(second), "The tools say: sunny");
  });

  test(`${model}: gives structured output`, async () => {
    const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
    const message = await client.messages.create({
      model, max_tokens: 64, messages: user("who?"), output_config: { format: { type: "json_schema", schema } },
    });
    assert.deepEqual(JSON.parse(texts(message)), { name: "Ada", age: 36 });
  });

  test(`${model}: shows a picture and a document`, async () => {
    const source = (media_type, bytes) => ({ type: "base64", media_type, data: bytes.toString("base64") });
    const show = (...parts) => client.messages.create({ model, max_tokens: 64, messages: user([...parts, { type: "text", text: "look" }]) });
    const picture = { type: "image", source: source("image/png", PNG) };
    const document = { type: "document", source: source("application/pdf", PDF) };
    assert.equal(texts(await show(picture)), `I see image/png of ${PNG.length} bytes`);
    if (NO_PDF.has(model)) return assert.rejects(show(document), Anthropic.BadRequestError);
    assert.equal(texts(await show(picture, document)), `I see image/png of ${PNG.length} bytes, application/pdf of ${PDF.length} bytes`);
  });

  test(`${model}: counts tokens beforehand`, async () => {
    const counted = await client.messages.countTokens({ model, messages: user("how many tokens are these words?") });
    assert.ok(counted.input_tokens > 3);
  });
}

test("thinking streams with its signature", async () => {
  const final = await client.messages
    .stream({ model: "via-anthropic", max_tokens: 2048, messages: user("think"), thinking: { type: "adaptive" } })
    .finalMessage();
  assert.equal(final.content[0].thinking, "First I look at what was asked.");
  assert.ok(final.content[0].signature);
});

for (const account of ["up_openai", "up_anthropic"]) {
  test(`${account}: an aborted stream is cut upstream`, async () => {
    const stream = client.messages.stream({ model: `${account}/slow`, max_tokens: 2048, messages: user("word ".repeat(200)) });
    for await (const event of stream) if (event.type === "content_block_delta") break;
    await waitUntil(async () => (await lastSeen()).gone);
  });
}

test("errors have their classes", async () => {
  const stranger = new Anthropic({ apiKey: "wrong", baseURL: URL, maxRetries: 0 });
  const ask = (of, model, more = {}) => of.messages.create({ model, max_tokens: 64, messages: user("hello"), ...more });
  await assert.rejects(ask(stranger, "via-openai"), Anthropic.AuthenticationError);
  await assert.rejects(ask(client, "nobody"), Anthropic.NotFoundError);
  await assert.rejects(ask(client, "via-openai", { messages: "hello" }), Anthropic.BadRequestError);
  await assert.rejects(ask(client, "up_anthropic/status-429"), Anthropic.RateLimitError);
});

test("lists the models", async () => {
  const models = await collect(client.models.list());
  for (const model of MODELS) assert.ok(models.some((listed) => listed.id === model && listed.type === "model"));
});
