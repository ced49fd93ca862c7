import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Replies } from '../adapters/postgres/replies.ts';
import { AppError } from '../domain/error.ts';
import { fields } from './lead-forms.ts';
import { type LeadDeps, leadIdOf, showLead } from './leads.ts';
import { renderFragment } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface ReplyDeps extends LeadDeps {
  replies: Replies;
  /** Throws `unavailable` while Temporal is down; the dispatcher starts it later. */
  startMessage: (message: { tenantId: number; messageId: string }) => Promise<void>;
  /** Lets runs look again. Never throws: their own timers do it too. */
  wake: (workflowIds: readonly string[]) => Promise<void>;
}

const MOST_LETTERS = 4096;
const form = z.object({
  key: z.uuid(),
  text: z
    .string()
    .transform((text) => text.replace(/\r\n/g, '\n').trim())
    .pipe(z.string().min(1).max(MOST_LETTERS)),
});

/** The team's answers in a lead's conversation. */
export const replyRoutes = (deps: ReplyDeps): Route[] => [
  { method: 'get', path: '/crm/leads/:id/reply', access: 'person', handler: (req, res) => show(req, res, deps) },
  {
    method: 'post',
    path: '/crm/leads/:id/replies',
    access: 'person',
    body: 'form',
    handler: (req, res) => write(req, res, deps),
  },
];

/** What the box under a conversation shows. Each form has a key of its own, so that sending it twice is one message. */
export async function replyBox(
  { replies }: Pick<ReplyDeps, 'replies'>,
  tenantId: number,
  leadId: string,
  typed: { text: string; error: string } | null = null,
) {
  const state = await replies.stateOf(tenantId, leadId, new Date());
  return { ...state, leadId, key: randomUUID(), text: typed?.text ?? '', error: typed?.error ?? null };
}

async function show(req: Request, res: Response, deps: ReplyDeps): Promise<void> {
  const reply = await replyBox(deps, callerOf(req).tenantId, leadIdOf(req));
  renderFragment(req, res, 'leads/_reply', { reply });
}

async function write(req: Request, res: Response, deps: ReplyDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const leadId = leadIdOf(req);
  const values = fields(req);
  const parsed = form.safeParse(values);
  const text = values['text'] ?? '';
  const refuse = (error: string) => showLead(req, res, deps, { reply: { text, error } });
  if (!parsed.success) return refuse(text.trim() === '' ? 'empty' : 'long');
  try {
    const { messageId, workflowIds } = await deps.replies.write(tenantId, leadId, parsed.data, actor, new Date());
    if (messageId !== null) await startQuietly(deps, tenantId, messageId);
    void deps.wake(workflowIds);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    return refuse(String(error.details['why']));
  }
  deps.live.publish(tenantId, 'messages');
  res.redirect(303, `/crm/leads/${leadId}#chat`);
}

/** The row is there: what cannot be started now is started by the dispatcher. */
async function startQuietly({ startMessage }: ReplyDeps, tenantId: number, messageId: string): Promise<void> {
  await startMessage({ tenantId, messageId }).catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error;
  });
}
