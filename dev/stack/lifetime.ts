/**
 * Resolves when it is time to go: SIGINT, SIGTERM, SIGHUP, our parent's death, or the end of the stdin that `up.mjs` keeps open for as long as it
 * lives. Repeats are swallowed, so a second Ctrl-C does not cut an orderly stop short.
 */
export function askedToEnd(): Promise<string> {
  const watchStdin = process.env['STOP_ON_STDIN_END'] === 'true';
  delete process.env['STOP_ON_STDIN_END']; // our children may have another kind of stdin
  const parent = process.ppid;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    setInterval(() => process.ppid !== parent && resolve('our parent ended'), 500).unref();
    if (watchStdin)
      process.stdin
        .resume()
        .once('end', () => resolve('our parent ended'))
        .unref();
  });
}
