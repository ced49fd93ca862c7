import { describe, expect, it } from 'vitest';
import { type FormQuestion, inWords, targetsOf, unknownForm } from './form-mapping.ts';

const question = (key: string, type = 'CUSTOM', given: Partial<FormQuestion> = {}): FormQuestion => ({
  key,
  type,
  label: key,
  options: [],
  ...given,
});
const targets = (questions: FormQuestion[], chosen = {}) =>
  questions.map(({ key }) => targetsOf({ questions, chosen })(key));

describe('What a question means', () => {
  it('follows its type, whatever its key is called', () => {
    const questions = [
      question('q1', 'FULL_NAME'),
      question('q2', 'WORK_EMAIL'),
      question('q3', 'PHONE'),
      question('q4'),
    ];
    expect(targets(questions)).toEqual(['full_name', 'email', 'phone', 'answer']);
  });

  it('follows its key where the form is not known', () => {
    const target = targetsOf(unknownForm);
    expect(['Nombre', 'last name', 'Teléfono', 'CORREO electrónico', 'zona'].map(target)).toEqual([
      'first_name',
      'last_name',
      'phone',
      'email',
      'answer',
    ]);
  });

  it('follows its words where nothing else asks for a phone, and one writes freely', () => {
    const own = question('q1', 'CUSTOM', { label: '¿A qué número de WhatsApp te escribimos?' });
    expect(targets([own])).toEqual(['phone']);
    expect(targets([question('t', 'PHONE'), own])).toEqual(['phone', 'answer']);
    expect(targets([{ ...own, options: [{ key: 'si', value: 'Sí' }] }])).toEqual(['answer']);
    expect(targets([question('q1', 'CUSTOM', { label: '¿Trabajás en telefonía?' })])).toEqual(['answer']);
  });

  it('is what a person decided, before all else', () => {
    expect(targets([question('q1', 'PHONE'), question('q2')], { q1: 'answer', q2: 'phone' })).toEqual([
      'answer',
      'phone',
    ]);
    expect(targets([question('__proto__'), question('constructor')])).toEqual(['answer', 'answer']);
  });
});

describe('An answer', () => {
  it('is shown in the words of its form, and as it came where the form is not known', () => {
    const questions = [
      question('cuando', 'CUSTOM', { label: '¿Cuándo?', options: [{ key: 'este_mes', value: 'Este mes' }] }),
    ];
    expect(
      inWords(
        [
          { name: 'cuando', values: ['este_mes', 'otro'] },
          { name: 'x', values: [] },
        ],
        questions,
      ),
    ).toEqual([
      { name: '¿Cuándo?', values: ['Este mes', 'otro'] },
      { name: 'x', values: [] },
    ]);
  });
});
