/** Transcripts of every kind, the same for the same seed. */

import { malformed } from "./malformed.mjs";
import { random } from "./random.mjs";
import { valid } from "./valid.mjs";

const KINDS = [...Object.entries(valid), ...Object.entries(malformed)];

/**
 * Every kind is visited in turn.
 *
 * @returns {Generator<{ name: string, kind: string, bytes: Buffer }>}
 */
export function* transcripts({ seed, count, kind }) {
  const kinds = kind ? KINDS.filter(([name]) => name === kind) : KINDS;
  for (let index = 0; index < count; index++) {
    const [name, make] = kinds[index % kinds.length];
    const made = make(random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)));
    const bytes = Buffer.isBuffer(made) ? made : Buffer.from(made, "utf8");
    yield { name: `${String(index).padStart(5, "0")}-${name}.jsonl`, kind: name, bytes };
  }
}
