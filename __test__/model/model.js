import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Waiting } from "../server/waiting.js";
import { defaultAnswer, parseDirectives } from "./directives.js";

const HOST = "127.0.0.1";
const MODEL = "scripted-1";
/** OpenClaw begins the user messages it adds by itself with one of these. */
const HOST_MESSAGES = ["<<<BEGIN_OPENCLAW", "OpenClaw runtime context"];
/** So it asks once more when the model said nothing. */
const HOST_NUDGE = "did not produce a user-visible answer";
/** Milliseconds after which a held request is given up. */
const HOLD_MAX = 600_000;
const WORDS = /(?<= )/;

/**
 * A model with a script: the OpenAI chat-completions interface on loopback, streaming or not. The last user message says
 * by directives what happens, see directives.js.
 *
 * ```js
 * const model = await ScriptedModel.start();
 * model.baseUrl;                    // for the host's provider configuration
 * await model.waitForRequest((request) => request.user.includes("Hello"), 5000);
 * ```
 */
export class ScriptedModel extends Waiting {
  #http;
  #connections = new Set();
  #released = new Set();

  /**
   * @param {{ port?: number, logFile?: string }} [options] `logFile` gets one JSON line a request
   * @returns {Promise<ScriptedModel>}
   */
  static async start({ port = 0, logFile } = {}) {
    const model = new ScriptedModel();
    model.logFile = logFile;
    await model.#listen(port);
    return model;
  }

  /** What was asked, in the order of arrival; gets `answer` once it left, or `gone` when the asker hung up before. */
  requests = [];

  async #listen(port) {
    this.#http = createServer((request, response) => this.#handle(request, response).catch((error) => response.destroy(error)));
    this.#http.on("connection", (stream) => {
      this.#connections.add(stream.setNoDelay(true));
      stream.on("close", () => this.#connections.delete(stream));
    });
    await new Promise((resolve, reject) => this.#http.once("error", reject).listen(port, HOST, resolve));
    this.port = this.#http.address().port;
    this.url = `http://${HOST}:${this.port}`;
    this.baseUrl = `${this.url}/v1`;
  }

  /** Lets requests with `[[hold:NAME]]` continue, those that wait and those to come; `fail` ends `[[fail]]`. */
  release(name) {
    this.#released.add(name);
    this.changed();
  }

  /** Waits for a request, also one that came already. */
  waitForRequest(predicate, timeout) {
    return this.waitFor(() => this.requests.find(predicate), timeout, "the model request");
  }

  /** Ends every connection and the server. */
  async close() {
    const closed = new Promise((resolve) => this.#http.close(resolve));
    for (const stream of this.#connections) stream.destroy();
    await closed;
  }

  async #handle(request, response) {
    const path = request.url.split("?", 1)[0];
    const bytes = await readAll(request);
    if (path === "/_control/requests") return json(response, 200, this.requests);
    if (path === "/_control/release") {
      this.release(JSON.parse(bytes.toString()).name);
      return json(response, 200, {});
    }
    if (path.endsWith("/models")) return json(response, 200, { object: "list", data: [{ id: MODEL, object: "model", owned_by: "test" }] });
    if (request.method !== "POST" || !path.endsWith("/chat/completions")) return json(response, 404, { error: { message: "not found" } });
    await this.#complete(JSON.parse(bytes.toString()), request, response);
  }

  async #complete(body, request, response) {
    const asked = this.#note(body, request);
    const directives = parseDirectives(asked.user);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    if (asked.first) await this.#delay(directives, gone.signal);
    if (gone.signal.aborted) {
      asked.gone = true;
      return this.changed();
    }
    if (directives.fail !== undefined && !this.#released.has("fail")) {
      asked.answer = `HTTP ${directives.fail}`;
      return json(response, directives.fail, { error: { message: "scripted failure", type: "server_error" } });
    }
    const tool = asked.first ? directives.tool : undefined;
    const content = tool ? null : (directives.say?.replaceAll("%n", asked.number) ?? defaultAnswer(asked.user, asked.number));
    asked.answer = tool ? `tool ${tool.name}` : content;
    const usage = { prompt_tokens: directives.tokens, completion_tokens: 10, total_tokens: directives.tokens + 10 };
    const base = { id: `chatcmpl-${asked.number}`, created: Math.floor(Date.now() / 1000), model: body.model ?? MODEL };
    const calls = tool && [{ index: 0, id: `call_${asked.number}`, type: "function", function: tool }];
    if (body.stream) stream(response, { base, content, calls, usage });
    else answer(response, { base, content, calls, usage });
    this.changed();
  }

  #note(body, request) {
    const messages = (body.messages ?? []).map(({ role, content, tool_calls: calls }) => ({
      role,
      text: textOf(content),
      ...imagesOf(content),
      ...(calls && { tool_calls: calls.map((call) => call.function?.name) }),
    }));
    const people = messages.filter(
      ({ role, text }) =>
        !(role === "user" && (HOST_MESSAGES.some((beginning) => text.startsWith(beginning)) || text.includes(HOST_NUDGE))),
    );
    const asked = {
      number: this.requests.length + 1,
      at: new Date().toISOString(),
      model: body.model,
      stream: body.stream === true,
      authorised: request.headers.authorization !== undefined,
      tools: (body.tools ?? []).map((tool) => tool.function?.name ?? tool.name),
      user: people.findLast(({ role }) => role === "user")?.text ?? "",
      /** Whether the last word is the user's: no tool has answered yet. */
      first: people.at(-1)?.role === "user",
      messages,
    };
    this.requests.push(asked);
    if (this.logFile) appendFileSync(this.logFile, `${JSON.stringify(asked)}\n`);
    this.changed();
    return asked;
  }

  /** Waits as the directive says, or until the asker has gone. */
  async #delay({ slow, hold }, signal) {
    if (slow > 0) await sleep(slow, undefined, { signal }).catch(() => {});
    if (hold === undefined) return;
    signal.addEventListener("abort", () => this.changed(), { once: true });
    await this.waitFor(() => (this.#released.has(hold) || signal.aborted ? true : undefined), HOLD_MAX, `release of ${hold}`);
  }
}

async function readAll(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function textOf(content) {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part) => part.text ?? "").join("") : "";
}

/** The images of a message as data addresses; nothing without any. */
function imagesOf(content) {
  const images = Array.isArray(content) ? content.flatMap((part) => part.image_url?.url ?? []) : [];
  return images.length > 0 ? { images } : {};
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function answer(response, { base, content, calls, usage }) {
  const message = { role: "assistant", content, ...(calls && { tool_calls: calls }) };
  json(response, 200, { ...base, object: "chat.completion", choices: [{ index: 0, message, finish_reason: finish(calls) }], usage });
}

function stream(response, { base, content, calls, usage }) {
  const send = (choices, extra) =>
    response.write(`data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices, ...extra })}\n\n`);
  const piece = (delta, finish_reason = null) => send([{ index: 0, delta, finish_reason }]);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  piece({ role: "assistant", content: "", ...(calls && { tool_calls: calls }) });
  for (const word of content?.split(WORDS) ?? []) piece({ content: word });
  piece({}, finish(calls));
  send([], { usage });
  response.end("data: [DONE]\n\n");
}

const finish = (calls) => (calls ? "tool_calls" : "stop");
