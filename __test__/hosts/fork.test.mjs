/** Forks on real hosts: what they know, what they leave alone, and that nothing of them stays. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { ForkScene, PARENT } from "./fork-scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

const KINDS = { "2026.4.2": "files", "2026.9.6": "sessions" };

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: forks`, () => {
    let scene;
    before(async () => {
      scene = await ForkScene.open(release);
    });
    after(() => scene.close());

    const heard = (request) =>
      request.messages
        .filter(({ role }) => role !== "system")
        .map(({ text }) => text)
        .join("\n");
    /** Asks a fork something and gives what the model was shown. */
    const shownTo = async (fork, question) => {
      const { texts } = await scene.turn(`${question} [[say:Answer to ${question}]]`, fork.sessionKey);
      assert.deepEqual(texts, [`Answer to ${question}`]);
      return heard(await scene.request(question));
    };
    const remove = (fork) => scene.ask("remove", { fork });

    it("have a backend, chosen by what the host offers", async () => {
      const { kind, reason } = await scene.ask("detect");
      assert.equal(kind, KINDS[release.version]);
      assert.match(reason, /session (files|database)/);
    });

    it("do not exist before the first completed turn", async () => {
      assert.equal((await scene.ask("create")).result.reason, "no-history");
      const first = scene.turn("FIRST-QUESTION [[hold:first]] [[say:FIRST-ANSWER]]");
      await scene.request("FIRST-QUESTION");
      assert.equal((await scene.ask("create")).result.reason, "no-history");
      assert.deepEqual(await scene.ask("leftovers"), []);
      scene.model.release("first");
      assert.deepEqual((await first).texts, ["FIRST-ANSWER"]);
    });

    it("know the history and leave nothing when removed, and removal can be repeated", async () => {
      const fork = await scene.fork();
      assert.equal(fork.sessionKey, `${PARENT}:fork:${fork.sessionId}`);
      const shown = await shownTo(fork, "WHAT-HAPPENED");
      assert.match(shown, /FIRST-QUESTION/);
      assert.match(shown, /FIRST-ANSWER/);
      assert.notDeepEqual(scene.traces(fork.sessionId), []);
      await remove(fork);
      await remove(fork);
      assert.deepEqual(scene.traces(fork.sessionId), []);
    });

    it("know nothing of a running model call, and the parent's transcript stays as it is", async () => {
      const running = scene.turn("RUNNING-CALL [[hold:call]] [[say:CALL-DONE]]");
      await scene.request("RUNNING-CALL");
      const transcript = scene.transcript(PARENT);
      const forks = await Promise.all([scene.fork(), scene.fork()]);
      const shown = await Promise.all(forks.map((fork, number) => shownTo(fork, `MEANWHILE-${number}`)));
      for (const [number, text] of shown.entries()) {
        assert.match(text, /FIRST-ANSWER/);
        assert.doesNotMatch(text, /RUNNING-CALL/);
        assert.doesNotMatch(text, new RegExp(`MEANWHILE-${1 - number}`));
      }
      assert.deepEqual(scene.transcript(PARENT), transcript);
      await Promise.all(forks.map(remove));
      assert.deepEqual(scene.transcript(PARENT), transcript);
      for (const fork of forks) assert.deepEqual(scene.traces(fork.sessionId), []);
      scene.model.release("call");
      assert.deepEqual((await running).texts, ["CALL-DONE"]);
    });

    it("know nothing of a running tool", async () => {
      const [began, end] = ["began", "end"].map((name) => path.join(scene.host.root, name));
      const command = `touch ${began}; until [ -e ${end} ]; do sleep 0.1; done; echo TOOL-OUTPUT`;
      const running = scene.turn(`RUNNING-TOOL [[tool:exec ${JSON.stringify({ command })}]] [[say:TOOL-DONE]]`);
      await scene.host.until("the tool runs", () => existsSync(began));
      const transcript = scene.transcript(PARENT);
      const fork = await scene.fork();
      const shown = await shownTo(fork, "DURING-TOOL");
      assert.match(shown, /CALL-DONE/);
      assert.doesNotMatch(shown, /RUNNING-TOOL|TOOL-OUTPUT|until \[/);
      assert.deepEqual(scene.transcript(PARENT), transcript);
      await remove(fork);
      writeFileSync(end, "");
      assert.deepEqual((await running).texts, ["TOOL-DONE"]);
    });

    it("know nothing of a question that the host asks again after a failure", async () => {
      const running = scene.turn("RUNNING-FAILURE [[fail:500]] [[say:FAILURE-DONE]]");
      const asked = () => scene.model.requests.filter(({ user }) => user.includes("RUNNING-FAILURE")).length;
      await scene.host.until("the host asks again", () => asked() > 1);
      const fork = await scene.fork();
      const shown = await shownTo(fork, "DURING-FAILURE");
      assert.match(shown, /TOOL-DONE/);
      assert.doesNotMatch(shown, /RUNNING-FAILURE/);
      await remove(fork);
      scene.model.release("fail");
      assert.deepEqual((await running).texts, ["FAILURE-DONE"]);
    });

    it("leave no mark on the parent's next turn", async () => {
      const fork = await scene.fork();
      await shownTo(fork, "ASIDE");
      await scene.turn("NEXT-TURN [[say:NEXT-ANSWER]]");
      await remove(fork);
      const shown = heard(await scene.request("NEXT-TURN"));
      for (const text of ["FIRST-ANSWER", "CALL-DONE", "TOOL-DONE"]) assert.match(shown, new RegExp(text));
      assert.doesNotMatch(shown, /ASIDE|WHAT-HAPPENED|MEANWHILE|DURING/);
    });

    it("show the model what it is shown of their parent, before a compaction and after one", async () => {
      /** What comes before the question. A host names the session that it runs in somewhere; nothing else may differ. */
      const said = ({ messages }, question) => {
        const talk = messages.filter(({ role }) => role !== "system");
        const before = talk.slice(
          0,
          talk.findLastIndex(({ text }) => text.includes(question)),
        );
        return before.map((message) => ({ ...message, text: message.text.replace(/session=\S+ \| sessionId=\S+/, "") }));
      };
      for (const moment of ["BEFORE", "AFTER"]) {
        if (moment === "AFTER") await scene.compact("NEXT-TURN", "SUMMARY-OF-EVERYTHING");
        const fork = await scene.fork();
        await shownTo(fork, `FORK-${moment}`);
        await scene.turn(`PARENT-${moment} [[say:ANSWER-${moment}]]`);
        const [mine, theirs] = [await scene.request(`FORK-${moment}`), await scene.request(`PARENT-${moment}`)];
        assert.deepEqual(said(mine, `FORK-${moment}`), said(theirs, `PARENT-${moment}`), moment);
        assert.equal(JSON.stringify(theirs).includes("SUMMARY-OF-EVERYTHING"), moment === "AFTER");
        await remove(fork);
      }
      assert.doesNotMatch(heard(await scene.request("PARENT-AFTER")), /FIRST-QUESTION/, "it was compacted");
    });

    it("run several turns that know each other", async () => {
      const fork = await scene.fork();
      await shownTo(fork, "FORK-TURN-ONE");
      const shown = await shownTo(fork, "FORK-TURN-TWO");
      assert.match(shown, /NEXT-ANSWER/);
      assert.match(shown, /Answer to FORK-TURN-ONE/);
      await remove(fork);
      assert.deepEqual(scene.traces(fork.sessionId), []);
    });

    it("leave out the oldest turns, and are refused, when the history would fill the model", async () => {
      const parentSessionKey = "agent:main:parall:full";
      await scene.turn(`OLDEST ${"word ".repeat(2000)} [[say:OLDEST-ANSWER]]`, parentSessionKey);
      await scene.turn("NEWEST [[tokens:5000]] [[say:NEWEST-ANSWER]]", parentSessionKey);
      const within = (contextTokens) => scene.ask("create", { parentSessionKey, cfg: { agents: { defaults: { contextTokens } } } });
      const { result } = await within(3000);
      assert.equal(result.leftOut, 2);
      const shown = await shownTo(result.fork, "WHAT-IS-LEFT");
      assert.match(shown, /\[Left out of this copy of the conversation: 2 earlier messages/);
      assert.match(shown, /NEWEST-ANSWER/);
      assert.doesNotMatch(shown, /OLDEST/);
      await scene.ask("remove", { parentSessionKey, fork: result.fork });
      const refused = (await within(50)).result;
      assert.equal(refused.reason, "over-budget");
      assert.match(refused.detail, /the context has 5\d{3} tokens, 45 are allowed/);
      assert.deepEqual(await scene.ask("leftovers", { parentSessionKey }), []);
    });

    it("are the only thing that removal accepts", async () => {
      const fork = await scene.fork();
      const other = "11111111-2222-4333-8444-555555555555";
      for (const wrong of [
        { ...fork, sessionKey: PARENT },
        { ...fork, sessionKey: `${PARENT}:thread:${fork.sessionId}` },
        { ...fork, sessionId: other },
        { ...fork, sessionKey: `agent:main:other:fork:${fork.sessionId}` },
      ]) {
        await assert.rejects(remove(wrong), /not a fork of ours/);
      }
      assert.match(await shownTo(fork, "STILL-THERE"), /NEXT-ANSWER/);
      await remove(fork);
    });

    it("are found and removed after the gateway was killed in the middle of their turn", async () => {
      const [idle, busy] = [await scene.fork(), await scene.fork()];
      const lost = assert.rejects(scene.turn("KILLED [[hold:never]]", busy.sessionKey));
      await scene.request("KILLED");
      await scene.crash();
      await lost;
      const found = await scene.ask("leftovers");
      const byKey = (one, other) => one.sessionKey.localeCompare(other.sessionKey);
      assert.deepEqual(found.sort(byKey), [idle, busy].sort(byKey));
      for (const fork of found) await remove(fork);
      for (const { sessionId } of [idle, busy]) assert.deepEqual(scene.traces(sessionId), []);
      assert.deepEqual(await scene.ask("leftovers"), []);
      const { texts } = await scene.turn("AFTER-THE-CRASH [[say:AFTER-ANSWER]]");
      assert.deepEqual(texts, ["AFTER-ANSWER"]);
      assert.match(heard(await scene.request("AFTER-THE-CRASH")), /NEXT-ANSWER/);
    });
  });

  describe(`OpenClaw ${release.version}: forks of a parent of 20 MB`, () => {
    let scene;
    before(async () => {
      scene = await ForkScene.open(release, { contextWindow: 50_000_000 });
    });
    after(() => scene.close());

    it("know its last turn, leave it as it is, and go without a trace", async () => {
      const paragraph = "Fifty characters that nobody has to read, or will.".repeat(100_000);
      for (const number of [1, 2, 3, 4]) await scene.turn(`LARGE-${number} ${paragraph} [[say:LARGE-ANSWER-${number}]]`);
      const running = scene.turn("RUNNING [[hold:large]] [[say:DONE]]");
      await scene.request("RUNNING");
      const transcript = scene.transcript(PARENT);
      const forks = await Promise.all([scene.fork(), scene.fork()]);
      await scene.turn("AFTER-LARGE [[say:FORK-ANSWER]]", forks[0].sessionKey);
      const { messages } = await scene.request("AFTER-LARGE");
      assert.ok(messages.some(({ text }) => text === "LARGE-ANSWER-4"));
      assert.ok(messages.reduce((sum, { text }) => sum + text.length, 0) > 20_000_000);
      assert.ok(!messages.some(({ text }) => text.includes("RUNNING")));
      assert.deepEqual(scene.transcript(PARENT), transcript);
      for (const fork of forks) {
        await scene.ask("remove", { fork });
        assert.deepEqual(scene.traces(fork.sessionId), []);
      }
      scene.model.release("large");
      assert.deepEqual((await running).texts, ["DONE"]);
    });
  });
}
