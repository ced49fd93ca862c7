import express, { type RequestHandler } from 'express';
import { AppError } from '../domain/error.ts';

/** A form with a file: its fields and the file's text become `req.body`, as those of any other form. */
export function uploadParsers(limit: string): RequestHandler[] {
  return [
    express.raw({ type: 'multipart/form-data', limit }),
    readForm,
    express.urlencoded({ extended: false, limit }),
  ];
}

const readForm: RequestHandler = async (req, _res, next) => {
  if (!Buffer.isBuffer(req.body)) return next();
  const type = req.get('content-type') ?? '';
  const form = await new Response(new Uint8Array(req.body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new AppError('invalid', 'no readable form');
    });
  const fields: Record<string, string> = {};
  for (const [name, value] of form) {
    if (typeof value === 'string') fields[name] = value;
    else if (value.size > 0) fields[name] = textOf(new Uint8Array(await value.arrayBuffer())); // an empty one was left alone
  }
  req.body = fields;
  next();
};

/** UTF-8, what spreadsheets call Unicode, or else the letters of Windows in western countries. */
function textOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
