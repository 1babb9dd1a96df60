import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.linalg import sqrtm
from torch import nn

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation import ClipFeatures, FrechetDistance, NetworkFeatures, TorchScriptFeatures
from mmseg_gen.registry import METRICS, MODELS
from tests.evaluation.metric_samples import draw_image, draw_sample, evaluate


def channel_numbers(images):
    """Six features one can compute by hand: means and deviations of R, G and B."""
    return torch.stack([torch.cat([i.double().mean((1, 2)), i.double().std((1, 2))]) for i in images])


def write_images(folder, seeds):
    folder.mkdir()
    images = [draw_image(seed, (12, 10 + seed % 3)) for seed in seeds]
    for seed, image in zip(seeds, images, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f'{seed}.png')
    return images


def expected_distance(own, reference):
    (m1, c1), (m2, c2) = ((f.mean(0), np.cov(f.T)) for f in (own, reference))
    return ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)


def test_distance_to_a_folder_equals_scipy(tmp_path):
    reference = write_images(tmp_path / 'real', range(20))
    images = [draw_image(seed, (9, 8)) for seed in range(100, 190)]
    metric = FrechetDistance(str(tmp_path / 'real'), channel_numbers, color_order='rgb')
    found = evaluate(metric, [draw_sample(0)] * 90, images=images)
    expected = expected_distance(*(channel_numbers(i).numpy() for i in (images, reference)))
    assert found == {'frechet/distance': pytest.approx(expected, rel=1e-6)}


def test_a_set_is_close_to_itself_in_mmsegmentations_channel_order(tmp_path):
    images = write_images(tmp_path / 'real', range(12))
    metric = FrechetDistance(str(tmp_path / 'real'), channel_numbers)
    found = evaluate(metric, [draw_sample(0)] * 12, images=[image.flip(0) for image in images])
    assert found['frechet/distance'] == pytest.approx(0, abs=1e-6)


def test_statistics_of_a_file_take_the_place_of_a_folder(tmp_path):
    reference = channel_numbers(write_images(tmp_path / 'real', range(20))).numpy()
    np.savez(tmp_path / 'real.npz', mu=reference.mean(0), sigma=np.cov(reference.T))
    images = [draw_image(seed) for seed in range(30)]
    folder, file = (
        evaluate(FrechetDistance(str(tmp_path / name), channel_numbers), [draw_sample(0)] * 30, images=images)
        for name in ('real', 'real.npz')
    )
    assert folder['frechet/distance'] == pytest.approx(file['frechet/distance'])


def test_what_is_held_does_not_grow_with_the_images(tmp_path):
    np.savez(tmp_path / 'real.npz', mu=np.zeros(6), sigma=np.eye(6))
    held = []
    for count in (65, 257):
        metric = FrechetDistance(str(tmp_path / 'real.npz'), channel_numbers)
        for seed in range(count):
            metric.process({'inputs': [draw_image(seed, (4, 5))]}, [draw_sample(0, size=(4, 5))])
        held.append(len(pickle.dumps((metric.results, metric._total, metric._latest))))
    assert held[0] == pytest.approx(held[1], abs=64)


def test_few_images_are_warned_about(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.frechet_metric.warn', said.append)
    write_images(tmp_path / 'real', range(12))
    evaluate(
        FrechetDistance(str(tmp_path / 'real'), channel_numbers),
        [draw_sample(0)] * 5,
        images=[draw_image(seed) for seed in range(5)],
    )
    assert len(said) == 1
    assert '5 images of the data set for 6 dimensions' in said[0]


def test_wrong_references_and_images_are_refused(tmp_path):
    sample, image = draw_sample(0), draw_image(0)
    with pytest.raises(UserError, match=r'`reference` as a folder of images or an \.npz file'):
        evaluate(FrechetDistance(str(tmp_path / 'gone'), channel_numbers), [sample], images=[image])
    (tmp_path / 'bad.npz').write_bytes(b'no zip')
    with pytest.raises(UserError, match=r'`mu` and `sigma` in .*bad\.npz'):
        evaluate(FrechetDistance(str(tmp_path / 'bad.npz'), channel_numbers), [sample] * 2, images=[image] * 2)
    write_images(tmp_path / 'real', range(3))
    metric = FrechetDistance(str(tmp_path / 'real'), channel_numbers)
    with pytest.raises(ValueError, match=r'`inputs` of photos/0\.jpg as uint8 \(3, H, W\), but got torch.float32'):
        evaluate(metric, [sample], images=[image.float()])
    broken = FrechetDistance(str(tmp_path / 'real'), lambda images: torch.full((len(images), 2), torch.nan))
    with pytest.raises(ValueError, match=r'finite features of photos/0\.jpg'):
        evaluate(broken, [sample], images=[image])
    with pytest.raises(ValueError, match='1 feature vectors from the extractor, but got shape'):
        evaluate(FrechetDistance(str(tmp_path / 'real'), lambda i: torch.ones(3)), [sample], images=[image])
    with pytest.raises(ValueError, match="`color_order` 'bgr' or 'rgb'"):
        FrechetDistance('a', color_order='hsv')


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())


def test_a_network_with_safetensors_weights_averages_its_map(tmp_path):
    own = network()
    save_file(own.state_dict(), tmp_path / 'w.safetensors')
    fresh = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    extractor = NetworkFeatures(fresh, str(tmp_path / 'w.safetensors'), side=20, mean=(0.5,) * 3, deviation=(0.5,) * 3)
    images = [draw_image(0, (20, 20)), draw_image(1, (20, 20))]
    with torch.no_grad():
        expected = own(torch.stack(images).float() / 127.5 - 1).mean((2, 3))
    assert torch.allclose(extractor(images), expected, atol=1e-6)
    assert extractor([draw_image(2, (31, 17)), images[0]]).shape == (2, 5)
    assert not any(p.requires_grad for p in fresh.parameters())


def test_a_network_is_built_from_its_config(tmp_path):
    config = dict(type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,))
    config |= dict(norm_cfg=dict(type='BN'))
    save_file(MODELS.build(dict(config)).state_dict(), tmp_path / 'w.safetensors')
    built = MODELS.build(dict(type='NetworkFeatures', network=config, weights=str(tmp_path / 'w.safetensors'), side=32))
    assert built([draw_image(0)]).shape == (1, 64)


def test_weights_must_be_local_safetensors_that_fit(tmp_path):
    with pytest.raises(UserError, match=r'no file .*gone\.safetensors'):
        NetworkFeatures(network(), str(tmp_path / 'gone.safetensors'))
    torch.save(network().state_dict(), tmp_path / 'w.pth')
    with pytest.raises(UserError, match='pickles are not read'):
        NetworkFeatures(network(), str(tmp_path / 'w.pth'))
    (tmp_path / 'w.safetensors').write_bytes(b'nothing')
    with pytest.raises(UserError, match='is damaged'):
        NetworkFeatures(network(), str(tmp_path / 'w.safetensors'))
    save_file({'0.weight': torch.ones(2)}, tmp_path / 'w.safetensors')
    with pytest.raises(UserError, match=r'weights of Sequential in .*, but got others'):
        NetworkFeatures(network(), str(tmp_path / 'w.safetensors'))


def test_torchscript_runs_only_when_trusted(tmp_path):
    path = str(tmp_path / 'net.pt')
    torch.jit.script(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())).save(path)
    with pytest.raises(UserError, match=r'`trust_code=True` for .*program that runs with your rights'):
        TorchScriptFeatures(path)
    with pytest.raises(UserError, match='no file'):
        TorchScriptFeatures(str(tmp_path / 'gone.pt'), trust_code=True)
    images = [draw_image(0, (9, 12)), draw_image(1, (7, 5))]
    found = TorchScriptFeatures(path, trust_code=True, value_range=(-1, 1))(images)
    expected = torch.stack([image.float().mean((1, 2)) / 127.5 - 1 for image in images])
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_embedded_clip_is_the_default(embedded_weights, tmp_path):
    metric = METRICS.build({'type': 'FrechetDistance', 'reference': str(tmp_path)})
    found = metric.extractor([draw_image(0, (64, 64)), draw_image(1, (70, 90))])
    assert isinstance(metric.extractor, ClipFeatures)
    assert found.shape[0] == 2
    assert torch.isfinite(found).all()
    assert torch.allclose(found[:1], metric.extractor([draw_image(0, (64, 64))]), atol=1e-5)
