/* Types of `@parall/parall/native`. Generated from the Rust sources, except for this header: change src/shim/header.d.ts. */

/** What functions of the native part throw or reject with: `code` is stable, the message is for people. */
export interface ParallError extends Error {
  /** `PARALL_...`; `PARALL_NATIVE_LOAD` when the native part itself could not be loaded. */
  readonly code: string;
}
