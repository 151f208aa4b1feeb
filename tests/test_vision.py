"""Vision backbones: by which names, with weights from where, and how pictures come to them."""

from __future__ import annotations

import hashlib

import huggingface_hub.constants
import pytest
import timm
import torch
from helpers import with_front
from safetensors.torch import load_file, save_file

import workbench as wb
from workbench.backbones import naming, vision
from workbench.backbones.base import fingerprint
from workbench.backbones.building import build
from workbench.errors import BadChoice, NoWeights

pytestmark = pytest.mark.usefixtures("one_thread")
OURS = ("glyph-convnext", "glyph-resnet", "glyph-vit")
TAGGED = "test_resnet.r160_in1k"
PICTURES = torch.randint(0, 256, (3, 1, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test of this file asks the network, and none sees what the hub's cache holds already."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def source():
    """A network whose weights are like no others: its file is what users have."""
    torch.manual_seed(77)
    return timm.create_model("test_resnet", num_classes=5).eval()


def saved(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    return path


def features(built, pictures=PICTURES):
    with torch.no_grad():
        return built.body(built.prepare(pictures))


@pytest.mark.parametrize("name", OURS)
def test_ours_are_there_without_a_network(name):
    built = build(wb.backbone(name), side=32, seed=0)
    assert (built.front.channels, built.front.size, built.front.mean, built.front.std) == (1, 32, (0.2,), (0.3,))
    assert features(built).shape == (3, built.width) and not built.body.training
    assert not any(weight.requires_grad for weight in built.body.parameters())
    random = build(wb.backbone(name, "random"), side=32, seed=0)
    assert (random.width, random.front.channels, random.front.size) == (built.width, 1, 32)
    assert random.fingerprint != built.fingerprint == build(wb.backbone(name), side=96, seed=1).fingerprint


@pytest.mark.parametrize("name", [n for n in timm.list_models("test_*") if "." not in n])
def test_any_timm_name_with_random_weights(name):
    built = build(wb.backbone(name, "random"), side=32, seed=0)
    assert features(built).shape == (3, built.width) and torch.isfinite(features(built)).all()
    assert built.front.channels == 3 and built.front.mean == tuple(timm.get_pretrained_cfg(name).mean)


def test_random_weights_are_a_function_of_the_seed_alone(tiny):
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first = build(tiny, side=32, seed=0)
    assert torch.equal(torch.rand(3), wanted)  # the caller's random state is left alone
    again, other = build(tiny, side=96, seed=0), build(tiny, side=32, seed=1)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert torch.equal(features(first), features(again)) and not torch.equal(features(first), features(other))


def test_fingerprints_tell_networks_of_equal_weights_apart(source, tmp_path):
    path = str(saved(source, tmp_path / "w.safetensors"))
    plain, tagged = (build(wb.backbone(name, path), side=32, seed=0) for name in ("test_resnet", TAGGED))
    assert torch.equal(features(plain), features(tagged)) and plain.fingerprint != tagged.fingerprint


@pytest.mark.parametrize("place", ["w.safetensors", "folder/model.safetensors"])
def test_weights_from_a_file_and_from_a_folder(source, place, tmp_path):
    path = saved(source, tmp_path / place)
    given = path.parent if path.name == "model.safetensors" else path
    built = build(wb.backbone("test_resnet", str(given)), side=32, seed=0)
    with torch.no_grad():
        wanted = source.forward_head(source.forward_features(built.prepare(PICTURES)), pre_logits=True)
    assert torch.equal(features(built), wanted)


def test_ours_take_weights_from_a_file_too(tmp_path):
    body = build(wb.backbone("glyph-resnet", "random"), side=32, seed=5).body
    built = build(wb.backbone("glyph-resnet", str(saved(body, tmp_path / "w.safetensors"))), side=32, seed=0)
    assert torch.equal(built.body(built.prepare(PICTURES)), body(built.prepare(PICTURES)))


def test_a_vit_of_another_size_is_fitted_to_the_pictures(tmp_path):
    torch.manual_seed(77)
    large = timm.create_model("test_vit", num_classes=0)
    built = build(wb.backbone("test_vit", str(saved(large, tmp_path / "w.safetensors"))), side=32, seed=0)
    assert large.pos_embed.shape[1] == 101 and built.body.pos_embed.shape[1] == 5
    assert torch.equal(built.body.blocks[3].mlp.fc1.weight, large.blocks[3].mlp.fc1.weight)


def test_names_that_timm_puts_right_are_fine(source, tmp_path):
    old = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    save_file(old, tmp_path / "old.safetensors")
    built = build(wb.backbone("test_resnet", str(tmp_path / "old.safetensors")), side=32, seed=0)
    assert torch.equal(built.body.conv1[0].weight, source.conv1[0].weight)


def misfit(kind, source, path):
    """A file that is not the network's."""
    held = source.state_dict()
    if kind == "another network":
        held = timm.create_model("test_vit").state_dict()
    elif kind == "another shape":
        held["layer2.0.conv1.weight"] = torch.zeros(7, 7, 3, 3)
    elif kind == "one weight short":
        del held["layer2.0.conv1.weight"]
    elif kind == "two weights":
        held = {"a": torch.zeros(2, 2), "b": torch.zeros(1)}
    save_file(held, path)
    if kind == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "no safetensors":
        path.write_bytes(b"PK not what its name says")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("another network", "it does not hold conv1.0.weight, nor 14 other weights"),
        ("another shape", "Error.* in loading state_dict for ResNet"),
        ("one weight short", r"it does not hold layer2.0.conv1.weight\."),
        ("two weights", "it does not hold conv1.0.weight, nor 14 other weights"),
        ("cut off", "Error while deserializing header"),
        ("no safetensors", "Error while deserializing header"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(kind, why, source, tmp_path):
    path = tmp_path / "w.safetensors"
    misfit(kind, source, path)
    with pytest.raises(NoWeights, match=f"w.safetensors does not fit test_resnet: {why}"):
        build(wb.backbone("test_resnet", str(path)), side=32, seed=0)


def test_anything_but_safetensors_is_refused_unread(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"this would not even load")
    with pytest.raises(NoWeights, match=r"from safetensors only \(others can run code\), got 'w.pth'"):
        build(wb.backbone("test_resnet", str(tmp_path / "w.pth")), side=32, seed=0)
    for given in (tmp_path, tmp_path / "none.safetensors", "pretraind"):
        with pytest.raises(
            NoWeights, match=r"must be 'pretrained', 'random', or a safetensors file or folder; .* none"
        ):
            build(wb.backbone("test_resnet", str(given)), side=32, seed=0)


def test_without_a_network_it_says_what_is_here_and_how_to_go_on():
    ours = ", ".join(OURS)
    with pytest.raises(NoWeights, match=rf"'test_resnet' are not on this disk.* On this disk: {ours}\. Or take wei"):
        build(wb.backbone("test_resnet"), side=32, seed=0)
    with pytest.raises(NoWeights, match=rf"nobody published weights for 'botnet50ts_256': .*'random'.* {ours}"):
        build(wb.backbone("botnet50ts_256"), side=32, seed=0)


def test_without_an_answer_the_hub_is_asked_once_and_the_error_comes_at_once(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    slept = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", slept.append)
    with pytest.raises(NoWeights, match=r"'test_resnet' are not on this disk, .*\(ConnectError\)"):
        build(wb.backbone("test_resnet"), side=32, seed=0)
    assert slept == []  # it tries again five times where it is left to itself


def test_what_is_in_the_hubs_cache_is_taken_without_asking(source, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: pytest.fail("the hub was asked"))
    repo = tmp_path / "hub" / f"models--timm--{TAGGED}"
    saved(source, repo / "snapshots" / "abc123" / "model.safetensors")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    assert torch.equal(build(wb.backbone("test_resnet"), side=32, seed=0).body.layer4[0].conv1.weight,
                       source.layer4[0].conv1.weight)  # fmt: skip


def test_a_hub_cache_is_found(source, tmp_path):
    """The hub's own layout: blobs, snapshots that link to them, and a ref that says which snapshot counts."""
    repo = tmp_path / "hub" / f"models--timm--{TAGGED}"
    blob = saved(source, repo / "blobs" / "0f0f")
    snapshot = repo / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(blob)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    assert vision.cached_names() == [TAGGED] and vision.on_disk() == [*OURS, TAGGED]
    for name in ("test_resnet", TAGGED):
        built = build(wb.backbone(name), side=32, seed=0)
        assert torch.equal(built.body.layer4[0].conv1.weight, source.layer4[0].conv1.weight)
    with pytest.raises(NoWeights, match=rf"'test_vit' are not on this disk.*: {', '.join(OURS)}, {TAGGED}\."):
        build(wb.backbone("test_vit"), side=32, seed=0)


def test_what_is_half_downloaded_is_not_on_this_disk(tmp_path):
    blobs = tmp_path / "hub" / f"models--timm--{TAGGED}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "0f0f.incomplete").write_bytes(b"half")
    assert vision.on_disk() == list(OURS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "glyph-resnt",
            r"no backbone called 'glyph-resnt'\. Did you mean 'glyph-resnet'\? On this disk: glyph-convnext, ",
        ),
        ("resnet-18", r"Did you mean 'resnet18'\?.*timm knows \d{4} more: `wb.menu\('backbones'\)` lists them"),
        (
            "resnet18.a1_in1",
            r"called 'resnet18.a1_in1'\. Did you mean 'resnet18.a1_in1k'\? There are: resnet18, resnet18.a",
        ),
        ("", "no backbone is chosen, and for your own data none is taken in silence"),
    ],
)
def test_an_unknown_name_comes_with_the_nearest(name, message):
    for make in (lambda: wb.backbone(name), lambda: build(wb.Backbone(name, "random"), side=32, seed=0)):
        with pytest.raises(BadChoice, match=message):
            make()


def test_tags_that_timm_has_are_fine():
    naming.check_name("resnet18")
    naming.check_name("resnet18.a1_in1k")
    naming.check_name("glyph-vit")


@pytest.mark.parametrize(
    ("name", "side", "size"),
    [
        ("test_resnet", 32, None),
        ("test_resnet", 45, None),
        ("test_vit", 32, 32),  # fixed: made for the pictures' side, and kept to it
        ("test_vit", 96, 96),
        ("test_vit", 100, 128),  # no multiple of its patches
        ("test_convnext", 28, 32),  # too small for its strides
        ("test_maxvit", 40, 64),
        ("crossvit_9_240", 32, 240),  # takes the next multiple of 32 neither
    ],
)
def test_networks_take_pictures_of_any_side(name, side, size):
    built = build(wb.backbone(name, "random"), side=side, seed=0)
    assert built.front.size == size
    for shown in (side, 64):  # those of the data set, and a user's own
        pictures = torch.randint(0, 256, (2, 1, shown, shown), dtype=torch.uint8)
        assert tuple(built.prepare(pictures).shape[2:]) == (size or shown, size or shown)
        assert features(built, pictures).shape == (2, built.width)


def test_prepare_standardises_channel_by_channel():
    built = build(wb.backbone("test_resnet", "random"), side=32, seed=0)
    built = with_front(built, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2))
    colour = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 6)
    found = built.prepare(colour)
    assert found.dtype == torch.float32 and found.is_contiguous(memory_format=torch.channels_last)
    assert found[1, :, 3, 5].tolist() == pytest.approx([(0 - 0.1) / 0.5, (0.2 - 0.2) / 0.25, (1 - 0.3) / 0.2], abs=1e-6)


def test_prepare_brings_grey_to_colour_and_colour_to_grey():
    three = with_front(build(wb.backbone("test_resnet", "random"), side=32, seed=0), mean=(0.0,) * 3, std=(1.0,) * 3)
    grey = three.prepare(PICTURES)
    assert grey.shape == (3, 3, 32, 32) and torch.equal(grey, (PICTURES / 255).expand(-1, 3, -1, -1))
    one = with_front(build(wb.backbone("glyph-resnet"), side=32, seed=0), mean=(0.0,), std=(1.0,))
    colour = torch.stack([torch.full((1, 32, 32), value, dtype=torch.uint8) for value in (0, 30, 240)], 1)
    assert one.prepare(colour).unique().tolist() == pytest.approx([270 / 3 / 255])


def test_prepare_brings_pictures_to_the_side_that_the_body_wants():
    built = with_front(build(wb.backbone("glyph-resnet"), side=32, seed=0), mean=(0.0,), std=(1.0,))
    striped = ((torch.arange(96) % 3 == 1) * 255).expand(1, 1, 96, 96).to(torch.uint8)
    found = built.prepare(striped)
    assert found.shape == (1, 1, 32, 32)
    assert found[..., 2:-2].mean() == pytest.approx(1 / 3, abs=0.01) and found.max() < 0.5  # all of it, not every third
    assert torch.equal(built.prepare(PICTURES), PICTURES / 255)  # left alone where they have it already


def test_backbones_read_as_they_are_written(tmp_path):
    found = wb.backbone("test_resnet", "random")
    assert found.spelled() == "test_resnet(weights='random')" == str(found)
    assert str(wb.backbone("glyph-vit")) == "glyph-vit"
    path = saved(timm.create_model("test_resnet"), tmp_path / "it's mine (old).safetensors")
    recipe = wb.Recipe(backbone=wb.backbone("test_resnet", path))
    assert wb.Recipe.from_dict(recipe.to_dict()) == recipe
    assert build(recipe.backbone, side=32, seed=0).fingerprint == build(
        wb.backbone("test_resnet", str(path)), side=32, seed=9).fingerprint  # fmt: skip
    assert set(load_file(path)) == set(timm.create_model("test_resnet").state_dict())


def test_a_fingerprint_is_a_hash_of_names_and_weights_so_that_kept_features_stay_found():
    body = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))  # its count of batches has no axis
    told = b"".join(key.encode() + t.numpy().tobytes() for key, t in sorted(body.state_dict().items()))
    assert fingerprint(body, "small") == hashlib.sha256(b"small" + told).hexdigest()[:16]
