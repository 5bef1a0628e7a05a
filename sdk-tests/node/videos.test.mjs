// The official OpenAI client for Node, unmodified, makes, lists, fetches and deletes videos.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import OpenAI, { toFile } from 'openai';

import { FAST, Gateway, UNKNOWN, finished, made } from './gateway.mjs';
import { aPng } from './samples.mjs';

let gateway, client;
before(async () => {
  gateway = await Gateway.start();
  client = gateway.sdk();
});
after(() => gateway.close());

const refused = (kind, status, code, param = null) => (error) => {
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
  assert.match(error.requestID, /^req_/);
  return true;
};

describe('making a video', () => {
  test('a create has every field of the specification and ends completed', async () => {
    const video = await client.videos.create({ prompt: 'A lighthouse', model: 'animatic', ...FAST });

    const wanted = ['id', 'object', 'model', 'status', 'progress', 'created_at', 'completed_at', 'expires_at', 'prompt',
      'size', 'seconds', 'remixed_from_video_id', 'error'];
    assert.deepEqual(wanted.filter((field) => !(field in video)), []);
    assert.deepEqual([video.object, video.status], ['video', 'queued']);
    const done = await finished(client, video);
    assert.deepEqual([done.status, done.progress, done.seconds, done.size], ['completed', 100, '1', '640x360']);
  });

  test('a picture becomes the first frame in every form this client sends', async () => {
    const png = aPng(640, 360);
    const forms = [
      await toFile(png, 'first.png', { type: 'image/png' }),
      await toFile(png, 'first.png'),
      new File([png], 'first.png'),
      { image_url: `data:image/png;base64,${png.toString('base64')}` },
    ];
    for (const input_reference of forms) {
      await made(client, { prompt: 'It begins to rain', input_reference });
    }
  });

  test('fields beyond the types are carried along, nested ones with bracket keys', async () => {
    const video = await made(client, { seed: 7, loop: true, negative_prompt: 'people' });

    assert.deepEqual([video.retake.seed, video.retake.loop, video.retake.negative_prompt], [7, true, 'people']);
    await assert.rejects(
      client.videos.create({ prompt: 'p', ...FAST, characters: [{ id: 'char_unknown' }] }),
      refused(OpenAI.BadRequestError, 400, 'character_not_found', 'characters'),
    );
  });
});

describe('what is made of a video', () => {
  let source;
  before(async () => {
    source = await made(client);
  });

  test('a remix is the same scene under another prompt', async () => {
    const remix = await finished(client, await client.videos.remix(source.id, { prompt: 'A kite' }));

    assert.deepEqual([remix.status, remix.prompt, remix.remixed_from_video_id], ['completed', 'A kite', source.id]);
    assert.equal(remix.retake.seed, source.retake.seed);
  });

  test('an edit names its video with a bracket key', async () => {
    const edit = await client.videos.edit({ prompt: 'The same in snow', video: { id: source.id } });

    assert.equal((await finished(client, edit)).status, 'completed');
    await assert.rejects(
      client.videos.edit({ prompt: 'The same in snow', video: { id: UNKNOWN } }),
      refused(OpenAI.NotFoundError, 404, 'video_not_found'),
    );
  });

  test('an extension is the stitched whole', async () => {
    const made = await client.videos.extend({ prompt: 'It rains', seconds: '1', video: { id: source.id } });
    const whole = await finished(client, made);

    assert.deepEqual([whole.status, whole.error, whole.seconds], ['completed', null, '2']);
    assert.equal(whole.retake.output.duration_ms, 2000);
  });

  test('a file is edited and extended like a video named by its id', async () => {
    const clip = await toFile(await client.videos.downloadContent(source.id), 'clip.mp4');

    const edit = await client.videos.edit({ prompt: 'The same in snow', video: clip });
    const extension = await client.videos.extend({ prompt: 'It rains', seconds: '1', video: clip });

    for (const [video, seconds] of [[edit, '1'], [extension, '2']]) {
      const done = await finished(client, video);
      assert.deepEqual([done.status, done.error, done.seconds, done.size], ['completed', null, seconds, source.size]);
      assert.equal(done.remixed_from_video_id, null);
    }
    await assert.rejects(
      client.videos.edit({ prompt: 'The same in snow', video: await toFile(Buffer.from('no video'), 'clip.mp4') }),
      refused(OpenAI.BadRequestError, 400, 'invalid_video', 'video'),
    );
  });

  test('a clip becomes a character that appears in a video', async () => {
    const shot = await made(client, { seconds: '2', size: '1280x720' });
    const clip = await toFile(await client.videos.downloadContent(shot.id), 'clip.mp4');

    const character = await client.videos.createCharacter({ name: 'Keeper', video: clip });
    const known = await client.videos.getCharacter(character.id);

    assert.deepEqual([known.id, known.name], [character.id, 'Keeper']);
    await made(client, { prompt: 'Keeper climbs the stairs', characters: [{ id: character.id }] });
  });

  test('the content comes whole, in part, and as pictures', async () => {
    const whole = Buffer.from(await (await client.videos.downloadContent(source.id)).arrayBuffer());
    const part = await client.videos.downloadContent(source.id, {}, { headers: { Range: 'bytes=4-7' } });

    assert.equal(createHash('sha256').update(whole).digest('hex'), source.retake.output.sha256);
    assert.deepEqual([part.status, await part.text()], [206, 'ftyp']);
    for (const [variant, type] of [['thumbnail', 'image/webp'], ['spritesheet', 'image/jpeg']]) {
      const picture = await client.videos.downloadContent(source.id, { variant });
      assert.equal(picture.headers.get('content-type'), type);
      assert.ok((await picture.arrayBuffer()).byteLength > 100);
    }
  });

  test('a raw answer has its request id and says when to ask again', async () => {
    const call = client.videos.create({ prompt: 'A lighthouse', ...FAST });
    const { data, response, request_id } = await call.withResponse();

    assert.match(request_id, /^req_/);
    assert.ok(Number(response.headers.get('openai-poll-after-ms')) > 0);
    await finished(client, data);
  });
});

describe('the list of videos', () => {
  test('auto-paging sees every video once, newest first', async (t) => {
    const own = await Gateway.start();
    t.after(() => own.close());
    const made = [];
    for (let n = 0; n < 5; n++) made.push((await own.sdk().videos.create({ prompt: `Shot ${n}`, ...FAST })).id);

    for (const limit of [1, 2, 5, 100]) {
      const listed = [];
      for await (const video of own.sdk().videos.list({ limit })) listed.push(video.id);
      assert.deepEqual(listed, made.toReversed());
    }
    const first = await own.sdk().videos.list({ limit: 3, order: 'asc' });
    assert.deepEqual(first.data.map(({ id }) => id), made.slice(0, 3));
    assert.deepEqual((await first.getNextPage()).data.map(({ id }) => id), made.slice(3));
  });

  test('a deleted video is gone', async () => {
    const { id } = await made(client);

    const deleted = await client.videos.delete(id);

    assert.deepEqual(deleted, { id, object: 'video.deleted', deleted: true });
    await assert.rejects(client.videos.retrieve(id), refused(OpenAI.NotFoundError, 404, 'video_not_found'));
  });
});

describe('refusals', () => {
  test('bad requests name their parameter', async () => {
    for (const [request, code, param] of [
      [{ prompt: ' ' }, 'empty_prompt', 'prompt'],
      [{ prompt: 'p', seconds: '999' }, 'unsupported_seconds', 'seconds'],
      [{ prompt: 'p', size: '123x457' }, 'unsupported_size', 'size'],
      [{ prompt: 'p', model: 'sora-2' }, 'model_shut_down', 'model'],
      [{ prompt: 'p', input_reference: await toFile(Buffer.from('no picture'), 'a.png') }, 'invalid_image', 'input_reference'],
      [{ prompt: 'p', promt: 'q' }, 'unknown_parameter', 'promt'],
    ]) {
      await assert.rejects(client.videos.create(request), refused(OpenAI.BadRequestError, 400, code, param));
    }
  });

  test('an unfinished video is a conflict', async () => {
    const { id } = await client.videos.create({ prompt: 'A long journey', seconds: '60', size: '640x360' });

    await assert.rejects(client.videos.downloadContent(id), refused(OpenAI.ConflictError, 409, 'video_not_ready'));
    await assert.rejects(client.videos.delete(id), refused(OpenAI.ConflictError, 409, 'video_not_ended'));
    await client.post(`/videos/${id}/cancel`);
    assert.equal((await finished(client, { id })).error.code, 'cancelled');
  });

  test('an idempotency key gives one video and refuses another request', async () => {
    const headers = { 'Idempotency-Key': 'order-7' };
    const first = await client.videos.create({ prompt: 'A lighthouse', ...FAST }, { headers });
    const again = await client.videos.create({ prompt: 'A lighthouse', ...FAST }, { headers });

    assert.equal(again.id, first.id);
    await assert.rejects(
      client.videos.create({ prompt: 'A kite', ...FAST }, { headers }),
      refused(OpenAI.UnprocessableEntityError, 422, 'idempotency_key_reused'),
    );
  });

  test('keys are refused with the classes that are documented for them', async (t) => {
    const own = await Gateway.start();
    t.after(() => own.close());
    const wish = (sdk, body) => sdk.post('/../retake/v1/keys', { body });
    const admin = own.sdk({ apiKey: (await wish(own.sdk(), { name: 'admin', admin: true })).key });
    const narrow = own.sdk({ apiKey: (await wish(admin, { name: 'narrow', max_open: 1 })).key, maxRetries: 0 });
    const long = { prompt: 'A long journey', seconds: '60', size: '640x360' };
    const running = await narrow.videos.create(long);

    await assert.rejects(own.sdk().videos.list(), refused(OpenAI.AuthenticationError, 401, 'invalid_api_key'));
    await assert.rejects(wish(narrow, { name: 'x' }), refused(OpenAI.PermissionDeniedError, 403, 'permission_denied'));
    await assert.rejects(narrow.videos.create(long), (error) => {
      assert.ok(Number(error.headers.get('retry-after')) > 0);
      return refused(OpenAI.RateLimitError, 429, 'concurrency_limit_exceeded')(error);
    });
    const south = own.sdk({ apiKey: (await wish(admin, { name: 'south' })).key });
    await assert.rejects(south.videos.retrieve(running.id), refused(OpenAI.NotFoundError, 404, 'video_not_found'));
    await narrow.post(`/videos/${running.id}/cancel`);
  });
});

describe('lost answers', () => {
  test('a create that is sent again after its answer was lost makes one video', async (t) => {
    const own = await Gateway.start();
    t.after(() => own.close());
    const counts = [];
    // The gateway answers, and the first time nobody hears of it.
    const lossy = async (url, init) => {
      const answer = await fetch(url, init);
      counts.push(new Headers(init.headers).get('x-stainless-retry-count'));
      if (counts.length > 1) return answer;
      await answer.arrayBuffer();
      throw new TypeError('fetch failed');
    };

    const video = await own.sdk({ fetch: lossy }).videos.create({ prompt: 'A lighthouse', ...FAST });

    const listed = await own.sdk().videos.list();
    assert.deepEqual([counts, listed.data.map(({ id }) => id)], [['0', '1'], [video.id]]);
  });
});
