/**
 * A package registry on loopback that holds only the tarballs under test, so that a host resolves the platform package and the
 * other dependencies exactly as it does for users, and nothing else.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pack, packStage } from "../../npm/pack.mjs";
import { requireFreshAddon } from "../addon.mjs";
import { readPackedManifest } from "./tarball.mjs";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** The packages of this project, packed once a process. */
let packed;

function packages() {
  if (packed) return packed;
  requireFreshAddon();
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-packages-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const entries = [...pack(folder), packStage(path.join(PROJECT, "node_modules", "detect-libc"), folder)];
  packed = entries.map((entry) => ({ ...entry, manifest: readPackedManifest(entry.file) }));
  return packed;
}

/**
 * @returns {Promise<{ url: string, main: string, others: string[], hide: (name: string) => void, close: () => Promise<void> }>}
 *   `main` is the tarball of `@parall/parall`, `others` are those of what it needs; `hide` makes a package unknown
 */
export async function startRegistry() {
  const known = new Map(packages().map((entry) => [entry.name, entry]));
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://loopback").pathname.slice(1));
    const download = [...known.values()].find((entry) => name === `-/${path.basename(entry.file)}`);
    if (download) return response.end(readFileSync(download.file));
    const entry = known.get(name);
    if (!entry) return response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(packument(entry, `http://${request.headers.host}/-/${path.basename(entry.file)}`)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    main: packages()[0].file,
    others: packages()
      .slice(1)
      .map(({ file }) => file),
    hide: (name) => known.delete(name),
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

function packument({ manifest, version, file }, tarball) {
  const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  const shasum = createHash("sha1").update(readFileSync(file)).digest("hex");
  const tags = { latest: version };
  return { name: manifest.name, "dist-tags": tags, versions: { [version]: { ...manifest, dist: { tarball, integrity, shasum } } } };
}
