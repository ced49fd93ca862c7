/** What the questions of a form mean: who the person is, or an answer to keep. Pure, without zod. */

/** What an answer becomes. `answer`: it stays what it is, an answer. */
export const mappingTargets = ['full_name', 'first_name', 'last_name', 'email', 'phone', 'answer'] as const;
export type MappingTarget = (typeof mappingTargets)[number];

export interface FormQuestion {
  key: string;
  label: string;
  /** Meta's type, e.g. `PHONE` or `CUSTOM`; empty where it is not known. */
  type: string;
  options: readonly { key: string; value: string }[];
}

/** A box to tick, with the words beside it. */
export interface Disclaimer {
  key: string;
  text: string;
}

/** What is known of a form when a lead of it is read. */
export interface FormMapping {
  questions: readonly FormQuestion[];
  /** What a person decided, by question key. */
  chosen: Readonly<Record<string, MappingTarget>>;
}

const byType: Readonly<Record<string, MappingTarget>> = {
  FULL_NAME: 'full_name',
  FIRST_NAME: 'first_name',
  LAST_NAME: 'last_name',
  EMAIL: 'email',
  WORK_EMAIL: 'email',
  PHONE: 'phone',
  WORK_PHONE_NUMBER: 'phone',
  WHATSAPP_NUMBER: 'phone',
};
const byKey: readonly (readonly [MappingTarget, RegExp])[] = [
  ['full_name', /^(full_?name|name|nombre_completo|nombre_y_apellido)$/],
  ['first_name', /^(first_?name|nombres?)$/],
  ['last_name', /^(last_?name|apellidos?)$/],
  ['email', /^(e_?mail|email_address|correo(_electronico)?)$/],
  ['phone', /^(phone(_number)?|telefono|celular|whatsapp(_number)?|movil)$/],
];
// A question in the form's own words, e.g. "¿A qué WhatsApp te escribimos?": only where nothing else asks for it, and one writes freely.
const byWords: readonly (readonly [MappingTarget, RegExp])[] = [
  ['email', /\b(e-?mail|correo)\b/],
  ['phone', /\b(telefono|celular|whatsapp|movil|phone|mobile)\b/],
];

/** What each question means: what a person chose, else what its type, its key or its words say. Questions that are not known go by their key. */
export function targetsOf({ questions, chosen }: FormMapping): (key: string) => MappingTarget {
  const targets = new Map<string, MappingTarget>(questions.map((question) => [question.key, plainTarget(question)]));
  for (const [target, words] of byWords) {
    if ([...targets.values()].includes(target)) continue;
    const asking = questions.find((question) => isFree(question) && words.test(fold(question.label)));
    if (asking !== undefined) targets.set(asking.key, target);
  }
  const decided = new Map(Object.entries(chosen));
  return (key) => decided.get(key) ?? targets.get(key) ?? targetOfKey(key);
}

/** Without anything known of the form. */
export const unknownForm: FormMapping = { questions: [], chosen: {} };

const plainTarget = ({ key, type }: FormQuestion): MappingTarget => byType[type] ?? targetOfKey(key);
const isFree = ({ type, options }: FormQuestion): boolean => type === 'CUSTOM' && options.length === 0;

function targetOfKey(key: string): MappingTarget {
  const folded = fold(key)
    .trim()
    .replace(/[\s-]+/g, '_');
  return byKey.find(([, pattern]) => pattern.test(folded))?.[0] ?? 'answer';
}

const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** Answers in the words of the form: the question's label, and an option's text for its key. */
export function inWords<A extends { name: string; values: readonly string[] }>(
  answers: readonly A[],
  questions: readonly FormQuestion[],
): { name: string; values: readonly string[] }[] {
  return answers.map(({ name, values }) => {
    const question = questions.find(({ key }) => key === name);
    const text = (value: string) => question?.options.find(({ key }) => key === value)?.value ?? value;
    return { name: question?.label || name, values: values.map(text) };
  });
}
