// The AI SDK with its OpenAI-compatible provider, before a provider of either dialect.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { KEY, MODELS, PDF, PNG, URL, collect, user } from "./common.js";

const tollgate = createOpenAICompatible({
  name: "tollgate", apiKey: KEY, baseURL: `${URL}/v1`, includeUsage: true, supportsStructuredOutputs: true,
});
const get_weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

for (const name of MODELS) {
  const model = tollgate(name);

  test(`${name}: generates a text with usage`, async () => {
    const result = await generateText({ model, maxRetries: 0, instructions: "be brief", prompt: "hello" });
    assert.equal(result.text, "You said: hello Told: be brief");
    assert.equal(result.finishReason, "stop");
    assert.equal(result.usage.inputTokens, 150);
    assert.equal(result.usage.inputTokenDetails.cacheReadTokens, 30);
  });

  test(`${name}: streams a text with usage`, async () => {
    const result = streamText({ model, maxRetries: 0, prompt: "hello" });
    assert.equal((await collect(result.textStream)).join(""), "You said: hello");
    assert.equal((await result.usage).outputTokens, 3);
  });

  for (const [how, run] of [["whole", generateText], ["streamed", streamText]]) {
    test(`${name}: runs tools over several steps, ${how}`, async () => {
      const result = run({ model, maxRetries: 0, prompt: "weather?", tools: { get_weather }, stopWhen: isStepCount(3) });
      const settled = await result;
      assert.equal(await settled.text, "The tools say: sunny in Ada");
      assert.equal((await settled.steps).length, 2);
    });
  }

  test(`${name}: gives structured output`, async () => {
    const schema = z.object({ name: z.string(), age: z.number() });
    const result = await generateText({ model, maxRetries: 0, prompt: "who?", output: Output.object({ schema }) });
    assert.deepEqual(result.output, { name: "Ada", age: 36 });
  });

  test(`${name}: shows a picture and a document`, async () => {
    const content = [
      { type: "text", text: "look" },
      { type: "file", data: PNG, mediaType: "image/png" },
      { type: "file", data: PDF, mediaType: "application/pdf", filename: "a.pdf" },
    ];
    const result = await generateText({ model, maxRetries: 0, messages: user(content) });
    assert.equal(result.text, `I see image/png of ${PNG.length} bytes, application/pdf of ${PDF.length} bytes`);
  });
}

test("an error carries its status and message", async () => {
  await assert.rejects(generateText({ model: tollgate("nobody"), maxRetries: 0, prompt: "hello" }), (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 404);
    assert.equal(error.isRetryable, false);
    return true;
  });
});
