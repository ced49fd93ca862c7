import type { Request, Response } from 'express';
import type { Released, Sending } from '../adapters/postgres/sending.ts';
import type { Actor } from '../domain/actor.ts';
import { choices, type Resumption } from '../domain/held-runs.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { agesWith, resumptionOf } from './held-form.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface SendingDeps {
  sending: Sending;
  /** Lets runs look again. Never throws: their own timers do it too. */
  wake: (workflowIds: readonly string[]) => Promise<void>;
  live: LiveUpdates;
}

const PAGE = '/crm/sending';

/** The switch for all of a tenant's WhatsApp messages. */
export const sendingRoutes = (deps: SendingDeps): Route[] => [
  {
    method: 'get',
    path: PAGE,
    access: 'person',
    accessName: 'get_sending',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'post',
    path: `${PAGE}/pause`,
    access: 'person',
    body: 'form',
    async handler(req, res) {
      const { tenantId, actor } = callerOf(req);
      await deps.sending.pause(tenantId, actor);
      deps.live.publish(tenantId, 'messages');
      res.redirect(303, PAGE);
    },
  },
  {
    method: 'post',
    path: `${PAGE}/resumption`,
    access: 'person',
    body: 'form',
    handler: (req, res) => letGo(req, res, deps, deps.sending.resume),
  },
  {
    method: 'post',
    path: `${PAGE}/release`,
    access: 'person',
    body: 'form',
    handler: (req, res) => letGo(req, res, deps, deps.sending.release),
  },
];

async function show(req: Request, res: Response, { sending }: SendingDeps, isWrong = false): Promise<void> {
  const t = translator(req);
  const state = await sending.state(callerOf(req).tenantId);
  const props = {
    title: t('sending:title'),
    section: 'sending',
    ...state,
    choices,
    values: { hours: '2', ...(isWrong ? fields(req) : {}) },
    error: isWrong ? t('sending:hoursError') : null,
    paused: { ...state.paused, ages: agesWith(state.paused.counts) },
    restored: { ...state.restored, ages: agesWith(state.restored.counts) },
  };
  renderPage(req, res, 'sending/page', props, { status: isWrong ? 422 : 200 });
}

async function letGo(
  req: Request,
  res: Response,
  deps: SendingDeps,
  move: (tenantId: number, resumption: Resumption, actor: Actor) => Promise<Released>,
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const resumption = resumptionOf(fields(req));
  if (resumption === null) return show(req, res, deps, true);
  const { workflowIds } = await move(tenantId, resumption, actor);
  void deps.wake(workflowIds);
  deps.live.publish(tenantId, 'messages');
  res.redirect(303, PAGE);
}
