export interface DemoOptions {
  /** Run one lead's walk, then end. */
  once: boolean;
  /** End as soon as everything answers. */
  exitWhenReady: boolean;
  /** Print what every program prints, on standard error. */
  verbose: boolean;
}

const flags = { '--once': 'once', '--exit-when-ready': 'exitWhenReady', '--verbose': 'verbose' } as const;

/** Reads the command line. Throws one sentence on a word it does not know. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const options: DemoOptions = { once: false, exitWhenReady: false, verbose: false };
  for (const arg of args) {
    const name = flags[arg as keyof typeof flags];
    if (name === undefined) throw new Error(`the demo does not know ${arg}; it knows ${Object.keys(flags).join(' ')}`);
    options[name] = true;
  }
  return options;
}
