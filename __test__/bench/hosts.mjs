#!/usr/bin/env node
/**
 * `npm run bench:hosts`: on real hosts, from the wish for a fork to its request at the model, with parents of 20 and 100 MB that
 * were compacted beside a parent with a small history. Build with `npm run build` first.
 */
import { ForkScene } from "../hosts/fork-scene.mjs";
import { HOST_VERSIONS } from "../hosts/versions.mjs";
import { bounded, median } from "./table.mjs";

const RUNS = 7;
const TIMES_SMALL = 1.3;
const WINDOW = 50_000_000;
/** A turn of five megabytes; four of them lie between two compactions. */
const PARAGRAPH = "Fifty characters that nobody has to read, or will.".repeat(100_000);
const TURNS = 4;

async function timed(scene, name) {
  const taken = [];
  for (let run = 0; run < RUNS; run++) {
    const text = `QUESTION-${name}-${run}-`;
    const started = performance.now();
    const fork = await scene.fork();
    const forked = performance.now();
    const turn = scene.turn(`${text} [[say:fine]]`, fork.sessionKey);
    await scene.request(text);
    taken.push({ whole: performance.now() - started, fork: forked - started });
    await turn;
    await scene.ask("remove", { fork });
  }
  return { whole: median(taken.map(({ whole }) => whole)), fork: median(taken.map(({ fork }) => fork)) };
}

async function grow(scene, name) {
  for (let turn = 0; turn < TURNS; turn++) await scene.turn(`GROW-${name}-${turn} ${PARAGRAPH} [[say:fine]]`);
  await scene.turn(`KEPT-${name}- [[say:fine]]`);
  await scene.compact(`KEPT-${name}-`, "All of that.");
  await scene.turn(`NEXT-${name} [[say:fine]]`);
}

async function host(release) {
  const scene = await ForkScene.open(release, { contextWindow: WINDOW });
  try {
    await scene.turn("FIRST [[say:fine]]");
    await scene.turn("SECOND [[say:fine]]");
    const small = await timed(scene, "small");
    await grow(scene, 0);
    const medium = await timed(scene, "medium");
    for (const name of [1, 2, 3, 4]) await grow(scene, name);
    const large = await timed(scene, "large");
    const ms = ({ whole, fork }) => `${whole.toFixed(0)}, fork ${fork.toFixed(0)}`;
    return {
      host: release.version,
      "small ms": ms(small),
      "20 MB ms": ms(medium),
      "20 MB / small": bounded(medium.whole / small.whole, TIMES_SMALL),
      "100 MB ms": ms(large),
      "100 MB / small": bounded(large.whole / small.whole, TIMES_SMALL),
    };
  } finally {
    await scene.close();
  }
}

const rows = [];
for (const release of HOST_VERSIONS) rows.push(await host(release));
console.table(rows);
process.exit(0);
