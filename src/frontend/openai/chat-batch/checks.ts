/** What vLLM checks on the raw body of a batch. Pure. Source: BatchChatCompletionRequest.check_batch_mode (0.33.0). */
import { get, isDict, isTruthy, type PyDict, toNumber } from '../../../shared/python/values.ts';
import { validationError } from '../../llm/errors.ts';
import { checkStructuralTag, checkStructuralTagFormat } from '../request-checks.ts';

export function batchChatChecks(data: PyDict): PyDict {
  if (isTruthy(get(data, 'use_beam_search'))) {
    throw validationError(
      'Batch chat completions do not support beam search. Please set `use_beam_search` to False.',
      { parameter: 'use_beam_search' },
    );
  }
  if (isTruthy(get(data, 'logprob_token_ids')) && !isTruthy(get(data, 'logprobs'))) {
    throw validationError('when using `logprob_token_ids`, `logprobs` must be set to true.', {
      parameter: 'logprob_token_ids',
    });
  }
  const transfer = get(data, 'kv_transfer_params');
  if (isDict(transfer) && get(transfer, 'prompt_token_ids') !== null) {
    throw validationError(
      "Batch chat completions do not support `kv_transfer_params['prompt_token_ids']`: one pre-tokenized prompt " +
        'cannot serve several conversations.',
      { parameter: 'kv_transfer_params.prompt_token_ids' },
    );
  }
  checkStructuralTagFormat(get(data, 'response_format'));
  checkStructuralTag(get(data, 'structured_outputs'));
  const n = Object.hasOwn(data, 'n') ? get(data, 'n') : 1;
  if (n !== null && toNumber(n) !== 1) {
    throw validationError('Batch chat completions do not support `n > 1`. Please set `n` to 1.', {
      parameter: 'n',
      value: n,
    });
  }
  return data;
}
