"""Models that are not on this machine are said to be absent without any call to the network."""

from __future__ import annotations

import socket

import pytest
from huggingface_hub import constants

from mmseg_gen.errors import UserError
from mmseg_gen.generators.dense_features import load_patch_model
from mmseg_gen.generators.detection import GroundingDinoBoxes, Owlv2Boxes
from mmseg_gen.generators.language_model import load_language_model
from mmseg_gen.generators.network import without_network
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.reading import load_tokenizer

LOADERS = {
    'parts': lambda: load_parts('nobody/absent'),
    'tokenizer': lambda: load_tokenizer('nobody/absent'),
    'language model': lambda: load_language_model('nobody/absent'),
    'patch model': lambda: load_patch_model('nobody/absent'),
    'Grounding DINO': lambda: GroundingDinoBoxes.from_settings(['cat'], 'cpu', model='nobody/absent'),
    'OWLv2': lambda: Owlv2Boxes.from_settings(['cat'], 'cpu', model='nobody/absent'),
}


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Let the hub's client believe that it may use the network, and note the machines that are looked up."""
    hosts = []

    def look_up(host, *_, **__):
        hosts.append(host)
        raise socket.gaierror('no network')

    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(socket, 'getaddrinfo', look_up)
    return hosts


@pytest.mark.parametrize('kind', LOADERS)
def test_nothing_is_asked_of_the_network(kind, asked):
    with pytest.raises(UserError, match='nobody/absent'):
        LOADERS[kind]()
    assert asked == []
    assert constants.HF_HUB_OFFLINE is False


def test_the_network_is_used_where_that_is_asked_for(asked):
    with without_network(False):
        assert not constants.HF_HUB_OFFLINE
    with without_network(True):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
