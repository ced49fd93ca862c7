import { createLogger } from '../../adapters/log.ts';
import { createMetaClient } from '../../adapters/meta/client.ts';
import { createMetrics } from '../../adapters/metrics.ts';
import { createMemoryGate } from '../../domain/meta-usage.ts';
import { signIn } from '../walk/connect.ts';
import { Person } from '../walk/person.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const META_ANSWERS_IN_MS = 300;
const ROUNDS = 10;

/** The wizard's longest step, choosing a business, against the Meta calls it makes, with a Meta as far away as the real one. */
export async function benchWizard({ places, tenants, secrets }: SeededBench): Promise<void> {
  const control = (path: string, body: object, method = 'POST') =>
    fetch(`${places.metaSimUrl}/_control/${path}`, { method, body: JSON.stringify(body) });
  const person = new Person(places.webUrl);
  const hub = await signIn(person, tenants[1] ?? { email: '', password: '' });
  const returned = await person.submit(await person.submit(hub, 'id="connect"'), 'name="action"', {
    action: 'continue',
  });
  const wizard = returned.url.pathname;
  const page = await person.waitFor(wizard, ({ text }) => text.includes('name="business_id"'));
  const businessId = /name="business_id" value="(\d+)"/.exec(page.text)?.[1] ?? '';
  const { access_token: token } = (await (await control('tokens', {})).json()) as { access_token: string };
  const meta = createMetaClient(
    {
      appId: secrets.metaAppId,
      appSecret: secrets.metaAppSecret,
      version: 'v26.0',
      graphUrl: places.metaSimUrl,
      redirectUri: `${places.webUrl}/crm/auth/meta/callback`,
    },
    {
      log: createLogger('bench', { environment: 'bench' }),
      metrics: createMetrics(),
      gate: createMemoryGate(Date.now),
    },
  );
  await control('faults', { match: {}, kind: 'slow', value: META_ANSWERS_IN_MS });
  const timed = async (deed: () => Promise<unknown>) => {
    const started = performance.now();
    await deed();
    return performance.now() - started;
  };
  const [steps, calls]: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    calls.push(await timed(() => Promise.all([meta.adAccounts(token, businessId), meta.pages(token)])));
    const atBusiness = await person.visit(`${wizard}?step=business`);
    steps.push(await timed(() => person.submit(atBusiness, '/business"', { business_id: businessId })));
  }
  await control('faults', {}, 'DELETE');
  const median = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
  report({
    name: "the wizard's step with the most Meta calls",
    ratio: median(steps) / median(calls),
    unit: 'of the calls alone',
    baseline: `the same Meta calls without hub and Temporal, ${Math.round(median(calls))} ms`,
    goal: 1.2,
    better: 'less',
    note: `Meta answers each call in ${META_ANSWERS_IN_MS} ms; median of ${ROUNDS}`,
  });
}
