// A lab of the tests' own: `retake lab` on free ports, stopped at the end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Its clock runs on while this machine is busy: the shortest that anything lasts there, an hour, is a minute here.
export async function startLab(speed = 60) {
  const home = await mkdtemp(join(tmpdir(), 'retake-lab-'));
  const lab = spawn(process.env.RETAKE_BIN, ['--json', 'lab', '--speed', String(speed)], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  for await (const piece of lab.stdout.iterator({ destroyOnReturn: false })) {
    text += piece;
    if (text.trimEnd().endsWith('}')) break;
  }
  const urls = JSON.parse(text);
  const call = (path, options) => fetch(urls.control + path, options).then((answer) => answer.text());
  return {
    urls,
    advance: (time) =>
      call('/__lab/clock', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ advance: time }),
      }),
    ledger: async () => JSON.parse(await call('/__lab/ledger')).entries,
    play: (scenario) => call('/__lab/scenario', { method: 'PUT', body: scenario }),
    async close() {
      const ended = once(lab, 'exit');
      lab.kill('SIGTERM');
      await ended;
      await rm(home, { recursive: true });
    },
  };
}

// The body and the headers of the first webhook that `start`, given the address, brings about.
export async function webhookOf(start) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const delivered = once(server, 'request');
  await start(`http://127.0.0.1:${server.address().port}/hook`);
  const [request, response] = await delivered;
  let body = '';
  for await (const piece of request) body += piece;
  response.writeHead(204).end();
  server.closeAllConnections();
  server.close();
  return { body, headers: request.headers };
}

// Whether what is behind the address is an MP4 file.
export async function isFilm(url) {
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  return bytes.subarray(4, 8).toString() === 'ftyp';
}
