"""transformers' defaults of what stands in multimodal repositories, by model type, as far as our code reads them.

    python producers/config_defaults.py [--check]

Makes src/capacity/models/multimodal/config-defaults-data.ts. Fields that a class derives from others are no defaults: a config.json
with other sizes would get the derived value of the default sizes. Needs vLLM installed, whose config classes count too.
"""

import json
import logging
import re
import sys
import warnings

from common import finish, root_of

#: Whole repositories, and language models, encoders and projectors that others name in them; what these are made of comes along.
TYPES = """
alpamayo2_super aria aria_text audioflamingo3 audioflamingo3_encoder bagel bailing_hybrid bailing_moe_v3_vl bert blip-2
blip_2_qformer blip_2_vision_model clip clip_text_model clip_vision_model cohere2 cohere2_vision cohere_asr cohere_compass cohere_compass_text
cohere_compass_vision cosmos3_edge cosmos3_edge_text cosmos3_edge_vision deepseek_ocr2 deepseek_ocr2_encoder
deepseek_ocr2_sam_vision_model deepseek_ocr2_text deepseek_ocr2_vision deepseek_v2 deepseek_v3 deepseek_v4 deepseek_v41
deepseek_vl_v2 diffusion_gemma diffusion_gemma_text dots3_note ernie4_5 ernie4_5_moe ernie4_5_vl_moe ernie4_5_vl_moe_text
ernie4_5_vl_moe_vision exaone4 exaone4_5 exaone4_5_vision funaudiochat gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_audio
gemma3n_text gemma3n_vision gemma4 gemma4_audio gemma4_text gemma4_unified gemma4_unified_audio gemma4_unified_text
gemma4_unified_vision gemma4_vision glm glm4 glm4v glm4v_moe glm4v_moe_text glm4v_moe_vision glm4v_text glm4v_vision glm5_next
glm5_next_text glm5_next_vision glm_ocr glm_ocr_text glm_ocr_vision glmasr glmasr_encoder gpt_oss granite granite4_vision
granite4_vision_text granite_speech granite_speech_encoder granite_speech_plus granite_speech_plus_encoder hunyuan_v1_dense
idefics3 idefics3_vision internvl internvl_vision isaac kimi_k25 kimi_k25_vision kimi_k3 kimi_linear kimi_vl lfm2 lfm2_moe
lfm2_vl lighton_ocr llama llama4 llama4_text llama4_vision_model llava llava_next llava_next_video llava_onevision midashenglm
minicpm3 minicpmv4_6 minicpmv4_6_vision minicpmv4_7 minicpmv4_7_vision minimax_m3_vl minimax_m3_vl_text minimax_m3_vl_vision
ministral ministral3 mistral mistral3 mixtral molmo2 molmo2_adapter molmo2_text molmo2_vision moondream3 moss_transcribe_diarize
moss_transcribe_diarize_audio muse_glimmer muse_glimmer_text muse_glimmer_vision nemotron_h nemotron_h_omni olmo2 olmo3 opt ovis
paddleocr_vl paddleocr_vl_text paddleocr_vl_vision paligemma parakeet_encoder phi phi3 pixtral qianfan_ocr qianfan_ocr_vision
qwen2 qwen2_5_omni qwen2_5_omni_audio_encoder qwen2_5_omni_text qwen2_5_omni_thinker qwen2_5_omni_vision_encoder qwen2_5_vl
qwen2_5_vl_text qwen2_5_vl_vision qwen2_audio qwen2_audio_encoder qwen2_moe qwen2_vl qwen2_vl_text qwen2_vl_vision qwen3 qwen3_5
qwen3_5_moe qwen3_5_moe_text qwen3_5_moe_vision qwen3_5_text qwen3_5_vision qwen3_asr qwen3_asr_encoder qwen3_moe qwen3_omni_moe
qwen3_omni_moe_audio_encoder qwen3_omni_moe_text qwen3_omni_moe_thinker qwen3_omni_moe_vision_encoder qwen3_vl qwen3_vl_moe
qwen3_vl_moe_text qwen3_vl_moe_vision qwen3_vl_text qwen3_vl_vision qwen4_exp qwen4_exp_text qwen4_exp_vision radio seed_oss
siglip siglip2_vision_model siglip_text_model siglip_vision_model smollm3 smolvlm smolvlm_vision stablelm starcoder2 step3_text step3_vl step3p5
step3p5_vision step3p7 step5 ultravox unlimited-ocr voxtral voxtral_encoder whisper
""".split()

MODELS = root_of() / "src/capacity/models"
MADE = MODELS / "multimodal/config-defaults-data.ts"

HEADER = """/**
 * transformers' defaults of the fields that are read, by model type, for what stands in a multimodal repository: a config.json
 * leaves out what its class has by default. Made by producers/config_defaults.py; not edited by hand. Source: transformers 5.20.2
 * and vllm/transformers_utils/configs (0.33.0).
 */

/** A model type a line, the architecture of a causal language model of that type, and its fields; @ is a config of another type. */
export const CONFIG_DEFAULTS = `
"""

#: Read of the file itself, never of its class.
LEFT_OUT = ("model_type", "architectures", "dtype", "is_encoder_decoder", "bos_token_id", "eos_token_id")

#: Sizes from which classes derive other fields.
OTHER_SIZES = [
    {"hidden_size": 2240},
    {"num_attention_heads": 28, "hidden_size": 1120},
    {"num_hidden_layers": 11},
    {"num_attention_heads": 64, "hidden_size": 3072},
]


def keys_read() -> set[str]:
    """Every name of a field that stands in our code; some are put together there."""
    files = [path for path in MODELS.rglob("*.ts") if path != MADE]
    text = "".join(path.read_text() for path in files)
    names = set(re.findall(r"'([A-Za-z_0-9]+)'", text))
    return names | {f"{start}pos_emb_{side}" for start in ("", "init_") for side in ("height", "width")}


def config_class(model_type: str):
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
    from vllm.transformers_utils.config import _CONFIG_REGISTRY

    try:
        return _CONFIG_REGISTRY[model_type]
    except KeyError:
        return CONFIG_MAPPING[model_type] if model_type in CONFIG_MAPPING_NAMES else None


def derived_fields(cls, values: dict) -> set[str]:
    derived = set()
    for sizes in OTHER_SIZES:
        own = {key: size for key, size in sizes.items() if isinstance(values.get(key), int)}
        try:
            other = cls(**own).to_dict() if own else values
        except Exception:
            continue
        derived |= {key for key in values if key not in own and other.get(key) != values[key]}
    return derived


def is_kept(key: str, value) -> bool:
    if isinstance(value, bool | int):
        return True
    if isinstance(value, float):
        return any(part in key for part in ("ratio", "factor", "scale", "mult"))
    return isinstance(value, list | tuple) and 0 < len(value) < 40 and all(isinstance(item, int) for item in value)


def row_of(model_type: str, read: set[str], rows: dict) -> None:
    """The fields of a type, and of the types of its nested configs, into `rows`."""
    cls = None if model_type in rows else config_class(model_type)
    if cls is None:
        return
    try:
        values = cls().to_dict()
    except Exception:
        return
    rows[model_type] = row = {}
    skipped = derived_fields(cls, values)
    for key, value in values.items():
        if key in skipped or key not in read or key in LEFT_OUT:
            continue
        if isinstance(value, dict) and value.get("model_type"):
            row[key] = "@" + value["model_type"]
            row_of(value["model_type"], read, rows)
        elif is_kept(key, value):
            row[key] = list(value) if isinstance(value, tuple) else value


def line_of(model_type: str, row: dict, architecture: str | None) -> str:
    words = [model_type] + ([f":{architecture}"] if architecture else [])
    for key, value in row.items():
        words.append(f"{key}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}")
    return " ".join(words)


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as causal

    rows: dict[str, dict] = {}
    read = keys_read()
    for model_type in TYPES:
        row_of(model_type, read, rows)
    lines = [line_of(name, row, causal.get(name)) for name, row in sorted(rows.items()) if row or name in causal]
    finish({MADE: HEADER + "\n".join(lines) + "\n`;\n"}, "--check" in sys.argv)


if __name__ == "__main__":
    main()
