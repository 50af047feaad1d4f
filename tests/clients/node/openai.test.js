// The OpenAI SDK, its base URL changed and nothing else, before a provider of each dialect.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { KEY, MODELS, NO_PDF, PDF, PNG, URL, collect, lastSeen, user, waitUntil } from "./common.js";

const client = new OpenAI({ apiKey: KEY, baseURL: `${URL}/v1`, maxRetries: 0 });
const Person = z.object({ name: z.string(), age: z.number().int() });
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  },
};

for (const model of MODELS) {
  test(`${model}: answers a question with usage`, async () => {
    const reply = await client.chat.completions.create({ model, messages: user("hello") });
    assert.equal(reply.choices[0].message.content, "You said: hello");
    assert.equal(reply.choices[0].finish_reason, "stop");
    assert.equal(reply.usage.total_tokens, 153);
    assert.equal(reply.usage.prompt_tokens_details.cached_tokens, 30);
  });

  test(`${model}: streams an answer, with usage for who asks`, async () => {
    const stream = await client.chat.completions.create({
      model, messages: user("hello"), stream: true, stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "You said: hello");
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 3);
  });

  test(`${model}: the stream helper collects the answer`, async () => {
    const final = await client.chat.completions.stream({ model, messages: user("hello") }).finalChatCompletion();
    assert.equal(final.choices[0].message.content, "You said: hello");
  });

  test(`${model}: runs tools to the end`, async () => {
    const runner = client.chat.completions.runTools({
      model,
      messages: user("weather?"),
      tools: [{ ...WEATHER, function: { ...WEATHER.function, parse: JSON.parse, function: ({ city }) => `sunny in ${city}` } }],
    });
    assert.equal(await runner.finalContent(), "The tools say: sunny in Ada");
  });

  test(`${model}: streams a tool call in pieces`, async () => {
    const final = await client.chat.completions.stream({ model, messages: user("go"), tools: [WEATHER] }).finalChatCompletion();
    assert.equal(final.choices[0].finish_reason, "tool_calls");
    assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments), { city: "Ada" });
  });

  test(`${model}: parses structured output`, async () => {
    const reply = await client.chat.completions.parse({
      model, messages: user("who?"), response_format: zodResponseFormat(Person, "person"),
    });
    assert.deepEqual(reply.choices[0].message.parsed, { name: "Ada", age: 36 });
  });

  test(`${model}: shows a picture and a document`, async () => {
    const image_url = { url: `data:image/png;base64,${PNG.toString("base64")}` };
    const file = { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF.toString("base64")}` };
    const show = (...parts) => client.chat.completions.create({ model, messages: user([{ type: "text", text: "look" }, ...parts]) });
    const picture = await show({ type: "image_url", image_url });
    assert.equal(picture.choices[0].message.content, `I see image/png of ${PNG.length} bytes`);
    if (NO_PDF.has(model)) return assert.rejects(show({ type: "file", file }), OpenAI.BadRequestError);
    const both = await show({ type: "image_url", image_url }, { type: "file", file });
    assert.equal(both.choices[0].message.content, `I see image/png of ${PNG.length} bytes, application/pdf of ${PDF.length} bytes`);
  });

  test(`${model}: responses: answers with usage`, async () => {
    const reply = await client.responses.create({ model, instructions: "be brief", input: "hello" });
    assert.equal(reply.output_text, "You said: hello Told: be brief");
    assert.equal(reply.status, "completed");
    assert.equal(reply.usage.total_tokens, 156 + (reply.usage.output_tokens_details.reasoning_tokens || 0));
    assert.equal(reply.usage.input_tokens_details.cached_tokens, 30);
  });

  test(`${model}: responses: streams an answer`, async () => {
    const stream = client.responses.stream({ model, input: "hello" });
    const pieces = (await collect(stream)).filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta);
    assert.equal(pieces.join(""), "You said: hello");
    assert.equal((await stream.finalResponse()).output_text, "You said: hello");
  });

  test(`${model}: responses: calls a tool and takes its result, the answer before kept by its id`, async () => {
    const tools = [{ type: "function", ...WEATHER.function, strict: true }];
    const first = await client.responses.create({ model, input: "weather?", tools });
    const call = first.output.find(({ type }) => type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "Ada" });
    const input = [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }];
    const kept = model === "via-responses" ? { input: [...user("weather?"), ...first.output, ...input] } : { input, previous_response_id: first.id };
    assert.equal((await client.responses.create({ model, tools, ...kept })).output_text, "The tools say: sunny");
  });

  test(`${model}: responses: parses structured output`, async () => {
    const reply = await client.responses.parse({ model, input: "who?", text: { format: zodTextFormat(Person, "person") } });
    assert.deepEqual(reply.output_parsed, { name: "Ada", age: 36 });
  });
}

for (const account of ["up_openai", "up_anthropic"]) {
  test(`${account}: an aborted stream is cut upstream`, async () => {
    const stream = await client.chat.completions.create({
      model: `${account}/slow`, messages: user("word ".repeat(200)), stream: true,
    });
    for await (const _ of stream) break;
    await waitUntil(async () => (await lastSeen()).gone);
  });
}

test("a wrong key is an authentication error", async () => {
  const stranger = new OpenAI({ apiKey: "wrong", baseURL: `${URL}/v1`, maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test("an unknown model is not found, and a bad request names its field", async () => {
  await assert.rejects(client.chat.completions.create({ model: "nobody", messages: user("hello") }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.ok(error.requestID);
    return true;
  });
  const wrong = client.chat.completions.create({ model: "via-anthropic", messages: "hello" });
  await assert.rejects(wrong, (error) => error instanceof OpenAI.BadRequestError && error.param === "messages");
});

test("lists the models", async () => {
  const ids = (await collect(client.models.list())).map((model) => model.id);
  for (const model of MODELS) assert.ok(ids.includes(model));
});
