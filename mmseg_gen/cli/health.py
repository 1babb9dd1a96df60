"""Findings about the installation: libraries, devices, embedded weights, the Hugging Face cache."""

from __future__ import annotations

import enum
import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from mmseg_gen.versions import SUPPORTED, installed_version, version_problem

CHECKSUMS = 'SHA256SUMS'
_OPTIONAL = {
    'faiss-cpu': 'mmseg_gen',
    'PyMaxflow': 'mmseg_gen',
    'pydensecrf2': 'mmseg_gen[crf]',
    'peft': 'mmseg_gen[lora]',
}


class State(enum.Enum):
    """How a finding bears on health; only problems do harm."""

    GOOD = enum.auto()
    NOTE = enum.auto()
    PROBLEM = enum.auto()


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    state: State
    text: str


def library_findings() -> list[Finding]:
    """Return one finding for each library with a supported range, and for the optional ones."""
    findings = [Finding(State.GOOD, f'Python {platform.python_version()} on {platform.platform()}')]
    for library, wanted in SUPPORTED.items():
        found = installed_version(library)
        problem = version_problem(library, found)
        text = problem or f'{library} {found} (supported: {wanted})'
        findings.append(Finding(State.PROBLEM if problem else State.GOOD, text))
    if installed_version('setuptools') and int(str(installed_version('setuptools')).split('.')[0]) >= 82:
        findings.append(Finding(State.NOTE, 'setuptools has no pkg_resources; a replacement is in use'))
    for name, requirement in _OPTIONAL.items():
        found = installed_version(name)
        text = f'{name} {found}' if found else f'{name} is not installed (pip install "{requirement}")'
        findings.append(Finding(State.GOOD if found else State.NOTE, text))
    return [*findings, *_opencv_findings(), *_compiled_ops_findings()]


def _opencv_findings() -> list[Finding]:
    try:
        import cv2
    except ImportError as error:
        cure = 'pip install --force-reinstall --no-deps opencv-python-headless'
        return [Finding(State.PROBLEM, f'OpenCV does not load ({error}). Run: {cure}')]
    return [Finding(State.GOOD, f'OpenCV {cv2.__version__}')]


def _compiled_ops_findings() -> list[Finding]:
    if installed_version('mmcv') is None:
        return []
    from mmseg_gen.compat import has_compiled_ops

    text = 'present' if has_compiled_ops() else 'absent (mmcv-lite); nothing in this package needs them'
    return [Finding(State.GOOD, f'compiled ops of MMCV: {text}')]


def device_findings() -> list[Finding]:
    """Return the devices that torch can use."""
    if installed_version('torch') is None:
        return [Finding(State.NOTE, 'not checked: torch is not installed')]
    import torch

    findings = [Finding(State.GOOD, f'CPU: {os.cpu_count()} cores, {torch.get_num_threads()} torch threads')]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        findings.append(Finding(State.GOOD, f'cuda:{index}: {properties.name}, {memory:.0f} GiB'))
    if torch.backends.mps.is_available():
        findings.append(Finding(State.GOOD, 'mps'))
    if len(findings) == 1:
        findings.append(Finding(State.NOTE, 'no GPU: only the embedded models are quick on a CPU'))
    return findings


def embedded_findings() -> list[Finding]:
    """Return whether the embedded weights are complete and unaltered."""
    from mmseg_gen.generators.sources import EMBEDDED_STYLEGAN2, embedded_folder

    return [*_pipeline_findings(embedded_folder()), *_checksum_findings(EMBEDDED_STYLEGAN2, EMBEDDED_STYLEGAN2)]


def _pipeline_findings(folder: Path) -> list[Finding]:
    if not (folder / 'model_index.json').is_file():
        cure = 'Install the package again, or train them: python tools/train_embedded.py'
        return [Finding(State.PROBLEM, f'no embedded models in {folder}. {cure}')]
    return _checksum_findings(folder, folder.parent)


def _checksum_findings(folder: Path, listed: Path) -> list[Finding]:
    sums = listed / CHECKSUMS
    if not sums.is_file():
        return [Finding(State.NOTE, f'{listed} has no {CHECKSUMS}: {folder} is not verified')]
    wrong = checksum_problems(sums)
    if wrong:
        return [Finding(State.PROBLEM, f'{problem}. Install the package again') for problem in wrong]
    return [Finding(State.GOOD, f'{folder}: every checksum is right')]


def checksum_problems(sums: Path) -> list[str]:
    """Return one clause for each file that is missing or altered.

    Args:
        sums: File in the format of ``sha256sum``, with paths relative to its own folder.
    """
    problems = []
    for line in sums.read_text(encoding='utf-8').splitlines():
        expected, _, name = line.partition('  ')
        path = sums.parent / name.strip()
        if not path.is_file():
            problems.append(f'{path} is missing')
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            problems.append(f'{path} differs from its checksum')
    return problems


def is_cached(name: str) -> bool:
    """Return whether the UNet of a pipeline, or of its mirror, is in the Hugging Face cache as safetensors.

    Args:
        name: Repository id, such as ``CompVis/stable-diffusion-v1-4``.
    """
    from huggingface_hub import constants

    folders = (f'models--{known.replace("/", "--")}' for known in (name, available_id(name)))
    cache = Path(constants.HF_HUB_CACHE)
    return any(any(cache.glob(f'{folder}/snapshots/*/unet/*.safetensors')) for folder in folders)


def available_id(name: str) -> str:
    """Return the repository to download: the mirror of one that vanished, else the name itself."""
    from mmseg_gen.generators.sources import KNOWN

    known = KNOWN.get(name)
    return known.mirror if known is not None and known.mirror is not None else name


def cache_findings() -> list[Finding]:
    """Return where the cache is, whether the Hub may be asked, and which known models are cached."""
    from huggingface_hub import constants

    from mmseg_gen.generators.sources import KNOWN

    allowed = os.environ.get('MMSEG_GEN_DOWNLOAD') == '1' and not constants.HF_HUB_OFFLINE
    access = 'downloads allowed' if allowed else 'offline; MMSEG_GEN_DOWNLOAD=1 allows downloads'
    findings = [Finding(State.GOOD, f'{constants.HF_HUB_CACHE} ({access})')]
    for name in KNOWN:
        state, text = State.GOOD, 'cached'
        if not is_cached(name):
            state, text = State.NOTE, f'not cached; fetch it with: hf download {available_id(name)}'
        findings.append(Finding(state, f'{name}: {text}'))
    return findings
