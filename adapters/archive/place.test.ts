import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/server.ts';
import { archiveProblem } from './environment.ts';
import { createArchiveFiles } from './files.ts';
import { type ArchivePlace, archivePlace } from './place.ts';

const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'simulated-secret', AWS_REGION: 'sa-east-1' };
let s3: S3Simulator;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hub-archive-'));
  s3 = await startS3Simulator({
    port: 0,
    accessKeyId: keys.AWS_ACCESS_KEY_ID,
    secretAccessKey: keys.AWS_SECRET_ACCESS_KEY,
    region: keys.AWS_REGION,
    buckets: ['archive'],
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await s3.close();
});
afterEach(() => s3.objects.clear());

function placeAt(url: string, given: object = keys): ArchivePlace {
  const place = archivePlace({ ...given, ARCHIVE_URL: url });
  if (place === null) throw new Error('no place');
  return place;
}
const bucket = (given: object = keys) => placeAt(`${s3.url}/archive/ad detail/ñ`, given);
const content = Buffer.from('ad_id,date\r\n1,2025-06-01\r\n');

describe('The place of the archive', () => {
  it.each([
    ['a folder', () => placeAt(join(folder, 'plain'))],
    ['a folder by its address', () => placeAt(`file://${join(folder, 'address')}`)],
    ['a bucket', () => bucket()],
  ])('is %s', async (_, make) => {
    const place = make();
    await place.put('7/a+b/2025-06.x.csv.gz', content);
    expect(await place.get('7/a+b/2025-06.x.csv.gz')).toEqual(content);
    await expect(place.get('7/a+b/2025-07.x.csv.gz')).rejects.toThrow(/NoSuchKey|ENOENT/);
  });

  it('keeps no half of a file', async () => {
    await placeAt(join(folder, 'whole')).put('7/2025-06.x.csv.gz', content);
    expect(readdirSync(join(folder, 'whole/7'))).toEqual(['2025-06.x.csv.gz']);
  });

  it('is nowhere without an address', () => {
    expect(archivePlace({})).toBeNull();
    expect(archivePlace({ ARCHIVE_URL: '' })).toBeNull();
  });

  it.each([
    ['AWS_ACCESS_KEY_ID is missing', { ARCHIVE_URL: 's3://archive/hub', AWS_SECRET_ACCESS_KEY: 'x' }],
    ['AWS_SECRET_ACCESS_KEY is missing', { ARCHIVE_URL: 'https://s3.example.com/archive', AWS_ACCESS_KEY_ID: 'x' }],
    ['names no bucket', { ...keys, ARCHIVE_URL: 'https://s3.example.com/' }],
    ['names no bucket', { ...keys, ARCHIVE_URL: 's3:///prefix' }],
  ])('says what it lacks: %s', (words, env) => {
    expect(archiveProblem(env)).toContain(words);
    expect(() => archivePlace(env)).toThrow(words);
  });

  it.each([
    ['SignatureDoesNotMatch', { ...keys, AWS_SECRET_ACCESS_KEY: 'another-secret' }],
    ['InvalidAccessKeyId', { ...keys, AWS_ACCESS_KEY_ID: 'AKIDOTHER' }],
    ['AuthorizationHeaderMalformed', { ...keys, AWS_REGION: 'eu-west-1' }],
  ])('keeps nothing that its server refuses, and says why without the keys: %s', async (code, given) => {
    const refused = bucket(given).put('7/x', content);
    await expect(refused).rejects.toThrow(
      `PUT 7/x: the archive's server answered 40${code.startsWith('Auth') ? 0 : 3} ${code}`,
    );
    expect(s3.objects.size).toBe(0);
  });

  it('asks again when its server stumbles, and gives up when the connection breaks', async () => {
    s3.faults.push({ kind: 'status', status: 500 }, { kind: 'status', status: 503 });
    await bucket().put('7/x', content);
    expect(await bucket().get('7/x')).toEqual(content);
    s3.faults.push({ kind: 'cut_after' });
    await expect(bucket().put('7/y', content)).rejects.toThrow('fetch failed');
  });

  it('sends a session token where the keys are lent', async () => {
    const place = bucket({ ...keys, AWS_SESSION_TOKEN: 'lent-for-an-hour' });
    await place.put('7/x', content);
    expect(await place.get('7/x')).toEqual(content);
  });
});

describe('Files of the archive', () => {
  const lines = async function* () {
    yield [['1', '2025-06-01', '"a,b"']];
    yield [
      ['=2', '2025-06-02', 'two\r\nlines'],
      ["'3", '2025-06-02', ''],
    ];
  };

  it('come back word for word, whatever a spreadsheet would make of a cell', async () => {
    const files = createArchiveFiles(bucket());
    const written = await files.write('7/2025-06', ['ad_id', 'date', 'adset_id'], lines());
    expect(written.file).toMatch(/^7\/2025-06\.[0-9a-f]{12}\.csv\.gz$/);
    expect((await Array.fromAsync(files.read(written))).flat()).toEqual((await Array.fromAsync(lines())).flat());
  });

  it('are never written over by another content', async () => {
    const files = createArchiveFiles(bucket());
    const first = await files.write('7/2025-06', ['ad_id'], lines());
    expect(await files.write('7/2025-06', ['ad_id'], lines())).toEqual(first);
    const other = await files.write('7/2025-06', ['ad'], lines());
    expect(other.file).not.toBe(first.file);
    expect(s3.objects.size).toBe(2);
  });

  it('are refused when they are not what was written', async () => {
    const files = createArchiveFiles(bucket());
    const written = await files.write('7/2025-06', ['ad_id'], lines());
    const [stored] = s3.objects.values();
    if (stored) stored.content = Buffer.concat([stored.content, Buffer.from('x')]);
    await expect(Array.fromAsync(files.read(written))).rejects.toThrow('is not the file that was written');
  });
});
