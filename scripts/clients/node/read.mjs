// Reads streams with clients in JavaScript, as a caller would.
//
// Stdin: {"client": a key of CLIENTS, "timeout_ms": n, "jobs": [{"url": …,
// "token": …}]}; stdout: the readings, in the order of the jobs. A limited number of
// streams is read at the same time, since each has a time limit.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import OpenAI from "openai";

const KEY = "sk-placeholder-that-opens-nothing";
const AT_ONCE = 16;
const SERVED_BY = "x-streaming-architecture";
const CLIENTS = {
  "openai-node": iterate,
  "openai-node-helper": awaitWhole,
  "ai-sdk": readParts,
};
const ASKED = { model: "shape", messages: [{ role: "user", content: "hello" }] };

async function read(client, { url, token }, timeoutMs) {
  const got = { text: "", finish: null, tools: {}, served_by: null, headed: false };
  // The clients' own timeouts end when the head arrives: a body that stalls hangs.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const expired = new Promise((_, reject) =>
    late.signal.addEventListener("abort", () => reject(new Error("late"))),
  );
  expired.catch(() => {});
  const fetched = async (...asked) => {
    const response = await fetch(...asked);
    got.headed = response.ok;
    got.served_by = response.headers.get(SERVED_BY);
    return response;
  };
  try {
    await Promise.race([client(url, token, late.signal, fetched, got), expired]);
  } catch (error) {
    failed(got, error);
  } finally {
    clearTimeout(timer);
  }
  if (late.signal.aborted) got.error = "timeout";
  got.before_head = Boolean(got.error) && !got.headed;
  return got;
}

function failed(got, error) {
  // The AI SDK continues after an error; a caller sees the first one.
  if (got.error) return;
  got.error = error?.name?.startsWith("AI_") ? error.name : error?.constructor?.name;
  got.message = String(error?.message ?? error);
  got.status = error?.status ?? error?.statusCode ?? null;
  if (got.status === 200) got.status = null;
}

async function iterate(url, token, signal, fetched, got) {
  const stream = await openai(url, token, fetched).chat.completions.create(
    { ...ASKED, stream: true },
    { signal },
  );
  for await (const chunk of stream) {
    for (const choice of chunk.choices ?? []) {
      got.finish = choice.finish_reason || got.finish;
      got.text += choice.delta?.content ?? "";
      for (const call of choice.delta?.tool_calls ?? []) {
        const more = call.function?.arguments ?? "";
        got.tools[call.index] = (got.tools[call.index] ?? "") + more;
      }
    }
  }
}

async function awaitWhole(url, token, signal, fetched, got) {
  const stream = openai(url, token, fetched).chat.completions.stream(ASKED, { signal });
  const { choices } = await stream.finalChatCompletion();
  got.text = choices[0].message.content ?? "";
  got.finish = choices[0].finish_reason;
  for (const [index, call] of (choices[0].message.tool_calls ?? []).entries()) {
    got.tools[index] = call.function.arguments;
  }
}

function openai(url, token, fetched) {
  return new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: KEY,
    maxRetries: 0,
    fetch: fetched,
    defaultHeaders: { "x-harness-stream": token },
  });
}

async function readParts(url, token, signal, fetched, got) {
  const provider = createOpenAICompatible({
    name: "shape",
    baseURL: `${url}/v1`,
    apiKey: KEY,
    headers: { "x-harness-stream": token },
    fetch: fetched,
  });
  const { fullStream } = streamText({
    model: provider("shape"),
    prompt: "hello",
    maxRetries: 0,
    abortSignal: signal,
    onError: () => {},
  });
  const calls = new Map();
  for await (const part of fullStream) {
    if (part.type === "text-delta") got.text += part.text;
    if (part.type === "tool-input-start") calls.set(part.id, "");
    if (part.type === "tool-input-delta") {
      calls.set(part.id, calls.get(part.id) + part.delta);
    }
    if (part.type === "error") failed(got, part.error);
    // It has its own words for how an answer ended, and one for an answer that did not.
    if (part.type === "finish" && !["error", "other"].includes(part.finishReason)) {
      got.finish = part.finishReason.replace("-", "_");
    }
    got.tools = Object.fromEntries([...calls.values()].entries());
  }
}

let input = "";
for await (const piece of process.stdin) input += piece;
const { client, timeout_ms: timeoutMs, jobs } = JSON.parse(input);
const readings = new Array(jobs.length);
const waiting = jobs.entries(); // shared: every reader takes the next one
async function readSome() {
  for (const [place, job] of waiting) {
    readings[place] = await read(CLIENTS[client], job, timeoutMs);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, readSome));
process.stdout.write(JSON.stringify(readings), () => process.exit(0));
