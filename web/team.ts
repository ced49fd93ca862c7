import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Team } from '../adapters/postgres/team.ts';
import type { Users } from '../adapters/postgres/users.ts';
import { AppError } from '../domain/error.ts';
import { doneAt } from './flash.ts';
import { localeOf, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import type { PasswordMails } from './password-mails.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface TeamDeps {
  team: Team;
  users: Pick<Users, 'byId' | 'saveLocale'>;
  passwordMails: PasswordMails;
}

const PATH = '/crm/settings/team';

/** The people of a tenant: invite, disable, language. */
export const teamRoutes = (deps: TeamDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_team',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => invite(req, res, deps) },
  ...(['disable', 'enable'] as const).map(
    (what): Route => ({
      method: 'post',
      path: `${PATH}/:id/${what === 'disable' ? 'absence' : 'return'}`,
      access: 'person',
      body: 'form',
      handler: async (req, res) => {
        const { tenantId, actor } = callerOf(req);
        await deps.team[what](tenantId, idOf(req), actor);
        doneAt(res, PATH, what === 'disable' ? 'accessTaken' : 'accessGiven');
      },
    }),
  ),
  {
    method: 'post',
    path: `${PATH}/:id/language`,
    access: 'person',
    body: 'form',
    handler: (req, res) => changeLanguage(req, res, deps),
  },
  {
    method: 'post',
    path: `${PATH}/:id/invitations`,
    access: 'person',
    body: 'form',
    handler: (req, res) => inviteAgain(req, res, deps),
  },
];

interface Shown {
  form?: { values: Record<string, string>; errors: Record<string, string> };
  /** Where no mail server is set the person who invites hands the link on; it is shown this once. */
  link?: { name: string; url: string };
}

async function show(req: Request, res: Response, { team }: TeamDeps, { form, link }: Shown = {}): Promise<void> {
  const { tenantId, userId } = callerOf(req);
  const members = await team.listForTenant(tenantId);
  const props = {
    title: translator(req)('settings:team.title'),
    section: 'settings',
    tab: 'team',
    members,
    me: userId,
    form: form ?? (req.query['invite'] === undefined ? null : { values: { locale: localeOf(req) }, errors: {} }),
    leaving: members.find(({ id }) => id === req.query['disable'] && id !== userId),
    link: link ?? null,
    sent: members.find(({ id }) => id === req.query['sent']),
  };
  renderPage(req, res, 'settings/team', props, { status: form ? 422 : 200 });
}

const memberForm = z.object({
  name: z.string().trim().min(1).max(200),
  email: z.string().trim().max(320).pipe(z.email()),
  locale: z.enum(['es', 'en']),
});

async function invite(req: Request, res: Response, deps: TeamDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const t = translator(req);
  const values = fields(req);
  const member = memberForm.safeParse(values);
  if (!member.success) {
    const wrong = new Set(member.error.issues.map(({ path }) => String(path[0])));
    const errors = Object.fromEntries([...wrong].map((field) => [field, t(`settings:team.errors.${field}`)]));
    return show(req, res, deps, { form: { values, errors } });
  }
  const id = await deps.team.invite(tenantId, member.data, actor).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'conflict') return null;
    throw error;
  });
  if (id === null)
    return show(req, res, deps, { form: { values, errors: { email: t('settings:team.errors.taken') } } });
  await sendLink(req, res, deps, { id, ...member.data });
}

async function inviteAgain(req: Request, res: Response, deps: TeamDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const user = await deps.users.byId(tenantId, idOf(req));
  await sendLink(req, res, deps, { ...user, locale: user.locale ?? localeOf(req) });
}

async function sendLink(
  req: Request,
  res: Response,
  deps: TeamDeps,
  user: { id: string; name: string; email: string; locale: 'es' | 'en' },
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const { isSent, url } = await deps.passwordMails.send({ tenantId, ...user }, 'invitation', actor);
  if (isSent) return res.redirect(303, `${PATH}?sent=${user.id}`);
  await show(req, res, deps, { link: { name: user.name, url } });
}

async function changeLanguage(req: Request, res: Response, { users }: TeamDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const locale = z.enum(['es', 'en']).safeParse(fields(req)['locale']);
  if (!locale.success) throw new AppError('invalid', 'no such language');
  await users.saveLocale(tenantId, idOf(req), locale.data, actor);
  doneAt(res, PATH, 'languageSaved');
}

function idOf(req: Request): string {
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such person');
  return id.data;
}
