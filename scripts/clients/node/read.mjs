// Reads streams with openai-node, as a caller would who iterates over the chunks.
//
// On stdin: {"timeout_ms": n, "jobs": [{"url": …, "token": …}]}; on stdout: what was
// read, in the order of the jobs. They are read at the same time.

import OpenAI from "openai";

async function read({ url, token }, timeoutMs) {
  const came = { text: "", finish: null, tools: {}, served_by: null, headed: false };
  // Its own timeout ends where the head comes: a body that stalls hangs for ever.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const expired = new Promise((_, reject) =>
    late.signal.addEventListener("abort", () => reject(new Error("late"))),
  );
  expired.catch(() => {});
  try {
    await Promise.race([iterate(url, token, late.signal, came), expired]);
  } catch (error) {
    Object.assign(came, {
      error: late.signal.aborted ? "timeout" : error.constructor.name,
      message: String(error.message),
      status: error.status ?? null,
    });
    came.served_by ??= error.headers?.get?.("x-streaming-architecture") ?? null;
  } finally {
    clearTimeout(timer);
  }
  came.before_head = Boolean(came.error) && !came.headed;
  return came;
}

async function iterate(url, token, signal, came) {
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: "sk-placeholder-that-opens-nothing",
    maxRetries: 0,
  });
  const { data: stream, response } = await client.chat.completions
    .create(
      { model: "shape", messages: [{ role: "user", content: "hello" }], stream: true },
      { headers: { "x-harness-stream": token }, signal },
    )
    .withResponse();
  came.headed = true;
  came.served_by = response.headers.get("x-streaming-architecture");
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

let input = "";
for await (const piece of process.stdin) input += piece;
const { timeout_ms: timeoutMs, jobs } = JSON.parse(input);
const readings = await Promise.all(jobs.map((job) => read(job, timeoutMs)));
process.stdout.write(JSON.stringify(readings), () => process.exit(0));
