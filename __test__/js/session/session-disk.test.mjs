import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { native, SessionsFolder } from "../../session/folder.mjs";

const MODULE = fileURLToPath(new URL("../../session/folder.mjs", import.meta.url));
const state = (folder) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name)).toString("latin1")]));

/** A file system with room for `megabytes`, if this user may make one. */
function smallDisk(megabytes) {
  const root = mkdtempSync(path.join(tmpdir(), "parall-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", root]).status === 0;
  const dispose = () => {
    if (mounted) execFileSync("umount", [root]);
    rmSync(root, { recursive: true, force: true });
  };
  return { root, mounted, dispose };
}

describe("a disk that takes no more", () => {
  it("leaves the folder as it was when it is full", async (test) => {
    const disk = smallDisk(3);
    if (!disk.mounted) {
      disk.dispose();
      return test.skip("this user may not mount");
    }
    try {
      const folder = new SessionsFolder({ root: disk.root, turns: 500, length: 4000 });
      const before = state(disk.root);
      await assert.rejects(folder.fork(), { code: "PARALL_SESSION_WRITE", message: /No space left/ });
      assert.deepEqual(state(disk.root), before);
    } finally {
      disk.dispose();
    }
  });

  it("leaves the folder as it was when files may not grow that long", () => {
    const folder = new SessionsFolder({ turns: 500, length: 4000 });
    const before = state(folder.root);
    const script = `
      const { native, KEY } = await import(${JSON.stringify(MODULE)});
      const [sessionsDir] = process.argv.slice(1);
      const options = { orchestratorSessionKey: KEY, accountId: "default", transcriptFile: "parent.jsonl", sessionsDir };
      console.log(await native.forkOrchestratorSession(options).then(() => "forked", (error) => error.code));
      const long = JSON.stringify({ long: "x".repeat(200_000) });
      console.log(await native.upsertSessionEntry(sessionsDir + "/sessions.json", "k", long).then(() => "written", (error) => error.code));`;
    // The limit is in blocks of 1024 bytes; without the trap the signal would end the process.
    const command = 'trap "" XFSZ; ulimit -f 100; exec "$0" --input-type=module --eval "$1" "$2"';
    const { stdout, stderr } = spawnSync("bash", ["-c", command, process.execPath, script, folder.root], { encoding: "utf8" });
    assert.deepEqual(stdout.trim().split("\n"), ["PARALL_SESSION_WRITE", "PARALL_FILE_WRITE"], stderr);
    assert.deepEqual(state(folder.root), before);
    folder.dispose();
  });

  it("is distinguished from a folder that may not be written", async (test) => {
    if (process.getuid?.() === 0) return test.skip("root may write everywhere");
    const folder = new SessionsFolder();
    chmodSync(folder.root, 0o500);
    await assert.rejects(folder.fork(), { code: "PARALL_SESSION_WRITE" });
    await assert.rejects(native.upsertSessionEntry(folder.store, "k", "{}"), { code: "PARALL_FILE_WRITE" });
    chmodSync(folder.root, 0o700);
    folder.dispose();
  });
});
