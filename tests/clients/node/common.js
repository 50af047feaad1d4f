// What every test of the Node clients shares: where the gateway is, and what the provider saw.
import { Buffer } from "node:buffer";
import { setTimeout } from "node:timers/promises";

export const { TOLLGATE_URL: URL, TOLLGATE_KEY: KEY } = process.env;

// A model behind each dialect: the same test must hold for all.
export const MODELS = ["via-openai", "via-anthropic", "via-gemini", "via-bedrock", "via-cohere", "via-responses"];

// Where the dialect has no word for a document: the caller is refused, by name.
export const NO_PDF = new Set(["via-cohere"]);

export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
export const PDF = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");

export const user = (content) => [{ role: "user", content }];

export async function lastSeen() {
  return (await (await fetch(`${process.env.PROVIDER_URL}/seen`)).json()).at(-1);
}

export async function waitUntil(holds, milliseconds = 5000) {
  const deadline = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it did not come true in time");
    await setTimeout(20);
  }
}

export async function collect(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}
