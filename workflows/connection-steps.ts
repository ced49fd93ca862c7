import { ApplicationFailure, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ConnectionActivities } from '../activities/connection.ts';
import type { ConnectionCheckActivities } from '../activities/connection-checks.ts';
import type { ReminderActivities } from '../activities/reminders.ts';
import {
  ATTEMPT_LIFE_MS,
  canMove,
  endReason,
  isLive,
  nextRenewal,
  rejectionReason,
  STATE_LIFE_MS,
  tokenEnd,
} from '../domain/connection.ts';
import { type ConnectionState, fresh, move, type OfAttempt, reminderOf } from './connection-state.ts';
import { codeOf, detailsOf } from './failure.ts';

// A person waits for these: when Meta asks for a longer pause than this, they are told instead.
const { exchangeCode, listAssets, confirmConnection, testToken, examineConnection } = proxyActivities<
  ConnectionActivities & ConnectionCheckActivities
>({
  startToCloseTimeout: '40 seconds',
  scheduleToCloseTimeout: '45 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 4 },
});
const { refreshToken, startSyncing, disconnectMeta, mailReminder } = proxyActivities<
  ConnectionActivities & ReminderActivities
>({
  startToCloseTimeout: '60 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '5 seconds', maximumInterval: '10 minutes' },
});
const {
  beginAttempt,
  chooseAssets,
  failAttempt,
  isReturnUndelivered,
  markReconnectNeeded,
  noteRefreshFailed,
  noteReminder,
} = proxyLocalActivities<ConnectionActivities & ReminderActivities>({ startToCloseTimeout: '10 seconds' });

/** A person pressed "Connect": their sign-in is the current one from now on. Repeating it changes nothing. */
export async function begin(tenantId: number, state: ConnectionState, attemptId: string): Promise<void> {
  if (state.attempt?.attemptId === attemptId) return;
  await beginAttempt({ tenantId, attemptId }).catch(asUpdateFailure);
  state.attempt = { attemptId, step: 'started', until: Date.now() + STATE_LIFE_MS };
  state.returned = null;
  if (canMove(state.status, 'connecting')) move(state, 'connecting');
}

/** Reads what the chosen business holds. */
export const readAssets = (tenantId: number, args: OfAttempt & { businessId: string | null }) =>
  listAssets({ tenantId, ...args }).catch(asUpdateFailure);

/** Notes what the person chose. */
export const noteChoice = (tenantId: number, args: OfAttempt & { adAccountIds: string[]; pageIds: string[] }) =>
  chooseAssets({ tenantId, ...args }).catch(asUpdateFailure);

/** The candidate token becomes the tenant's; syncing starts right after. */
export async function confirm(tenantId: number, state: ConnectionState, { attemptId }: OfAttempt): Promise<void> {
  state.ends = await confirmConnection({ tenantId, attemptId }).catch(asUpdateFailure);
  state.attempt = null;
  state.rejection = null; // it spoke of the token before
  state.lastTry = null;
  state.reminded = null;
  state.jitter = Math.random();
  state.syncStartDue = true;
  move(state, 'connected');
}

/** What Meta says of the token now; the main loop ends the connection when it is dead. */
export async function test(tenantId: number, state: ConnectionState) {
  const { subcode, tokenVersion, ...result } = await testToken({ tenantId }).catch(asUpdateFailure);
  if (!result.isValid) state.rejection = { subcode, tokenVersion };
  return result;
}

/** The check-up; the main loop ends the connection when the token is dead. */
export async function examine(tenantId: number, state: ConnectionState): Promise<void> {
  const { isValid, subcode, tokenVersion } = await examineConnection({ tenantId }).catch(asUpdateFailure);
  if (!isValid) state.rejection = { subcode, tokenVersion };
}

/** Everything that is due, most urgent first. True after a renewal: a cycle is over. */
export async function workOff(tenantId: number, state: ConnectionState): Promise<boolean> {
  if (state.disconnect !== null) {
    await endConnection(tenantId, state, state.disconnect.userId);
    return false;
  }
  await takeReturned(tenantId, state);
  await endLateAttempt(tenantId, state);
  if (state.syncStartDue) await startSyncs(tenantId, state);
  await takeRejection(tenantId, state);
  const isRenewed = await renewIfDue(tenantId, state);
  await remindIfDue(tenantId, state);
  return isRenewed;
}

async function endConnection(tenantId: number, state: ConnectionState, userId: string | null): Promise<void> {
  state.disconnect = null;
  if (!canMove(state.status, 'disconnected')) return; // asked for twice: there is nothing left to end
  try {
    await disconnectMeta({ tenantId, userId });
  } catch {
    return; // it stays connected, and the page shows that: the person may ask again
  }
  Object.assign(state, { ...fresh(), status: state.status });
  move(state, 'disconnected');
}

async function takeReturned(tenantId: number, state: ConnectionState): Promise<void> {
  const { attempt, returned } = state;
  state.returned = null;
  if (attempt === null || attempt.attemptId !== returned || attempt.step !== 'started') return;
  const { attemptId } = attempt;
  try {
    const { outcome } = await exchangeCode({ tenantId, attemptId });
    if (outcome === 'failed') return await endAttempt(tenantId, state, 'failed');
    Object.assign(attempt, { step: 'exchanged', until: Date.now() + ATTEMPT_LIFE_MS });
  } catch (error) {
    const code = codeOf(error);
    await endAttempt(tenantId, state, code === 'invalid' ? 'code_rejected' : (code ?? 'unavailable'));
  }
}

async function endLateAttempt(tenantId: number, state: ConnectionState): Promise<void> {
  const { attempt } = state;
  if (attempt === null || Date.now() < attempt.until) return;
  // After an outage the timer and the news of the return arrive together: the news wins.
  const { attemptId } = attempt;
  const isComing = attempt.step === 'started' && (await isReturnUndelivered({ tenantId, attemptId }));
  if (isComing) attempt.until = Date.now() + STATE_LIFE_MS;
  else await endAttempt(tenantId, state, 'expired');
}

async function endAttempt(tenantId: number, state: ConnectionState, error: string): Promise<void> {
  if (state.attempt === null) return;
  await failAttempt({ tenantId, attemptId: state.attempt.attemptId, error });
  state.attempt = null;
  if (state.status === 'connecting') move(state, 'not_connected');
}

// The connection stands without it; a schedule that could not be made is made by the reconcile step at the next worker start.
async function startSyncs(tenantId: number, state: ConnectionState): Promise<void> {
  state.syncStartDue = false;
  await startSyncing({ tenantId }).catch(() => {});
}

async function takeRejection(tenantId: number, state: ConnectionState): Promise<void> {
  const { rejection } = state;
  state.rejection = null;
  if (rejection === null || !isLive(state.status)) return;
  await askForPerson(tenantId, state, rejectionReason(rejection.subcode), rejection.tokenVersion);
}

async function askForPerson(tenantId: number, state: ConnectionState, reason: string, tokenVersion: number | null) {
  const marked = await markReconnectNeeded({ tenantId, reason, tokenVersion });
  if (marked) move(state, 'reconnect_needed');
}

async function renewIfDue(tenantId: number, state: ConnectionState): Promise<boolean> {
  const { refreshAsked } = state;
  state.refreshAsked = false;
  if (!isLive(state.status)) return false;
  const end = tokenEnd(state.ends);
  if (end !== null && Date.now() >= end) {
    await askForPerson(tenantId, state, endReason(state.ends, Date.now()), null);
    return false;
  }
  const dueAt = nextRenewal(state.ends, state.lastTry, state.jitter);
  if (!refreshAsked && (dueAt === null || Date.now() < dueAt)) return false;
  await renew(tenantId, state);
  return true;
}

async function renew(tenantId: number, state: ConnectionState): Promise<void> {
  move(state, 'refreshing');
  try {
    const { moved, ...ends } = await refreshToken({ tenantId });
    Object.assign(state, { ends, lastTry: { at: Date.now(), outcome: moved ? 'moved' : 'unmoved' } });
    if (moved) Object.assign(state, { jitter: Math.random(), reminded: null });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'reconnect_required') return await endByDeadToken(tenantId, state, detailsOf(error)['subcode']);
    await noteRefreshFailed({ tenantId, code: code ?? 'unavailable' });
    state.lastTry = { at: Date.now(), outcome: 'failed' };
  }
  move(state, 'connected');
}

// Kept and shown first: a mail that cannot be sent takes nothing away from it.
async function remindIfDue(tenantId: number, state: ConnectionState): Promise<void> {
  const reminder = reminderOf(state);
  if (reminder === null || reminder.at > Date.now()) return;
  state.reminded = reminder.days;
  await noteReminder({ tenantId, days: reminder.days });
  await mailReminder({ tenantId, days: reminder.days }).catch(() => {});
}

async function endByDeadToken(tenantId: number, state: ConnectionState, subcode: unknown): Promise<void> {
  await markReconnectNeeded({
    tenantId,
    reason: rejectionReason(typeof subcode === 'number' ? subcode : null),
    tokenVersion: null,
  });
  move(state, 'reconnect_needed');
}

function asUpdateFailure(error: unknown): never {
  throw ApplicationFailure.create({
    type: codeOf(error) ?? 'unavailable',
    message: 'refused',
    nonRetryable: true,
    details: [detailsOf(error)],
  });
}
