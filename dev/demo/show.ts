import type { DemoFile } from './file.ts';

/** Prints a line for each part that is done, with the time it took. */
export function createProgress(write = (line: string): unknown => process.stdout.write(`${line}\n`)) {
  return {
    async step<T>(name: string, work: () => Promise<T>): Promise<T> {
      const started = performance.now();
      const timer = setInterval(() => write(`  … ${name}: ${seconds(started)}`), 10_000);
      try {
        const result = await work();
        write(`  ✓ ${name.padEnd(48)}${seconds(started).padStart(8)}`);
        return result;
      } catch (error) {
        write(`  ✗ ${name}`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** What a person wants to know once everything runs: where to look, and how to get in. */
export function welcome({
  webUrl,
  temporalUiUrl,
  metaSimUrl,
  ycloudSimUrl,
  mailboxUrl,
  metricsUrl,
  tenants,
}: DemoFile): string {
  const addresses = [
    ['Marketing Hub', webUrl],
    ['Temporal', temporalUiUrl ?? 'the server of TEMPORAL_ADDRESS'],
    ['Simulated Meta', metaSimUrl],
    ['Simulated YCloud', ycloudSimUrl],
    ['Mailbox', mailboxUrl],
    ['Metrics', metricsUrl],
  ];
  const signIns = tenants.map(({ name, email, password }) => [name, `${email}   ${password}`]);
  const table = (rows: string[][]) => rows.map(([what = '', value]) => `  ${what.padEnd(26)}${value}`).join('\n');
  return `\n${table(addresses)}\n\nSign in as\n${table(signIns)}\n\nEverything else stands in .data/demo.json, logs in .data/logs. Ctrl-C stops it all.\n\n`;
}
