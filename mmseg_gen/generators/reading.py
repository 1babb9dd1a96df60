"""Read one part of a model with diffusers or transformers, and say in one sentence why it could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import DDIMScheduler, DiffusionPipeline, LCMScheduler
from transformers import CLIPTokenizer

from mmseg_gen.errors import UserError

from .network import without_network
from .quiet import quiet_loading
from .single_file import Weights, build_part
from .sources import Source, explain_failure, network_forbidden, resolve_source
from .structure import BYTE_TOKENS, check_weights

# Samplers whose schedule is no alpha-bar: k-diffusion's with preconditioning, rectified flows.
_OTHER_SCHEDULES = ('EDM', 'FlowMatch')


def read_whole(source: Source, kind: type, subfolder: str | None, **options: Any) -> Any:
    """Return ``kind.from_pretrained`` of a part.

    Args:
        source: Where it is.
        kind: Class of diffusers or transformers.
        subfolder: The part; None for a model of its own.
        options: Passed on.

    Raises:
        UserError: It could not be read.
    """
    arguments = _arguments(source, subfolder)
    if source.is_folder and not (Path(source.location) / (subfolder or '')).is_dir():
        raise UserError(f'Expected {source.name} with the folder {subfolder}, but it has none; get it again.')
    try:
        with quiet_loading(), without_network(source.offline):
            return kind.from_pretrained(source.location, **arguments, **options)
    except Exception as error:
        raise explain_failure(source, subfolder, error) from error


def read_model(source: Source, kind: type, subfolder: str | None, weights: Weights | None = None) -> Any:
    """Return a network with all its weights.

    Args:
        source: Where it is.
        kind: Class of diffusers or transformers.
        subfolder: The part; None for a model of its own.
        weights: The tensors of a single file, where that is what is read.

    Raises:
        UserError: It could not be read, or weights and config do not fit.
    """
    if weights is not None and subfolder is not None:
        return build_part(kind, _read_settings(source, kind, subfolder), weights, subfolder, source.name)
    # A mismatch is reported instead of raised: the loaders' own texts do not name the first key alike.
    options = dict(use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True)
    model, report = read_whole(source, kind, subfolder, **options)
    what = f'{subfolder or "the model"} in {source.name}'
    check_weights(what, report['missing_keys'], report['unexpected_keys'], report.get('mismatched_keys', ()))
    return model


def load_tokenizer(name: str, *, revision: str | None = None, local_files_only: bool | None = None) -> CLIPTokenizer:
    """Return the tokenizer of a text-to-image model alone; the arguments are those of ``load_parts``.

    Raises:
        UserError: It could not be read.
    """
    source = resolve_source(name, revision, network_forbidden(local_files_only))
    tokenizer = read_whole(source, CLIPTokenizer, 'tokenizer')
    if len(tokenizer) <= BYTE_TOKENS:
        # What transformers makes of no files at all.
        raise explain_failure(source, 'tokenizer', FileNotFoundError('it has no words'))
    return tokenizer


def read_scheduler(source: Source) -> DDIMScheduler | LCMScheduler:
    """Return the model's noise schedule: LCM's own, or any other that has an alpha-bar as DDIM's.

    Raises:
        UserError: It could not be read, or has no alpha-bar.
    """
    settings = _read_settings(source, DDIMScheduler, 'scheduler')
    name = settings.get('_class_name', '')
    if any(word in name for word in _OTHER_SCHEDULES):
        raise UserError(
            f'Expected {source.name} with a noise schedule that DDIM can follow, but got {name}; this family '
            'is not supported.'
        )
    with quiet_loading():
        return (LCMScheduler if name == 'LCMScheduler' else DDIMScheduler).from_config(settings)


def zeros_for_empty_prompt(source: Source) -> bool:
    """Return ``force_zeros_for_empty_prompt`` of a pipeline; True, SDXL's default, where nothing says otherwise."""
    folder = Path(source.location) / 'model_index.json'
    if source.is_folder and not folder.is_file():
        return True
    index = _read_settings(source, DiffusionPipeline, None)
    return bool(index.get('force_zeros_for_empty_prompt', True))


def _read_settings(source: Source, kind: type, subfolder: str | None) -> Any:
    """Return a part's config: a dict in diffusers, an object in transformers."""
    arguments = _arguments(source, subfolder)
    try:
        with quiet_loading(), without_network(source.offline):
            if hasattr(kind, 'config_class'):
                return kind.config_class.from_pretrained(source.location, **arguments)
            return kind.load_config(source.location, **arguments)
    except (OSError, ValueError) as error:
        raise explain_failure(source, subfolder, error) from error


def _arguments(source: Source, subfolder: str | None) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(revision=source.revision, local_files_only=source.offline)
    return arguments if subfolder is None else arguments | {'subfolder': subfolder}
