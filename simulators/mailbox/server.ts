import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  at: string;
  from: string;
  to: string[];
  subject: string;
  text: string;
}

export interface MailboxOptions {
  /** Of the page; 0 takes any free one. */
  port: number;
  /** Of SMTP; 0 takes any free one. */
  smtpPort: number;
}

const MOST = 500;

/** A mail server that delivers to nobody: what it takes is shown on a page (`/`) and given as JSON (`/_control/mails`), newest first. */
export async function startMailbox({ port, smtpPort }: MailboxOptions) {
  const mails: ReceivedMail[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData(stream, session, done) {
      simpleParser(stream).then(({ from, subject, text }) => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.unshift({
          at: new Date().toISOString(),
          from: from?.text ?? '',
          to,
          subject: subject ?? '',
          text: text ?? '',
        });
        mails.length = Math.min(mails.length, MOST);
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => void smtp.listen(smtpPort, '127.0.0.1', resolve));
  const http = createServer((req, res) => answer(req, res, mails));
  await new Promise<void>((resolve) => void http.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    smtpUrl: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    close: async () => {
      http.closeAllConnections();
      await Promise.all([
        new Promise((resolve) => http.close(resolve)),
        new Promise<void>((resolve) => smtp.close(resolve)),
      ]);
    },
  };
}

function answer(req: IncomingMessage, res: ServerResponse, mails: ReceivedMail[]): void {
  const { pathname } = new URL(req.url ?? '/', 'http://mailbox');
  const isOne = req.method === 'GET';
  if (isOne && pathname === '/_control/mails') return void json(res, 200, mails);
  if (isOne && pathname === '/_control/ledger') return void json(res, 200, { mails: mails.length });
  if (req.method === 'POST' && pathname === '/_control/reset') {
    mails.length = 0;
    return void json(res, 200, {});
  }
  if (isOne && pathname === '/')
    return void res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(mails));
  json(res, 404, { error: 'no such address' });
}

const json = (res: ServerResponse, status: number, body: unknown) =>
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);

function page(mails: readonly ReceivedMail[]): string {
  const items = mails.map(
    ({ at, to, subject, text }) =>
      `<article><h2>${escaped(subject)}</h2><p><small>${escaped(to.join(', '))} · <time>${at}</time></small></p><pre>${escaped(text)}</pre></article>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mailbox (${mails.length})</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid #8886;padding:.5rem 0}h2{font-size:1.1rem;margin:.5rem 0 0}pre{white-space:pre-wrap;font:inherit}</style>
<h1>Mailbox</h1>${items.join('') || '<p>Nothing was sent yet.</p>'}</html>`;
}
