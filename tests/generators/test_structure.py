"""What is said of weights that do not fit their network."""

import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.generators.structure import check_weights


def test_weights_of_another_shape_may_come_as_names_alone():
    """As transformers 4 tells them."""
    with pytest.raises(UserError, match=r'2 of another shape \(a\.weight, b\.weight: \(2, 3\) instead of \(3,\)\)'):
        check_weights('x', [], [], [('b.weight', (2, 3), (3,)), 'a.weight'])
