/** What the packages hold, file by file: packed as for a release, then listed. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { listTarball } from "../../__test__/hosts/tarball.mjs";
import { pack } from "../../npm/pack.mjs";

/** @param {{ name: string, file: string }[]} packages packed ones, when there are some already */
export function contents(packages) {
  if (packages) return describe(packages);
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-contents-"));
  try {
    return describe(pack(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describe(packages) {
  const sections = packages.map(({ name, file }) => {
    const files = listTarball(file).map((entry) => `  ${entry.replace(/^package\//, "")}\n`);
    return `\n${name}\n${files.join("")}`;
  });
  return `# Exactly what the packages hold. Made by \`npm run docs:generate\`; a test compares.\n${sections.join("")}`;
}
