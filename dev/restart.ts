import { askToRestart } from './demo/control.ts';
import { programNames } from './demo/file.ts';

const name = process.argv[2] ?? '';
try {
  if (!(programNames as readonly string[]).includes(name)) throw new Error(`which one? ${programNames.join(' | ')}`);
  const pid = await askToRestart(name);
  process.stdout.write(`${name} runs again, process ${pid}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
