import { createHash } from "node:crypto";
import { invalid, missing, Refusal } from "./errors.js";
import { newId, now } from "./ids.js";

/**
 * Wikis: files by the hash of their bytes, one record a version, changesets that a person merges. Everything here is our
 * choice; nothing about the wiki over HTTP is public.
 */

export const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Adds a wiki: `{ org, slug, name?, files? }`, files as path -> text or `{ base64 }`. */
export function addWiki(world, userId, { org = "org_demo", slug, name = slug, files = {}, id = newId("wik") }) {
  const wiki = {
    id,
    org_id: org,
    slug,
    name,
    description: null,
    visibility: "public",
    version: "",
    number: 0,
    versions: {},
    created_at: now(),
    updated_at: now(),
  };
  world.store.put("wikis", id, wiki);
  editWiki(world, userId, { wiki: id, org, write: files });
  return wikiView(wiki);
}

/** Changes files as somebody, without a changeset: `{ wiki, write?: { path: text | { base64 } }, remove?: [path] }`. */
export function editWiki(world, userId, { wiki: key, org = "org_demo", write = {}, remove = [] }) {
  const wiki = findWiki(world, org, key);
  const files = { ...currentFiles(wiki) };
  for (const path of remove) delete files[path];
  for (const [path, content] of Object.entries(write)) {
    const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content.base64, "base64");
    files[path] = fileRecord(storeBlob(world, bytes), userId);
  }
  advance(world, wiki, files);
  return wikiView(wiki);
}

/** The files of a wiki: path -> text, for tests. */
export function wikiFiles(world, { wiki: key, org = "org_demo" }) {
  const wiki = findWiki(world, org, key);
  const text = ({ hash }) => Buffer.from(world.store.blobs.get(hash).base64, "base64").toString("utf8");
  const entries = Object.entries(currentFiles(wiki)).map(([path, file]) => [path, text(file)]);
  return { version: wiki.version, files: Object.fromEntries(entries) };
}

export function findWiki(world, orgId, key) {
  const found = world.store.wikis.get(key) ?? [...world.store.wikis.values()].find((wiki) => wiki.org_id === orgId && wiki.slug === key);
  if (found?.org_id !== orgId) throw missing("wiki", world.choices);
  return found;
}

export const wikiView = ({ number, versions, ...wiki }) => wiki;

export const currentFiles = (wiki) => wiki.versions[wiki.version] ?? {};

/** The files of one version. Only the newest ones are kept. */
export function filesOf(wiki, version) {
  const files = wiki.versions[version ?? wiki.version];
  if (files === undefined && version !== null) throw new Refusal(410, "this version is not kept any more", "VERSION_GONE");
  return files ?? {};
}

function advance(world, wiki, files) {
  wiki.number += 1;
  wiki.version = `v${wiki.number}-${hashOf(JSON.stringify(Object.entries(files).sort())).slice(0, 12)}`;
  wiki.versions[wiki.version] = files;
  const kept = Object.keys(wiki.versions);
  for (const old of kept.slice(0, -world.choices.wikiVersionsKept)) delete wiki.versions[old];
  wiki.updated_at = now();
  world.store.put("wikis", wiki.id, wiki);
  return wiki.version;
}

function fileRecord(blob, userId) {
  return { hash: blob.hash, size: blob.size, updated_at: now(), updated_by: userId };
}

export function storeBlob(world, bytes) {
  const hash = hashOf(bytes);
  const known = world.store.blobs.get(hash);
  if (known !== undefined) return known;
  return world.store.put("blobs", hash, { hash, size: bytes.length, base64: bytes.toString("base64") });
}

export function createChangeset(world, userId, wiki, { title, base_version: baseVersion, changes }) {
  if (typeof title !== "string" || title.trim() === "") throw invalid("title must not be blank");
  const changeset = {
    id: newId("chg"),
    wiki_id: wiki.id,
    title,
    status: "open",
    author_id: userId,
    base_version: baseVersion,
    generation: 1,
    changes: checked(world, changes),
    feedback: [],
    created_at: now(),
    updated_at: now(),
  };
  world.store.put("changesets", changeset.id, changeset);
  note(world, wiki, userId, "changeset.created", changeset);
  return changeset;
}

export function updateChangeset(world, userId, wiki, changeset, { generation, title, base_version: baseVersion, changes }) {
  if (changeset.author_id !== userId) throw new Refusal(403, "only the author proposes a changeset anew");
  if (changeset.status === "merged") throw new Refusal(409, "this changeset is merged already", "CHANGESET_MERGED");
  if (generation !== changeset.generation) {
    throw new Refusal(409, `the changeset is at generation ${changeset.generation}, not ${generation}`, world.choices.staleGenerationCode);
  }
  if (title !== undefined && String(title).trim() === "") throw invalid("title must not be blank");
  Object.assign(changeset, {
    ...(title !== undefined && { title }),
    changes: checked(world, changes),
    base_version: baseVersion,
    generation: generation + 1,
    status: "open",
    updated_at: now(),
  });
  world.store.put("changesets", changeset.id, changeset);
  note(world, wiki, userId, "changeset.updated", changeset);
  return changeset;
}

export function mergeChangeset(world, userId, wiki, changeset) {
  if (changeset.status !== "open") throw new Refusal(409, `the changeset is ${changeset.status}`, "CHANGESET_NOT_OPEN");
  const files = { ...currentFiles(wiki) };
  const stale = changeset.changes.filter(({ path, base_hash: base = null }) => (files[path]?.hash ?? null) !== base);
  if (stale.length > 0) throw new Refusal(409, `changed meanwhile: ${stale.map(({ path }) => path).join(", ")}`, "MERGE_CONFLICT");
  for (const { path, action, hash } of changeset.changes) {
    if (action === "delete") delete files[path];
    else files[path] = fileRecord(world.store.blobs.get(hash), changeset.author_id);
  }
  const version = advance(world, wiki, files);
  finish(world, userId, wiki, changeset, "merged", version);
  return changeset;
}

export function rejectChangeset(world, userId, wiki, changeset, { body }) {
  if (changeset.status !== "open") throw new Refusal(409, `the changeset is ${changeset.status}`, "CHANGESET_NOT_OPEN");
  if (typeof body === "string" && body !== "") changeset.feedback.push({ id: newId("fbk"), author_id: userId, body, created_at: now() });
  finish(world, userId, wiki, changeset, "rejected", wiki.version);
  return changeset;
}

function finish(world, userId, wiki, changeset, status, version) {
  Object.assign(changeset, { status, generation: changeset.generation + 1, updated_at: now() });
  world.store.put("changesets", changeset.id, changeset);
  note(world, wiki, userId, `changeset.${status}`, changeset, version);
}

function note(world, wiki, userId, type, changeset, version = wiki.version) {
  const id = newId("wop");
  world.store.put("wiki_log", id, {
    id,
    wiki_id: wiki.id,
    type,
    actor_id: userId,
    changeset_id: changeset.id,
    version,
    created_at: now(),
  });
}

function checked(world, changes) {
  if (!Array.isArray(changes) || changes.length === 0) throw invalid("a changeset needs changes");
  const paths = new Set();
  for (const { path, action, hash, base_hash: base } of changes) {
    if (!isPath(path)) throw invalid("a path is not one of a wiki");
    if (paths.has(path)) throw invalid(`${path} is named twice`);
    paths.add(path);
    if (!["add", "modify", "delete"].includes(action)) throw invalid("action must be add, modify or delete");
    if (action !== "delete" && !world.store.blobs.has(hash)) throw invalid(`the contents of ${path} were not stored`);
    if (action === "add" ? base !== undefined : typeof base !== "string") throw invalid(`${path}: base_hash does not fit ${action}`);
  }
  return changes;
}

const isPath = (path) =>
  typeof path === "string" &&
  path.length <= 1024 &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== "..") &&
  ![...path].some((character) => character < " " || character === "\\");
