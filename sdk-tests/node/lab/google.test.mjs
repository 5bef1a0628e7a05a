// Google's SDK for Node, unmodified, against the lab's emulator. This version still has the operations of the Gemini
// API, which google-genai 3 for Python has dropped.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { GoogleGenAI } from '@google/genai';

import { startLab } from './lab.mjs';

const MODEL = 'veo-3.1-generate-preview';
let lab;

before(async () => {
  lab = await startLab();
});

after(() => lab.close());

const client = () => new GoogleGenAI({ apiKey: 'lab-key', httpOptions: { baseUrl: lab.urls.google } });

// Polls as Google's samples do.
async function end(ai, operation) {
  for (let polls = 0; !operation.done; polls++) {
    assert.ok(polls < 1000, 'it took too long');
    await lab.advance('30s');
    operation = await ai.operations.getVideosOperation({ operation });
  }
  return operation;
}

// verifies: google/gemini-operations: text, download
test('a video of the Gemini API is created, polled and downloaded', async () => {
  const ai = client();
  const made = await ai.models.generateVideos({ model: MODEL, prompt: 'a cat', config: { durationSeconds: 4 } });
  const { response } = await end(ai, made);

  const folder = await mkdtemp(join(tmpdir(), 'retake-'));
  const downloadPath = join(folder, 'cat.mp4');
  await ai.files.download({ file: response.generatedVideos[0].video, downloadPath });

  assert.equal((await readFile(downloadPath)).subarray(4, 8).toString(), 'ftyp');
  await rm(folder, { recursive: true });
});

// verifies: google/gemini-operations: failures
test('a failed operation has an error, a filtered one reasons', async () => {
  const ai = client();
  const failed = await ai.models.generateVideos({ model: MODEL, prompt: 'lab:fail=capacity/unavailable' });
  const filtered = await ai.models.generateVideos({ model: MODEL, prompt: 'lab:fail=content_moderation/child' });

  assert.equal((await end(ai, failed)).error.code, 14);
  assert.match((await end(ai, filtered)).response.raiMediaFilteredReasons[0], /58061214|17301594/);
});

test('a refusal is an error with the status of the answer', async () => {
  await assert.rejects(
    client().models.generateVideos({ model: MODEL, prompt: 'lab:rate-limited' }),
    (error) => error.status === 429,
  );
});

// verifies: google/interactions: text, cancel
test('an interaction in the background is polled and cancelled', async () => {
  const ai = client();
  const response_format = { type: 'video', duration: '3s' };
  const create = (input) =>
    ai.interactions.create({ model: 'gemini-omni-1.2-flash', input, background: true, response_format });
  let made = await create('a cat');
  while (['queued', 'in_progress'].includes(made.status)) {
    await lab.advance('30s');
    made = await ai.interactions.get(made.id);
  }
  const stuck = await create('lab:stuck');

  assert.equal(made.status, 'completed');
  assert.equal(made.steps.at(-1).content[0].type, 'video');
  assert.equal((await ai.interactions.cancel(stuck.id)).status, 'cancelled');
});
