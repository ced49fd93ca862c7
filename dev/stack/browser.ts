import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { root } from './locate.ts';

// What the package adds for cloud functions would switch off the very rules that tests are about.
const unwanted =
  /^--(disable-web-security|single-process|allow-running-insecure-content|disable-site-isolation-trials|headless)/;

/** Starts the packaged Chromium without a window. It is unpacked once a version, into the temporary folder. */
export async function launchBrowser(): Promise<Browser> {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/@sparticuz/chromium/package.json'), 'utf8')) as {
    version: string;
  };
  // A browser of another version that lies there already would be taken as it is.
  const before = process.env['TMPDIR'];
  const folder = join(tmpdir(), `marketing-hub-chromium-${version}`);
  mkdirSync(folder, { recursive: true });
  process.env['TMPDIR'] = folder;
  try {
    const executablePath = await chromium.executablePath();
    return await playwright.launch({
      executablePath,
      args: chromium.args.filter((arg) => !unwanted.test(arg)),
      headless: true,
    });
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}
