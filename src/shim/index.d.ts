/** The plugin as OpenClaw loads it. */
declare const entry: {
  readonly id: "parall";
  readonly name: string;
  readonly description: string;
  readonly configSchema: { readonly jsonSchema: object };
  /** Called by the host, several times a process; registers the channel and nothing else. */
  register(api: object): void;
};
export default entry;
