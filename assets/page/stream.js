/**
 * Reads the gateway's event stream with `fetch`, since `EventSource` sends no token.
 *
 * Comes back when the stream ends.
 *
 * @param {string} token
 * @param {AbortSignal} signal
 * @param {(state: any) => void} onState
 * @throws {StreamError} when the gateway refuses
 */
export async function readStates(token, signal, onState) {
  const response = await fetch("parall/events", { headers: { Authorization: `Bearer ${token}` }, cache: "no-store", signal });
  if (!response.ok) throw new StreamError(response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length > 0) onState(JSON.parse(data.map((line) => line.slice(5)).join("\n")));
    }
  }
}

/** Why the gateway does not stream. */
export class StreamError extends Error {
  constructor(status) {
    super(`the gateway answered ${status}`);
    this.status = status;
  }
}
