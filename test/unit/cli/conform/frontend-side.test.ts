import { expect, it } from 'vitest';
import { conformCommand } from '../../../../src/cli/conform/command.ts';
import { FRONTEND_SIDE } from '../../../../src/cli/conform/frontend-side.ts';
import { parseOwnFlags } from '../../../../src/cli/flags/own-flags.ts';

const KNOWN = conformCommand.flags.flatMap(({ flags }) => flags);
const AT = ['--handshake', 'tcp://127.0.0.1:1'];

it.each([
  [[], /--handshake tcp:\/\/HOST:PORT is missing/],
  [['--handshake', 'ipc:///x'], /--handshake 'ipc:\/\/\/x': must be tcp:\/\/HOST:PORT/],
  [['--handshake', 'host:0'], /a port from 1 to 65535/],
  [[...AT, '--http', 'localhost:8000'], /--http 'localhost:8000': must be a URL/],
  [[...AT, '--metrics', 'nowhere'], /--metrics 'nowhere': must be a URL/],
  [
    [...AT, '--data-parallel-size', '2', '--order', '1'],
    /--order '1': must name each rank from 0 to 1 once .*as 1,0/,
  ],
  [[...AT, '--data-parallel-size', '2', '--order', '0,0'], /--order '0,0'/],
  [[...AT, '--wait', '0'], /--wait '0': must be a number of seconds above 0/],
])('refuses %j', (words, message) => {
  const prepare = (): unknown => FRONTEND_SIDE.prepare(parseOwnFlags(words, KNOWN, 'conform'));
  expect(prepare).toThrow(message);
});

it.each(['--ending', '--spoil'])('refuses a word that %s does not know', (flag) => {
  const prepare = (): unknown =>
    FRONTEND_SIDE.prepare(parseOwnFlags([...AT, flag, 'nothing'], KNOWN, 'conform'));
  expect(prepare).toThrow(/nothing/);
});
