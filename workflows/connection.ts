import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AttemptAction, AttemptStep } from '../domain/connection.ts';
import {
  type ConnectionState,
  checkStep,
  fresh,
  hasWork,
  isOver,
  nextWake,
  type OfAttempt,
  show,
  type TokenRejection,
  wakeSummary,
} from './connection-state.ts';
import { begin, confirm, examine, noteChoice, readAssets, test, workOff } from './connection-steps.ts';

export type { ConnectionState, OfAttempt, TokenRejection } from './connection-state.ts';

export const connectionWorkflowId = (tenantId: number): string => `connection:${tenantId}`;

export interface BusinessChoice extends OfAttempt {
  /** Null: the person's own ad accounts, of no business. */
  businessId: string | null;
}
export interface AssetChoice extends OfAttempt {
  adAccountIds: string[];
  pageIds: string[];
}

export interface TestResult {
  isValid: boolean;
  missingScopes: string[];
}

export const beginUpdate = defineUpdate<void, [OfAttempt]>('begin');
export const selectBusinessUpdate = defineUpdate<{ adAccounts: number; pages: number }, [BusinessChoice]>(
  'selectBusiness',
);
export const selectAssetsUpdate = defineUpdate<void, [AssetChoice]>('selectAssets');
export const confirmUpdate = defineUpdate<void, [OfAttempt]>('confirm');
/** Asks Meta whether the token is alive; a dead one also ends the connection. */
export const testUpdate = defineUpdate<TestResult, []>('test');
/** Checks everything the connection needs and keeps what was found; a dead token also ends the connection. */
export const examineUpdate = defineUpdate<void, []>('examine');
export const oauthReturnedSignal = defineSignal<[OfAttempt]>('oauthReturned');
export const tokenRejectedSignal = defineSignal<[TokenRejection]>('tokenRejected');
export const disconnectSignal = defineSignal<[{ userId: string | null }]>('disconnect');
export const refreshNowSignal = defineSignal('refreshNow');

export interface ConnectionInput {
  tenantId: number;
  carried?: ConnectionState;
}

/**
 * Keeps one tenant's Meta connection for its whole life: sign-ins step by step, renewal ahead of expiry, and its endings.
 * A sign-in while connected is a side track: the old token serves until `confirm`. Ends when there is nothing left to keep.
 */
export async function metaConnectionWorkflow({ tenantId, carried }: ConnectionInput): Promise<void> {
  const state = carried ?? fresh();
  const inTurn = createTurns();
  let cycleDone = false;
  setHandlers(tenantId, state, inTurn);
  show(state);
  for (;;) {
    const wakeAt = nextWake(state);
    const isAwake = () => hasWork(state) || nextWake(state) !== wakeAt;
    if (wakeAt === null) await condition(isAwake);
    else await condition(isAwake, Math.max(1, wakeAt - Date.now()), { summary: wakeSummary(state) });
    cycleDone = (await inTurn(() => workOff(tenantId, state))) || cycleDone;
    if (!isOver(state) && !cycleDone && !workflowInfo().continueAsNewSuggested) continue;
    await condition(allHandlersFinished);
    if (hasWork(state)) continue;
    if (isOver(state)) return;
    await continueAsNew<typeof metaConnectionWorkflow>({ tenantId, carried: state });
  }
}

type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** One piece of work at a time: an update's choice and the main loop's renewal never interleave. */
function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

function setHandlers(tenantId: number, state: ConnectionState, inTurn: InTurn): void {
  setHandler(oauthReturnedSignal, ({ attemptId }) => {
    if (state.attempt?.attemptId === attemptId) state.returned = attemptId;
  });
  setHandler(tokenRejectedSignal, (rejection) => {
    state.rejection = rejection;
  });
  setHandler(disconnectSignal, (by) => {
    state.disconnect = by;
  });
  setHandler(refreshNowSignal, () => {
    state.refreshAsked = true;
  });
  setHandler(beginUpdate, ({ attemptId }) => inTurn(() => begin(tenantId, state, attemptId)));
  setHandler(testUpdate, () => test(tenantId, state));
  setHandler(examineUpdate, () => examine(tenantId, state));
  const choose = <A extends OfAttempt, R>(action: AttemptAction, next: AttemptStep, deed: (args: A) => Promise<R>) =>
    [
      (args: A) =>
        inTurn(async () => {
          checkStep(state, action, args); // again: another turn may have moved the attempt since the validator
          const result = await deed(args);
          if (state.attempt !== null) state.attempt.step = next;
          return result;
        }),
      { validator: (args: A) => checkStep(state, action, args) },
    ] as const;
  const byBusiness = (args: BusinessChoice) => readAssets(tenantId, args);
  const byAssets = (args: AssetChoice) => noteChoice(tenantId, args);
  setHandler(selectBusinessUpdate, ...choose('selectBusiness', 'business_selected', byBusiness));
  setHandler(selectAssetsUpdate, ...choose('selectAssets', 'assets_selected', byAssets));
  setHandler(confirmUpdate, ...choose('confirm', 'confirmed', (args: OfAttempt) => confirm(tenantId, state, args)));
}
