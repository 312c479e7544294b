/** A container with a read-only root and a tmpfs on /tmp: in a mount namespace where nothing else can be written. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../support/package.ts';
import { childrenOf, RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';

/** Where the package is, if that is below /tmp: it is put into the new one. */
const KEPT = packageFile('.').startsWith('/tmp/') ? packageFile('.') : '';

/** Every mount read-only but for the kernel's own, then a tmpfs, then the words. */
const SEAL = `
set -e
if [ -n "$KEPT" ]; then mount --bind "$KEPT" /srv; fi
mount -t tmpfs tmpfs /tmp
if [ -n "$KEPT" ]; then mkdir -p "$KEPT"; mount --bind /srv "$KEPT"; fi
awk '$2 !~ "^/(proc|sys|dev|tmp)(/|$)" { print $2 }' /proc/mounts | while read -r place; do
  mount -o remount,bind,ro "$place"
done
if touch /root/probe /var/tmp/probe; then echo 'the root can be written'; exit 9; fi 2>/dev/null
exec "$@"
`;
const sealed = ['--mount', 'sh', '-c', SEAL, 'sh'];
const { status, stderr } = spawnSync('unshare', [...sealed, 'true'], {
  encoding: 'utf8',
  env: { ...process.env, KEPT },
});
const reason = status === 0 ? '' : ` (SKIPPED: no mount namespace can be made: ${stderr.trim()})`;

describe.skipIf(status !== 0)(`on a read-only root${reason}`, () => {
  it('a twin of two engines starts, answers, and leaves nothing in /tmp', async () => {
    const serve = [process.execPath, CLI_MAIN, 'serve', '--port', '0', '--data-parallel-size', '2'];
    const script =
      '"$@"; code=$?; echo "left: $(ls -A /tmp | grep -vxF "$KEPT_NAME" | wc -l)"; exit $code';
    const words = [...sealed, 'sh', '-c', `trap : TERM; ${script}`, 'sh', ...serve];
    const twin = new RunningProcess('unshare', words, {
      env: { TMPDIR: '/tmp', KEPT, KEPT_NAME: KEPT.split('/')[2] ?? 'none' },
    });
    const [, url = ''] = await twin.waitForLog(/server on (http:\/\/\S+?)["\s]/);
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Once', max_tokens: 2 }),
    });
    expect(response.status).toBe(200);
    for (const pid of childrenOf(twin.pid)) process.kill(pid, 'SIGTERM');
    expect((await twin.waitForExit()).code, twin.log).toBe(0);
    expect(twin.stdout).toContain('left: 0');
  });
});
