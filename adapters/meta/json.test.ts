import { describe, expect, it } from 'vitest';
import { parseLossless } from './json.ts';

describe('What Meta writes as a number', () => {
  it.each([
    ['alone', '120210001001000017', '120210001001000017'],
    ['in an object', '{"id": 120210001001000017, "n": 5}', { id: '120210001001000017', n: 5 }],
    [
      'in a list without blanks',
      '[120210001001000017,-120210001001000017]',
      ['120210001001000017', '-120210001001000017'],
    ],
    [
      'beside ids that are text',
      '{"a":"120210001001000017","b":120210001001000019}',
      { a: '120210001001000017', b: '120210001001000019' },
    ],
  ])('keeps every digit of a long id %s', (_where, text, value) => {
    expect(parseLossless(text)).toEqual(value);
  });

  it('stays a number where a number can hold it', () => {
    expect(parseLossless('{"spend":9007199254740991,"ratio":0.1234567890123456789}')).toEqual({
      spend: 9007199254740991,
      ratio: 0.12345678901234568,
    });
  });
});
