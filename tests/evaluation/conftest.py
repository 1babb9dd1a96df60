from __future__ import annotations

import pytest

from tests.evaluation.stored_cases import write_binary_case, write_index_case


@pytest.fixture
def index_case(tmp_path):
    return write_index_case(tmp_path)


@pytest.fixture
def binary_case(tmp_path):
    return write_binary_case(tmp_path)
