import { describe, expect, it } from 'vitest';
import { readCells, readCsv } from './csv-read.ts';

describe('A spreadsheet as CSV', () => {
  it.each([
    ['commas', 'name,note\nAna,"a, b"\n'],
    ['semicolons', 'name;note\r\nAna;a, b\r\n'],
    ['tabs', '\uFEFFname\tnote\n\nAna\ta, b\n'],
  ])('is read with %s between its columns', (_, text) => {
    expect(readCells(text, 10)).toMatchObject({ header: ['name', 'note'], rows: [{ cells: ['Ana', 'a, b'] }] });
  });

  it('keeps empty cells, and the number that a spreadsheet gives the row', () => {
    expect(readCells('a\tb\tc\n\n1\t\t3\n', 10)).toMatchObject({ rows: [{ line: 3, cells: ['1', '', '3'] }] });
  });

  it('says what is wrong with it', () => {
    expect(readCells('', 10)).toEqual({ problem: 'empty' });
    expect(readCells('name\n', 10)).toEqual({ problem: 'empty' });
    expect(readCells('name\n"Ana\n', 10)).toEqual({ problem: 'unreadable' });
    expect(readCells('name\na\nb\nc\n', 2)).toEqual({ problem: 'too_long' });
    expect(readCsv('Name,Day\nAna,1\n', ['name', 'amount'])).toEqual({ problem: 'columns' });
    expect(readCsv('Name,Day\nAna\n', ['name'])).toEqual({ lines: [{ line: 2, values: { name: 'Ana', day: '' } }] });
  });
});
