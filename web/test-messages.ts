import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadEntries } from '../adapters/postgres/lead-entries.ts';
import type { TestMessages } from '../adapters/postgres/test-messages.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { fields } from './lead-forms.ts';
import { callerOf } from './route.ts';

export interface TestMessageDeps {
  testMessages: TestMessages;
  /** E.164 of what was typed; null for what is no phone. */
  normalizePhone: (typed: string, country: string) => string | null;
  leadEntries: Pick<LeadEntries, 'country'>;
  /** Sends it now. Throws `unavailable` while Temporal is away: the dispatcher does it later. */
  startMessage: (message: { tenantId: number; messageId: string }) => Promise<void>;
  live: LiveUpdates;
}

/** What was typed and what is wrong with it: a key of `settings:test.error` or of `rules:reason`. */
export interface TestForm {
  values: Record<string, string>;
  error: { field: 'phone' | 'template'; key: string } | null;
}

const template = z.string().regex(/^[a-z0-9_]{1,512}\|[a-z]{2,3}(_[A-Z]{2})?$/);

/** The box "send myself a test" of the WhatsApp page. */
export async function testBox({ testMessages }: TestMessageDeps, tenantId: number, form?: TestForm) {
  const { templates, sent } = await testMessages.overview(tenantId);
  return { templates, sent, key: randomUUID(), values: form?.values ?? {}, error: form?.error ?? null };
}

/** Writes the message and starts it; else shows the form again with what is wrong. */
export async function sendTest(
  req: Request,
  res: Response,
  deps: TestMessageDeps,
  refuse: (form: TestForm) => Promise<void>,
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const wrong = (field: 'phone' | 'template', key: string) => refuse({ values, error: { field, key } });
  const phone = deps.normalizePhone(values['phone'] ?? '', await deps.leadEntries.country(tenantId));
  if (phone === null) return wrong('phone', 'settings:test.error.phone');
  const chosen = template.safeParse(values['template']);
  const key = z.uuid().safeParse(values['key']);
  if (!chosen.success || !key.success) return wrong('template', 'settings:test.error.template');
  const [name = '', language = ''] = chosen.data.split('|');
  try {
    const messageId = await deps.testMessages.write(
      tenantId,
      { key: key.data, phone, template: name, language },
      actor,
    );
    if (messageId !== null) await startQuietly(deps, tenantId, messageId);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    const why = String(error.details['why']);
    return wrong(why.startsWith('template') ? 'template' : 'phone', `rules:reason.${why}`);
  }
  deps.live.publish(tenantId, 'messages');
  res.redirect(303, '/crm/settings/whatsapp#test');
}

async function startQuietly({ startMessage }: TestMessageDeps, tenantId: number, messageId: string): Promise<void> {
  await startMessage({ tenantId, messageId }).catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error;
  });
}
