"""LOD-Brain: a progressive level-of-detail segmentation network.

Svanera et al., Medical Image Analysis 93 (2024) 103090; SPEC A.2. Each level is
a small encoder-decoder on the image max-pooled to its grid. A finer level adds
the coarser one's decoder features to its own; the levels' 32-channel outputs
are summed at full resolution and classified once.
"""

from typing import Any

import keras
from keras import layers

from ..presets import LodBrainConfig
from .blocks import conv3, decoder_block, encoder_block
from .heads import probabilities

__all__ = ["build_lod_brain"]


def build_lod_brain(
    config: LodBrainConfig, shape: tuple[int | None, ...] = (None, None, None)
) -> keras.Model:
    """Build the graph of a config; see :func:`lodbrain_cli.networks.build.build_network`.

    Layer ``logits`` holds the values before the softmax.
    """
    config.check_shape(shape)
    image = keras.Input((*shape, config.input_channels), name="image")
    features: list[Any] = []
    coarser: _Level | None = None
    for index in range(config.num_levels):
        coarser = _Level(image, coarser, config, index)
        features.append(coarser.output)
    total = features[0] if len(features) == 1 else layers.Add(name="features")(features)
    logits = layers.Conv3D(config.num_classes, 1, padding="same", name="logits")(total)
    return keras.Model(image, probabilities(logits, config), name="lod_brain")


class _Level:
    """One level: its skips and decoder features, which the next finer one reads."""

    def __init__(
        self, image: Any, coarser: "_Level | None", config: LodBrainConfig, index: int
    ) -> None:
        self.name = f"level{index}"
        self.coarser = coarser
        self.config = config
        pool = config.downsampling * 2 ** (config.num_levels - 1 - index)
        # The finest level leaves out as many of the deepest blocks as levels lie below.
        self.encoder_filters = config.filters[1 : len(config.filters) - 1 - index]
        if pool > 1:
            image = layers.MaxPooling3D(pool, name=f"{self.name}_pool")(image)
        self.skips = self._encode(image)
        self.decoded = self._decode()
        output = conv3(self.decoded[-1], config.output_channels, config, f"{self.name}_features")
        if pool > 1:
            output = layers.UpSampling3D(pool, name=f"{self.name}_features_upsample")(output)
        self.output = output

    def _encode(self, image: Any) -> list[Any]:
        """Features kept for the decoder, finest first."""
        entry = conv3(image, 4 * self.config.filters[0], None, f"{self.name}_entry")
        skips = [entry]
        for depth, filters in enumerate(self.encoder_filters, start=1):
            name = f"{self.name}_encoder{depth}"
            x = encoder_block(skips[-1], filters, self.config, name)
            if self.coarser is not None:
                x = self._add_coarser(x, self.coarser.skips[depth], name)
            skips.append(x)
        return skips

    def _decode(self) -> list[Any]:
        """Decode to the outputs of all blocks, coarsest first."""
        x = encoder_block(
            self.skips[-1], self.config.filters[-1], self.config, f"{self.name}_bridge"
        )
        filters = (self.config.filters[0], *self.encoder_filters)
        decoded = []
        for depth in range(len(self.skips), 0, -1):
            number = len(self.skips) - depth + 1
            name = f"{self.name}_decoder{number}"
            x = decoder_block(x, filters[depth - 1], self.config, name)
            x = layers.Add(name=f"{name}_skip")([x, self.skips[depth - 1]])
            if self.coarser is not None:
                x = self._add_coarser(x, self.coarser.decoded[number], name)
            decoded.append(x)
        return decoded

    @staticmethod
    def _add_coarser(x: Any, coarse: Any, name: str) -> Any:
        coarse = layers.UpSampling3D(2, name=f"{name}_coarse_upsample")(coarse)
        return layers.Add(name=f"{name}_coarse")([x, coarse])
