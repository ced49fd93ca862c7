import { type Context, requirePageTask, requireScope } from './context.ts';
import { GraphError } from './errors.ts';
import { list } from './listing.ts';
import { pageOf } from './paging.ts';
import { accountRecord, businessRecord, pageRecord } from './records.ts';
import { type AdAccount, type Business, get, type Page, type User } from './world-types.ts';

type Listed = ReturnType<typeof list>;

/** `/me/businesses`. */
export function businesses(context: Context<User>): Listed {
  requireScope(context.caller, 'business_management');
  const items = context.node.businesses.map((id) => get(context.sim.world, 'business', id));
  return list(context, { kind: 'business', items, record: businessRecord, defaults: ['id', 'name'] });
}

/** `/me/adaccounts`, `/me/assigned_ad_accounts`, `/{business}/owned_ad_accounts`, `/{business}/client_ad_accounts`. */
export function adAccounts(context: Context, ids: readonly string[]): Listed {
  requireScope(context.caller, 'ads_read', 'ads_management');
  const visible = ids.filter((id) => context.caller.user?.accounts.includes(id));
  const items = visible.map((id) => get(context.sim.world, 'account', id));
  const record = (account: AdAccount) => accountRecord(context.sim, account);
  return list(context, { kind: 'account', items, record, defaults: ['account_id', 'id'] });
}

/** `/me/accounts`: pages with a token each. Without `pages_show_list` the list is empty, not an error. */
export function pageAccounts(context: Context<User>): Listed {
  const granted = context.caller.permissions.get('pages_show_list') === 'granted';
  const defaults = ['access_token', 'category', 'category_list', 'name', 'id', 'tasks'];
  const items = granted ? context.node.pages.map((id) => get(context.sim.world, 'page', id)) : [];
  return list(context, { kind: 'page', items, record: (page) => pageWithToken(context, page), defaults });
}

/** `/{business}/owned_pages` and `client_pages`. */
export function businessPages(context: Context<Business>, ids: readonly string[]): Listed {
  requireScope(context.caller, 'business_management');
  const visible = ids.filter((id) => context.caller.user?.pages.includes(id));
  const items = visible.map((id) => get(context.sim.world, 'page', id));
  return list(context, {
    kind: 'page',
    items,
    record: (page) => pageWithToken(context, page),
    defaults: ['id', 'name'],
  });
}

/** A page with its token, made only when the field is read. It lives as long as the user token allows: for ever with a long-lived one. */
export function pageWithToken(context: Context, page: Page): Record<string, unknown> {
  const { info } = context.caller;
  const { tokens } = context.sim;
  return Object.defineProperty({ ...pageRecord(context.sim, page), access_token: undefined }, 'access_token', {
    enumerable: true,
    get: () =>
      tokens.issue({
        kind: 'PAGE',
        userId: info.userId,
        pageId: page.id,
        scopes: info.scopes,
        longLived: info.longLived,
        expiresAt: info.longLived ? 0 : info.expiresAt,
      }),
  });
}

/** `POST /{business}/system_user_access_tokens`: fetches or renews the business's token; here the proof is mandatory. */
export function systemUserToken(context: Context<Business>): { access_token: string } {
  const { sim, call, caller, node } = context;
  if (call.params['appsecret_proof'] === undefined) {
    throw new GraphError(100, 'API calls from the server require an appsecret_proof argument', {
      type: 'GraphMethodException',
    });
  }
  const system = sim.world.users.find((user) => user.systemOf === node.id);
  const lifetime = call.params['set_token_expires_in_60_days'] === 'true' ? 60 * 86_400 : 0;
  const access_token = sim.tokens.issue({
    kind: 'SYSTEM_USER',
    userId: system?.id ?? '',
    pageId: '',
    scopes: caller.info.scopes,
    longLived: true,
    expiresAt: lifetime === 0 ? 0 : sim.clock.seconds() + lifetime,
  });
  return { access_token };
}

/** `GET /me/permissions`. */
export function permissions({ caller }: Context): { data: { permission: string; status: string }[] } {
  return { data: [...caller.permissions].map(([permission, status]) => ({ permission, status })) };
}

/** `DELETE /me/permissions` removes the app for the user (then 190/458); with a name, or `permission=`, only that one. */
export function revoke(context: Context, permission: string | undefined): { success: true } {
  const { sim, caller } = context;
  if (permission !== undefined) {
    sim.tokens.setPermission(caller.info.userId, permission, 'declined');
    return { success: true };
  }
  sim.tokens.kill({ userId: caller.info.userId }, 458);
  return { success: true };
}

/** `POST /{page}/subscribed_apps`: needs a page token and the MANAGE task; sets the whole list of fields. */
export function subscribePage(context: Context<Page>): { success: true } {
  const { sim, call, caller, node } = context;
  requirePageToken(context);
  requireScope(caller, 'pages_manage_metadata');
  requirePageTask(node, 'MANAGE');
  const fields = (call.params['subscribed_fields'] ?? '')
    .replace(/[[\]"\s]/g, '')
    .split(',')
    .filter((field) => field !== '');
  if (fields.length === 0) {
    throw new GraphError(100, '(#100) The parameter subscribed_fields is required.');
  }
  sim.subscribedPages.set(node.id, fields);
  return { success: true };
}

/** `GET /{page}/subscribed_apps`. */
export function subscribedApps(context: Context<Page>): unknown {
  const { sim, call, node } = context;
  requirePageToken(context);
  const fields = sim.subscribedPages.get(node.id);
  const { id, name } = sim.app;
  const app = { category: 'Business', link: 'https://example.com/', name, id, subscribed_fields: fields };
  return pageOf(call, sim.url, fields === undefined ? [] : [app]);
}

/** `DELETE /{page}/subscribed_apps`. */
export function unsubscribePage(context: Context<Page>): { success: true } {
  requirePageToken(context);
  context.sim.subscribedPages.delete(context.node.id);
  return { success: true };
}

function requirePageToken({ caller }: Context): void {
  if (caller.info.kind === 'USER') {
    throw new GraphError(210, '(#210) A page access token is required to request this resource.', { status: 403 });
  }
}
