import { parseArgs } from 'node:util';
import { createDiagnoses } from '../adapters/postgres/diagnoses.ts';
import { createFigures } from '../adapters/postgres/figures.ts';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { createStats } from '../adapters/postgres/stats.ts';
import { createCache } from '../adapters/redis/cache.ts';
import { createStatsService } from '../web/stats.ts';
import { databaseOfDiagnosis, maskPhones, printReport } from './diagnosis.ts';

const USAGE = 'npm run diagnose -- stats|automation|leads --tenant N [--lead ID] [--json] [--reveal]';
const options = {
  tenant: { type: 'string' },
  lead: { type: 'string' },
  json: { type: 'boolean' },
  reveal: { type: 'boolean' },
} as const;

const { values, positionals } = readArguments();
const [report] = positionals;
const tenantId = Number(values.tenant);
if (!['stats', 'automation', 'leads'].includes(report ?? '') || !/^[1-9]\d*$/.test(values.tenant ?? '')) usage();
if (values.lead !== undefined && !/^[0-9a-f-]{36}$/.test(values.lead)) usage();

const database = await connectDatabase(databaseOfDiagnosis(), { maxPoolSize: 2 });
const diagnoses = createDiagnoses(database);
if (values.reveal) await diagnoses.noteReveal(tenantId, report ?? '', { type: 'operator', id: null });
const found = values.reveal ? await read() : maskPhones(await read());
process.stdout.write(values.json ? `${JSON.stringify(found, null, 2)}\n` : printReport(found));
await database.end();

async function read(): Promise<object> {
  if (report === 'automation') return diagnoses.automation(tenantId, values.lead ?? null);
  if (report === 'leads') return diagnoses.leads(tenantId, values.lead ?? null);
  const service = createStatsService(createStats(database), createCache(undefined), () => new Date());
  const { totals, accounts, campaigns, unattributed } = await service.json(tenantId, {
    days: 30,
    view: 'date',
    model: 'last',
  });
  return {
    totals,
    accounts,
    campaigns,
    unattributed: [unattributed],
    tables: [(await createFigures(database).raw(tenantId)).tables],
  };
}

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch {
    return usage();
  }
}

function usage(): never {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}
