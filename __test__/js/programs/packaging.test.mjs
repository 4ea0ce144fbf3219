import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { contents } from "../../../docs/made/contents.mjs";
import { pack, platformPackages } from "../../../npm/pack.mjs";
import { listTarball, readPackedManifest, readTarball } from "../../hosts/tarball.mjs";
import { criticalFindings } from "./install-scan.mjs";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const readJson = (file) => JSON.parse(readFileSync(path.join(PROJECT, file), "utf8"));

let folder;
let packages;
let main;
let platform;

before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "parall-packaging-"));
  packages = pack(folder);
  [main, platform] = packages;
});
after(() => rmSync(folder, { recursive: true, force: true }));

it("the tarballs hold exactly what the committed list says", () => {
  assert.equal(readFileSync(path.join(PROJECT, "npm/contents.txt"), "utf8"), contents(packages), "run: npm run docs:generate");
});

describe("the main tarball", () => {
  it("holds the shim, the skills, the manifest, the types, the texts, and nothing else", () => {
    const allowed =
      /^package\/(package\.json|LICENSE|README\.md|CHANGELOG\.md|index\.d\.ts|openclaw\.plugin\.json|bin\/parall\.js|src\/shim\/(?:[\w-]+\/)?[\w-]+\.js|src\/shim\/index\.d\.ts|skills\/[\w-]+\/(?:SKILL\.md|scripts\/parall\.mjs)|docs\/(?:command\/)?[\w-]+\.md|assets\/(?:icon\.png|page\/[\w-]+\.(?:html|css|js)))$/;
    const files = listTarball(main.file);
    assert.deepEqual(
      files.filter((file) => !allowed.test(file)),
      [],
    );
    for (const needed of [
      "src/shim/index.js",
      "src/shim/setup.js",
      "src/shim/native.js",
      "openclaw.plugin.json",
      "index.d.ts",
      "LICENSE",
    ]) {
      assert.ok(files.includes(`package/${needed}`), needed);
    }
  });

  it("holds every file its metadata names", () => {
    const manifest = readPackedManifest(main.file);
    const plugin = JSON.parse(readTarball(main.file, "openclaw.plugin.json"));
    const files = listTarball(main.file);
    const named = [
      ...manifest.openclaw.extensions,
      manifest.openclaw.setupEntry,
      manifest.types,
      ...Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target))),
      ...Object.values(manifest.bin),
      ...plugin.skills.map((skill) => `${skill}/SKILL.md`),
    ];
    for (const name of named) assert.ok(files.includes(`package/${name.replace("./", "")}`), name);
  });

  it("asks for its platform packages in its own version, and for a dependency, without which the oldest host installs none", () => {
    const manifest = readPackedManifest(main.file);
    const expected = Object.fromEntries(platformPackages().map(({ manifest: { name } }) => [name, manifest.version]));
    assert.deepEqual(manifest.optionalDependencies, expected);
    assert.ok(Object.keys(manifest.dependencies).length > 0);
    assert.deepEqual(manifest.openclaw.install.requiredPlatformPackages, Object.keys(expected));
  });

  it("brings no host, no scripts and nothing for developers along", () => {
    const manifest = readPackedManifest(main.file);
    assert.equal(manifest.peerDependenciesMeta.openclaw.optional, true);
    for (const key of ["scripts", "devDependencies", "overrides", "napi"]) assert.equal(manifest[key], undefined, key);
    for (const name of ["openclaw", "@parall/sdk", "@parall/cli", "@mariozechner/pi-coding-agent"]) {
      assert.equal(manifest.dependencies[name], undefined, name);
    }
  });

  it("has nothing that the install scan of the oldest host blocks", () => {
    for (const file of listTarball(main.file).filter((name) => /\.(?:[cm]?[jt]s|[jt]sx)$/.test(name))) {
      assert.deepEqual(criticalFindings(readTarball(main.file, file.replace("package/", ""))), [], file);
    }
  });

  it("imports nothing from the host, except tentatively and in one file", () => {
    const guarded = /\bimport\("openclaw\/[^"]+"\)/g;
    for (const file of listTarball(main.file).filter((name) => name.endsWith(".js"))) {
      const text = readTarball(main.file, file.replace("package/", ""));
      const checked = file.endsWith("/forks/calls.js") ? text.replaceAll(guarded, "") : text;
      assert.doesNotMatch(checked, /(?:from|import|require)\s*\(?\s*["'](?:openclaw|@parall\/sdk)/, file);
    }
  });

  it("has no complaint from publint", () => {
    const output = execFileSync(process.execPath, [path.join(PROJECT, "node_modules/publint/src/cli.js"), "run", main.file, "--strict"], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    assert.match(output, /All good/);
  });

  it("is typed for direct users", () => {
    const user = path.join(folder, "user");
    const installed = path.join(user, "node_modules", "@parall", "parall");
    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", main.file, "-C", installed, "--strip-components=1"]);
    cpSync(path.join(PROJECT, "__test__/types/use.ts"), path.join(user, "use.ts"));
    writeFileSync(path.join(user, "package.json"), '{"type":"module"}');
    mkdirSync(path.join(user, "node_modules", "@types"));
    symlinkSync(path.join(PROJECT, "node_modules/@types/node"), path.join(user, "node_modules/@types/node"));
    symlinkSync(path.join(PROJECT, "node_modules/undici-types"), path.join(user, "node_modules/undici-types"));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--skipLibCheck", "false", "use.ts"];
    const tsc = path.join(PROJECT, "node_modules/typescript/bin/tsc");
    assert.doesNotThrow(() => execFileSync(process.execPath, [tsc, ...options], { cwd: user, stdio: "inherit" }));
  });
});

describe("the platform tarball", () => {
  it("holds the binary it is named after, for the systems it can run on", () => {
    const manifest = readPackedManifest(platform.file);
    assert.ok(listTarball(platform.file).includes(`package/${manifest.main.replace("./", "")}`));
    assert.equal(manifest.name, `@parall/parall-${[...manifest.os, ...manifest.cpu, { glibc: "gnu" }[manifest.libc[0]]].join("-")}`);
    assert.equal(manifest.engines, undefined, "npm silently leaves out an optional package whose engines do not fit");
    assert.equal(manifest.parall.bytes, statSync(path.join(PROJECT, manifest.main)).size, "the loader refuses a binary of another size");
  });
});

describe("the metadata", () => {
  const manifest = readJson("package.json");
  const plugin = readJson("openclaw.plugin.json");
  const { schema, uiHints } = plugin.channelConfigs.parall;

  it("has the same version everywhere", () => {
    const cargo = /^version = "(.+)"$/m.exec(readFileSync(path.join(PROJECT, "Cargo.toml"), "utf8"))[1];
    const versions = [plugin.version, cargo, ...platformPackages().map((entry) => entry.manifest.version)];
    assert.deepEqual([...new Set(versions)], [manifest.version]);
  });

  for (const lock of ["package-lock.json", "docs/package-lock.json", "__test__/hosts/managers/package-lock.json"]) {
    it(`is locked for every system in ${lock}: npm ci refuses a lock file that lacks the optional packages of another one`, () => {
      const { packages } = readJson(lock);
      const isLocked = (from, name) => {
        const parents = from.split("/node_modules/").map((_, index, parts) => parts.slice(0, index + 1).join("/node_modules/"));
        return [...parents.map((parent) => `${parent}/node_modules/${name}`), `node_modules/${name}`].some((place) => place in packages);
      };
      const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter((name) => !isLocked(place, name)),
      );
      assert.deepEqual(missing, []);
      const places = Object.values(packages).filter(({ resolved }) => resolved !== undefined);
      assert.deepEqual(places, [], "a lock file that names a registry installs from no other");
    });
  }

  it("leaves the channel's settings open: one unknown key would make the whole configuration invalid", () => {
    assert.equal(schema.additionalProperties, true);
  });

  it("explains every setting and marks the secret one", () => {
    assert.deepEqual(Object.keys(uiHints).sort(), Object.keys(schema.properties).sort());
    for (const [name, hint] of Object.entries(uiHints)) assert.ok(hint.label && hint.help, name);
    assert.deepEqual(
      Object.keys(uiHints).filter((name) => uiHints[name].sensitive),
      ["api_key"],
    );
  });

  it("names options by the rule of the newer hosts: the key is the flag in camel case", () => {
    for (const { key, cli } of manifest.openclaw.channel.setup.fields) {
      const flag = /^--([\w-]+)/.exec(cli.flags)[1];
      assert.equal(
        flag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase()),
        key,
      );
    }
  });

  it("supports hosts from 2026.4.2 on", () => {
    assert.equal(manifest.openclaw.install.minHostVersion, ">=2026.4.2");
    assert.equal(manifest.openclaw.compat.pluginApi, ">=2026.4.2");
    assert.equal(manifest.peerDependencies.openclaw, ">=2026.4.2");
  });

  it("has skills that name themselves after their folder and say when to use them", () => {
    for (const skill of plugin.skills) {
      const file = path.join(PROJECT, skill, "SKILL.md");
      assert.ok(existsSync(file), file);
      const [, name] = /^---\nname: (\S+)\ndescription: \S.{40,}\n---\n/.exec(readFileSync(file, "utf8"));
      assert.equal(name, path.basename(skill));
    }
  });
});
