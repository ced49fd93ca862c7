import { readFileSync } from 'node:fs';
import { Eta } from 'eta';
import express from 'express';
import pg from 'pg';

// What the product is measured against: Express with one INSERT, and Express with one Eta page of the bytes in PAGE_FILE.
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const app = express();
app.post('/insert', express.raw({ type: () => true, limit: '5mb' }), async (req, res) => {
  await pool.query('INSERT INTO bench_events (payload) VALUES ($1)', [req.body.toString('utf8')]);
  res.type('text').send('ok');
});
const eta = new Eta({ cache: true });
eta.loadTemplate('@page', '<%~ it.start %><% for (const row of it.rows) { %><%= row %>\n<% } %>');
const text = process.env['PAGE_FILE'] ? readFileSync(process.env['PAGE_FILE'], 'utf8') : '';
const [start, rows] = [
  text.slice(0, text.length / 2),
  text
    .slice(text.length / 2)
    .replaceAll(/[&<>"']/g, '.')
    .split('\n'),
];
app.get('/page', (_req, res) => {
  res.type('html').send(eta.render('@page', { start, rows }));
});
app.listen(Number(process.env['PORT']), '127.0.0.1');
