import { fillVariables, isMessage, type LeadFacts, type RuleStep } from './automation.ts';
import { decimal, toText } from './decimal.ts';

/** Somebody whom a rule would have met. */
export interface Candidate extends LeadFacts {
  leadId: string;
  phone: string | null;
  isTest: boolean;
  isSuppressed: boolean;
  hasRefused: boolean;
  at: Date;
}

export interface DryRun {
  /** People who would have got the first message, or for whom the rule would have done its steps. */
  sends: number;
  /** All messages at most: a sequence stops at a reply. */
  messagesAtMost: number;
  /** What else would have been done at most. */
  statusChanges: number;
  notices: number;
  skips: readonly { reason: string; count: number }[];
  met: number;
  first: Candidate | null;
}

export interface DryRunInput {
  steps: readonly RuleStep[];
  problem: string | null;
  cap: number;
  capHours: number;
  /** Whoever refused gets no first message. */
  asksConsent: boolean;
}

/** What a rule would have done with these people, by the checks that dispatch makes. Only its own messages count against the cap here. */
export function dryRun(
  candidates: readonly Candidate[],
  { steps, problem, cap, capHours, asksConsent }: DryRunInput,
): DryRun {
  const skips = new Map<string, number>();
  const sentTo = new Map<string, number[]>();
  let first: Candidate | null = null;
  let sends = 0;
  // What only keeps messages back keeps nothing else back.
  const sendsMessages = steps.some(isMessage);
  for (const candidate of [...candidates].sort((a, b) => a.at.getTime() - b.at.getTime())) {
    const reason = sendsMessages
      ? (reasonAgainst(candidate, steps, problem, asksConsent) ?? capReason(sentTo, candidate, cap, capHours))
      : null;
    if (reason !== null) skips.set(reason, (skips.get(reason) ?? 0) + 1);
    else {
      sends++;
      first ??= candidate;
    }
  }
  return {
    sends,
    messagesAtMost: sends * steps.filter(isMessage).length,
    statusChanges: sends * steps.filter((step) => 'setStatus' in step).length,
    notices: sends * steps.filter((step) => 'notify' in step).length,
    skips: [...skips].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
    met: candidates.length,
    first,
  };
}

function reasonAgainst(
  candidate: Candidate,
  steps: readonly RuleStep[],
  problem: string | null,
  asksConsent: boolean,
): string | null {
  if (candidate.isTest) return 'test_lead';
  if (candidate.phone === null) return 'no_phone';
  if (candidate.isSuppressed) return 'opted_out';
  if (asksConsent && candidate.hasRefused) return 'no_consent';
  if (problem !== null) return problem;
  const lacks = steps.filter(isMessage).some(({ variables }) => fillVariables(variables, candidate) === null);
  return lacks ? 'variable_missing' : null;
}

function capReason(
  sentTo: Map<string, number[]>,
  { phone, at }: Candidate,
  cap: number,
  capHours: number,
): string | null {
  const earlier = sentTo.get(phone ?? '') ?? [];
  const since = at.getTime() - capHours * 60 * 60_000;
  if (earlier.filter((time) => time > since).length >= cap) return 'cap_reached';
  sentTo.set(phone ?? '', [...earlier, at.getTime()]);
  return null;
}

/** So many messages at this price each, as decimal text of two places. */
export const costOf = (messages: number, price: string): string => toText(decimal(price) * BigInt(messages), 2);

/** Two amounts of one currency, as decimal text of two places. */
export const sumOf = (a: string, b: string): string => toText(decimal(a) + decimal(b), 2);
