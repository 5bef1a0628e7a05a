// fal's SDK for Node, unmodified, against the lab's emulator. It differs from that for Python in its retries, its errors
// and its storage. Its hosts are fixed; `requestMiddleware`, an option of its own, sends each call to the lab.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ApiError, ValidationError, createFalClient } from '@fal-ai/client';

import { isFilm, startLab } from './lab.mjs';

const MODEL = 'fal-ai/veo3.1/fast';
let lab;

before(async () => {
  lab = await startLab();
});

after(() => lab.close());

const client = (credentials = 'lab-id:lab-secret') =>
  createFalClient({
    credentials,
    // https://queue.fal.run/... becomes http://127.0.0.1:PORT/queue.fal.run/...
    requestMiddleware: async (request) => ({
      ...request,
      url: request.url.replace(/^https:\/\//, `${lab.urls.fal}/`),
    }),
  });

// verifies: fal: text, download
test('a video is subscribed to and downloaded', async () => {
  const words = [];
  const { data, requestId } = await client().subscribe(MODEL, {
    input: { prompt: 'a cat', duration: '4s' },
    logs: true,
    pollInterval: 20,
    onQueueUpdate: (update) => words.push(update.status),
  });

  assert.equal(words.at(-1), 'COMPLETED');
  assert.ok(await isFilm(data.video.url));
  const entry = (await lab.ledger()).find((it) => it.remote_id === requestId);
  assert.equal(entry.outcome, 'done');
});

test('the statuses of a request are streamed', async () => {
  const { data } = await client().subscribe(MODEL, { input: { prompt: 'a cat' }, mode: 'streaming' });
  assert.ok(data.video.url);
});

// verifies: fal: image
test('a picture in the input is uploaded by itself', async () => {
  const picture = new Blob([new Uint8Array([1, 2, 3])], { type: 'image/png' });
  const { data } = await client().run('fal-ai/veo3.1/fast/image-to-video', {
    input: { prompt: 'a cat', image_url: picture },
  });
  assert.ok(data.video.url);
});

test('a refusal by the model is a validation error, with its fields', async () => {
  const input = { prompt: 'lab:fail=content_moderation/content_policy_violation' };
  await assert.rejects(client().subscribe(MODEL, { input, pollInterval: 20 }), (error) => {
    assert.ok(error instanceof ValidationError);
    assert.equal(error.getFieldErrors('prompt')[0].type, 'content_policy_violation');
    return true;
  });
});

// verifies: fal: failures
test('an error of the platform has a status and the id of its request', async () => {
  const input = { prompt: 'lab:fail=runtime_error/runner_server_error' };
  await assert.rejects(client().subscribe(MODEL, { input, pollInterval: 20 }), (error) => {
    assert.ok(error instanceof ApiError && error.requestId);
    assert.deepEqual([error.status, error.body.error_type], [500, 'runner_server_error']);
    return true;
  });
});

test("the caller's own timeout is known as such and not tried again", async () => {
  await lab.play('[defaults]\nconcurrency = 1\n');
  const fal = client('a-key:of-its-own');
  await fal.queue.submit(MODEL, { input: { prompt: 'lab:stuck' } });

  const input = { prompt: 'a cat' };
  const late = fal.subscribe(MODEL, { input, startTimeout: 30, pollInterval: 20 });
  await assert.rejects(late, (error) => error.isUserTimeout);
  await lab.play('');
});

// verifies: fal: cancel
test('a request is cancelled', async () => {
  const fal = client();
  const { request_id: requestId } = await fal.queue.submit(MODEL, { input: { prompt: 'lab:stuck' } });
  await fal.queue.cancel(MODEL, { requestId });

  const { status } = await fal.queue.status(MODEL, { requestId });
  assert.equal(status, 'COMPLETED');
  await assert.rejects(fal.queue.cancel(MODEL, { requestId }), (error) => error.status === 400);
});
