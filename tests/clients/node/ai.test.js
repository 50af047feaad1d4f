// The AI SDK with its providers, each of which speaks an API of its own, before a provider of each dialect.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { KEY, MODELS, NO_PDF, PDF, PNG, URL, collect, user } from "./common.js";

const CLIENTS = {
  chat: createOpenAICompatible({ name: "tollgate", apiKey: KEY, baseURL: `${URL}/v1`, includeUsage: true, supportsStructuredOutputs: true }),
  responses: createOpenAI({ apiKey: KEY, baseURL: `${URL}/v1` }),
  messages: createAnthropic({ apiKey: KEY, baseURL: `${URL}/v1` }),
  gemini: createGoogleGenerativeAI({ apiKey: KEY, baseURL: `${URL}/v1beta` }),
  bedrock: createAmazonBedrock({ apiKey: KEY, region: "us-east-1", baseURL: URL }),
};
const get_weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

for (const [client, of] of Object.entries(CLIENTS)) {
  for (const name of MODELS) {
    const model = of(name);

    test(`${client}, ${name}: generates a text with usage`, async () => {
      const result = await generateText({ model, maxRetries: 0, instructions: "be brief", prompt: "hello" });
      assert.equal(result.text, "You said: hello Told: be brief");
      assert.equal(result.finishReason, "stop");
      assert.equal(result.usage.inputTokens, 150);
      assert.equal(result.usage.inputTokenDetails.cacheReadTokens, 30);
    });

    test(`${client}, ${name}: streams a text with usage`, async () => {
      const result = streamText({ model, maxRetries: 0, prompt: "hello" });
      assert.equal((await collect(result.textStream)).join(""), "You said: hello");
      assert.equal((await result.usage).outputTokens, 3);
    });

    for (const [how, run] of [["whole", generateText], ["streamed", streamText]]) {
      test(`${client}, ${name}: runs tools over several steps, ${how}`, async () => {
        const result = run({ model, maxRetries: 0, prompt: "weather?", tools: { get_weather }, stopWhen: isStepCount(3) });
        const settled = await result;
        // Google's own form of a result has more to say than the text.
        assert.match(await settled.text, /^The tools say: .*sunny in Ada/);
        assert.equal((await settled.steps).length, 2);
      });
    }

    test(`${client}, ${name}: gives structured output`, async () => {
      const schema = z.object({ name: z.string(), age: z.number() });
      const result = await generateText({ model, maxRetries: 0, prompt: "who?", output: Output.object({ schema }) });
      assert.deepEqual(result.output, { name: "Ada", age: 36 });
    });

    test(`${client}, ${name}: shows a picture and a document`, async () => {
      const picture = { type: "file", data: PNG, mediaType: "image/png" };
      const document = { type: "file", data: PDF, mediaType: "application/pdf", filename: "a.pdf" };
      const show = (...parts) => generateText({ model, maxRetries: 0, messages: user([{ type: "text", text: "look" }, ...parts]) });
      assert.equal((await show(picture)).text, `I see image/png of ${PNG.length} bytes`);
      if (NO_PDF.has(name)) return assert.rejects(show(document), (error) => error.statusCode === 400);
      const both = await show(picture, document);
      assert.equal(both.text, `I see image/png of ${PNG.length} bytes, application/pdf of ${PDF.length} bytes`);
    });
  }

  test(`${client}: an error carries its status and message`, async () => {
    await assert.rejects(generateText({ model: of("nobody"), maxRetries: 0, prompt: "hello" }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.equal(error.statusCode, 404);
      assert.equal(error.isRetryable, false);
      assert.match(error.message, /nobody/);
      return true;
    });
  });
}
