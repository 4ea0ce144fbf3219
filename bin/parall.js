#!/usr/bin/env node
/** The `parall` command. Everything it does is in the native part; no host is loaded. */
import { native } from "../src/shim/native.js";

/** Exit code for a local file that cannot be used. */
const LOCAL_FILE = 5;

try {
  process.exitCode = native().runCommand(process.argv.slice(2));
} catch ({ code = "PARALL_INTERNAL", message }) {
  process.stderr.write(`${JSON.stringify({ code, message, status: null, retry_after: null })}\n`);
  process.exitCode = LOCAL_FILE;
}
