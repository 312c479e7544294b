/**
 * What parsers do alike that read calls again from all JSON so far: the name of a call first, then what its arguments have
 * grown by. Source: vllm/tool_parsers/llama_tool_parser.py, granite_20b_fc_tool_parser.py, jamba_tool_parser.py (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { isTruthy, type PyValue } from '../../../shared/python/values.ts';
import { commonPrefix } from './partial-tag.ts';
import { randomToolCallId } from './tool-call-id.ts';
import { ToolParser } from './tool-parser.ts';
import type { DeltaMessage } from './types.ts';

export abstract class JsonCallStream extends ToolParser {
  /** The current call's arguments when they were last looked at. */
  protected abstract previousArgs(): PyValue | undefined;

  /** Of a call before, which has `args`, what was not shown; nothing of the next yet. */
  protected nextCall(numCalls: number, args: PyValue | undefined): DeltaMessage | null {
    const delta = isTruthy(args) ? this.argsDelta(this.unsent(pythonDumps(args as PyValue))) : null;
    this.currentToolId = numCalls - 1;
    this.isCurrentNameSent = false;
    this.streamedArgsForTool.push('');
    return delta;
  }

  protected newName(name: PyValue | undefined): DeltaMessage | null {
    if (!isTruthy(name)) return null;
    this.isCurrentNameSent = true;
    const index = this.currentToolId;
    const fn = { name: String(name) };
    return { tool_calls: [{ index, type: 'function', id: randomToolCallId(), function: fn }] };
  }

  /** Of arguments that may still grow, what cannot change any more. */
  protected newArgs(args: PyValue | undefined, isComplete: boolean): DeltaMessage | null {
    if (!isTruthy(args)) return null;
    const json = pythonDumps(args as PyValue);
    if (isComplete) return this.argsDelta(this.unsent(json));
    const before = this.previousArgs();
    if (!isTruthy(before)) return null;
    const previousJson = pythonDumps(before as PyValue);
    return json === previousJson
      ? null
      : this.argsDelta(this.unsent(commonPrefix(previousJson, json)));
  }

  protected unsent(json: string): string {
    return json.slice(this.sentArgs.length);
  }

  protected get sentArgs(): string {
    return this.streamedArgsForTool[this.currentToolId] ?? '';
  }

  protected argsDelta(more: string): DeltaMessage {
    const index = this.currentToolId;
    this.streamedArgsForTool[index] = this.sentArgs + more;
    return { tool_calls: [{ index, function: { arguments: more } }] };
  }
}
