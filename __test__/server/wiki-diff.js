/** The changes of a changeset as unified diffs, against what it was made from. */
export function changesetDiff(world, changeset) {
  return changeset.changes.map((change) => {
    const before = bytesOf(world, change.base_hash);
    const after = change.action === "delete" ? Buffer.alloc(0) : bytesOf(world, change.hash);
    const binary = before.includes(0) || after.includes(0);
    const counts = binary ? { additions: 0, deletions: 0, patch: "" } : diff(change.path, change.action, lines(before), lines(after));
    return { path: change.path, action: change.action, binary, ...counts };
  });
}

export function changesetFiles(world, changeset) {
  return changesetDiff(world, changeset).map(({ path, action, additions, deletions }) => ({ path, action, additions, deletions }));
}

const sorted = new WeakMap();

/** Items of a tree as {@link treeItems} gives them; those of the whole tree are sorted once a version. */
export function cachedTreeItems(files, path, recursive) {
  if (path !== "" || !recursive) return treeItems(files, path, recursive);
  if (!sorted.has(files)) sorted.set(files, treeItems(files, path, recursive));
  return sorted.get(files);
}

/** Items of a tree below `path`; without `recursive` only the next level, folders named once. */
function treeItems(files, path, recursive) {
  const prefix = path === "" ? "" : `${path}/`;
  const items = new Map();
  for (const [name, file] of Object.entries(files)) {
    if (name !== path && !name.startsWith(prefix)) continue;
    const rest = name.slice(prefix.length);
    const slash = name === path ? -1 : rest.indexOf("/");
    if (recursive || slash < 0) items.set(name, { path: name, type: "file", ...file });
    else items.set(prefix + rest.slice(0, slash), { path: prefix + rest.slice(0, slash), type: "directory" });
  }
  return [...items.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function bytesOf(world, hash) {
  const blob = world.store.blobs.get(hash);
  return blob === undefined ? Buffer.alloc(0) : Buffer.from(blob.base64, "base64");
}

function lines(bytes) {
  const found = bytes.toString("utf8").split("\n");
  if (found.at(-1) === "") found.pop();
  return found;
}

/** One hunk from the first to the last line that differs: true, if not the shortest. */
function diff(path, action, before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const removed = before.slice(start, before.length - end);
  const added = after.slice(start, after.length - end);
  const names = [action === "add" ? "/dev/null" : `a/${path}`, action === "delete" ? "/dev/null" : `b/${path}`];
  const at = (first, count) => `${count === 0 ? first : first + 1},${count}`;
  const patch = [
    `--- ${names[0]}`,
    `+++ ${names[1]}`,
    `@@ -${at(start, removed.length)} +${at(start, added.length)} @@`,
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    "",
  ];
  return { additions: added.length, deletions: removed.length, patch: patch.join("\n") };
}
