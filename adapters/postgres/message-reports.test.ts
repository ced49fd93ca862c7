import fc from 'fast-check';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { nextState, type ReportedState } from '../../domain/message-status.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun } from '../../test/outbound.ts';
import { applyReports, type Report } from './message-reports.ts';
import { createOutboundMessages } from './outbound-messages.ts';

const EVENING = Date.parse('2026-11-24T21:00:00Z');
let db: TestDatabase;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  tenantId = await aTenant(db);
});

const outcomeRow = z.object({
  state: z.string(),
  error_code: z.string().nullable(),
  provider_id: z.string().nullable(),
  wamid: z.string().nullable(),
  price: z.string().nullable(),
  accepted_at: z.date().nullable(),
  sent_at: z.date().nullable(),
  delivered_at: z.date().nullable(),
  read_at: z.date().nullable(),
  first_message_at: z.date().nullable(),
  logged: z.string(),
  logged_reason: z.string().nullable(),
});

/** A message that is on its way; gives what brings reports to it and what came of them. */
async function aMessage() {
  const run = await aRun(db.database, tenantId);
  const claim = await createOutboundMessages(db.database).claim(tenantId, run.runId, new Date());
  if (claim.decision !== 'send') throw new Error(claim.decision);
  const { externalId, messageId } = claim.message;
  return {
    apply: (reports: readonly Partial<Report>[]) =>
      db.database.inTenant(tenantId, (tx) =>
        applyReports(
          tx,
          tenantId,
          reports.map((report) => ({ ...aReport(), externalId, ...report })),
        ),
      ),
    outcome: () =>
      db.database.inTenant(tenantId, (tx) =>
        tx.one(sql.type(outcomeRow)`
          SELECT o.state, o.error_code, o.provider_id, o.wamid, o.price, o.accepted_at, o.sent_at, o.delivered_at, o.read_at, l.first_message_at,
            a.status AS logged, a.reason AS logged_reason
          FROM outbound_messages o JOIN leads l ON l.id = o.lead_id JOIN automation_logs a ON a.outbound_message_id = o.id WHERE o.id = ${messageId}`),
      ),
  };
}

const aReport = (): Report => ({
  externalId: null,
  providerId: null,
  wamid: null,
  state: 'accepted',
  at: new Date(EVENING),
  errorCode: null,
  price: null,
  currency: null,
});

// What YCloud may say of one message: its price is an estimate until it is delivered, and a failure names a code.
const states = ['accepted', 'sent', 'delivered', 'read', 'failed'] as const satisfies readonly ReportedState[];
const reports = fc.record({ state: fc.constantFrom(...states), second: fc.nat(60), isPriced: fc.boolean() }).map(
  ({ state, second, isPriced }): Partial<Report> => ({
    state,
    at: new Date(EVENING + second * 1000),
    errorCode: state === 'failed' ? '131026' : null,
    ...(isPriced ? { price: state === 'delivered' || state === 'read' ? '0.05' : '0.06', currency: 'USD' } : {}),
    ...(state === 'accepted' ? {} : { wamid: 'wamid.1' }),
  }),
);
/** The same reports again: in another order, some twice, cut into batches. */
const tellings = fc.uniqueArray(reports, { minLength: 1, maxLength: 7 }).chain((once) =>
  fc.record({
    once: fc.constant(once),
    again: fc.array(fc.nat(once.length - 1), { maxLength: 4 }).chain((repeats) =>
      fc.shuffledSubarray([...once, ...repeats.flatMap((place) => once[place] ?? [])], {
        minLength: once.length + repeats.length,
      }),
    ),
    batch: fc.integer({ min: 1, max: 4 }),
  }),
);

describe('Reports of one message', () => {
  it('end the same in whatever order, batches and repeats they come', async () => {
    await fc.assert(
      fc.asyncProperty(tellings, async ({ once, again, batch }) => {
        const [told, retold] = [await aMessage(), await aMessage()];
        await told.apply(once);
        for (let at = 0; at < again.length; at += batch) await retold.apply(again.slice(at, at + batch));
        const outcome = await told.outcome();
        expect(await retold.outcome()).toEqual(outcome);
        expect(outcome.state).toBe(once.map(({ state }) => state ?? 'accepted').reduce(nextState, 'sending' as never));
        expect(outcome.logged).toBe(outcome.state);
        expect(outcome.error_code).toBe(outcome.state === 'failed' ? '131026' : null);
      }),
      { numRuns: 60 },
    );
  });

  it('count a message that was delivered without ever being reported sent', async () => {
    const message = await aMessage();
    const at = new Date(EVENING);
    await message.apply([{ state: 'delivered', at }]);
    expect((await message.outcome()).first_message_at).toEqual(at);
    const before = new Date(EVENING - 1000);
    await message.apply([{ state: 'sent', at: before }]);
    expect(await message.outcome()).toMatchObject({ first_message_at: before, sent_at: before });
  });

  it('leave the final price to delivered and read', async () => {
    const message = await aMessage();
    await message.apply([{ state: 'read' }]);
    await message.apply([{ state: 'sent', price: '0.06', currency: 'USD' }]);
    await message.apply([{ state: 'delivered', price: '0.05', currency: 'USD' }]);
    await message.apply([{ state: 'accepted', price: '0.07', currency: 'USD' }]);
    expect((await message.outcome()).price).toBe('0.050000');
  });

  it('learn the ids that later reports name alone', async () => {
    const message = await aMessage();
    await message.apply([{ providerId: 'm-alone', wamid: 'wamid.alone' }]);
    expect((await message.apply([{ externalId: null, providerId: 'm-alone', state: 'sent' }])).unmatched).toEqual([]);
    await message.apply([{ externalId: 'not-ours', wamid: 'wamid.alone', state: 'delivered' }]);
    expect((await message.outcome()).state).toBe('delivered');
  });

  it('name those that belong to no message of the tenant', async () => {
    const message = await aMessage();
    const { applied, unmatched } = await message.apply([{ externalId: 'x' }, { state: 'sent' }, { externalId: null }]);
    expect([applied.length, unmatched]).toEqual([1, [0, 2]]);
  });
});
