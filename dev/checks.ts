import { join } from 'node:path';
import { askedToEnd } from './stack/lifetime.ts';
import { root } from './stack/locate.ts';
import { type Foreground, startForeground } from './stack/process.ts';

let running: Foreground | undefined;

/** Ends the check that runs, and us, when somebody wants us to. */
export function endWhenAsked(): void {
  void askedToEnd().then(async () => {
    await running?.stop();
    process.exit(130);
  });
}

export const checkTypes = (): Promise<boolean> => check('types', 'typescript/bin/tsc', ['-p', '.']);
export const checkStyle = (): Promise<boolean> => check('lint and format', '@biomejs/biome/bin/biome', ['check', '.']);

/** Runs vitest with these arguments; with `countFile` it leaves its counts there. */
export const runTests = (args: readonly string[], countFile = ''): Promise<boolean> =>
  check('tests', 'vitest/vitest.mjs', ['run', ...args], { COUNT_FILE: countFile });

async function check(name: string, script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<boolean> {
  process.stdout.write(`\n▸ ${name}\n`);
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  running = startForeground(process.execPath, [join(root, 'node_modules', script), ...args], {
    ...process.env,
    PATH: path,
    ...env,
  });
  const code = await running.exited;
  return code === 0;
}
