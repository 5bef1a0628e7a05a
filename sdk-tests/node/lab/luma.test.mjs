// Luma's SDK for Node, unmodified, against the lab's Dream Machine. It is older than the one for Python.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import LumaAI from 'lumaai';

import { isFilm, startLab } from './lab.mjs';

let lab, client;

before(async () => {
  lab = await startLab();
  const baseURL = `${lab.urls.luma}/dream-machine/v1`;
  client = new LumaAI({ authToken: 'luma-lab', baseURL, maxRetries: 0 });
});

after(() => lab.close());

async function finished(prompt) {
  let generation = await client.generations.create({ model: 'ray-2', prompt });
  for (let tries = 0; tries < 600 && !['completed', 'failed'].includes(generation.state); tries += 1) {
    await setTimeout(20);
    generation = await client.generations.get(generation.id);
  }
  return generation;
}

// verifies: luma: text, download, look-up, cancel
test('a generation is created, polled, listed, downloaded and deleted', async () => {
  const done = await finished('a cat');
  const listed = await client.generations.list({ limit: 1 });

  assert.equal(done.state, 'completed');
  assert.ok(await isFilm(done.assets.video));
  assert.equal(listed.generations[0].request.prompt, 'a cat');
  await client.generations.delete(done.id);
  await assert.rejects(client.generations.get(done.id), LumaAI.NotFoundError);
});

// verifies: luma: failures
test('a failed generation says why', async () => {
  const failed = await finished('an [unsafe] thing');

  assert.deepEqual([failed.state, failed.failure_reason], ['failed', 'Advanced prompt moderation failed']);
});
