import type { RuleTrials } from '../adapters/postgres/rule-trials.ts';
import type { NewRule } from '../adapters/postgres/rules.ts';
import {
  audiences,
  fillVariables,
  isMessage,
  type MessageStep,
  type RuleStep,
  reminderDates,
  reminderSides,
  render,
  triggers,
} from '../domain/automation.ts';
import { type Candidate, costOf, dryRun, sumOf } from '../domain/dry-run.ts';
import { leadStatuses } from '../domain/lead.ts';
import { asksConsent, partsOf, templateProblem } from '../domain/template.ts';
import type { Translate } from './i18n.ts';
import {
  draftOf,
  reminderOf,
  stepKinds,
  stepsShown,
  templateOf,
  units,
  type Values,
  variableSources,
} from './rule-form.ts';
import { sentenceOf } from './rule-sentence.ts';

export interface EditorState {
  values: Values;
  /** Keys under `rules:error`, by field. */
  errors: Record<string, string>;
  /** Shows the preview and the dry run. */
  isTry?: boolean;
  status?: number;
}

type Options = Awaited<ReturnType<RuleTrials['options']>>;

interface EditorInput {
  options: Options;
  state: EditorState;
  t: Translate;
  /** Given where the rule is to be tried. */
  ruleTrials?: RuleTrials;
  tenantId?: number;
}

/** Everything the editor shows: the fields, the sentence, and what the rule would have done. */
export async function editorProps({ options, state, t, ruleTrials, tenantId }: EditorInput) {
  const { values, errors } = state;
  const { rule } = draftOf(values, options.templates);
  const trial =
    rule && ruleTrials && tenantId !== undefined ? await tryOut(rule, options, values, ruleTrials, tenantId) : null;
  return {
    values,
    errors,
    triggers,
    statuses: leadStatuses,
    units,
    variableSources,
    reminderDates,
    reminderSides,
    stepKinds,
    audiences,
    templates: options.templates.map((template) => ({ ...template, id: `${template.name}|${template.language}` })),
    campaigns: options.campaigns,
    forms: options.forms,
    limits: options.limits,
    steps: stepsShown(values, options.templates),
    said: sentenceOf(rule ?? unfinished(values), options, t),
    trial,
  };
}

/** As much of a rule as stands in the form, for its sentence. */
function unfinished(values: Values): Pick<NewRule, 'trigger' | 'conditions' | 'steps' | 'dailyCap'> {
  const steps = stepsShown(values, []).map(({ i, kind, wait, unit, template, setStatus, notify }): RuleStep => {
    const minutes = Number(wait) * ({ m: 1, h: 60, d: 1440 }[unit] ?? 1);
    const waitMinutes = Number.isInteger(minutes) && minutes > 0 ? minutes : 0;
    if (kind === 'status') return { waitMinutes, setStatus };
    if (kind === 'notify') return { waitMinutes, notify: notify === 'team' ? 'team' : 'seller' };
    const [templateName = '', language = ''] = (values[`s${i}_template`] ?? template).split('|');
    return {
      templateName,
      language,
      variables: [],
      waitMinutes,
    };
  });
  const hours = Number(values['hours']);
  const remind = reminderOf(values);
  const words = (values['words'] ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);
  return {
    trigger: triggers.find((each) => each === values['trigger']) ?? 'new_lead',
    conditions: {
      ...(values['campaign'] ? { campaignIds: [values['campaign']] } : {}),
      ...(values['form'] ? { formIds: [values['form']] } : {}),
      ...(leadStatuses.some((status) => status === values['status']) ? { toStatuses: [values['status'] ?? ''] } : {}),
      ...(hours > 0 ? { afterHours: hours } : {}),
      ...(words.length > 0 ? { words } : {}),
      ...(remind !== null ? { remind } : {}),
    },
    steps,
    dailyCap: Number(values['cap']) > 0 ? Number(values['cap']) : null,
  };
}

const PREVIEWED = 20;

async function tryOut(rule: NewRule, options: Options, values: Values, ruleTrials: RuleTrials, tenantId: number) {
  const candidates = await ruleTrials.candidates(tenantId, rule);
  const messages = rule.steps.filter(isMessage);
  const problems = messages.map((step) => templateProblem(templateFor(step, options), step.variables.length));
  const { template_cap: cap, template_cap_hours: capHours, heed_consent: heedConsent } = options.limits;
  const [firstMessage] = messages;
  const result = dryRun(candidates, {
    steps: rule.steps,
    problem: problems.find((each) => each !== null) ?? null,
    cap,
    capHours,
    asksConsent: heedConsent && firstMessage !== undefined && asksConsent(templateFor(firstMessage, options)),
  });
  const people = [...new Map(candidates.map((each) => [each.leadId, each])).values()].slice(0, PREVIEWED);
  const shown =
    people.find(({ leadId }) => leadId === values['lead']) ??
    people.find((each) => isWhole(each, messages)) ??
    people[0];
  return {
    ...result,
    sendsMessages: messages.length > 0,
    cost: await costs(messages, result.sends, options, ruleTrials, tenantId),
    people: people.map(({ leadId, fullName }) => ({ leadId, fullName })),
    preview:
      shown === undefined ? null : { ...shown, messages: messages.map((step) => wordsFor(step, shown, options)) },
  };
}

const isWhole = (candidate: Candidate, messages: readonly MessageStep[]): boolean =>
  candidate.fullName !== null &&
  !candidate.isTest &&
  messages.every(({ variables }) => fillVariables(variables, candidate) !== null);
const templateFor = (step: MessageStep, { templates }: Options) =>
  templateOf(`${step.templateName}|${step.language}`, templates);

/** What the person would read; null where a variable has no words for them. */
function wordsFor(step: MessageStep, candidate: Candidate, options: Options) {
  const parts = partsOf(templateFor(step, options)?.components ?? []);
  const words = fillVariables(step.variables, candidate);
  return { waitMinutes: step.waitMinutes, parts, body: words === null ? null : render(parts.body, words) };
}

/** At most: everybody gets every step. Null when no message of these templates ever had a price. */
async function costs(
  steps: readonly MessageStep[],
  sends: number,
  options: Options,
  ruleTrials: RuleTrials,
  tenantId: number,
) {
  const totals = new Map<string, string>();
  for (const step of steps) {
    const template = templateFor(step, options);
    const price = template === null ? null : await ruleTrials.price(tenantId, template);
    if (price === null) return null;
    totals.set(price.currency, sumOf(totals.get(price.currency) ?? '0', costOf(sends, price.price)));
  }
  const [first] = totals;
  return first === undefined || totals.size > 1 ? null : { amount: first[1], currency: first[0] };
}
