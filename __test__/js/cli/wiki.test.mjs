/** `parall wiki` against the local server. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { command, environment, stage } from "./command.mjs";

async function scene(context) {
  const { parall } = await stage(context);
  parall.addWiki({ slug: "kb", name: "Knowledge", files: { "a.md": "a\n", "guide/b.md": "b\n" } });
  const folder = mkdtempSync(path.join(tmpdir(), "parall-wiki-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const run = (line, options = {}) => command(line, { env: environment(options.url ?? parall.url), cwd: folder });
  const write = (name, text) => writeFileSync(path.join(folder, name), text);
  const read = (name) => readFileSync(path.join(folder, name), "utf8");
  const done = async (line, options) => {
    const { code, err, json } = await run(line, options);
    assert.deepEqual([code, err], [0, ""], Array.isArray(line) ? line.join(" ") : line);
    return json;
  };
  return { parall, folder, run, done, write, read };
}

test("a wiki is synced, edited, proposed, merged and synced again", async (context) => {
  const { parall, folder, done, write, read } = await scene(context);
  assert.deepEqual(
    (await done("wiki list")).data.map(({ slug }) => slug),
    ["kb"],
  );
  assert.deepEqual(
    (await done("wiki tree kb --path guide")).data.map((item) => item.path),
    ["guide/b.md"],
  );
  const [synced] = (await done("wiki sync kb")).synced;
  assert.deepEqual([synced.wiki, synced.path, synced.files, synced.added], ["kb", path.join(folder, "kb"), 2, 2]);
  write("kb/a.md", "a2\n");
  const status = await done("wiki status kb");
  assert.deepEqual(status.changes, [{ path: "a.md", status: "modified", additions: 1, deletions: 1, binary: false }]);
  assert.deepEqual([status.mount, status.base_version, status.head_version], [synced.path, synced.version, synced.version]);
  assert.equal((await done("wiki diff kb")).diff, "--- a/a.md\n+++ b/a.md\n@@ -1 +1 @@\n-a\n+a2\n");
  const changeset = await done("wiki changeset create kb --title Better");
  assert.deepEqual([changeset.title, changeset.status], ["Better", "open"]);
  assert.equal((await done("wiki changeset list kb")).data[0].id, changeset.id);
  assert.equal((await done(`wiki changeset show ${changeset.id} kb`)).author_id, "usr_agent");
  assert.equal((await done(`wiki changeset diff ${changeset.id} kb`)).data[0].path, "a.md");
  parall.decideChangeset({ wiki: "kb", changeset: changeset.id });
  await done("wiki sync");
  assert.deepEqual((await done("wiki status kb")).changes, []);
  assert.deepEqual(
    (await done("wiki log kb --all")).data.map(({ type }) => type),
    ["changeset.merged", "changeset.created"],
  );
  write("kb/a.md", "a3\n");
  assert.deepEqual((await done("wiki reset kb")).restored, ["a.md"]);
  assert.equal(read("kb/a.md"), "a2\n");
});

test("a rejected changeset is shown and proposed anew", async (context) => {
  const { parall, run, done, write } = await scene(context);
  await done("wiki sync kb");
  write("kb/a.md", "a2\n");
  const { id } = await done("wiki changeset create kb --title Better");
  parall.decideChangeset({ wiki: "kb", changeset: id, feedback: "No" });
  const stale = await run(`wiki changeset create kb --update ${id}`);
  assert.deepEqual([stale.code, stale.error.code], [2, "STALE_GENERATION"]);
  assert.match(stale.error.message, new RegExp(`parall wiki changeset show ${id} kb`));
  assert.equal((await done(`wiki changeset show ${id} kb`)).feedback[0].body, "No");
  const again = await done(`wiki changeset create kb --update ${id}`);
  assert.deepEqual([again.title, again.status, again.generation], ["Better", "open", 3]);
});

test("what cannot be done has its exit code", async (context) => {
  const { parall, folder, run, done, write } = await scene(context);
  const failed = async (line, code, name, options) => {
    const { code: found, error, json } = await run(line, options);
    assert.deepEqual([found, error?.code, json], [code, name, undefined], line);
    return error;
  };
  await failed("wiki status kb", 1, "WIKI_NOT_SYNCED");
  const unknown = await failed("wiki sync other", 1, "PARALL_UNKNOWN_NAME");
  assert.equal(unknown.candidates[0].name, "kb");
  await done("wiki sync know");
  await failed("wiki changeset create kb --title t", 1, "WIKI_NO_CHANGES");
  await failed("wiki changeset create kb", 1, "PARALL_USAGE");
  write("kb/a.md", "mine\n");
  parall.editWiki({ wiki: "kb", write: { "a.md": "theirs\n" } });
  const fault = parall.fault("http.error", { route: "wikis.blob", status: 200, form: "html" });
  await failed("wiki sync kb", 3, "WIKI_CONTENT");
  parall.clearFaults(fault);
  const [{ conflicts }] = (await done("wiki sync kb")).synced;
  assert.deepEqual(conflicts, [{ path: "a.md", kind: "both_changed", marked: true, server_copy: null }]);
  await failed("wiki changeset create kb --title t", 1, "WIKI_CONFLICTS");
  write("kb/a.md", "both\n");
  parall.fault("http.close", { route: "changesets.create", times: 1 });
  await failed("wiki changeset create kb --title t", 4, "WIKI_UNKNOWN_OUTCOME");
  writeFileSync(path.join(folder, "file"), "");
  await failed("wiki sync kb --workspace file", 5, "WIKI_FILE");
  const { head_version: head } = await done("wiki status kb", { url: "http://127.0.0.1:9" });
  assert.equal(head, null, "the local state is shown without the server");
  assert.equal(existsSync(path.join(folder, "kb/.parall/wiki.db")), true);
});

test("two syncs at once end well", async (context) => {
  const { done, read } = await scene(context);
  await Promise.all([done("wiki sync kb"), done("wiki sync kb"), done("wiki sync kb")]);
  assert.equal(read("kb/a.md"), "a\n");
});
