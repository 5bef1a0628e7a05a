// Replicate's SDK for Node, unmodified, against the lab's emulator. It differs from that for Python in how it waits,
// retries, pages and verifies webhooks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import Replicate, { validateWebhook } from 'replicate';

import { isFilm, startLab, webhookOf } from './lab.mjs';

const MODEL = 'google/veo-3.1-fast';
let lab;

before(async () => {
  lab = await startLab();
});

after(() => lab.close());

const client = (auth = 'r8_lab') => new Replicate({ auth, baseUrl: `${lab.urls.replicate}/v1` });

// verifies: replicate: text, download
test('a model is run and its video downloaded, waiting and polling', async () => {
  for (const wait of [{ mode: 'block' }, { mode: 'poll', interval: 20 }]) {
    const input = { prompt: 'a cat', duration: 4 };
    const output = await client().run(MODEL, { input, wait });
    assert.ok(await isFilm(output));
  }
});

// verifies: replicate: failures
test('a prediction that failed says why', async () => {
  const input = { prompt: 'lab:fail=content_moderation/E005' };
  await assert.rejects(client().run(MODEL, { input }), /Prediction failed: .*\(E005\)/);
});

test('a prediction that was aborted is told as such', async () => {
  const replicate = client();
  const made = await replicate.predictions.create({ model: MODEL, input: { prompt: 'lab:fail=capacity/aborted' }, wait: true });
  assert.equal(made.status, 'aborted');
});

test('a refusal is an error with the answer', async () => {
  const input = { prompt: 'lab:credit-out' };
  await assert.rejects(client('r8_poor').run(MODEL, { input }), (error) => {
    assert.equal(error.response.status, 402);
    assert.match(error.message, /Insufficient credit/);
    return true;
  });
});

// verifies: replicate: look-up, cancel
test('predictions are paged through and cancelled', async () => {
  const replicate = client('r8_pages');
  const make = () => replicate.predictions.create({ model: MODEL, input: { prompt: 'lab:stuck' } });
  const made = await Promise.all(Array.from({ length: 101 }, make));

  const sizes = [];
  for await (const page of replicate.paginate(replicate.predictions.list)) sizes.push(page.length);
  const cancelled = await replicate.predictions.cancel(made[0].id);

  assert.deepEqual(sizes, [100, 1]);
  assert.equal(cancelled.status, 'canceled');
});

// verifies: replicate: image
test('a file in the input is uploaded by itself', async () => {
  const replicate = client('r8_files');
  const image = new Blob([new Uint8Array([1, 2, 3])], { type: 'image/png' });
  const output = await replicate.run(MODEL, { input: { prompt: 'a cat', image } });
  const { results } = await replicate.files.list();

  assert.ok(output);
  assert.deepEqual([results.length, results[0].size, results[0].content_type], [1, 3, 'image/png']);
});

// verifies: replicate: notices
test('a webhook is verified by the SDK', async () => {
  const replicate = client();
  const secret = await replicate.webhooks.default.secret.get();
  const { body, headers } = await webhookOf((webhook) =>
    replicate.predictions.create({
      model: MODEL,
      input: { prompt: 'a cat' },
      webhook,
      webhook_events_filter: ['completed'],
    }),
  );

  assert.equal(JSON.parse(body).status, 'succeeded');
  assert.ok(await validateWebhook({ body, headers }, secret.key));
  assert.ok(!(await validateWebhook({ body: body.replace('succeeded', 'failed'), headers }, secret.key)));
});
