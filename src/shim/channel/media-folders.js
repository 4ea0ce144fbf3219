/** From where an agent may send files: the same folders for its answers, its tools and the host's own sends. */
import os from "node:os";
import path from "node:path";
import { resolveStateDir } from "../host.js";

/** The folders below a host's state folder that hosts let agents send from. */
const HOST_FOLDERS = ["media", "workspace", "sandboxes", "delivery-queue-media", "canvas"];

/** The agent's workspace, from which relative paths are meant, and the host's folders for media. */
export function mediaFolders(runtime, workspaceDir) {
  const state = resolveStateDir(runtime);
  return [workspaceDir, state && path.join(state, "media"), path.join(os.tmpdir(), "openclaw")].filter(Boolean);
}

/**
 * Those of the folders that a host names for a send which it names for every send: some releases add the folder of whatever file is
 * to be sent, which suits a command that a person gave and not an agent.
 */
export function usualFolders(runtime, workspaceDir, named) {
  const state = resolveStateDir(runtime);
  const usual = new Set([...mediaFolders(runtime, workspaceDir), ...(state ? HOST_FOLDERS.map((name) => path.join(state, name)) : [])]);
  return named.filter((folder) => usual.has(path.resolve(folder)));
}
