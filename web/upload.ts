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
  for (const [name, value] of form) fields[name] = typeof value === 'string' ? value : await value.text();
  req.body = fields;
  next();
};
