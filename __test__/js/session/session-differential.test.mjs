import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { Differential, someEntryId } from "../../session/differential.mjs";
import { native } from "../../session/folder.mjs";
import { transcripts } from "../../session/generator/index.mjs";
import { Oracle } from "../../session/oracle.mjs";

/** Set for the long run; each number is a transcript, forked at three cuts. */
const COUNT = Number(process.env.PARALL_DIFFERENTIAL_COUNT ?? 144);
const SEED = Number(process.env.PARALL_DIFFERENTIAL_SEED ?? 1);

describe("forks beside those of SessionManager 0.64.0", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "parall-differential-"));
  const oracle = new Oracle();
  const differential = new Differential(native, oracle, folder);
  after(() => {
    oracle.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(`${COUNT} transcripts of every kind, each at three cuts, differ only for the reasons given`, async (test) => {
    for (const transcript of transcripts({ seed: SEED, count: COUNT })) {
      for (const cut of ["leaf", "last-completed", { entryId: someEntryId(transcript.bytes) ?? "none" }]) {
        try {
          await differential.compare(transcript, cut);
        } catch (error) {
          error.message = `${transcript.name}, seed ${SEED}, cut ${JSON.stringify(cut)}: ${error.message}`;
          throw error;
        }
      }
    }
    test.diagnostic(JSON.stringify(differential.counts));
    for (const outcome of ["equal", "equal with the chain repaired", "nothing to fork", "no transcript"]) {
      assert.ok(differential.counts[outcome] > 0, `no transcript came out as "${outcome}"`);
    }
  });
});
