import type { RuleOption } from '../adapters/postgres/rule-trials.ts';
import type { NewRule } from '../adapters/postgres/rules.ts';
import { isMessage, type RuleStep } from '../domain/automation.ts';
import type { Translate } from './i18n.ts';

/** A piece of the sentence; what a person can change is strong. */
export interface Piece {
  words: string;
  isStrong: boolean;
}

interface Named {
  campaigns: readonly RuleOption[];
  forms: readonly RuleOption[];
  limits: { template_cap: number; template_cap_hours: number; quiet_from: string | null; quiet_until: string | null };
}

/** The whole rule in one plain sentence, so that nobody has to read its fields. */
export function sentenceOf(
  rule: Pick<NewRule, 'trigger' | 'conditions' | 'steps' | 'dailyCap'>,
  named: Named,
  t: Translate,
): Piece[] {
  const { trigger, conditions, steps } = rule;
  const say = (key: string, values: Record<string, string> = {}): Piece[] => pieces(t, `rules:sentence.${key}`, values);
  const sentence = [
    ...say(`when.${trigger}`, {
      status: t(`leads:chip.${conditions.toStatuses?.[0] ?? 'new'}`),
      hours: String(conditions.afterHours ?? '…'),
      words: (conditions.words ?? ['…']).join(', '),
      ...remindedOf(conditions, t),
    }),
    ...where(rule, named, say),
  ];
  for (const [i, step] of steps.entries()) {
    const wait = waitOf(step.waitMinutes, t);
    sentence.push(...say(stepKey(step, i, wait), { wait: wait ?? t('rules:sentence.atOnce'), ...doneBy(step, t) }));
  }
  if (!steps.some(isMessage)) return [...sentence, ...say('end')];
  sentence.push(...say(steps.length > 1 ? 'endMany' : 'endOne'));
  const { quiet_from: until, quiet_until: from } = named.limits;
  if (until !== null && from !== null) sentence.push(...say('hours', { from, until }));
  sentence.push(
    ...say('cap', { cap: String(named.limits.template_cap), hours: String(named.limits.template_cap_hours) }),
  );
  if (rule.dailyCap !== null) sentence.push(...say('daily', { cap: String(rule.dailyCap) }));
  return sentence;
}

/** `sendNow`, `sendAfter` or `then` for a message; `statusNow`, `notifyThen` and so on for the rest. */
function stepKey(step: RuleStep, i: number, wait: string | null): string {
  if (isMessage(step)) return i === 0 ? (wait === null ? 'sendNow' : 'sendAfter') : 'then';
  const what = 'setStatus' in step ? 'status' : 'notify';
  return `${what}${i === 0 ? (wait === null ? 'Now' : 'After') : wait === null ? 'Next' : 'Then'}`;
}

function doneBy(step: RuleStep, t: Translate): Record<string, string> {
  if (isMessage(step)) return { template: step.templateName || '…' };
  if ('setStatus' in step) return { status: step.setStatus === '' ? '…' : t(`leads:chip.${step.setStatus}`) };
  return { who: t(`rules:audience.${step.notify}`) };
}

function remindedOf({ remind }: NewRule['conditions'], t: Translate): { time: string; date: string } {
  const { date, side, hours } = remind ?? { date: 'expected', side: 'before', hours: null };
  const time = hours === null ? '…' : (waitOf(Math.round(hours * 60), t) ?? t('rules:wait.m', { count: 0 }));
  return { time, date: t(`rules:remindSaid.${date}_${side}`) };
}

function where(
  { conditions }: Pick<NewRule, 'conditions'>,
  { campaigns, forms }: Named,
  say: (key: string, values: Record<string, string>) => Piece[],
): Piece[] {
  const nameIn = (options: readonly RuleOption[], id: string) => options.find((option) => option.id === id)?.name ?? id;
  const [campaign, form] = [conditions.campaignIds?.[0], conditions.formIds?.[0]];
  return [
    ...(campaign === undefined ? [] : say('campaign', { campaign: nameIn(campaigns, campaign) })),
    ...(form === undefined ? [] : say('form', { form: nameIn(forms, form) })),
  ];
}

/** "15 minutes", "2 days"; null for at once. */
export function waitOf(minutes: number, t: Translate): string | null {
  if (minutes === 0) return null;
  if (minutes % (24 * 60) === 0) return t('rules:wait.d', { count: minutes / (24 * 60) });
  return minutes % 60 === 0 ? t('rules:wait.h', { count: minutes / 60 }) : t('rules:wait.m', { count: minutes });
}

/** Translated with marks in place of the values, then cut at the marks: a value is never read as grammar, and never as markup. */
function pieces(t: Translate, key: string, values: Record<string, string>): Piece[] {
  const marks = Object.fromEntries(Object.keys(values).map((name) => [name, `\u0000${name}\u0000`]));
  return t(key, marks)
    .split('\u0000')
    .map((words, i) => ({ words: i % 2 === 1 ? (values[words] ?? '') : words, isStrong: i % 2 === 1 }))
    .filter(({ words }) => words !== '');
}
