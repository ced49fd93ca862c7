import { setTimeout as sleep } from 'node:timers/promises';
import { POST_WITHIN_MS } from '../../domain/unconfirmed.ts';
import type { SeededBench } from '../bench/stack.ts';
import { asAdmin } from '../stack/roles.ts';
import { signIn } from '../walk/connect.ts';
import { Person } from '../walk/person.ts';
import { type Counts, control, sends } from './faults.ts';
import type { Ledgers } from './reckoning.ts';

/** A message in doubt that a person asked to send again, and how many messages YCloud had taken by then. */
export interface Asked {
  messageId: string;
  externalId: string;
  takenBefore: number;
}

interface InDoubt {
  id: string;
  external_id: string;
}

/** Longer than the deadline of a POST. */
const TOO_SLOW_MS = 14_000;
/** For the first one, when the run itself is over. */
const LONGEST_WAIT_MS = 60_000;
/** Between two times that the worker stands still: nothing leaves meanwhile. */
const REST_MS = 180_000;

const taken = async ({ places }: SeededBench): Promise<Ledgers['sent']> =>
  (await control<{ messages: Ledgers['sent'] }>(places.ycloudSimUrl, 'ledger')).messages;

/** The next message is one that YCloud takes, answers too late and never tells of: it is in doubt, although it arrived. */
export async function doubtNext({ places }: SeededBench): Promise<void> {
  await control(places.ycloudSimUrl, 'faults', { match: sends, kind: 'slow', value: TOO_SLOW_MS, times: 1 });
  await control(places.ycloudSimUrl, 'faults', { match: sends, kind: 'drop_status', times: 1 });
}

/** Somebody of the team, who looks at the page of messages in doubt and asks for them again. What happens while a part is down is tried once more. */
export class Asker {
  readonly asked: Asked[] = [];
  isBusy = false;
  readonly #bench: SeededBench;
  readonly #tenantId: number;
  readonly #person: Person;
  #signedIn: Promise<unknown> | undefined;

  constructor(bench: SeededBench, tenantId: number) {
    this.#bench = bench;
    this.#tenantId = tenantId;
    this.#person = new Person(bench.places.webUrl);
  }

  /** Asks for one message after another while `goesOn`, and for one at least. */
  async press(goesOn: () => boolean, pauseMs: number, counts: Counts): Promise<void> {
    const end = Date.now() + LONGEST_WAIT_MS;
    let done = 0;
    this.isBusy = true;
    while (goesOn() || (done === 0 && Date.now() < end)) {
      await sleep(pauseMs);
      if (await this.#askForOne().catch(() => false)) counts['send again'] = ++done;
    }
    this.isBusy = false;
  }

  /** The worker stands still between claim and POST for longer than the two may be apart, and the message is asked for again meanwhile. */
  async freeze(goesOn: () => boolean, counts: Counts): Promise<void> {
    for (let restedUntil = 0; goesOn(); await sleep(500)) {
      if (Date.now() < restedUntil) continue;
      const pid = this.#bench.services.worker.program?.pid;
      const caught = await this.#leaving().catch(() => undefined);
      if (pid === undefined || caught === undefined) continue;
      const isFrozen = signal(pid, 'SIGSTOP');
      try {
        const hasLeft = (await taken(this.#bench)).some(({ externalId }) => externalId === caught.external_id);
        if (!isFrozen || hasLeft) continue;
        await sleep(POST_WITHIN_MS / 2);
        await this.#askFor(caught).catch(() => false);
        await sleep(POST_WITHIN_MS / 2 + 2_000);
        counts['freeze worker'] = (counts['freeze worker'] ?? 0) + 1;
        restedUntil = Date.now() + REST_MS;
      } finally {
        signal(pid, 'SIGCONT');
      }
    }
  }

  /** A message claimed a moment ago. */
  #leaving(): Promise<InDoubt | undefined> {
    return asAdmin(this.#bench.places.adminUrl, async (client) => {
      for (let i = 0; i < 1000; i++) {
        const { rows } = await client.query<InDoubt>(
          `SELECT id, external_id FROM outbound_messages WHERE tenant_id = $1 AND state = 'sending' AND origin = 'rule' AND sending_at > now() - interval '1 second' LIMIT 1`,
          [this.#tenantId],
        );
        if (rows[0]) return rows[0];
        await sleep(5);
      }
      return undefined;
    });
  }

  async #askForOne(): Promise<boolean> {
    const { rows } = await asAdmin(this.#bench.places.adminUrl, (client) =>
      client.query<InDoubt>(
        `SELECT id, external_id FROM outbound_messages WHERE tenant_id = $1 AND state = 'unconfirmed' AND resolution IS NULL AND origin = 'rule'
         ORDER BY doubted_at LIMIT 20`,
        [this.#tenantId],
      ),
    );
    // One that YCloud did take, where there is one: then the person gets it twice.
    const known = new Set((await taken(this.#bench)).map(({ externalId }) => externalId));
    const first = rows.find((row) => known.has(row.external_id)) ?? rows[0];
    return first !== undefined && this.#askFor(first);
  }

  /** A quarter of an hour passes for this message; then the page offers to send it again. */
  async #askFor({ id, external_id: externalId }: InDoubt): Promise<boolean> {
    await asAdmin(this.#bench.places.adminUrl, (client) =>
      client.query(
        `UPDATE outbound_messages SET sending_at = sending_at - interval '16 minutes' WHERE id = $1 AND state IN ('sending', 'unconfirmed')`,
        [id],
      ),
    );
    await this.#signIn();
    const question = await this.#person.waitFor(
      `/crm/unconfirmed/${id}/again`,
      ({ text }) => text.includes('id="again"'),
      10_000,
    );
    // Noted before: whether an answer comes back says nothing of what was done.
    this.asked.push({ messageId: id, externalId, takenBefore: (await taken(this.#bench)).length });
    const { status } = await this.#person.submit(question, 'id="again"', { sure: 'yes' });
    return status === 200;
  }

  /** Once; after a failure once more. */
  async #signIn(): Promise<void> {
    const user = this.#bench.tenants.find(({ id }) => id === this.#tenantId);
    if (user === undefined) throw new Error('the run has no tenant');
    this.#signedIn ??= signIn(this.#person, user).catch((error: unknown) => {
      this.#signedIn = undefined;
      throw error;
    });
    await this.#signedIn;
  }
}

/** False for a program that is gone. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
