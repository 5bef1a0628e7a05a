// A gateway of the tests' own: a free port, an empty data directory, stopped at the end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import OpenAI from 'openai';

export const FAST = { seconds: '1', size: '640x360' };
export const UNKNOWN = 'video_00000000000000000000000000000000';

// Runs `retake serve` until `close`.
export class Gateway {
  static async start() {
    const home = await mkdtemp(join(tmpdir(), 'retake-sdk-'));
    const log = await open(join(home, 'log'), 'w+');
    const data = join(home, 'data');
    const process_ = spawn(process.env.RETAKE_BIN, ['--data-dir', data, 'serve', '--bind', '127.0.0.1:0'], {
      cwd: home,
      env: { HOME: home, PATH: process.env.PATH },
      stdio: ['ignore', log.fd, log.fd],
    });
    const gateway = new Gateway(home, process_, log);
    gateway.url = await gateway.#announced(join(data, 'server.json'));
    return gateway;
  }

  constructor(home, process_, log) {
    this.home = home;
    this.process = process_;
    this.log = log;
  }

  async #announced(announcement) {
    for (const end = Date.now() + 60_000; Date.now() < end && this.process.exitCode === null; ) {
      try {
        const { url } = JSON.parse(await readFile(announcement, 'utf8'));
        await fetch(`${url}/healthz`);
        return url;
      } catch {
        await pause(20);
      }
    }
    throw new Error(`the gateway did not come up:\n${await readFile(join(this.home, 'log'), 'utf8')}`);
  }

  // The official client for this gateway.
  sdk(options = {}) {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'unused', ...options });
  }

  async close() {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
    await this.log.close();
    await rm(this.home, { recursive: true });
  }
}

// Waits for a video to end; this SDK has no helper for that.
export async function finished(client, { id }) {
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(50)) {
    const video = await client.videos.retrieve(id);
    if (video.status === 'completed' || video.status === 'failed') return video;
  }
  throw new Error(`${id} did not end in time`);
}

export async function made(client, request = {}) {
  const video = await finished(client, await client.videos.create({ prompt: 'A lighthouse', ...FAST, ...request }));
  if (video.status !== 'completed') throw new Error(JSON.stringify(video));
  return video;
}
