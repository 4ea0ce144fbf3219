import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import entry from "../../../src/shim/index.js";
import { native } from "../../../src/shim/native.js";
import setupEntry from "../../../src/shim/setup.js";
import { shared } from "../../../src/shim/state.js";
import {
  fakeRoot,
  forget,
  installPlatformPackage,
  LIBRARY,
  loadError,
  PLATFORM_PACKAGE,
  PROJECT,
  platformName,
  version,
} from "../install/installation.mjs";

const FULL = { registrationMode: "full", rootDir: "/plugin", runtime: { name: "full" } };

beforeEach(forget);
afterEach(forget);

describe("the entry", () => {
  it("loads nothing native on import and in register", () => {
    const script = `
      const { default: entry } = await import(${JSON.stringify(new URL("../../../src/shim/index.js", import.meta.url).href)});
      await import(${JSON.stringify(new URL("../../../src/shim/setup.js", import.meta.url).href)});
      entry.register({ registrationMode: "full", rootDir: ${JSON.stringify(PROJECT)}, runtime: {}, registerChannel() {} });
      process.stdout.write(JSON.stringify(process.report.getReport().sharedObjects));`;
    const mapped = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    assert.ok(mapped.length > 2, "the report lists shared objects");
    assert.doesNotMatch(mapped, /parall\.[\w-]+\.node/);
  });

  it("registers the channel in every mode but those that only describe commands or tools", () => {
    const modes = ["full", "discovery", "setup-only", "setup-runtime", undefined, "cli-metadata", "tool-discovery"];
    const registered = modes.filter((registrationMode) => registeredChannels({ ...FULL, registrationMode }).length === 1);
    assert.deepEqual(registered, ["full", "discovery", "setup-only", "setup-runtime", undefined]);
  });

  it("does its work before register returns, as often as it is called", () => {
    const first = registeredChannels(FULL);
    const second = registeredChannels(FULL);
    assert.equal(first[0].plugin, second[0].plugin);
    assert.equal(entry.register({ ...FULL, registerChannel() {} }), undefined);
  });

  it("does not touch the runtime where the host forbids it", () => {
    for (const registrationMode of ["setup-only", "cli-metadata"]) {
      const api = {
        registrationMode,
        registerChannel() {},
        get runtime() {
          throw new Error("forbidden");
        },
      };
      assert.doesNotThrow(() => entry.register(api));
    }
  });

  it("keeps the runtime of the newest full registration", () => {
    registeredChannels({ ...FULL, registrationMode: "discovery", runtime: { name: "discovery" } });
    assert.equal(shared().runtime.name, "discovery");
    registeredChannels(FULL);
    registeredChannels({ ...FULL, registrationMode: "discovery", runtime: { name: "later" } });
    assert.equal(shared().runtime.name, "full");
    registeredChannels({ ...FULL, rootDir: "/upgraded", runtime: { name: "newer" } });
    assert.equal(shared().runtime.name, "newer");
    assert.equal(shared().rootDir, "/upgraded");
  });

  it("has the id of the manifest, and a set-up entry with the same channel", () => {
    const manifest = JSON.parse(readFileSync(path.join(PROJECT, "openclaw.plugin.json"), "utf8"));
    assert.equal(entry.id, manifest.id);
    assert.deepEqual(manifest.channels, [setupEntry.plugin.id]);
  });
});

describe("the native part", () => {
  it("is found next to package.json, and shared by every copy of the shim in the process", async () => {
    shared().rootDir = PROJECT;
    const copy = await import("../../../src/shim/native.js?copy");
    assert.equal(typeof native(), "object");
    assert.equal(copy.native(), native());
  });

  it("is found in the platform package", () => {
    const root = fakeRoot();
    installPlatformPackage(root, version);
    assert.equal(typeof native(), "object");
  });

  it("names system, Node, C library, places and remedy when it is missing", () => {
    const root = fakeRoot();
    const error = loadError();
    assert.equal(error.code, "PARALL_NATIVE_LOAD");
    assert.ok(error.message.includes(platformName()));
    assert.ok(error.message.includes(process.version));
    if (process.platform === "linux") assert.match(error.message, /glibc \d|musl/);
    assert.ok(error.message.includes(`${path.join(root, LIBRARY)}: not there`));
    assert.ok(error.message.includes(`${PLATFORM_PACKAGE}: not there`));
    assert.match(error.message, /Install the plugin again/);
    assert.equal(error.errors.length, 2);
  });

  it("gives the loader's own message when the file is broken", () => {
    const root = fakeRoot();
    writeFileSync(path.join(root, LIBRARY), "no library");
    const error = loadError();
    assert.match(error.message, /(invalid ELF header|file too short|not a valid|mach-o)/i);
    assert.match(error.message, /does not fit this system/);
  });

  it("refuses a platform package of another version", () => {
    installPlatformPackage(fakeRoot(), "1.0.0");
    assert.match(loadError().message, new RegExp(`version 1\\.0\\.0 is installed, ${version.replaceAll(".", "\\.")} is needed`));
  });

  it("is looked for again after a failure", () => {
    const root = fakeRoot();
    loadError();
    installPlatformPackage(root, version);
    assert.equal(typeof native(), "object");
  });

  it("asks for the musl binary where the C library is musl", { skip: process.platform !== "linux" }, () => {
    const root = fakeRoot();
    const folder = path.join(root, "node_modules", "detect-libc");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "package.json"), '{"name":"detect-libc","version":"0.0.0"}');
    writeFileSync(path.join(folder, "index.js"), 'exports.familySync = () => "musl"; exports.versionSync = () => "1.2.5";');
    const { message } = loadError();
    assert.match(message, /linux-\w+-musl/);
    assert.match(message, /musl 1\.2\.5/);
  });
});

function registeredChannels(api) {
  const channels = [];
  entry.register({ ...api, registerChannel: (registration) => channels.push(registration) });
  return channels;
}
