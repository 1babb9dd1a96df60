"""Cats of given factors: the image that the embedded StyleGAN2 learns, and its exact mask.

Everything is a signed distance, so edges are smooth and the whole batch is drawn at once. Lengths are shares of the
side; on the head they are shares of its radius. Shape letters: N images, F factors, S side in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .cat_factors import factor_values

BACKGROUND, FUR, EYES, NOSE = range(4)
# What is painted, each over those before it, and the label that it gets.
REGIONS: dict[str, int] = {
    'wall': BACKGROUND, 'window': BACKGROUND, 'floor': BACKGROUND, 'ball': BACKGROUND, 'body': FUR, 'chest': FUR,
    'ear': FUR, 'inner ear': FUR, 'head': FUR, 'muzzle': FUR, 'eye': EYES, 'pupil': EYES, 'mouth': NOSE, 'nose': NOSE,
}  # fmt: skip
Point = tuple[Tensor | float, Tensor | float]
_DARK, _PINK = (0.10, 0.09, 0.11), (0.78, 0.42, 0.44)


def render_cats(factors: Tensor, size: int = 64) -> tuple[Tensor, Tensor]:
    """Return images ``(N, 3, S, S)`` in [-1, 1] and labels of the cat's parts, uint8 ``(N, S, S)``.

    Labels are 0 background, 1 fur, 2 eyes, 3 nose and mouth; the cat is all of 1 to 3.

    Args:
        factors: ``(N, F)`` in [0, 1], see :mod:`.cat_factors`.
        size: Side S.
    """
    canvas = _Canvas(size, factors, 3)
    _draw(canvas, factor_values(factors))
    return canvas.maps.clamp(0, 1) * 2 - 1, canvas.labels


def render_regions(factors: Tensor, size: int = 64) -> Tensor:
    """Return the share of each pixel that each region covers, ``(N, R, S, S)``, sum 1, in the order of ``REGIONS``.

    Args:
        factors: ``(N, F)`` in [0, 1].
        size: Side S.
    """
    canvas = _Shares(size, factors, len(REGIONS))
    _draw(canvas, factor_values(factors))
    return canvas.maps


class _Canvas:
    """Image and labels that shapes are painted on.

    Args:
        size: Side S.
        factors: Give the number of images, and device and precision.
        channels: Of the image.
    """

    def __init__(self, size: int, factors: Tensor, channels: int) -> None:
        ramp = (torch.arange(size, device=factors.device, dtype=factors.dtype) + 0.5) / size
        self.y, self.x, self.size = ramp[None, :, None], ramp[None, None, :], size
        self.maps = factors.new_zeros(len(factors), channels, size, size)
        self.labels = torch.zeros(len(factors), size, size, dtype=torch.uint8, device=factors.device)

    def paint(self, distance: Tensor, color: Sequence[Tensor | float], region: str) -> None:
        """Cover the inside of a shape, where the distance in shares of the side is negative."""
        cover = (0.5 - distance * self.size).clamp(0, 1)[:, None]
        painted = torch.stack([c + torch.zeros_like(distance) for c in color], 1)
        self.maps = torch.lerp(self.maps, painted.expand_as(self.maps), cover)
        self.labels = torch.where(distance < 0, REGIONS[region], self.labels)


class _Shares(_Canvas):
    """Shares of regions in place of colours."""

    def paint(self, distance: Tensor, color: Sequence[Tensor | float], region: str) -> None:
        """Cover the inside of a shape by its region."""
        cover = (0.5 - distance * self.size).clamp(0, 1)[:, None]
        self.maps = self.maps * (1 - cover)
        self.maps[:, list(REGIONS).index(region)] += cover[:, 0]


def _draw(canvas: _Canvas, v: dict[str, Tensor]) -> None:
    _draw_background(canvas, v)
    _draw_body(canvas, v)
    _draw_head(canvas, v)


def _ellipse(u: Tensor, v: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """Return about the distance to an ellipse around 0; its sign is exact."""
    inner = (u / width).square() + (v / height).square()
    slope = ((u / width**2).square() + (v / height**2).square() + 1e-12).sqrt()
    radius = (inner + 1e-12).sqrt()
    return radius * (radius - 1) / slope


def _triangle(u: Tensor, v: Tensor, corners: Sequence[Point]) -> Tensor:
    """Return the largest distance to the three sides, which is negative inside only."""
    (ax, ay), (bx, by), (cx, cy) = corners
    turn = torch.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    sides = []
    for (px, py), (qx, qy) in zip(corners, (*corners[1:], corners[0]), strict=True):
        length = ((qx - px) ** 2 + (qy - py) ** 2) ** 0.5
        sides.append(turn * ((v - py) * -(qx - px) + (u - px) * (qy - py)) / length)
    return torch.stack(torch.broadcast_tensors(*sides)).amax(0)


def _rgb(v: dict[str, Tensor], thing: str) -> list[Tensor]:
    return [v[f'{thing}_{c}'] for c in 'rgb']


def _draw_background(canvas: _Canvas, v: dict[str, Tensor]) -> None:
    y, x = canvas.y, canvas.x
    wave = 2 * math.pi * 7 * x
    stripes = v['wall_cosine'] * torch.cos(wave) + v['wall_sine'] * torch.sin(wave)
    everywhere = torch.full_like(canvas.maps[:, 0], -1.0)
    canvas.paint(everywhere, [c + stripes for c in _rgb(v, 'wall')], 'wall')
    aside, above = (x - v['window_x']).abs() - v['window_width'], (y - v['window_y']).abs() - v['window_height']
    canvas.paint(torch.maximum(aside, above), _rgb(v, 'window'), 'window')
    line = v['horizon'] + v['slope'] * (x - 0.5)
    canvas.paint(line - y, [c * (1.15 - 0.3 * (y - line)) for c in _rgb(v, 'floor')], 'floor')
    u, w = x - v['ball_x'], y - v['ball_y']
    shade = 1 - 0.35 * (u + w) / v['ball_radius']
    canvas.paint(_ellipse(u, w, v['ball_radius'], v['ball_radius']), [c * shade for c in _rgb(v, 'ball')], 'ball')


def _fur(v: dict[str, Tensor], across: Tensor, down: Tensor, tone: Tensor | float) -> list[Tensor]:
    """Return the fur's colour with light and stripes, at places in units of the head's radius."""
    wave = 2 * math.pi * 1.4 * across
    stripes = v['fur_cosine'] * torch.cos(wave) + v['fur_sine'] * torch.sin(wave)
    light = 1 + v['light_x'] * across + v['light_y'] * down
    return [(c * tone + 0.12 * (tone - 1)) * light + stripes for c in _rgb(v, 'fur')]


def _draw_body(canvas: _Canvas, v: dict[str, Tensor]) -> None:
    r = v['radius']
    u, w = canvas.x - v['x'] - 0.15 * v['turn'] * r, canvas.y - 1.08
    height = 1.08 - (v['y'] + v['neck'] * r)
    width = v['body_width'] * r
    canvas.paint(_ellipse(u, w, width, height), _fur(v, u / r, w / r + 1, 0.82), 'body')
    chest = _ellipse(u, w, 0.45 * width, 0.85 * height)
    canvas.paint(chest, _fur(v, u / r, w / r + 1, 0.82 * v['chest_tone']), 'chest')


def _draw_head(canvas: _Canvas, v: dict[str, Tensor]) -> None:
    r = v['radius']
    dx, dy = (canvas.x - v['x']) / r, (canvas.y - v['y']) / r
    cosine, sine = torch.cos(v['tilt']), torch.sin(v['tilt'])
    u, w = cosine * dx + sine * dy, cosine * dy - sine * dx
    for side in (-1, 1):
        _draw_ear(canvas, v, u, w, side)
    tapered = u * (1 + v['jaw'] * w.clamp(-1, 1))
    canvas.paint(_ellipse(tapered, w, v['width'], 0.92) * r, _fur(v, u, w, 1.0), 'head')
    _draw_face(canvas, v, u - v['turn'], w)


def _draw_ear(canvas: _Canvas, v: dict[str, Tensor], u: Tensor, w: Tensor, side: int) -> None:
    angle, half, r = v['ear_angle'], v['ear_width'], v['radius']
    reach, tip = 0.80, angle + v['ear_lean'] * 0.6

    def corner(turn: Tensor, length: Tensor | float) -> Point:
        return side * v['width'] * torch.sin(turn) * length, -0.92 * torch.cos(turn) * length

    for region, share, tone in (('ear', 1.0, 0.9), ('inner ear', 0.55, 0.9 * v['ear_tone'])):
        top = 0.95 + v['ear_length'] * (0.75 + 0.25 * share) - (1 - share) * 0.15
        corners = (corner(angle - half * share, reach), corner(tip, top), corner(angle + half * share, reach))
        canvas.paint(_triangle(u, w, corners) * r, _fur(v, u, w, tone), region)


def _draw_face(canvas: _Canvas, v: dict[str, Tensor], u: Tensor, w: Tensor) -> None:
    r = v['radius']
    muzzle = _ellipse(u, w - 0.42, v['muzzle'], 0.68 * v['muzzle'])
    canvas.paint(muzzle * r, _fur(v, u, w, v['muzzle_tone']), 'muzzle')
    for side in (-1, 1):
        a, b = u - side * v['eye_distance'], w + 0.10
        slant = v['eye_slant'] * side
        a, b = a - slant * b, b - slant * a
        height = v['eye_size'] * v['eye_open']
        eye = _ellipse(a, b, v['eye_size'], height) * r
        canvas.paint(eye, _rgb(v, 'eye'), 'eye')
        pupil = torch.maximum(eye, _ellipse(a, b, v['eye_size'] * v['pupil'], height) * r)
        canvas.paint(pupil, _DARK, 'pupil')
    n = v['nose']
    mouth = torch.maximum(u.abs() - 0.045, (w - 0.48).abs() - 0.16) * r
    canvas.paint(mouth, _DARK, 'mouth')
    canvas.paint(_triangle(u, w, ((-n, 0.26 + 0 * n), (n, 0.26 + 0 * n), (0 * n, 0.28 + 1.2 * n))) * r, _PINK, 'nose')
