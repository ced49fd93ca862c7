import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededBench } from '../bench/stack.ts';
import { asAdmin } from '../stack/roles.ts';
import { type Asked, Asker, doubtNext } from './again.ts';
import { type Counts, control, killInTurn, misbehave } from './faults.ts';
import { isClean, type Reckoning, reckon } from './reckoning.ts';

export interface ChaosOptions {
  leads: number;
  /** How long faults go on. */
  seconds: number;
  /** The longest wait for everything to settle afterwards. */
  settleSeconds: number;
  /** Ends faults and waiting early: what was looked for is found. Meta is well then, so that messages leave while parts are killed. */
  isFound?: (now: Reckoning) => boolean;
  say: (line: string) => void;
}

export interface ChaosResult extends Reckoning {
  faults: Counts;
}

const OPTED_OUT_SHARE = 0.05;
const BATCH = 50;
/** From here on faults leave the work time to go on between them: a long run is for many leads. */
const LONG_S = 600;
const optedOutPhone = (i: number): string => `+54911557${String(i).padStart(5, '0')}`;

/**
 * Submits leads (late, twice, in batches, in any order) while every part is killed in turn and both providers misbehave; some people ask for no message
 * just before their form arrives, and somebody of the team asks for messages in doubt once more. Then waits until all is settled, and compares the ledgers with the tables.
 */
export async function runChaos(
  bench: SeededBench,
  { leads, seconds, settleSeconds, isFound, say }: ChaosOptions,
): Promise<ChaosResult> {
  const tenantId = bench.tenants[0]?.id ?? 0;
  const faults: Counts = {};
  await heedConsent(bench, tenantId);
  const optedOut = await optOut(bench, Math.ceil(leads * OPTED_OUT_SHARE));
  if (!isFound) await doubtNext(bench);
  const asker = new Asker(bench, tenantId);
  const until = Date.now() + seconds * 1000;
  const pauseMs = Math.min(isFound ? 4_000 : 15_000, (seconds * 1000) / 12);
  let found = false;
  const goesOn = () => !found && Date.now() < until;
  const look = async () => {
    while (isFound && goesOn()) {
      await sleep(3_000);
      found = await reckon(bench, tenantId, [], optedOut).then(isFound, () => false); // PostgreSQL may be down just now
    }
  };
  const asking = isFound ? undefined : asker.press(goesOn, pauseMs, faults);
  const [submitted] = await Promise.all([
    submit(bench, leads - optedOut.length, optedOut, isFound ? Date.now() + 20_000 : until),
    killInTurn(bench, goesOn, pauseMs, faults, ...(isFound ? [0] : [])),
    misbehave(bench, goesOn, seconds < LONG_S ? Math.min(2_000, pauseMs) : 10_000, faults, isFound !== undefined),
    look(),
    isFound || seconds < LONG_S || asker.freeze(goesOn, faults),
  ]);
  say(`${submitted.length} leads submitted; waiting for everything to settle`);
  const patience = {
    seconds: settleSeconds,
    isEnough: (now: Reckoning) => (isClean(now) && !asker.isBusy) || isFound?.(now) === true,
  };
  const result = await settled(bench, tenantId, { submitted, optedOut, asked: asker.asked }, patience, say);
  await asking;
  return { ...result, faults };
}

/** The seeds message everybody; here whoever left the WhatsApp box of a form unticked is to get nothing. */
const heedConsent = ({ places }: SeededBench, tenantId: number) =>
  asAdmin(places.adminUrl, (client) =>
    client.query('UPDATE tenants SET heed_consent = true WHERE id = $1', [tenantId]),
  );

async function optOut({ places }: SeededBench, count: number): Promise<string[]> {
  const phones = Array.from({ length: count }, (_, i) => optedOutPhone(i));
  for (const phone of phones)
    await control(places.ycloudSimUrl, 'replies', { to: phone, from: '+541155550001', text: 'BAJA' });
  await sleep(2000);
  return phones;
}

/** A tenth at once, the rest spread over the run. */
async function submit(
  { places }: SeededBench,
  count: number,
  optedOut: readonly string[],
  until: number,
): Promise<string[]> {
  const ids: string[] = [];
  const send = async (given: object) => {
    const { leadgen_ids } = await control<{ leadgen_ids: string[] }>(places.metaSimUrl, 'leads', given);
    ids.push(...leadgen_ids);
  };
  for (const phone of optedOut) await send({ answers: { phone_number: [phone] } });
  await send({ count: Math.ceil(count / 10), batch: BATCH, duplicates: 1, shuffle: true });
  for (let left = count - Math.ceil(count / 10), i = 0; left > 0; i++) {
    const some = Math.min(left, Math.max(1, Math.ceil(count / 60)));
    await send({
      count: some,
      ...(i % 3 === 0 ? { duplicates: 2 } : {}),
      ...(i % 4 === 0 ? { batch: BATCH, shuffle: true } : {}),
      ...(i % 5 === 0 ? { visibleAfterSeconds: 2 } : {}),
    });
    left -= some;
    const restMs = (until - Date.now()) / Math.max(1, left / some);
    await sleep(Math.max(0, Math.min(restMs, 5_000)));
  }
  return ids;
}

/** Lets the providers' own redeliveries happen, and Temporal's and the inbox's retries. */
async function settled(
  bench: SeededBench,
  tenantId: number,
  {
    submitted,
    optedOut,
    asked,
  }: { submitted: readonly string[]; optedOut: readonly string[]; asked: readonly Asked[] },
  { seconds, isEnough }: { seconds: number; isEnough: (now: Reckoning) => boolean },
  say: (line: string) => void,
): Promise<Reckoning> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    await control(bench.places.metaSimUrl, 'clock', { advanceSeconds: 600 });
    await control(bench.places.ycloudSimUrl, 'clock', { advanceSeconds: 60 });
    const now = await reckon(bench, tenantId, submitted, optedOut, asked);
    say(JSON.stringify(now));
    if (isEnough(now) || Date.now() > end) return now;
    await sleep(3000);
  }
}
