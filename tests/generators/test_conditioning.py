import pytest
import torch

from mmseg_gen.generators.conditioning import Conditioning, as_conditioning, guidance_embedding
from mmseg_gen.generators.consistency import step_generators
from tests.tiny_models import tiny_family, tiny_pipeline


def condition(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((count, 3, 4), (count, 5), (count, 6))
    return Conditioning(*(torch.randn(shape, generator=generator) for shape in shapes))


@pytest.mark.parametrize('width', [12, 13, 256])
@pytest.mark.parametrize('guidance', [1.0, 4.0, 7.5])
def test_the_guidance_embedding_equals_that_of_diffusers(width, guidance):
    scale = torch.tensor(guidance - 1).repeat(3)
    expected = tiny_pipeline(tiny_family('lcm')).get_guidance_scale_embedding(scale, embedding_dim=width)
    # At a scale of 6500 radians, float32 leaves about 5e-4.
    torch.testing.assert_close(guidance_embedding(guidance, 3, width), expected, atol=2e-3, rtol=0)


def test_conditions_are_chosen_joined_and_repeated():
    one, two = condition(1), condition(2, seed=1)
    joined = one.followed_by(two)
    assert len(joined) == 3
    for part in ('tokens', 'pooled', 'time_ids'):
        parts = [getattr(c, part) for c in (one, two, joined, joined[1:], one.expand(4))]
        assert torch.equal(parts[2][0], parts[0][0])
        assert torch.equal(parts[2][2], parts[1][1])
        assert torch.equal(parts[3], parts[1])
        assert torch.equal(parts[4][3], parts[0][0])
        assert len(parts[4]) == 4
    tokens = as_conditioning(two.tokens)
    assert tokens.pooled is None
    assert tokens.tokens is two.tokens
    assert as_conditioning(two) is two
    assert tokens.followed_by(tokens).pooled is None
    with pytest.raises(ValueError, match='lacks `pooled`'):
        two.followed_by(tokens)


def test_each_sample_has_a_source_of_noise_of_its_own():
    noise = torch.randn(3, 4, 2, 5, generator=torch.Generator().manual_seed(0))
    noise[2] = noise[0]
    drawn = [torch.randn(7, generator=g) for g in step_generators(noise)]
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[1], torch.randn(7, generator=step_generators(noise[1:2])[0]))
