import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import chromium, { inflate } from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { root } from './locate.ts';

const packaged = join(root, 'node_modules/@sparticuz/chromium');

// What the package adds for cloud functions would switch off the very rules that tests are about.
const unwanted =
  /^--(disable-web-security|single-process|allow-running-insecure-content|disable-site-isolation-trials|headless)/;

/** Starts the packaged Chromium without a window. */
export async function launchBrowser(): Promise<Browser> {
  const folder = await chromiumFolder();
  const args = chromium.args.filter((arg) => !unwanted.test(arg));
  return playwright.launch({
    executablePath: join(folder, 'chromium'),
    args,
    headless: true,
    env: environment(folder),
  });
}

/**
 * Where Chromium stands, unpacked once a version and clone. Not the shared temporary folder: what lies there may be another user's, half unpacked or of
 * another version, and the package takes it as it is.
 */
async function chromiumFolder(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(packaged, 'package.json'), 'utf8')) as { version: string };
  const folder = join(root, '.data', `chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(join(root, '.data'), { recursive: true });
  const unpacked = mkdtempSync(join(root, '.data/unpacking-'));
  await unpackInto(unpacked);
  writeFileSync(join(unpacked, 'fonts.conf'), fontsIn(join(folder, 'fonts')));
  try {
    renameSync(unpacked, folder);
  } catch (error) {
    rmSync(unpacked, { recursive: true });
    if (!existsSync(folder)) throw error; // else another test was first
  }
  return folder;
}

async function unpackInto(folder: string): Promise<void> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder; // the package unpacks into the temporary folder
  try {
    await chromium.executablePath();
    await inflate(join(packaged, 'bin/al2023.tar.br'));
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** The package brings libraries and fonts for machines that have none. */
function environment(folder: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] = value;
  if (lacksLibraries(join(folder, 'chromium'))) {
    env['LD_LIBRARY_PATH'] = [join(folder, 'al2023/lib'), env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  }
  if (!existsSync('/etc/fonts/fonts.conf')) env['FONTCONFIG_FILE'] = join(folder, 'fonts.conf');
  return env;
}

const lacksLibraries = (binary: string): boolean =>
  (spawnSync('ldd', [binary], { encoding: 'utf8' }).stdout ?? '').includes('not found');

const fontsIn = (folder: string): string =>
  `<?xml version="1.0"?>
<fontconfig><dir>${folder}</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`;
