/**
 * What /invocations does about sessions, before it is a request of any API.
 * Source: model_hosting_container_standards sagemaker/sessions/transform.py, handlers.py.
 */
import { isDict, type PyDict, type PyValue, pyTypeName } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { LineError } from '../../pydantic/validation-walk.ts';
import { HttpException } from '../error-handler.ts';
import { modelErrors } from './model-errors.ts';
import type { Sessions } from './sessions.ts';

const SESSION_ID = 'X-Amzn-SageMaker-Session-Id';
const DISABLED = 'Invalid payload. stateful sessions not enabled';
const REQUEST_TYPES = ['NEW_SESSION', 'CLOSE'];

/** A whole answer: its text, and a header of its own. */
export interface SessionAnswer {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Null: it is no session request. Throws HttpException, ApiError. `sessions` null: they are not enabled. */
export function answerSession(
  body: PyValue,
  sessionId: string | null,
  sessions: Sessions | null,
): SessionAnswer | null {
  const type = requestType(body);
  if (type === null) {
    if (sessionId)
      checkSession(sessionId, sessions, `${DISABLED}, ${SESSION_ID} header not supported`);
    return null;
  }
  if (sessions === null) throw new HttpException(400, DISABLED);
  checkSession(sessionId, sessions, DISABLED);
  if (type === 'NEW_SESSION') {
    const { id, expires } = sessions.create();
    return {
      text: `Session ${id} created`,
      headers: { 'X-Amzn-SageMaker-New-Session-Id': `${id}; Expires=${expires}` },
    };
  }
  const wrong = sessions.close(sessionId);
  if (wrong !== null) throw new HttpException(424, `Failed to close session: ${wrong}`);
  return {
    text: `Session ${sessionId} closed`,
    headers: { 'X-Amzn-SageMaker-Closed-Session-Id': String(sessionId) },
  };
}

function checkSession(id: string | null, sessions: Sessions | null, disabled: string): void {
  if (sessions === null) throw new HttpException(400, disabled);
  const wrong = sessions.refusalOf(id);
  if (wrong !== null) throw new HttpException(400, `Bad request: ${wrong}`);
}

/** Null where the body is none of a session; other bodies than containers are Python's TypeError. */
function requestType(body: PyValue): string | null {
  if (!isDict(body)) {
    if (Array.isArray(body) || typeof body === 'string') return null;
    throw badRequest(`argument of type '${pyTypeName(body)}' is not iterable`);
  }
  if (!Object.hasOwn(body, 'requestType')) return null;
  const errors = faultsOf(body);
  if (errors.length > 0) throw modelErrors(errors);
  return body['requestType'] as string;
}

function faultsOf(body: PyDict): readonly LineError[] {
  const type = body['requestType'] ?? null;
  const isKnown = REQUEST_TYPES.includes(type as string);
  const wrongType: LineError = {
    type: 'enum',
    loc: ['requestType'],
    msg: "Input should be 'NEW_SESSION' or 'CLOSE'",
    input: type,
    ctx: [],
  };
  const unknown = Object.entries(body).filter(([name]) => name !== 'requestType');
  return [
    ...(isKnown ? [] : [wrongType]),
    ...unknown.map(([name, input]) => ({
      type: 'extra_forbidden',
      loc: [name],
      msg: 'Extra inputs are not permitted',
      input,
      ctx: [],
    })),
  ];
}
