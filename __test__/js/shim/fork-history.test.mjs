/** What a fork inherits of a transcript. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { selectHistory } from "../../../src/shim/forks/history.js";

/** Builds a transcript; entries follow each other unless `parent` says otherwise. */
function transcript() {
  const events = [{ type: "session", id: "header", version: 4 }];
  let last = null;
  const add = (entry) => {
    const id = entry.id ?? `e${events.length}`;
    events.push({ id, parentId: last, timestamp: "2026-01-01T00:00:00.000Z", ...entry });
    last = id;
    return id;
  };
  const message = (role, text, more = {}, place = {}) =>
    add({ type: "message", message: { role, content: [{ type: "text", text }], ...more }, ...place });
  return {
    events,
    add,
    from: (id) => (last = id),
    user: (text, place) => message("user", text, {}, place),
    answer: (text, more, place) => message("assistant", text, { stopReason: "stop", ...more }, place),
    call: (name) =>
      add({ type: "message", message: { role: "assistant", content: [{ type: "toolCall", name, arguments: {} }], stopReason: "toolUse" } }),
    result: (text) => message("toolResult", text),
  };
}

const texts = (history) =>
  history?.messages.map(({ content }) => (Array.isArray(content) ? (content[0].text ?? content[0].name) : content));

describe("the history of a fork", () => {
  it("ends with the last completed turn", () => {
    const talk = transcript();
    talk.user("one");
    talk.call("exec");
    talk.result("done");
    const last = talk.answer("first");
    talk.user("two");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "exec", "done", "first"]);
    assert.equal(selectHistory(talk.events).lastEntryId, last);
    talk.call("exec");
    talk.result("half");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "exec", "done", "first"]);
    talk.answer("second");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "exec", "done", "first", "two", "exec", "half", "second"]);
  });

  it("does not exist before the first completed turn", () => {
    assert.equal(selectHistory([]), undefined);
    const talk = transcript();
    assert.equal(selectHistory(talk.events), undefined);
    talk.user("one");
    talk.call("exec");
    assert.equal(selectHistory(talk.events), undefined);
  });

  it("is not cut at the host's own notes in the middle of a turn", () => {
    const talk = transcript();
    talk.user("one");
    talk.answer("first");
    talk.user("running");
    talk.call("message");
    talk.answer("sent elsewhere", { provider: "openclaw", model: "delivery-mirror" });
    talk.answer("injected", { provider: "openclaw", model: "gateway-injected" });
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first"]);
  });

  it("is not cut at failures, after which the host asks the model again", () => {
    const talk = transcript();
    talk.user("one");
    talk.answer("first");
    talk.user("running");
    talk.answer("", { stopReason: "error" });
    talk.answer("hal", { stopReason: "aborted" });
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first"]);
  });

  it("leaves out branches that were left", () => {
    const talk = transcript();
    const root = talk.user("one");
    talk.answer("wrong");
    talk.from(root);
    talk.answer("right");
    talk.user("two");
    talk.answer("end");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "right", "two", "end"]);
  });

  it("follows the host's marks of the active end", () => {
    const talk = transcript();
    talk.user("one");
    const kept = talk.answer("first");
    talk.user("undone");
    talk.answer("undone too");
    talk.add({ type: "leaf", targetId: kept });
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first"]);
    talk.user("two");
    talk.answer("second");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first", "two", "second"]);
  });

  it("ignores a mark whose target does not exist", () => {
    const talk = transcript();
    talk.user("one");
    talk.answer("first");
    talk.events.push({ type: "leaf", id: "mark", parentId: null, targetId: "nowhere" });
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first"]);
  });

  it("is not moved by side entries and unknown ones", () => {
    const talk = transcript();
    talk.user("one");
    const end = talk.answer("first");
    talk.events.push({ type: "message", id: "side", parentId: end, appendMode: "side", message: { role: "user", content: "aside" } });
    talk.events.push({ type: "something.new", id: "new", parentId: null });
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first"]);
  });

  it("continues at the active end where a parent is missing", () => {
    const talk = transcript();
    talk.user("one");
    talk.answer("first");
    talk.user("two", { parentId: "vanished" });
    talk.answer("second");
    assert.deepEqual(texts(selectHistory(talk.events)), ["one", "first", "two", "second"]);
  });

  it("does not exist when the path is a circle", () => {
    const turn = { role: "assistant", content: "x", stopReason: "stop" };
    const events = [
      { type: "message", id: "a", parentId: null, message: turn },
      { type: "message", id: "b", parentId: "a", message: turn },
      { type: "message", id: "a", parentId: "b", message: turn },
    ];
    assert.equal(selectHistory(events), undefined);
  });

  it("begins with the summary after a compaction, then what was kept", () => {
    const talk = transcript();
    talk.user("old");
    talk.answer("old answer");
    const kept = talk.user("kept");
    talk.answer("kept answer");
    talk.add({ type: "compaction", summary: "They spoke of old things.", firstKeptEntryId: kept, tokensBefore: 9 });
    talk.user("new");
    talk.answer("new answer");
    const [summary, ...rest] = texts(selectHistory(talk.events));
    assert.match(summary, /<summary>\nThey spoke of old things\.\n<\/summary>/);
    assert.deepEqual(rest, ["kept", "kept answer", "new", "new answer"]);
  });

  it("is the uncompacted one when the compaction belongs to the running turn", () => {
    const talk = transcript();
    talk.user("old");
    talk.answer("old answer");
    talk.user("running");
    talk.add({ type: "compaction", summary: "It includes what is running.", firstKeptEntryId: "e4", tokensBefore: 9 });
    talk.call("exec");
    assert.deepEqual(texts(selectHistory(talk.events)), ["old", "old answer"]);
  });

  it("keeps only plain talk over a reset", () => {
    const talk = transcript();
    talk.user("forgotten");
    talk.answer("forgotten too");
    const kept = talk.user("kept");
    talk.call("exec");
    talk.result("gone");
    talk.answer("kept answer");
    talk.add({ type: "reset", firstKeptEntryId: kept });
    talk.user("new");
    talk.answer("new answer");
    assert.deepEqual(texts(selectHistory(talk.events)), ["kept", "kept answer", "new", "new answer"]);
  });

  it("holds what plugins and branches added, and nothing that is kept from the model", () => {
    const talk = transcript();
    talk.user("one");
    talk.add({ type: "custom_message", customType: "note", content: "a note", display: false });
    talk.add({ type: "custom", customType: "snapshot", data: {} });
    talk.add({ type: "branch_summary", summary: "Tried in vain.", fromId: "x" });
    talk.add({ type: "message", message: { role: "bashExecution", content: "secret", excludeFromContext: true } });
    talk.answer("first");
    const history = selectHistory(talk.events);
    assert.deepEqual(
      history.messages.map(({ role }) => role),
      ["user", "custom", "user", "assistant"],
    );
    assert.match(history.messages[2].content, /Tried in vain/);
  });

  it("is as large as the model counted, plus an estimate for what came later", () => {
    const talk = transcript();
    talk.user("x".repeat(4000));
    talk.answer("y".repeat(400), { usage: { input: 0, output: 0 } });
    assert.equal(selectHistory(talk.events).tokens, 1100);
    talk.user("short");
    talk.answer("first", { usage: { input: 5000, cacheRead: 700, output: 50 } });
    assert.equal(selectHistory(talk.events).tokens, 5750);
    talk.user("z".repeat(40));
    talk.answer("no usage", {});
    assert.equal(selectHistory(talk.events).tokens, 5750 + 12);
  });

  it("survives entries that are no entries", () => {
    const talk = transcript();
    talk.user("one");
    talk.answer("first");
    const odd = [null, 7, "x", [], {}, { id: 5, type: "message" }, { id: "m", type: "message", parentId: "e2" }];
    assert.deepEqual(texts(selectHistory([...odd, ...talk.events, ...odd.slice(0, -1)])), ["one", "first"]);
  });
});
