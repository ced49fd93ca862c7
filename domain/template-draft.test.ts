import { describe, expect, it } from 'vitest';
import { componentsOf, draftErrors, type TemplateDraft } from './template-draft.ts';

const draft = (given: Partial<TemplateDraft> = {}): TemplateDraft => ({
  name: 'bienvenida_2',
  language: 'es_AR',
  category: 'MARKETING',
  header: '',
  body: 'Hola {{1}}, gracias por escribir.',
  samples: ['Lucía'],
  footer: '',
  quickReplies: ['', '', ''],
  link: null,
  phone: null,
  ...given,
});

describe('a new template', () => {
  it('passes when it keeps to the rules', () => {
    const whole = draft({
      header: 'Su evaluación',
      footer: 'Para no recibir más, responder BAJA',
      quickReplies: ['Sí', 'No', ''],
      link: { text: 'Ver', url: 'https://example.com/turnos' },
      phone: { text: 'Llamar', number: '+54 11 5555-0001' },
    });
    expect(draftErrors(whole)).toEqual({});
    expect(componentsOf(whole)).toEqual([
      { type: 'HEADER', format: 'TEXT', text: 'Su evaluación' },
      { type: 'BODY', text: 'Hola {{1}}, gracias por escribir.', example: { body_text: [['Lucía']] } },
      { type: 'FOOTER', text: 'Para no recibir más, responder BAJA' },
      {
        type: 'BUTTONS',
        buttons: [
          { type: 'QUICK_REPLY', text: 'Sí' },
          { type: 'QUICK_REPLY', text: 'No' },
          { type: 'URL', text: 'Ver', url: 'https://example.com/turnos' },
          { type: 'PHONE_NUMBER', text: 'Llamar', phone_number: '+541155550001' },
        ],
      },
    ]);
  });

  it.each<[string, Partial<TemplateDraft>, Record<string, string>]>([
    ['a name with capitals', { name: 'Bienvenida' }, { name: 'name' }],
    ['a name that is too long', { name: 'a'.repeat(513) }, { name: 'name' }],
    ['no language', { language: 'español' }, { language: 'language' }],
    ['a category nobody knows', { category: 'SPAM' as never }, { category: 'category' }],
    ['no text', { body: ' ', samples: [] }, { body: 'bodyEmpty' }],
    ['a text that is too long', { body: 'x'.repeat(1025), samples: [] }, { body: 'bodyLong' }],
    ['a variable with a name', { body: 'Hola {{nombre}}, gracias', samples: [] }, { body: 'braces' }],
    ['a brace left open', { body: 'Hola {{1, gracias', samples: [] }, { body: 'braces' }],
    ['a number left out', { body: 'Hola {{1}} y {{3}} gracias', samples: ['a', 'b', 'c'] }, { body: 'gaps' }],
    ['a variable zero', { body: 'Hola {{0}} gracias', samples: [] }, { body: 'gaps' }],
    ['a variable at the beginning', { body: '{{1}}, gracias' }, { body: 'edges' }],
    ['a variable at the end', { body: 'Gracias, {{1}}.' }, { body: 'edges' }],
    ['two variables side by side', { body: 'Hola {{1}} {{2}} gracias', samples: ['a', 'b'] }, { body: 'adjacent' }],
    ['a variable without a sample', { samples: [' '] }, { sample1: 'sample' }],
    ['a title that is too long', { header: 'x'.repeat(61) }, { header: 'headerLong' }],
    ['a variable in the title', { header: 'Hola {{1}}' }, { header: 'noVariables' }],
    ['a footer of two lines', { footer: 'a\nb' }, { footer: 'oneLine' }],
    ['a button that is too long', { quickReplies: ['x'.repeat(26), '', ''] }, { quick1: 'buttonLong' }],
    ['two buttons that say the same', { quickReplies: ['Sí', 'sí', ''] }, { quick1: 'sameButtons' }],
    ['a link without words', { link: { text: '', url: 'https://example.com' } }, { linkText: 'buttonEmpty' }],
    ['a link without https', { link: { text: 'Ver', url: 'http://example.com' } }, { linkUrl: 'url' }],
    ['a link with a variable', { link: { text: 'Ver', url: 'https://example.com/{{1}}' } }, { linkUrl: 'url' }],
    ['a number without a country', { phone: { text: 'Llamar', number: '11 5555' } }, { phoneNumber: 'phone' }],
  ])('is refused with %s', (_, given, errors) => {
    expect(draftErrors(draft(given))).toEqual(errors);
  });
});
