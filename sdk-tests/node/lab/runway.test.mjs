// Runway's SDK for Node, unmodified, against the lab's emulator. Unlike the one for Python its waiter can be asked of a
// call that has not been answered yet, and tells a failed task from one that took too long.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import RunwayML, { TaskFailedError } from '@runwayml/sdk';

import { isFilm, startLab } from './lab.mjs';

let lab, client;

before(async () => {
  lab = await startLab();
  client = new RunwayML({ apiKey: 'key_lab', baseURL: lab.urls.runway, maxRetries: 0 });
});

after(() => lab.close());

const create = (promptText) =>
  client.textToVideo.create({ model: 'veo3.1_fast', promptText, ratio: '1280:720', duration: 4 });

// verifies: runway: text, download
test('a task is created, waited for and downloaded', async () => {
  const task = await create('a cat').waitForTaskOutput({ timeout: 60_000 });

  assert.equal(task.status, 'SUCCEEDED');
  assert.equal(task.cost.credits, 60);
  assert.ok(await isFilm(task.output[0]));
});

// verifies: runway: failures
test('the waiter throws for a failed task', async () => {
  const failed = create('lab:fail=dependency_timeout/THIRD_PARTY.UNAVAILABLE').waitForTaskOutput();

  await assert.rejects(failed, (error) => {
    assert(error instanceof TaskFailedError);
    assert.equal(error.taskDetails.failureCode, 'THIRD_PARTY.UNAVAILABLE');
    return true;
  });
});

test('errors are of the class of their status', async () => {
  await assert.rejects(create('lab:refused=account/suspended'), RunwayML.AuthenticationError);
  await assert.rejects(create('lab:rate-limited'), RunwayML.RateLimitError);
  await assert.rejects(create('lab:load-shedding'), RunwayML.InternalServerError);
  await assert.rejects(client.tasks.retrieve('nothing'), RunwayML.NotFoundError);
});
