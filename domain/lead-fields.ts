import { type FormMapping, inWords, targetsOf } from './form-mapping.ts';

export interface FormFields extends FormMapping {
  formId: string;
}

/** A question whose answers are kept: not one that says who the person is. */
export interface LeadField {
  key: string;
  label: string;
  /** Those that ask it, and mean an answer by it. */
  forms: readonly FormFields[];
}

/** What a person answered, with the form that asked; null: the form asked something else, or got no answer. */
export interface FieldAnswer {
  form_id: string | null;
  values: readonly string[] | null;
}

/** The fields of all forms, those that most forms ask first. A question of several forms is one by its key. */
export function leadFields(forms: readonly FormFields[]): LeadField[] {
  const fields = new Map<string, { key: string; label: string; forms: FormFields[] }>();
  for (const form of forms) {
    const targetOf = targetsOf(form);
    for (const { key, label } of form.questions) {
      if (targetOf(key) !== 'answer') continue;
      const field = fields.get(key) ?? { key, label: label || key, forms: [] };
      field.forms.push(form);
      fields.set(key, field);
    }
  }
  return [...fields.values()].sort((a, b) => b.forms.length - a.forms.length || (a.label < b.label ? -1 : 1));
}

/** The segment of an answer: its words, the same whatever their case. Several ticked at once are one segment, so that each person is in one. */
export function segmentOf(
  { key, forms }: LeadField,
  { form_id, values }: FieldAnswer,
): { key: string; name: string | null } {
  const questions = forms.find(({ formId }) => formId === form_id)?.questions ?? [];
  const [answer] = inWords([{ name: key, values: values ?? [] }], questions);
  const name = (answer?.values ?? [])
    .map((value) => value.trim())
    .filter((value) => value !== '')
    .sort()
    .join(', ');
  return { key: name.toLocaleLowerCase(), name: name === '' ? null : name };
}
