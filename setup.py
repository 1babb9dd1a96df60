"""Packaging of mmseg_gen; the ranges of the libraries that matter most are in ``mmseg_gen/versions.py``."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSIONS = runpy.run_path(str(HERE / 'mmseg_gen' / 'versions.py'))
README = HERE / 'README.md'


def _ranges() -> list[str]:
    """Return one requirement for each supported library, mmcv as its light build."""
    names = {'mmcv': 'mmcv-lite'}
    return [names.get(library, library) + bounds for library, bounds in VERSIONS['SUPPORTED'].items()]


setup(
    name='mmseg_gen',
    version=VERSIONS['__version__'],
    description='Generative image models as segmentation supervision inside MMSegmentation',
    long_description=README.read_text(encoding='utf-8') if README.is_file() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['mmseg_gen', 'mmseg_gen.*']),
    package_data={
        'mmseg_gen.generators.embedded': ['weights/**', '*.json', '*.md'],
        'mmseg_gen.generators': ['**/*.json', '**/*.jsonl', '**/*.md', '**/*.txt'],
    },
    include_package_data=False,
    entry_points={'console_scripts': ['mmseg-gen = mmseg_gen.cli.main:main']},
    install_requires=[
        *_ranges(),
        'numpy>=2.2,<3',
        'scipy>=1.15',
        'scikit-learn>=1.5',
        'opencv-python>=4.10.0.84',
        'Pillow>=10',
        'safetensors>=0.4',
        'huggingface_hub>=0.34',
        'PyMaxflow>=1.3.2',
        'faiss-cpu>=1.9',
        'matplotlib>=3.9',
        'packaging>=23',
        'tokenizers>=0.21',
        'tqdm>=4.66',
        # Imported by mmsegmentation 1.2 without being declared there.
        'ftfy>=6',
        'regex>=2023.0',
        # pkg_resources, which MMEngine uses for `mmseg::` configs, left setuptools in release 82.
        'setuptools>=65,<82',
    ],
    extras_require={
        'gpu': ['faiss-gpu-cu12>=1.8; platform_system == "Linux"'],
        'coco': ['pycocotools>=2.0.8'],
        'lora': ['peft>=0.17'],
        'crf': ['pydensecrf2>=1.1'],
        'ray': ['ray>=2.9'],
        'docs': ['mkdocs>=1.6,<2'],
        'dev': ['peft>=0.17', 'pycocotools>=2.0.8', 'pytest>=8', 'ruff>=0.9', 'mypy>=1.14'],
    },
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
