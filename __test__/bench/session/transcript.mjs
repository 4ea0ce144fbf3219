/** One large transcript as OpenClaw writes them: linear, a few kilobytes a line, now and then a tool result of 100 to 200 KB. */
import { closeSync, openSync, writeSync } from "node:fs";
import { random } from "../../session/generator/random.mjs";

const WORDS = "the session fork writes entries when agent tool result path error ok build cargo node line branch leaf merge retry".split(
  " ",
);
const MARKS = ['"key": "value",', "\n    ", "\t", "/home/u/src/index.ts:42", "=> {", "C:\\dir", "é", "→", "漢字", "😀"];
const FLUSH_BYTES = 1 << 20;

/** Text that code and prose share: about one word in six needs an escape or is not ASCII. */
function prose(R, length) {
  let out = "";
  while (out.length < length) out += `${R.chance(0.18) ? R.pick(MARKS) : R.pick(WORDS)} `;
  return out;
}

/**
 * Writes a transcript of at least `bytes` and answers its number of lines. With `context` it is compacted so many bytes before its
 * end, and the last turn before that is kept.
 */
export function writeTranscript(file, bytes, { seed = 1, context } = {}) {
  const R = random(seed);
  const descriptor = openSync(file, "w", 0o600);
  let [written, lines, waiting, parentId] = [0, 0, "", null];
  let time = Date.UTC(2026, 3, 1);
  const ids = [];
  const line = (value) => {
    waiting += `${JSON.stringify(value)}\n`;
    lines += 1;
    if (waiting.length > FLUSH_BYTES || written + waiting.length >= bytes) {
      written += writeSync(descriptor, waiting);
      waiting = "";
    }
  };
  const entry = (type, rest) => {
    const id = R.hex(8);
    time += R.range(10, 4000);
    line({ type, id, parentId, timestamp: new Date(time).toISOString(), ...rest });
    ids[lines - 1] = id;
    parentId = id;
  };
  const message = (role, rest) => entry("message", { message: { role, ...rest, timestamp: time } });
  const text = (length) => [{ type: "text", text: prose(R, length) }];
  const model = { api: "anthropic-messages", provider: "anthropic", model: "claude-opus-4-5" };
  const usage = () => ({ input: R.int(200000), output: R.int(4000), cacheRead: R.int(150000), cost: { total: R.f() } });
  let toCompact = context !== undefined;
  line({ type: "session", version: 3, id: R.uuid(), timestamp: new Date(time).toISOString(), cwd: "/home/u/workspace" });
  while (written < bytes) {
    const turn = lines;
    message("user", { content: text(R.range(300, 2000)) });
    for (let call = R.range(1, 4); call > 0; call--) {
      const id = `toolu_${R.hex(20)}`;
      const request = { type: "toolCall", id, name: "bash", arguments: { command: prose(R, R.range(40, 400)) } };
      const thought = { type: "thinking", thinking: prose(R, R.range(300, 1500)), thinkingSignature: R.hex(300) };
      message("assistant", { content: [thought, request], ...model, usage: usage(), stopReason: "toolUse" });
      const length = R.chance(0.02) ? R.range(100_000, 200_000) : R.range(500, 4000);
      message("toolResult", { toolCallId: id, toolName: "bash", content: text(length), isError: false });
    }
    message("assistant", { content: text(R.range(800, 3500)), ...model, usage: usage(), stopReason: "stop" });
    if (toCompact && written + waiting.length >= bytes - context) {
      toCompact = false;
      entry("compaction", { summary: prose(R, 4000), firstKeptEntryId: ids[turn], tokensBefore: 150_000 });
    }
  }
  closeSync(descriptor);
  return lines;
}
