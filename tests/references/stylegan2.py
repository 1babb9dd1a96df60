"""StyleGAN2 in numpy float64 by loops and scipy's convolution: slow, to test against.

Upsampling is zero insertion followed by full convolutions and one crop; nothing here knows of strides or of padding
rules for transposed convolutions.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import convolve2d, correlate2d

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def insert_zeros(plane: np.ndarray, up: int) -> np.ndarray:
    out = np.zeros((plane.shape[0] * up, plane.shape[1] * up))
    out[::up, ::up] = plane
    return out


def upfir(plane: np.ndarray, fir: np.ndarray, up: int, padding: tuple[int, int], gain: float):
    spread = insert_zeros(plane, up)
    before, after = padding
    height, width = spread.shape
    padded = np.zeros((height + before + after, width + before + after))
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            if 0 <= y - before < height and 0 <= x - before < width:
                padded[y, x] = spread[y - before, x - before]
    return gain * convolve2d(padded, fir, 'valid')


def double(plane: np.ndarray) -> np.ndarray:
    """Twice the side: the filter's centre lies between the two middle pixels of each four."""
    full = 4 * convolve2d(insert_zeros(plane, 2), FIR, 'full')
    return full[1 : 1 + 2 * plane.shape[0], 1 : 1 + 2 * plane.shape[1]]


def modulated_weights(weight: np.ndarray, style: np.ndarray, demodulate: bool) -> np.ndarray:
    out = np.zeros(weight.shape)
    for o in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            out[o, i] = weight[o, i] * style[i]
        if demodulate:
            out[o] /= np.sqrt((out[o] ** 2).sum() + 1e-8)
    return out


def modulated_conv(x, weight, styles, *, demodulate=True, up=1) -> np.ndarray:
    images = []
    for planes, style in zip(x, styles, strict=True):
        kernels = modulated_weights(weight, style, demodulate)
        images.append([sum(_convolved(p, k, up) for p, k in zip(planes, ks, strict=True)) for ks in kernels])
    return np.array(images)


def _convolved(plane: np.ndarray, kernel: np.ndarray, up: int) -> np.ndarray:
    height, width = plane.shape
    if up == 2:
        whole = 4 * convolve2d(convolve2d(insert_zeros(plane, 2), kernel, 'full'), FIR, 'full')
        # Kernel and filter reach (side + 2) / 2 pixels beyond the new pixel's own place.
        start = (kernel.shape[0] + 1) // 2
        return whole[start : start + 2 * height, start : start + 2 * width]
    return correlate2d(plane, kernel, 'same')


def activation(x: np.ndarray, bias: np.ndarray, clamp: float | None = None) -> np.ndarray:
    shape = [1, -1] + [1] * (x.ndim - 2)
    moved = x + bias.reshape(shape)
    out = np.sqrt(2) * np.where(moved < 0, 0.2 * moved, moved)
    return out if clamp is None else np.minimum(np.maximum(out, -clamp), clamp)


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, rate: float) -> np.ndarray:
    out = np.zeros((len(x), len(weight)))
    for n in range(len(x)):
        for o in range(len(weight)):
            out[n, o] = rate * (x[n] @ weight[o] / np.sqrt(weight.shape[1]) + bias[o])
    return out


def mapping(z: np.ndarray, state: dict[str, np.ndarray], layers: int, rate: float) -> np.ndarray:
    x = np.stack([row / np.sqrt((row**2).mean() + 1e-8) for row in z])
    for k in range(layers):
        weight, bias = (state[f'mapping.layers.{k}.{word}'] for word in ('weight', 'bias'))
        x = activation(linear(x, weight, bias, rate), np.zeros(len(bias)))
    return x


def synthesis(styles: np.ndarray, state: dict[str, np.ndarray], levels: int, *, noise=True, clamp=None) -> np.ndarray:
    """Images of styles ``(N, L, D)``, resolution by resolution as the paper's figure shows them."""
    x = np.stack([state['synthesis.constant']] * len(styles))
    image = None
    for level in range(levels):
        for conv in [0] if level == 0 else [2 * level - 1, 2 * level]:
            name = f'synthesis.convs.{conv}.'
            scale = linear(styles[:, conv], state[name + 'style.weight'], state[name + 'style.bias'], 1)
            x = modulated_conv(x, state[name + 'weight'], scale, up=2 if conv % 2 else 1)
            if noise:
                x = x + state[name + 'noise_strength'] * state[name + 'noise']
            x = activation(x, state[name + 'bias'], clamp)
        name = f'synthesis.to_rgbs.{level}.'
        scale = linear(styles[:, 2 * level + 1], state[name + 'style.weight'], state[name + 'style.bias'], 1)
        scale = scale / np.sqrt(scale.shape[1])
        rgb = modulated_conv(x, state[name + 'weight'], scale, demodulate=False)
        rgb = rgb + state[name + 'bias'][:, None, None]
        rgb = rgb if clamp is None else np.minimum(np.maximum(rgb, -clamp), clamp)
        image = rgb if image is None else rgb + np.array([[double(plane) for plane in planes] for planes in image])
    return image
