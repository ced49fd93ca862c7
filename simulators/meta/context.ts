import { deadToken, GraphError, missingPermission, unknownObject } from './errors.ts';
import type { GraphCall } from './http.ts';
import type { Lead } from './leads.ts';
import type { Report } from './reports.ts';
import type { Simulator } from './simulator.ts';
import type { PermissionStatus, TokenInfo } from './tokens.ts';
import { hmacHex, sameText } from './wire.ts';
import { find, type Page, type User, type WorldObject } from './world-types.ts';

/** Anything an id may stand for. */
export type GraphNode =
  | WorldObject
  | Lead
  | Report
  | { readonly kind: 'app'; readonly id: string }
  | { readonly kind: 'dataset'; readonly id: string };

/** Who calls, as the token tells. */
export interface Caller {
  readonly token: string;
  readonly info: TokenInfo;
  readonly user: User | undefined;
  readonly permissions: ReadonlyMap<string, PermissionStatus>;
}

/** One call on one node, as edge handlers receive it. */
export interface Context<N extends GraphNode = GraphNode> {
  readonly sim: Simulator;
  readonly call: GraphCall;
  readonly caller: Caller;
  readonly node: N;
}

/**
 * Reads the token of a call. Throws 2500 or 104 without one, 190 for a dead one,
 * 100 for a wrong `appsecret_proof` or, where the app requires it, a missing one.
 */
export function authenticate(sim: Simulator, call: GraphCall): Caller {
  const { token } = call;
  if (token === undefined || token === '') {
    throw call.path.startsWith('me')
      ? new GraphError(2500, 'An active access token must be used to query information about the current user.')
      : new GraphError(104, 'An access token is required to request this resource.');
  }
  const info = sim.tokens.check(token);
  checkProof(sim, call, token);
  const user = find(sim.world, 'user', info.userId);
  if (user === undefined && info.kind !== 'APP') {
    throw deadToken();
  }
  return { token, info, user, permissions: sim.tokens.permissions(info) };
}

function checkProof(sim: Simulator, call: GraphCall, token: string): void {
  const proof = call.params['appsecret_proof'];
  if (proof === undefined || proof === '') {
    if (sim.settings.requireProof && token !== `${sim.app.id}|${sim.app.secret}`) {
      throw new GraphError(100, 'API calls from the server require an appsecret_proof argument', {
        type: 'GraphMethodException',
      });
    }
    return;
  }
  if (!sameText(proof, hmacHex(sim.app.secret, token))) {
    throw new GraphError(100, 'Invalid appsecret_proof provided in the API argument', { type: 'GraphMethodException' });
  }
}

/** Throws 200 unless one of the permissions was granted. An app token passes only where the edge allows it by itself. */
export function requireScope(caller: Caller, ...anyOf: readonly string[]): void {
  if (!anyOf.some((scope) => caller.permissions.get(scope) === 'granted')) {
    throw missingPermission(anyOf[0] ?? '');
  }
}

/** The node behind an id, `me` included. Throws 100/33 when there is none or this caller may not see it. */
export function resolveNode(sim: Simulator, caller: Caller, id: string, method: string): GraphNode {
  const node = id === 'me' ? myself(sim, caller) : lookUp(sim, id);
  if (node === undefined || (id !== 'me' && !mayRead(sim, caller, node))) {
    throw unknownObject(id, method);
  }
  return node;
}

function myself(sim: Simulator, caller: Caller): GraphNode | undefined {
  if (caller.info.kind === 'PAGE') {
    return find(sim.world, 'page', caller.info.pageId);
  }
  if (caller.info.kind === 'APP') {
    throw new GraphError(2500, 'An active access token must be used to query information about the current user.');
  }
  return caller.user;
}

function lookUp(sim: Simulator, id: string): GraphNode | undefined {
  if (id === sim.app.id || id === 'app') {
    return { kind: 'app', id: sim.app.id };
  }
  const lead = sim.leads.byId(id);
  if (lead !== undefined) {
    return lead.visibleAt <= sim.clock.now() ? lead : undefined;
  }
  if (sim.world.businesses.some((business) => business.datasetId === id)) {
    return { kind: 'dataset', id };
  }
  return sim.world.byId.get(id) ?? sim.reports.byId(id);
}

function mayRead(sim: Simulator, caller: Caller, node: GraphNode): boolean {
  if (node.kind === 'app') {
    return true;
  }
  if (caller.user === undefined) {
    return false;
  }
  if (caller.info.kind === 'PAGE') {
    return pageIdOf(sim, node) === caller.info.pageId;
  }
  switch (node.kind) {
    case 'business':
      return caller.user.businesses.includes(node.id);
    case 'user':
      return node.id === caller.user.id;
    case 'account':
      return caller.user.accounts.includes(node.id);
    case 'campaign':
    case 'adset':
    case 'ad':
    case 'creative':
    case 'report':
      return caller.user.accounts.includes(node.accountId);
    case 'dataset':
      return sim.world.businesses.some(
        (business) => business.datasetId === node.id && caller.user?.businesses.includes(business.id),
      );
    default:
      return caller.user.pages.includes(pageIdOf(sim, node) ?? '');
  }
}

function pageIdOf(sim: Simulator, node: GraphNode): string | undefined {
  if (node.kind === 'page') {
    return node.id;
  }
  return node.kind === 'form' || node.kind === 'lead' ? find(sim.world, 'page', node.pageId)?.id : undefined;
}

/** Throws 200 unless the caller manages the page: lead delivery and lead reading both need the role. */
export function requirePageTask(page: Page, task: string): void {
  if (!page.tasks.includes(task)) {
    throw new GraphError(
      200,
      '(#200) User does not have sufficient administrative permission for this action on this page. If the page business requires Two Factor Authentication, the user also needs to enable Two Factor Authentication.',
      { status: 403 },
    );
  }
}
