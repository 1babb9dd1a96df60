"""The version of this package and of the libraries it works with; ``setup.py`` reads both from here.

Standard library only, and no import of the package: ``setup.py`` runs this file by its path.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__version__ = '0.1.0'

# Lower bounds: the oldest set that was tried, see CONTRIBUTING.md. Upper bounds: MMSegmentation 1.2.2 itself stops at
# mmcv 2.2; the others end where a next release may break what is used here.
SUPPORTED = {
    'torch': '>=2.6,<3',
    'mmengine': '>=0.10.6,<1',
    'mmcv': '>=2.0.0,<2.2',
    'mmsegmentation': '>=1.2.1,<1.3',
    'diffusers': '>=0.33,<1',
    'transformers': '>=4.55,<6',
}

# MMCV comes as a full build with compiled ops or as a light one; both provide the module `mmcv`.
DISTRIBUTIONS = {'mmcv': ('mmcv', 'mmcv-lite')}


def installed_version(library: str) -> str | None:
    """Return the installed version of a library without importing it, or None.

    Args:
        library: Key of `SUPPORTED`, or any distribution name.
    """
    for distribution in DISTRIBUTIONS.get(library, (library,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def cure(library: str) -> str:
    """Return the command that installs a supported version of a library."""
    name = DISTRIBUTIONS.get(library, (library,))[-1]
    return f'pip install "{name}{SUPPORTED[library]}"'


def version_problem(library: str, found: str | None) -> str | None:
    """Return one sentence on a missing or unsupported version and its cure, or None where all is well.

    Args:
        library: Key of `SUPPORTED`.
        found: Installed version, None where the library is absent.
    """
    from packaging.specifiers import SpecifierSet

    wanted = SUPPORTED[library]
    if found is None:
        return f'Expected `{library}` {wanted}, but it is not installed. Run: {cure(library)}'
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return None
    return f'Expected `{library}` {wanted}, but got {found}. Run: {cure(library)}'


def version_problems() -> list[str]:
    """Return one sentence for each library whose version is missing or unsupported."""
    problems = (version_problem(library, installed_version(library)) for library in SUPPORTED)
    return [problem for problem in problems if problem]
