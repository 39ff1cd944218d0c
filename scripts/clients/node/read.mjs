// Reads streams with clients in JavaScript, as a caller would.
//
// On stdin: {"client": a key of CLIENTS, "timeout_ms": n, "jobs": [{"url": …,
// "token": …}]}; on stdout: what was read, in the order of the jobs. Many are read at the
// same time, but not all: each has a time limit.

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
  const came = { text: "", finish: null, tools: {}, served_by: null, headed: false };
  // The clients' own timeouts end where the head comes: a body that stalls hangs.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const expired = new Promise((_, reject) =>
    late.signal.addEventListener("abort", () => reject(new Error("late"))),
  );
  expired.catch(() => {});
  const fetched = async (...asked) => {
    const response = await fetch(...asked);
    came.headed = response.ok;
    came.served_by = response.headers.get(SERVED_BY);
    return response;
  };
  try {
    await Promise.race([client(url, token, late.signal, fetched, came), expired]);
  } catch (error) {
    failed(came, error);
  } finally {
    clearTimeout(timer);
  }
  if (late.signal.aborted) came.error = "timeout";
  came.before_head = Boolean(came.error) && !came.headed;
  return came;
}

function failed(came, error) {
  // The AI SDK goes on behind an error; what came first is what the caller learns.
  if (came.error) return;
  came.error = error?.name?.startsWith("AI_") ? error.name : error?.constructor?.name;
  came.message = String(error?.message ?? error);
  came.status = error?.status ?? error?.statusCode ?? null;
  if (came.status === 200) came.status = null;
}

async function iterate(url, token, signal, fetched, came) {
  const stream = await openai(url, token, fetched).chat.completions.create(
    { ...ASKED, stream: true },
    { signal },
  );
  for await (const chunk of stream) {
    for (const choice of chunk.choices ?? []) {
      came.finish = choice.finish_reason || came.finish;
      came.text += choice.delta?.content ?? "";
      for (const call of choice.delta?.tool_calls ?? []) {
        const more = call.function?.arguments ?? "";
        came.tools[call.index] = (came.tools[call.index] ?? "") + more;
      }
    }
  }
}

async function awaitWhole(url, token, signal, fetched, came) {
  const stream = openai(url, token, fetched).chat.completions.stream(ASKED, { signal });
  const { choices } = await stream.finalChatCompletion();
  came.text = choices[0].message.content ?? "";
  came.finish = choices[0].finish_reason;
  for (const [index, call] of (choices[0].message.tool_calls ?? []).entries()) {
    came.tools[index] = call.function.arguments;
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

async function readParts(url, token, signal, fetched, came) {
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
    if (part.type === "text-delta") came.text += part.text;
    if (part.type === "tool-input-start") calls.set(part.id, "");
    if (part.type === "tool-input-delta") {
      calls.set(part.id, calls.get(part.id) + part.delta);
    }
    if (part.type === "error") failed(came, part.error);
    // It has words of its own for how an answer ended, and one for that it did not.
    if (part.type === "finish" && !["error", "other"].includes(part.finishReason)) {
      came.finish = part.finishReason.replace("-", "_");
    }
    came.tools = Object.fromEntries([...calls.values()].entries());
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
