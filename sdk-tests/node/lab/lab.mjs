// A lab of the tests' own: `retake lab` on free ports, stopped at the end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Starts a lab, whose clock runs 600 times as fast as the world's. `urls` holds the addresses by provider. */
export async function startLab() {
  const home = await mkdtemp(join(tmpdir(), 'retake-lab-'));
  const lab = spawn(process.env.RETAKE_BIN, ['--json', 'lab', '--speed', '600'], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  for await (const piece of lab.stdout.iterator({ destroyOnReturn: false })) {
    text += piece;
    if (text.trimEnd().endsWith('}')) break;
  }
  const stop = async () => {
    const ended = once(lab, 'exit');
    lab.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true });
  };
  return { urls: JSON.parse(text), stop };
}

/** The four letters that an MP4 has after its first length. */
export async function kindOf(url) {
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  return bytes.subarray(4, 8).toString();
}
