"""Checkpoints as the two public projects write them, made of our tiny generators."""

from __future__ import annotations

import argparse
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

FIR = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / 64


def rosinality_state(model) -> dict[str, torch.Tensor]:
    """Return the averaged generator's state under the names and shapes of that project."""
    own, out = model.state_dict(), {}
    for k in range(model.config.mapping_layers):
        out[f'style.{k + 1}.weight'] = own[f'mapping.layers.{k}.weight']
        out[f'style.{k + 1}.bias'] = own[f'mapping.layers.{k}.bias']
    out['input.input'] = own['synthesis.constant'][None]
    for k in range(model.num_layers - 1):
        theirs, ours = 'conv1' if k == 0 else f'convs.{k - 1}', f'synthesis.convs.{k}'
        out[f'{theirs}.conv.weight'] = own[f'{ours}.weight'][None]
        if k % 2:
            out[f'{theirs}.conv.blur.kernel'] = 4 * FIR
        out[f'{theirs}.conv.modulation.weight'] = own[f'{ours}.style.weight']
        out[f'{theirs}.conv.modulation.bias'] = own[f'{ours}.style.bias']
        out[f'{theirs}.noise.weight'] = own[f'{ours}.noise_strength'].reshape(1)
        out[f'{theirs}.activate.bias'] = own[f'{ours}.bias']
        out[f'noises.noise_{k}'] = own[f'{ours}.noise'][None, None]
    for k in range(model.num_layers // 2):
        theirs, ours = 'to_rgb1' if k == 0 else f'to_rgbs.{k - 1}', f'synthesis.to_rgbs.{k}'
        out[f'{theirs}.bias'] = own[f'{ours}.bias'].reshape(1, 3, 1, 1)
        if k:
            out[f'{theirs}.upsample.kernel'] = 4 * FIR
        out[f'{theirs}.conv.weight'] = own[f'{ours}.weight'][None]
        out[f'{theirs}.conv.modulation.weight'] = own[f'{ours}.style.weight']
        out[f'{theirs}.conv.modulation.bias'] = own[f'{ours}.style.bias']
    return OrderedDict((key, value.clone()) for key, value in out.items())


def write_rosinality(model, path, *, old_form=False, mean=True, extra=None) -> None:
    content = {'g_ema': rosinality_state(model), 'args': argparse.Namespace(size=model.config.resolution)}
    if mean:
        content['latent_avg'] = model.mapping.mean_style.clone()
    torch.save(content | (extra or {}), path, _use_new_zipfile_serialization=not old_form)


class foreign_modules:
    """Put throw-away modules in place for as long as a pickle is written; reading must do without them."""

    def __init__(self) -> None:
        self.persistence, self.dnnlib = types.ModuleType('torch_utils.persistence'), types.ModuleType('dnnlib.util')
        source = (
            'class EasyDict(dict):\n    pass\n\n\n'
            'def _reconstruct_persistent_obj(meta):\n    raise RuntimeError("ran foreign code")\n'
        )
        for module in (self.persistence, self.dnnlib):
            exec(source, module.__dict__)

    def __enter__(self):
        parents = {'torch_utils': types.ModuleType('torch_utils'), 'dnnlib': types.ModuleType('dnnlib')}
        sys.modules |= parents | {'torch_utils.persistence': self.persistence, 'dnnlib.util': self.dnnlib}
        return self

    def __exit__(self, *_):
        for name in ('torch_utils', 'torch_utils.persistence', 'dnnlib', 'dnnlib.util'):
            del sys.modules[name]

    def module(self, class_name, parameters=(), buffers=(), parts=(), **settings):
        """Return a module that pickles as a persistent class of NVIDIA's does."""
        persistence = self.persistence

        class Persistent(nn.Module):
            def __reduce__(self):
                meta = dict(type='class', version=6, module_src='raise SystemExit', class_name=class_name,
                            state=dict(self.__dict__))  # fmt: skip
                return persistence._reconstruct_persistent_obj, (meta,), None

        made = Persistent()
        for name, value in dict(parameters).items():
            setattr(made, name, nn.Parameter(value.clone()))
        for name, value in dict(buffers).items():
            made.register_buffer(name, value.clone())
        for name, value in dict(parts).items():
            setattr(made, name, value)
        for name, value in settings.items():
            setattr(made, name, value)
        return made


def write_nvidia(model, path, protocol=4, **settings) -> None:
    """Write the generator as `G_ema`; ``settings`` replace settings of its synthesis network."""
    with foreign_modules() as modules:
        network = _network(modules, model, settings)
        kwargs = modules.dnnlib.EasyDict(resolution=model.config.resolution)
        content = {'training_set_kwargs': kwargs, 'G': None, 'D': None, 'G_ema': network, 'augment_pipe': None}
        path.write_bytes(pickle.dumps(content, protocol=protocol))


def _network(modules, model, settings):
    own, config = model.state_dict(), model.config

    def linear(place, gain=1.0, activation='linear'):
        values = {word: own[f'{place}.{word}'] for word in ('weight', 'bias')}
        return modules.module('FullyConnectedLayer', values, bias_gain=gain, activation=activation)

    def conv(place):
        values = {word: own[f'{place}.{word}'] for word in ('weight', 'bias', 'noise_strength')}
        buffers = {'noise_const': own[f'{place}.noise'], 'resample_filter': FIR}
        return modules.module(
            'SynthesisLayer', values, buffers, {'affine': linear(f'{place}.style')},
            conv_clamp=config.clamp, use_noise=True, activation='lrelu', act_gain=np.sqrt(2), table=np.eye(2),
        )  # fmt: skip

    def torgb(place):
        values = {word: own[f'{place}.{word}'] for word in ('weight', 'bias')}
        return modules.module('ToRGBLayer', values, parts={'affine': linear(f'{place}.style')})

    blocks = {}
    for level in range(len(config.channels)):
        parts = {'conv1': conv(f'synthesis.convs.{2 * level}'), 'torgb': torgb(f'synthesis.to_rgbs.{level}')}
        if level:
            parts['conv0'] = conv(f'synthesis.convs.{2 * level - 1}')
        parameters = {} if level else {'const': own['synthesis.constant']}
        blocks[f'b{4 * 2**level}'] = modules.module(
            'SynthesisBlock', parameters, {'resample_filter': FIR}, parts, architecture='skip'
        )
    synthesis = modules.module(
        'SynthesisNetwork', parts=blocks, **{'img_resolution': config.resolution, 'img_channels': 3} | settings
    )
    layers = {
        f'fc{k}': linear(f'mapping.layers.{k}', config.mapping_rate, 'lrelu') for k in range(config.mapping_layers)
    }
    mapping = modules.module('MappingNetwork', {}, {'w_avg': own['mapping.mean_style']}, layers, c_dim=0)
    return modules.module('Generator', parts={'synthesis': synthesis, 'mapping': mapping}, c_dim=0)
