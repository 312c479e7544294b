/**
 * What is said of an architecture that no family knows: vLLM's own words where vLLM does not serve it either.
 * Source: vllm/model_executor/models/registry.py, _ModelRegistry._raise_for_unsupported (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import {
  type ArchitectureNames,
  isDraftArchitecture,
  readArchitectureNames,
} from './architecture-names.ts';
import { EXPLICIT_LAYERS_HINT } from './hf-config.ts';

/** E_UNKNOWN_MODEL naming the field; `label` is the model. */
export function unknownArchitecture(architecture: string, label: string): ConfigError {
  const names = readArchitectureNames();
  const field = `${label}: config.json field "architectures" names ${architecture}`;
  return new ConfigError('E_UNKNOWN_MODEL', `${field}, ${reason(architecture, names)}`);
}

function reason(architecture: string, names: ArchitectureNames): string {
  const { served, until, plugins } = names;
  const version = until[architecture];
  const plugin = plugins[architecture];
  if (isDraftArchitecture(architecture, names))
    return (
      'a draft model, which vLLM builds beside a target only; ' +
      'serve the target with --speculative-config \'{"model": …, "method": …}\''
    );
  if (Object.values(served).some((kind) => kind.includes(architecture)))
    return `which vLLM serves but this twin does not know yet; ${EXPLICIT_LAYERS_HINT}`;
  if (version !== undefined)
    return `which vLLM refuses: "Model architecture ${architecture} was supported in vLLM until v${version}, and is not supported anymore. Please use an older version of vLLM if you want to use this model architecture."`;
  if (plugin !== undefined)
    return `which vLLM refuses: "Model architecture ${architecture} is not supported in-tree anymore. Please install the plugin at ${plugin} if you want to use this model architecture."`;
  return `which is not known; ${EXPLICIT_LAYERS_HINT}`;
}
