/**
 * Makes the tarballs of a release: the main package, and one package for each platform whose binary stands in the project folder.
 *
 *   node npm/pack.mjs [folder]      folder for the tarballs, `npm/dist` when left out
 *
 * The main package names its platform packages as optional dependencies only here: in the project itself they would make
 * `npm ci` ask for packages that are not published yet.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
/** What is published beside the pages of the documentation; `files` in package.json chooses among it. */
const PUBLISHED = ["bin", "src/shim", "skills", "assets", "index.d.ts", "openclaw.plugin.json", "README.md", "CHANGELOG.md", "LICENSE"];
/** What only the project needs. */
const NOT_PUBLISHED = ["scripts", "devDependencies", "overrides", "napi"];

/**
 * @param {string} folder where the tarballs go; made when absent
 * @returns {{ name: string, version: string, file: string }[]} the main package first
 */
export function pack(folder) {
  mkdirSync(folder, { recursive: true });
  const platforms = platformPackages();
  const available = platforms.filter(({ binary }) => existsSync(path.join(PROJECT, binary)));
  return [packMain(folder, platforms), ...available.map((platform) => packPlatform(folder, platform))];
}

/** Every platform we publish for, one folder each. */
export function platformPackages() {
  return readdirSync(path.join(PROJECT, "npm"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(path.join(PROJECT, "npm", entry.name, "package.json")))
    .map((entry) => ({
      folder: path.join(PROJECT, "npm", entry.name),
      binary: `parall.${entry.name}.node`,
      manifest: readJson(path.join(PROJECT, "npm", entry.name, "package.json")),
    }));
}

function packMain(folder, platforms) {
  return inStage((stage) => {
    const manifest = readJson(path.join(PROJECT, "package.json"));
    const wrong = platforms.find((platform) => platform.manifest.version !== manifest.version);
    if (wrong) throw new Error(`${wrong.manifest.name} has version ${wrong.manifest.version}, the main package ${manifest.version}`);
    for (const entry of PUBLISHED) cpSync(path.join(PROJECT, entry), path.join(stage, entry), { recursive: true });
    for (const page of pages()) cpSync(path.join(PROJECT, page), path.join(stage, page));
    for (const key of NOT_PUBLISHED) delete manifest[key];
    manifest.optionalDependencies = Object.fromEntries(platforms.map(({ manifest: { name, version } }) => [name, version]));
    writeJson(path.join(stage, "package.json"), manifest);
    return packStage(stage, folder);
  });
}

/** The pages, without what the site is made with. */
function pages() {
  return ["docs", "docs/command"].flatMap((folder) =>
    readdirSync(path.join(PROJECT, folder)).flatMap((name) => (name.endsWith(".md") ? [path.join(folder, name)] : [])),
  );
}

function packPlatform(folder, platform) {
  return inStage((stage) => {
    cpSync(platform.folder, stage, { recursive: true });
    cpSync(path.join(PROJECT, platform.binary), path.join(stage, platform.binary));
    // The loader refuses a binary of another size.
    const { size: bytes } = statSync(path.join(stage, platform.binary));
    writeJson(path.join(stage, "package.json"), { ...platform.manifest, parall: { bytes } });
    cpSync(path.join(PROJECT, "LICENSE"), path.join(stage, "LICENSE"));
    return packStage(stage, folder);
  });
}

function inStage(body) {
  const stage = mkdtempSync(path.join(os.tmpdir(), "parall-pack-"));
  try {
    return body(stage);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Packs the package in `stage`, which stays untouched. */
export function packStage(stage, folder) {
  const output = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", path.resolve(folder)], {
    cwd: stage,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const packed = JSON.parse(output);
  const { name, version, filename } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  return { name, version, file: path.join(path.resolve(folder), filename.replace("@", "").replace("/", "-")) };
}

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { file } of pack(process.argv[2] ?? path.join(PROJECT, "npm", "dist"))) console.log(file);
}
