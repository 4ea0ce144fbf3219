/**
 * Writes entries into a store: `writer.mjs HOW STORE COUNT NAME`. HOW is `ours`, `host` (what that host does, written down
 * here), or the address of a host's module whose own function writes.
 */
import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { native } from "./folder.mjs";

const [how, store, count, name] = process.argv.slice(2);

/** What a 2026.4.2 host does: the lock file, then everything is read, parsed, written to a new file and renamed. */
async function writeLikeTheHost(key, entry) {
  const lock = `${store}.lock`;
  for (let attempt = 1; ; attempt++) {
    try {
      const handle = await open(lock, "wx");
      const starttime = Number((await readFile("/proc/self/stat", "utf8")).split(") ")[1].split(" ")[19]);
      await handle.writeFile(JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), starttime }, null, 2));
      await handle.close();
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      await pause(Math.min(1000, 50 * attempt));
    }
  }
  const entries = JSON.parse(await readFile(store, "utf8"));
  entries[key] = JSON.parse(entry);
  const temporary = `${store}.${randomUUID()}.tmp`;
  await writeFile(temporary, JSON.stringify(entries, null, 2), { mode: 0o600 });
  await rename(temporary, store);
  await rm(lock, { force: true });
}

async function hostsOwn(address) {
  const { updateSessionStore } = await import(address);
  return (key, entry) =>
    updateSessionStore(store, (entries) => {
      entries[key] = JSON.parse(entry);
    });
}

const ways = { ours: () => (key, entry) => native.upsertSessionEntry(store, key, entry), host: () => writeLikeTheHost };
const write = await (ways[how] ?? (() => hostsOwn(how)))();
for (let index = 0; index < count; index++) {
  await write(`agent:main:${name}:${index}`, JSON.stringify({ index }));
  // Nobody writes without a pause; the others' waits begin at 50 ms.
  if (index % 5 === 4) await pause(20);
}
