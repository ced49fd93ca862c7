import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { createInstallationSending, type InstallationSending } from '../adapters/postgres/sending.ts';
import type { Choice } from '../domain/held-runs.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aRun, messagesOf, type SendCase } from '../test/outbound.ts';
import { aPerson, type Person } from '../test/person.ts';
import { sendingRoutes } from './sending.ts';

let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let woken: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores }) =>
    sendingRoutes({
      sending: stores.sending,
      wake: async (ids) => void woken.push(...ids),
      live: { publish: () => {}, subscribe: () => () => {} },
    }),
  );
});
beforeEach(async () => {
  woken = [];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});

const page = async () => textOf(await (await person.get('/crm/sending')).text());
const claim = ({ runId }: SendCase, at = new Date()) => app.stores.outboundMessages.claim(tenantId, runId, at);
/** A run that found the switch off, so many hours ago. */
async function aHeldRun(hours: number): Promise<SendCase> {
  const run = await aRun(db.database, tenantId);
  expect(await claim(run)).toMatchObject({ decision: 'wait', reason: 'sending_paused' });
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(
      sql.unsafe`UPDATE automation_runs SET held_since = now() - ${hours} * interval '1 hour' WHERE id = ${run.runId}`,
    ),
  );
  return run;
}
const runOf = ({ runId }: SendCase) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.one(
      sql.type(
        z.object({ state: z.string(), reason: z.string().nullable(), due_at: z.date() }),
      )`SELECT state, reason, due_at FROM automation_runs WHERE id = ${runId}`,
    ),
  );
const pause = () => person.post('/crm/sending/pause');
const resume = (given: Record<string, string> = {}) => person.post('/crm/sending/resumption', given);
const installation = async (state: InstallationSending['sending'], overdue: Choice = 'drop') => {
  const owner = await connectDatabase(db.ownerUrl, { maxPoolSize: 1 });
  try {
    return await createInstallationSending(owner).set(state, {
      choices: { hour: overdue, day: overdue, older: overdue },
      hours: 1,
    });
  } finally {
    await owner.end();
  }
};

describe('pausing all sending', () => {
  it('happens by itself when the account cannot send, and the page says why until somebody resumes', async () => {
    const run = await aRun(db.database, tenantId);
    const sent = await claim(run);
    if (sent.decision !== 'send') throw new Error(sent.decision);
    const { senderStopped } = await app.stores.outboundMessages.settle(tenantId, {
      ...{ externalId: sent.message.externalId, providerId: null, wamid: null, at: new Date() },
      ...{ state: 'rejected', errorCode: 'BALANCE_INSUFFICIENT', price: null, currency: null },
    });
    expect(senderStopped).toBe(true);
    const text = await page();
    for (const words of ['se detuvo solo', 'sin saldo', 'BALANCE_INSUFFICIENT', 'Reanudar'])
      expect(text).toContain(words);
    await aHeldRun(1);
    await resume();
    expect(await page()).not.toContain('se detuvo solo');
  });

  it('stops every message, says so with name and time, and leaves an audit row', async () => {
    expect(await page()).toContain('Los mensajes están saliendo');
    expect((await pause()).headers.get('location')).toBe('/crm/sending');
    const text = await page();
    expect(text).toContain('Todo el envío está en pausa');
    expect(text).toContain('por Carla Domínguez');
    expect(await claim(await aRun(db.database, tenantId))).toMatchObject({
      decision: 'wait',
      reason: 'sending_paused',
    });
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'sending', id: String(tenantId) });
    expect(changes.map(({ name, actor_id }) => [name, actor_id])).toEqual([['sending.paused', person.userId]]);
    await pause();
    expect(await app.stores.systemEvents.changesOf(tenantId, { type: 'sending', id: String(tenantId) })).toHaveLength(
      1,
    );
  });

  it('is one tenant’s alone', async () => {
    await pause();
    const other = await aTenant(db);
    const run = await aRun(db.database, other);
    expect(await app.stores.outboundMessages.claim(other, run.runId, new Date())).toMatchObject({ decision: 'send' });
  });
});

describe('resuming', () => {
  it('lists what waits by age, the oldest first', async () => {
    await pause();
    for (const hours of [0.5, 5, 30, 50]) await aHeldRun(hours);
    const text = await page();
    for (const words of [
      '1 espera hace menos de una hora',
      '1 espera hace entre 1 y 24 horas',
      '2 esperan hace más de un día',
    ])
      expect(text).toContain(words);
  });

  it('drops everything overdue unless told otherwise', async () => {
    await pause();
    const runs = [await aHeldRun(0.5), await aHeldRun(30)];
    expect((await resume()).status).toBe(303);
    for (const run of runs) {
      expect(await runOf(run)).toMatchObject({ state: 'stopped', reason: 'dropped_after_pause' });
      expect(await claim(run)).toMatchObject({ decision: 'skip' });
      expect((await messagesOf(db.database, run)).logs).toContainEqual({
        status: 'skipped',
        reason: 'dropped_after_pause',
      });
    }
    expect(await page()).toContain('Los mensajes están saliendo');
  });

  it('does with each age what was chosen, and wakes the runs', async () => {
    await pause();
    const [fresh, older, old] = [await aHeldRun(0.5), await aHeldRun(5), await aHeldRun(30)];
    await resume({ hour: 'send', day: 'space', older: 'drop', hours: '4' });
    expect(await claim(fresh)).toMatchObject({ decision: 'send' });
    expect(await runOf(old)).toMatchObject({ state: 'stopped' });
    expect((await runOf(older)).state).toBe('active');
    expect(woken.sort()).toEqual([fresh, older, old].map(({ leadId }) => `automation:${leadId}`).sort());
  });

  it('spreads messages over the hours, each at its own time', async () => {
    await pause();
    const runs = [await aHeldRun(5), await aHeldRun(4), await aHeldRun(3), await aHeldRun(2)];
    await resume({ day: 'space', hours: '4' });
    const started = Date.now();
    const hours = await Promise.all(
      runs.map(async (run) => Math.abs(Math.round(((await runOf(run)).due_at.getTime() - started) / 3_600_000))),
    );
    expect(hours).toEqual([0, 1, 2, 3]);
    const last = runs[3] as SendCase;
    expect(await claim(last)).toMatchObject({ decision: 'wait', reason: 'not_due' });
    expect(await claim(last, new Date(started + 4 * 3_600_000))).toMatchObject({ decision: 'send' });
  });

  it('keeps what was typed when the hours are no number', async () => {
    await pause();
    await aHeldRun(5);
    const refused = await resume({ day: 'space', hours: 'muchas' });
    const html = await refused.text();
    expect([refused.status, html.includes('value="muchas"'), html.includes('value="space" selected')]).toEqual([
      422,
      true,
      true,
    ]);
    expect(await page()).toContain('Todo el envío está en pausa');
  });

  it('twice does nothing more', async () => {
    await pause();
    await resume();
    const run = await aRun(db.database, tenantId);
    await resume();
    expect(await claim(run)).toMatchObject({ decision: 'send' });
  });
});

describe('the installation’s switch', () => {
  it('holds everybody after a restore; once released, what is older waits for a person', async () => {
    const before = await aRun(db.database, tenantId);
    const held = await installation('held');
    expect(held).toMatchObject({ sending: 'held', restored_at: expect.any(Date) });
    expect(await page()).toContain('El envío está retenido después de una restauración');
    const after = await aRun(db.database, tenantId);
    expect(await claim(after)).toMatchObject({ decision: 'wait', reason: 'sending_paused' });
    await installation('on', 'send');
    expect(await claim(after)).toMatchObject({ decision: 'send' });
    expect(await claim(before)).toMatchObject({ decision: 'wait', reason: 'held_after_restore' });
    expect(await page()).toContain('De antes de la restauración');
    await person.post('/crm/sending/release', { hour: 'send' });
    expect(await claim(before)).toMatchObject({ decision: 'send' });
    expect(await page()).not.toContain('De antes de la restauración');
  });

  it('holds a lead found again after the restore: it is older itself', async () => {
    await installation('held');
    await installation('on');
    const found = await aRun(db.database, tenantId);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE leads SET submitted_at = now() - interval '1 day' WHERE id = ${found.leadId}`),
    );
    expect(await claim(found)).toMatchObject({ decision: 'wait', reason: 'held_after_restore' });
  });

  it('floods nobody when it is on again: what fell due meanwhile is dropped', async () => {
    await installation('paused');
    const run = await aRun(db.database, tenantId);
    expect(await claim(run)).toMatchObject({ reason: 'sending_paused' });
    await installation('on');
    expect(await runOf(run)).toMatchObject({ state: 'stopped', reason: 'dropped_after_pause' });
  });

  it('leaves a row in each tenant’s audit trail', async () => {
    await installation('paused');
    await installation('on');
    const names = await db.database.inTenant(tenantId, (tx) =>
      tx.anyFirst(
        sql.type(
          z.object({ name: z.string() }),
        )`SELECT name FROM system_events WHERE name LIKE 'installation_sending.%' ORDER BY id`,
      ),
    );
    expect(names).toEqual(['installation_sending.paused', 'installation_sending.on']);
  });

  it('cannot be moved by the application', async () => {
    await expect(createInstallationSending(db.database).set('on')).rejects.toThrow();
  });
});
