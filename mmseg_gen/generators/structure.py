"""Refuse weights that do not fit their config, and parts that do not fit one another.

The loaders of diffusers and transformers fill gaps with random numbers and drop what is left over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from .parts import Parts

Shape = Sequence[int]

# Entries that old files hold beside the weights of the network that is read.
_HARMLESS = ('position_ids', 'logit_scale', 'text_projection')
# SDXL: original height and width, crop's top and left, target height and width.
NUM_SIZES = 6
# Any CLIP vocabulary begins with each byte, inside and at the end of a word.
BYTE_TOKENS = 512


def check_weights(
    what: str,
    missing: Iterable[str],
    left_over: Iterable[str],
    reshaped: Iterable[str | tuple[str, Shape, Shape]],
    cure: str = 'get the weights and the config from the same place',
) -> None:
    """Refuse weights whose names or shapes are not those of the network that the config describes.

    Args:
        what: The part and where it is from.
        missing: Names that the network has and the file has not.
        left_over: Names that the file has and the network has not.
        reshaped: Names with their shape in the file and in the network, or names alone (transformers 4).
        cure: What to do about it.

    Raises:
        UserError: There is any; the text names the first ones.
    """
    missing = sorted(key for key in missing if 'position_ids' not in key)
    left_over = sorted(key for key in left_over if not any(word in key for word in _HARMLESS))
    shapes = sorted(one if isinstance(one, str) else _of_another_shape(*one) for one in reshaped)
    kinds = ((missing, 'missing'), (left_over, 'left over'), (shapes, 'of another shape'))
    wrong = [f'{len(names)} {word} ({_first(names)})' for names, word in kinds if names]
    if wrong:
        raise UserError(f'Expected all weights of {what} to fit its config, but got {", ".join(wrong)}; {cure}.')


def _of_another_shape(key: str, found: Shape, own: Shape) -> str:
    return f'{key}: {tuple(found)} instead of {tuple(own)}'


def check_parts(parts: Parts) -> None:
    """Refuse parts that cannot work together: each was read well, but they are not of one model.

    Raises:
        UserError: The text names the two numbers that should agree.
    """
    unet, encoders, tokenizers = parts.unet.config, [parts.text_encoder], [parts.tokenizer]
    if parts.text_encoder_2 is not None:
        encoders.append(parts.text_encoder_2)
        tokenizers.append(parts.tokenizer_2)
    pairs = [
        ('unet.in_channels', unet.in_channels, 'vae.latent_channels', parts.vae.config.latent_channels),
        ('unet.cross_attention_dim', unet.cross_attention_dim, 'the text encoders together have',
         sum(e.config.hidden_size for e in encoders)),
    ]  # fmt: skip
    if parts.text_encoder_2 is not None:
        sizes = NUM_SIZES * unet.addition_time_embed_dim
        pooled = parts.text_encoder_2.config.projection_dim
        pairs.append(
            ('unet.projection_class_embeddings_input_dim', unet.projection_class_embeddings_input_dim,
             f'pooled text and {NUM_SIZES} sizes have', sizes + pooled)
        )  # fmt: skip
    for name, value, other, its in pairs:
        if value != its:
            raise UserError(
                f'Expected the parts of {parts.name} to fit together, but {name} is {value} and {other} {its}; '
                'take all parts from one text-to-image model (not from one for inpainting, refining or upscaling).'
            )
    for tokenizer, encoder in zip(tokenizers, encoders, strict=True):
        _check_tokenizer(parts.name, tokenizer, encoder.config)


def _check_tokenizer(name: str, tokenizer: Any, encoder: Any) -> None:
    # transformers makes an empty tokenizer out of a folder that lacks the files.
    if not BYTE_TOKENS < len(tokenizer) <= encoder.vocab_size:
        raise UserError(
            f"Expected a tokenizer of {name} with CLIP's {encoder.vocab_size} tokens, but got {len(tokenizer)}; get "
            'the files of the tokenizer (vocab.json, merges.txt or tokenizer.json) from the same place.'
        )
    limit, room = tokenizer.model_max_length, encoder.max_position_embeddings
    if limit > room:
        raise UserError(
            f'Expected the tokenizer of {name} to stop at the {room} tokens of its text encoder, but its '
            f'model_max_length is {limit}; set it in tokenizer/tokenizer_config.json.'
        )


def _first(names: Sequence[str], count: int = 3) -> str:
    return ', '.join(names[:count]) + (', ...' if len(names) > count else '')
