/** A native part that is there and cannot be used. Each sentence leads a person to the remedy, and the next try starts afresh. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { native } from "../../../src/shim/native.js";
import { fakeRoot, forget, installPlatformPackage, LIBRARY, loadError, PLATFORM_PACKAGE, version } from "./installation.mjs";

/** Place of the machine in an ELF header, and two machines. */
const ELF_MACHINE = 18;
const X86_64 = 62;
const AARCH64 = 183;
/** A user without rights. */
const NOBODY = 65534;

const onLinux = { skip: process.platform !== "linux" };

beforeEach(forget);
afterEach(forget);

/** The library in `folder`, changed. */
function change(folder, edit) {
  const file = path.join(folder, LIBRARY);
  writeFileSync(file, edit(readFileSync(file)));
}

/** Another library in the place of ours, in a package that was packed with it. */
function installLibrary(source) {
  const folder = installPlatformPackage(fakeRoot(), version);
  const file = path.join(folder, LIBRARY);
  rmSync(file);
  writeFileSync(`${file}.c`, source);
  execFileSync("cc", ["-shared", "-fPIC", "-o", file, `${file}.c`]);
  const manifest = path.join(folder, "package.json");
  const { size: bytes } = statSync(file);
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), parall: { bytes } }));
}

/** The line about the platform package, after checking what every such message says. */
function complaint() {
  const { code, message, errors } = loadError();
  assert.equal(code, "PARALL_NATIVE_LOAD");
  assert.equal(errors.length, 2);
  assert.match(message, /The binary that is there does not fit this system\. Install the plugin again;/);
  return message.split("\n").find((line) => line.includes(`- ${PLATFORM_PACKAGE}: `));
}

describe("the native part", () => {
  it("of another processor is refused in the loader's words", onLinux, () => {
    change(installPlatformPackage(fakeRoot(), version), (bytes) => {
      const machine = bytes.readUInt16LE(ELF_MACHINE);
      bytes.writeUInt16LE(machine === AARCH64 ? X86_64 : AARCH64, ELF_MACHINE);
      return bytes;
    });
    assert.match(complaint(), /cannot open shared object file|wrong ELF class|Exec format error/);
  });

  it("for a newer C library names the version that is missing", onLinux, () => {
    change(installPlatformPackage(fakeRoot(), version), (bytes) => {
      const text = bytes.toString("latin1");
      const wanted = text
        .match(/GLIBC_2\.\d\d(?=\0)/g)
        .sort()
        .at(-1);
      return Buffer.from(text.replaceAll(wanted, "GLIBC_9.99"), "latin1");
    });
    assert.match(complaint(), /version `?'?GLIBC_9\.99'? not found/);
  });

  it("that is cut off is refused before the loader ends the process over it", () => {
    change(installPlatformPackage(fakeRoot(), version), (bytes) => bytes.subarray(0, 4096));
    assert.match(complaint(), /the file is damaged: it has 4096 bytes instead of \d+$/);
  });

  it("that throws while it is loaded is quoted", onLinux, () => {
    installLibrary(`
      int napi_throw_error(void *env, const char *code, const char *message);
      void *napi_register_module_v1(void *env, void *exports) { napi_throw_error(env, 0, "the disk is on fire"); return exports; }
    `);
    assert.match(complaint(), /: the disk is on fire$/);
  });

  it("that is no addon at all is refused in Node's words", onLinux, () => {
    installLibrary("int nothing;");
    assert.match(complaint(), /did not self-register|Module did not/i);
  });

  it("that may not be read is refused with the reason", { skip: process.getuid?.() === undefined }, (test) => {
    const root = fakeRoot();
    const folder = installPlatformPackage(root, version);
    chmodSync(root, 0o755);
    chmodSync(path.join(folder, LIBRARY), 0);
    if (process.getuid() !== 0) return assert.match(complaint(), /Permission denied/);
    // Root may read everything, so somebody else has to try.
    const shim = new URL("../../../src/shim/", import.meta.url).href;
    const script = `
      const [{ native }, { shared }] = await Promise.all([import("${shim}native.js"), import("${shim}state.js")]);
      shared().rootDir = ${JSON.stringify(root)};
      try { native(); } catch ({ code, message }) { console.log(code, message); }`;
    const options = { uid: NOBODY, gid: NOBODY, encoding: "utf8", cwd: "/", env: { PATH: process.env.PATH } };
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], options);
    if (/EACCES/.test(output)) return test.skip("the project's folder is not open to other users");
    assert.match(output, /^PARALL_NATIVE_LOAD /);
    assert.match(output, new RegExp(`${PLATFORM_PACKAGE}: .*Permission denied`));
  });

  it("whose package has lost the binary counts as missing", () => {
    rmSync(path.join(installPlatformPackage(fakeRoot(), version), LIBRARY));
    const { message } = loadError();
    assert.ok(message.includes(`${PLATFORM_PACKAGE}: not there`));
    assert.match(message, /Install the plugin again with optional dependencies allowed/);
  });

  it("is loaded once the package is repaired, in the same process", () => {
    const root = fakeRoot();
    change(installPlatformPackage(root, version), (bytes) => bytes.subarray(0, 4096));
    loadError();
    rmSync(path.join(root, "node_modules"), { recursive: true });
    installPlatformPackage(root, version);
    assert.deepEqual(native().listParallAccountIds({}), []);
  });
});
