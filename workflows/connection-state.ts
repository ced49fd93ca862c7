import { ApplicationFailure, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import {
  type AttemptAction,
  type AttemptStep,
  type ConnectionStatus,
  canMove,
  isLive,
  mayAct,
  nextReminder,
  nextRenewal,
  type RenewalTry,
  type TokenEnds,
  tokenEnd,
} from '../domain/connection.ts';

export interface OfAttempt {
  attemptId: string;
}
export interface TokenRejection {
  /** Of error 190, as Meta gave it. */
  subcode: number | null;
  /** Which token was refused (`LivingToken.version`); null when unknown. */
  tokenVersion: number | null;
}

interface AttemptState extends OfAttempt {
  step: AttemptStep;
  /** When the person's time is up, in epoch milliseconds. */
  until: number;
}

/** All that a run hands to the next one: ids, steps and times. Signals that wait to be worked off are part of it. */
export interface ConnectionState {
  status: ConnectionStatus;
  ends: TokenEnds;
  lastTry: RenewalTry | null;
  /** Days before the end of the last reminder given; absent in the state of runs that knew no reminders. */
  reminded?: number | null;
  /** 0 to 1, drawn once a token: spreads the renewals of many tenants. */
  jitter: number;
  attempt: AttemptState | null;
  returned: string | null;
  rejection: TokenRejection | null;
  disconnect: { userId: string | null } | null;
  refreshAsked: boolean;
  syncStartDue: boolean;
}

/** A tenant without a connection. */
export const fresh = (): ConnectionState => ({
  status: 'not_connected',
  ends: { expiresAt: null, dataAccessExpiresAt: null },
  lastTry: null,
  reminded: null,
  jitter: Math.random(),
  attempt: null,
  returned: null,
  rejection: null,
  disconnect: null,
  refreshAsked: false,
  syncStartDue: false,
});

/** Only reads: a refused update leaves no trace in the history. */
export function checkStep({ attempt }: ConnectionState, action: AttemptAction, { attemptId }: OfAttempt): void {
  const reason = attempt?.attemptId !== attemptId ? 'superseded' : mayAct(attempt.step, action) ? null : 'step';
  if (reason === null) return;
  throw ApplicationFailure.create({ type: 'conflict', message: reason, nonRetryable: true, details: [{ reason }] });
}

/** Whether something waits that a signal or an update left behind. */
export const hasWork = (state: ConnectionState): boolean =>
  state.disconnect !== null ||
  state.returned !== null ||
  state.rejection !== null ||
  state.refreshAsked ||
  state.syncStartDue;

/** Nothing is connected and nobody is signing in. */
export const isOver = ({ status, attempt }: ConnectionState): boolean =>
  attempt === null && (status === 'not_connected' || status === 'disconnected');

/** When time itself makes work: the renewal, a reminder, or the end of a sign-in's time; epoch milliseconds, null = never. */
export function nextWake(state: ConnectionState): number | null {
  const { status, ends, lastTry, jitter, attempt } = state;
  const renewalAt = isLive(status) ? nextRenewal(ends, lastTry, jitter) : null;
  const times = [renewalAt, reminderOf(state)?.at ?? null, attempt?.until ?? null].filter((at) => at !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** The reminder that is due or comes next for a living connection. */
export const reminderOf = ({ status, ends, lastTry, reminded }: ConnectionState) =>
  isLive(status) ? nextReminder(ends, lastTry, reminded ?? null, Date.now()) : null;

export const wakeSummary = ({ attempt }: ConnectionState): string =>
  attempt === null ? 'until the token is renewed' : "until the person's time is up";

/** The only way to another status: a move that CONNECTION_MOVES does not know fails the workflow. */
export function move(state: ConnectionState, to: ConnectionStatus): void {
  if (!canMove(state.status, to))
    throw ApplicationFailure.create({ type: 'conflict', message: `${state.status} → ${to}`, nonRetryable: true });
  state.status = to;
  show(state);
}

const hubStatusKey = { name: 'HubStatus', type: 'KEYWORD' } as const;

/** Tells operators, in the Temporal UI, how the connection stands. */
export function show({ status, ends }: ConnectionState): void {
  const end = tokenEnd(ends);
  upsertSearchAttributes([{ key: hubStatusKey, value: status }]);
  setCurrentDetails(end === null ? status : `${status}; token ends ${new Date(end).toISOString()}`);
}
