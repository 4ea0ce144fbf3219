import assert from "node:assert/strict";
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { after, describe, it } from "node:test";
import { native, SessionsFolder } from "../../session/folder.mjs";

/** Set for the long run: a line of 64 MB, a million entries, a file longer than the longest string of JavaScript. */
const IS_LONG = process.env.PARALL_LARGE === "1";
const MEGABYTE = 1 << 20;
const LINE = (IS_LONG ? 64 : 4) * MEGABYTE;
const ENTRIES = IS_LONG ? 1_000_000 : 20_000;
const FILE = (IS_LONG ? 600 : 24) * MEGABYTE;

describe("transcripts of unusual size", () => {
  const folder = new SessionsFolder();
  after(() => folder.dispose());

  /** Writes a chain of answers, each with so much text, and answers the number of bytes. */
  function writeChain(count, length) {
    const descriptor = openSync(folder.transcript, "w");
    const text = "x\\n".repeat(length / 3);
    writeSync(descriptor, '{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}\n');
    let lines = "";
    for (let index = 0; index < count; index++) {
      const parent = index === 0 ? "null" : `"e${index - 1}"`;
      lines += `{"type":"message","id":"e${index}","parentId":${parent},"message":{"role":"assistant","content":"${text}"}}\n`;
      if (lines.length > MEGABYTE || index === count - 1) {
        writeSync(descriptor, lines);
        lines = "";
      }
    }
    closeSync(descriptor);
    return statSync(folder.transcript).size;
  }

  async function forkedSize(cut) {
    const fork = await folder.fork({ cut });
    const header = readFirstLine(fork.sessionFile);
    const size = statSync(fork.sessionFile).size - header.length - 1;
    await folder.cleanUp(fork);
    return size;
  }

  function readFirstLine(file) {
    const descriptor = openSync(file, "r");
    const buffer = Buffer.alloc(4096);
    const length = readSync(descriptor, buffer);
    closeSync(descriptor);
    return buffer.toString("utf8", 0, length).split("\n", 1)[0];
  }

  it(`a line of ${LINE / MEGABYTE} MB`, async () => {
    const size = writeChain(2, LINE);
    assert.ok(Math.abs((await forkedSize("leaf")) - size) < 200);
  });

  it(`${ENTRIES} entries, also when forked in their middle`, async () => {
    const size = writeChain(ENTRIES, 30);
    assert.ok(Math.abs((await forkedSize("leaf")) - size) < 200);
    const half = await forkedSize({ entryId: `e${ENTRIES / 2}` });
    assert.ok(half > size * 0.45 && half < size * 0.55);
    assert.ok(statSync(folder.transcript).size === size);
  });

  it(`${FILE / MEGABYTE} MB, of which the last turn is left out`, async () => {
    const size = writeChain(FILE / 40_000, 40_000);
    assert.ok(Math.abs((await forkedSize("last-completed")) - size) < 200);
    assert.equal(await native.resolveTranscriptFile(folder.root, "agent:main:parall:account"), folder.transcript);
  });
});
