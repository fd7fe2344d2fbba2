"""Weights of our own work where there is no network and no cache."""

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli import Segmenter
from lodbrain_cli.inference.located import LocatedEngine


@pytest.mark.slow
def test_the_packaged_preset_segments_a_real_image_offline(monkeypatch, tmp_path):
    from nilearn.datasets import load_mni152_template

    monkeypatch.setenv("LODBRAIN_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.setenv("LODBRAIN_OFFLINE", "1")
    monkeypatch.delenv("LODBRAIN_WEIGHTS", raising=False)
    segmenter = Segmenter("lod-brain-synth")
    assert isinstance(segmenter.loaded.engine, LocatedEngine)
    assert segmenter.loaded.weights.origin == "packaged"
    template = load_mni152_template(resolution=2)
    result = segmenter.segment(template)
    assert result.record["finder_weights"]["origin"] == "packaged"
    litres = {v.index: v.volume_mm3 / 1e6 for v in result.volumes}
    assert 0.9 < sum(litres.values()) < 1.9  # of an adult's brain
    assert all(litres[k] > 0.01 for k in litres)
    # Cerebellum below, brainstem in the middle, ventricles between the hemispheres.
    places = {
        k: nib.affines.apply_affine(result.space.affine, np.argwhere(result.labels == k)).mean(0)
        for k in (3, 4, 5, 6)
    }
    assert places[5][2] < places[4][2]
    assert all(abs(places[k][0]) < 6 for k in places)
    assert not (tmp_path / "no-cache").exists()


def test_a_preview_of_the_packaged_preset_is_its_finder(monkeypatch, tmp_path):
    monkeypatch.setenv("LODBRAIN_OFFLINE", "1")
    segmenter = Segmenter("lod-brain-synth", level="coarse")
    assert segmenter.loaded.finder_weights is None
    assert segmenter.loaded.weights.path.name == "lod-brain-synth-coarse.h5"
