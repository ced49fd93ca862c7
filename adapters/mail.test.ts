import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ReceivedMail, startMailbox } from '../simulators/mailbox/server.ts';
import { createMailer } from './mail.ts';

let mailbox: Awaited<ReturnType<typeof startMailbox>>;
beforeAll(async () => {
  mailbox = await startMailbox({ port: 0, smtpPort: 0 });
});
afterAll(() => mailbox.close());

it('hands a mail with accents to the mail server, as it was written', async () => {
  const mailer = createMailer({ SMTP_URL: mailbox.smtpUrl, MAIL_FROM: 'Marketing Hub <hub@example.com>' });
  const mail = { to: 'ana@example.com', subject: 'Conexión con Meta', text: 'Quedan 3 días.\n\n<b>Ñandú</b>' };
  expect(await mailer.send(mail)).toBe(true);
  const [received] = (await (await fetch(`${mailbox.url}/_control/mails`)).json()) as ReceivedMail[];
  expect(received).toMatchObject({ to: [mail.to], subject: mail.subject, from: '"Marketing Hub" <hub@example.com>' });
  expect(received?.text.trim()).toBe(mail.text);
  expect(await (await fetch(mailbox.url)).text()).toContain('&lt;b&gt;Ñandú');
});

it('sends nothing without a mail server, and says so', async () => {
  expect(await createMailer({}).send({ to: 'ana@example.com', subject: 's', text: 't' })).toBe(false);
});

it('fails in our own words when the server is away, without the address', async () => {
  const mailer = createMailer({ SMTP_URL: 'smtp://127.0.0.1:1' });
  const refusal = await mailer.send({ to: 'ana@example.com', subject: 's', text: 't' }).catch((error) => error);
  expect(refusal).toMatchObject({ code: 'unavailable' });
  expect(refusal.message).not.toContain('ana@');
});
