import type { RuleTemplate } from '../adapters/postgres/rule-trials.ts';
import type { NewRule, Rule } from '../adapters/postgres/rules.ts';
import {
  isPossible,
  MOST_STEPS,
  type Reminder,
  type RuleConditions,
  type RuleStep,
  reminderDates,
  stepsOf,
  triggers,
  type VariableSource,
  variableNames,
} from '../domain/automation.ts';
import { leadStatuses } from '../domain/lead.ts';
import { asksForMore, partsOf, placeholdersIn, templateProblem } from '../domain/template.ts';

/** The editor's form: what was typed, what it means, and what is wrong with it, by field. */

export type Values = Readonly<Record<string, string>>;
export const variableSources = [...variableNames, 'text'] as const;
/** What a step does. */
export const stepKinds = ['message', 'status', 'notify'] as const;
export const units = ['m', 'h', 'd'] as const;
const MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 24 * 60 };
const MOST_MINUTES = 60 * 24 * 60;

/** Errors are keys under `rules:error`. */
export interface Draft {
  rule?: NewRule;
  errors: Record<string, string>;
}

export const stepCount = (values: Values): number => Math.min(Math.max(Number(values['steps']) || 1, 1), MOST_STEPS);
const templateId = ({ name, language }: { name: string; language: string }): string => `${name}|${language}`;
export const templateOf = (id: string | undefined, templates: readonly RuleTemplate[]): RuleTemplate | null =>
  templates.find((template) => templateId(template) === id) ?? null;

/** A stored rule as its form shows it. */
export function valuesOf(rule: Rule): Values {
  const conditions = rule.trigger_conditions;
  const steps = stepsOf(rule.action_config);
  return {
    name: rule.name,
    trigger: rule.trigger_type,
    status: conditions.toStatuses?.[0] ?? '',
    hours: String(conditions.afterHours ?? ''),
    words: (conditions.words ?? []).join(', '),
    r_date: conditions.remind?.date ?? 'expected',
    r_side: conditions.remind?.side ?? 'before',
    r_hours: String(conditions.remind?.hours ?? ''),
    campaign: conditions.campaignIds?.[0] ?? '',
    form: conditions.formIds?.[0] ?? '',
    cap: rule.daily_cap === null ? '' : String(rule.daily_cap),
    steps: String(steps.length),
    ...Object.assign({}, ...steps.map(stepValues)),
  };
}

function stepValues(step: RuleStep, i: number): Values {
  const unit = units.findLast((each) => step.waitMinutes > 0 && step.waitMinutes % (MINUTES[each] ?? 1) === 0) ?? 'm';
  const wait = { [`s${i}_wait`]: String(step.waitMinutes / (MINUTES[unit] ?? 1)), [`s${i}_unit`]: unit };
  if ('setStatus' in step) return { ...wait, [`s${i}_do`]: 'status', [`s${i}_status`]: step.setStatus };
  if ('notify' in step) return { ...wait, [`s${i}_do`]: 'notify', [`s${i}_notify`]: step.notify };
  const variables = step.variables.map((source, n) => ({
    [`s${i}_v${n + 1}`]: typeof source === 'object' ? 'text' : source,
    [`s${i}_t${n + 1}`]: typeof source === 'object' ? source.text : '',
  }));
  return {
    ...wait,
    [`s${i}_do`]: 'message',
    [`s${i}_template`]: templateId({ name: step.templateName, language: step.language }),
    ...Object.assign({}, ...variables),
  };
}

/** The rule that was typed, or what is wrong. */
export function draftOf(values: Values, templates: readonly RuleTemplate[]): Draft {
  const errors: Record<string, string> = {};
  const name = (values['name'] ?? '').trim();
  if (name === '' || name.length > 200) errors['name'] = 'name';
  const trigger = triggers.find((each) => each === values['trigger']);
  if (trigger === undefined) errors['trigger'] = 'trigger';
  const conditions = conditionsOf(values, trigger, errors);
  const cap = (values['cap'] ?? '').trim();
  if (cap !== '' && !/^[1-9]\d{0,5}$/.test(cap)) errors['cap'] = 'cap';
  const steps = Array.from({ length: stepCount(values) }, (_, i) => stepOf(values, i, templates, errors));
  if (trigger === undefined || Object.keys(errors).length > 0) return { errors };
  return { rule: { name, trigger, conditions, steps, dailyCap: cap === '' ? null : Number(cap) }, errors };
}

function conditionsOf(
  values: Values,
  trigger: NewRule['trigger'] | undefined,
  errors: Record<string, string>,
): RuleConditions {
  const conditions: RuleConditions = {
    ...(values['campaign'] ? { campaignIds: [values['campaign']] } : {}),
    ...(values['form'] ? { formIds: [values['form']] } : {}),
  };
  if (trigger === 'status_change') {
    if (leadStatuses.some((status) => status === values['status'])) conditions.toStatuses = [values['status'] ?? ''];
    else errors['status'] = 'status';
  }
  if (trigger === 'no_reply') {
    const hours = Number((values['hours'] ?? '').replace(',', '.'));
    if (hours > 0 && hours <= 720) conditions.afterHours = hours;
    else errors['hours'] = 'hours';
  }
  if (trigger === 'keyword') {
    const words = (values['words'] ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
    if (words.length > 0 && words.length <= 20 && words.every((word) => word.length <= 60)) conditions.words = words;
    else errors['words'] = 'words';
  }
  if (trigger === 'reminder') {
    const remind = reminderOf(values);
    if (remind === null) errors['r_hours'] = 'remind';
    else if (isPossible(remind)) conditions.remind = remind;
    else errors['r_side'] = 'remindSide';
  }
  return conditions;
}

/** Null where no hours stand. */
export function reminderOf(values: Values): Reminder | null {
  const text = (values['r_hours'] ?? '').trim().replace(',', '.');
  const hours = Number(text);
  if (text === '' || !(hours >= 0 && hours <= 8760)) return null;
  const date = reminderDates.find((each) => each === values['r_date']) ?? 'expected';
  return { date, side: values['r_side'] === 'after' ? 'after' : 'before', hours };
}

const kindOf = (values: Values, i: number): (typeof stepKinds)[number] =>
  stepKinds.find((each) => each === values[`s${i}_do`]) ?? 'message';

function stepOf(
  values: Values,
  i: number,
  templates: readonly RuleTemplate[],
  errors: Record<string, string>,
): RuleStep {
  const waitMinutes = Number(values[`s${i}_wait`] || '0') * (MINUTES[values[`s${i}_unit`] ?? 'm'] ?? Number.NaN);
  if (!Number.isInteger(waitMinutes) || waitMinutes < 0 || waitMinutes > MOST_MINUTES) errors[`s${i}_wait`] = 'wait';
  const kind = kindOf(values, i);
  if (kind === 'status') {
    const setStatus = leadStatuses.find((each) => each === values[`s${i}_status`]);
    if (setStatus === undefined) errors[`s${i}_status`] = 'setStatus';
    return { waitMinutes, setStatus: setStatus ?? '' };
  }
  if (kind === 'notify') return { waitMinutes, notify: values[`s${i}_notify`] === 'team' ? 'team' : 'seller' };
  const template = templateOf(values[`s${i}_template`], templates);
  const wanted = template === null ? 0 : placeholdersIn(partsOf(template.components).body);
  const problem = templateProblem(template, wanted);
  if (problem !== null) errors[`s${i}_template`] = problem;
  const variables = Array.from({ length: wanted }, (_, n) => variableOf(values, `s${i}`, n + 1, errors));
  const [templateName = '', language = ''] = (values[`s${i}_template`] ?? '').split('|');
  return { templateName, language, variables, waitMinutes };
}

function variableOf(values: Values, step: string, n: number, errors: Record<string, string>): VariableSource {
  const source = values[`${step}_v${n}`];
  const named = variableNames.find((name) => name === source);
  if (named !== undefined) return named;
  const text = (values[`${step}_t${n}`] ?? '').trim();
  if (source !== 'text') errors[`${step}_v${n}`] = 'variable';
  else if (text === '' || text.length > 1024) errors[`${step}_t${n}`] = 'text';
  return { text };
}

/** What the view shows of each step. */
export const stepsShown = (values: Values, templates: readonly RuleTemplate[]) =>
  Array.from({ length: stepCount(values) }, (_, i) => {
    const template = templateOf(values[`s${i}_template`], templates);
    const parts = template === null ? null : partsOf(template.components);
    return {
      i,
      kind: kindOf(values, i),
      setStatus: values[`s${i}_status`] ?? '',
      notify: values[`s${i}_notify`] ?? 'seller',
      wait: values[`s${i}_wait`] ?? '0',
      unit: values[`s${i}_unit`] ?? 'm',
      template: values[`s${i}_template`] ?? '',
      known: template,
      isUnsupported: template !== null && asksForMore(template.components),
      parts,
      variables: Array.from({ length: parts === null ? 0 : placeholdersIn(parts.body) }, (_, n) => ({
        n: n + 1,
        source: values[`s${i}_v${n + 1}`] ?? '',
        text: values[`s${i}_t${n + 1}`] ?? '',
      })),
    };
  });
