import { describe, expect, it, vi } from 'vitest';
import { parseLossless } from './json.ts';

describe('What Meta writes', () => {
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

  it.each([
    ['a whole emoji', '{"a":"\\ud83d\\ude00 \\u00e9"}', '😀 é'],
    ['its first half', '{"a":"x\\ud83d y"}', 'x\ufffd y'],
    ['its second half', '{"a":"x\\uDE00"}', 'x\ufffd'],
    ['two first halves', '{"a":"\\ud83d\\ud83d\\ude00"}', '\ufffd😀'],
    ['a character that no text holds', '{"a":"x\\u0000y"}', 'xy'],
  ])('keeps of %s what a column can hold', (_name, text, value) => {
    expect(parseLossless(text)).toEqual({ a: value });
  });

  it('costs nothing on a page whose next one is named by an address with a long id in it', () => {
    const next = 'https://graph.facebook.com/v26.0/act_1002003004005006/insights?after=QVFI';
    const text = JSON.stringify({ data: [{ campaign_id: '120210001001000017', spend: '1.50' }], paging: { next } });
    const parse = vi.spyOn(JSON, 'parse');
    parseLossless(text);
    expect(parse.mock.calls).toEqual([[text]]);
    parse.mockRestore();
  });
});
