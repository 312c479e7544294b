"""Tokenizers and processors that are not there: whatever a model asks them while it is built, they have an answer."""


class Absent:
    """Has every attribute, is every number's one, and comes out of every call."""

    def __init__(self, *args, **kwargs):
        del args, kwargs

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()

    def __call__(self, *args, **kwargs):
        return Absent()

    def __getitem__(self, key):
        return 1

    def __contains__(self, key):
        return True

    def __iter__(self):
        return iter((1,))

    def __len__(self):
        return 1

    def __int__(self):
        return 1

    __index__ = __int__

    def __float__(self):
        return 1.0


class AbsentTokenizer(Absent):
    def encode(self, *args, **kwargs):
        return [1]

    def convert_tokens_to_ids(self, tokens):
        return 1 if isinstance(tokens, str) else [1 for _ in tokens]

    def get_vocab(self):
        return Absent()


def install_absent_processors() -> None:
    """For a model whose class asks its tokenizer or its processor while it is built."""
    from vllm.tokenizers import registry
    from vllm.transformers_utils import processor

    registry.cached_get_tokenizer = lambda *args, **kwargs: AbsentTokenizer()
    processor.cached_get_processor_without_dynamic_kwargs = lambda *args, **kwargs: Absent()
