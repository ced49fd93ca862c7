import { randomBytes } from 'node:crypto';
import type { GraphCall, Params, Reply } from './http.ts';
import type { Simulator } from './simulator.ts';
import { allScopes } from './tokens.ts';
import type { User } from './world-types.ts';

/**
 * `GET /vNN.0/dialog/oauth` shows the page; its form POSTs to the same address, without any script:
 * `action` = `continue` or `cancel` (the two buttons), `user` = id of the simulated person (default: the first),
 * `granted` once per ticked permission, and every parameter of the dialog's own address again
 * (`client_id`, `redirect_uri`, `state`, `scope`, `config_id`, `response_type`, `auth_type`, `code_challenge`, …).
 * A POST without any `granted` field and without `granted_shown` grants all that was asked.
 */
export function dialog(sim: Simulator, call: GraphCall, granted: readonly string[]): Reply {
  const { params } = call;
  const problem = problemOf(sim, params);
  if (problem !== undefined) {
    return page(400, `<h1>${escapeHtml(problem)}</h1><p>Facebook does not return to the app from here.</p>`);
  }
  if (call.method !== 'POST') {
    return page(200, form(sim, params));
  }
  return params['action'] === 'cancel' ? cancelled(params) : continued(sim, params, granted);
}

function problemOf(sim: Simulator, params: Params): string | undefined {
  if (params['client_id'] !== sim.app.id) {
    return 'Invalid App ID: The provided app ID does not look like a valid app ID.';
  }
  const address = params['redirect_uri'] ?? '';
  if (!URL.canParse(address)) {
    return 'The parameter redirect_uri is required.';
  }
  if (sim.app.redirectUris.length > 0 && !sim.app.redirectUris.includes(address)) {
    return 'URL blocked: This redirect failed because the redirect URI is not white-listed in the app’s client OAuth settings.';
  }
  return undefined;
}

/** Permissions asked for: a configuration names its own, and all or none are granted. */
function askedScopes(params: Params): string[] {
  if (params['config_id']) {
    return [...allScopes];
  }
  const scopes = (params['scope'] ?? '').split(/[\s,]+/).filter((scope) => scope !== '');
  return [...new Set(['public_profile', ...scopes])];
}

function userOf(sim: Simulator, params: Params): User {
  const people = sim.world.users.filter((user) => user.systemOf === undefined);
  const user = people.find(({ id }) => id === params['user']) ?? people[0];
  if (user === undefined) {
    throw new Error('the world has no people');
  }
  return user;
}

function continued(sim: Simulator, params: Params, ticked: readonly string[]): Reply {
  const user = userOf(sim, params);
  const asked = askedScopes(params);
  const partial = !params['config_id'] && (ticked.length > 0 || params['granted_shown'] === '1');
  const declinedBefore = params['auth_type'] === 'rerequest' ? [] : sim.tokens.declined(user.id);
  const wanted = partial ? asked.filter((scope) => ticked.includes(scope) || scope === 'public_profile') : asked;
  const granted = wanted.filter((scope) => !declinedBefore.includes(scope));
  const denied = asked.filter((scope) => !granted.includes(scope));
  for (const scope of asked) {
    sim.tokens.setPermission(user.id, scope, granted.includes(scope) ? 'granted' : 'declined');
  }
  return back(params, successQuery(sim, params, user, granted, denied));
}

function successQuery(
  sim: Simulator,
  params: Params,
  user: User,
  granted: string[],
  denied: string[],
): Record<string, string> {
  const type = params['response_type'] ?? 'code';
  const scopes: Record<string, string> =
    type.includes('granted_scopes') || params['return_scopes'] === 'true'
      ? { granted_scopes: granted.join(','), denied_scopes: denied.join(',') }
      : {};
  return { code: newCode(sim, params, user, granted), ...scopes, ...stateOf(params) };
}

/** A single-use code. For a configuration that issues system users' tokens, it stands for the first business's system user. */
function newCode(sim: Simulator, params: Params, user: User, scopes: readonly string[]): string {
  const systemUser =
    Boolean(params['config_id']) &&
    params['override_default_response_type'] === 'true' &&
    sim.settings.configGivesSystemUser;
  const system = sim.world.users.find(({ systemOf }) => systemOf !== undefined && user.businesses.includes(systemOf));
  const code = `AQD${randomBytes(96).toString('base64url')}`;
  sim.codes.set(code, {
    userId: systemUser && system !== undefined ? system.id : user.id,
    redirectUri: params['redirect_uri'] ?? '',
    scopes,
    challenge: params['code_challenge'] || undefined,
    challengeMethod: params['code_challenge_method'] ?? 'plain',
    systemUser: systemUser && system !== undefined,
    expiresAt: sim.clock.now() + sim.settings.codeLifetimeSeconds * 1000,
    used: false,
  });
  return code;
}

function cancelled(params: Params): Reply {
  return back(params, {
    error_reason: 'user_denied',
    error: 'access_denied',
    error_description: 'Permissions error',
    error_code: '200',
    ...stateOf(params),
  });
}

function stateOf(params: Params): Record<string, string> {
  return params['state'] === undefined ? {} : { state: params['state'] };
}

function back(params: Params, query: Readonly<Record<string, string>>): Reply {
  const url = new URL(params['redirect_uri'] ?? '');
  for (const [name, value] of Object.entries(query)) {
    url.searchParams.set(name, value);
  }
  return { status: 302, headers: { Location: `${url}#_=_`, 'Content-Type': 'text/html; charset=utf-8' }, text: '' };
}

function form(sim: Simulator, params: Params): string {
  const { user: _user, action: _action, granted: _granted, ...kept } = params;
  const hidden = Object.entries(kept).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  const people = sim.world.users
    .filter((user) => user.systemOf === undefined)
    .map(({ id, name }) => `<option value="${id}">${escapeHtml(name)}</option>`);
  const person = userOf(sim, params);
  const declined = params['auth_type'] === 'rerequest' ? [] : sim.tokens.declined(person.id);
  const boxes = askedScopes(params)
    .filter((scope) => !declined.includes(scope))
    .map(
      (scope) =>
        `<li><label><input type="checkbox" name="granted" value="${escapeHtml(scope)}" checked${scope === 'public_profile' ? ' disabled' : ''}> ${escapeHtml(scope)}</label></li>`,
    );
  const permissions = params['config_id']
    ? `<p>Configuration ${escapeHtml(params['config_id'])}: all permissions or none.</p>`
    : `<input type="hidden" name="granted_shown" value="1"><fieldset><legend>Permissions</legend><ul>${boxes.join('')}</ul></fieldset>`;
  return `<h1>${escapeHtml(sim.app.name)} is requesting access</h1>
<form method="post">
${hidden.join('\n')}
<p><label>Signed in as <select name="user">${people.join('')}</select></label></p>
${permissions}
<p><button type="submit" name="action" value="continue">Continue</button>
<button type="submit" name="action" value="cancel">Cancel</button></p>
</form>`;
}

function page(status: number, content: string): Reply {
  const text = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Log in with Facebook (simulated)</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}ul{list-style:none;padding:0}
button{font:inherit;padding:.5rem 1.25rem;margin-right:.5rem;border-radius:.4rem;border:1px solid #1b5fc1}
button[value=continue]{background:#1b5fc1;color:#fff}</style></head>
<body>${content}</body></html>`;
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, text };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
