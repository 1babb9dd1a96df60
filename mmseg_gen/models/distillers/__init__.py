"""Fine-tuning of generative models."""

from __future__ import annotations

from .concept_distiller import ConceptDistiller

__all__ = ['ConceptDistiller']
