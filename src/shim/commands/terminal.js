/** Where commands print: hosts send what is logged elsewhere when JSON is asked for, and this is the answer itself. */
export const terminal = { print: (line) => void process.stdout.write(`${line}\n`) };
