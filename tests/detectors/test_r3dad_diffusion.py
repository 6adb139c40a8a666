"""Diffusion: the forward process, what the denoiser learns, and the way back."""

from __future__ import annotations

import pytest
import torch

from gmanet.detectors.r3dad.diffusion import CloudEncoder, ConcatSquash, Denoiser, Diffusion


def networks(code=8, seed=0, steps=200):
    torch.manual_seed(seed)
    encoder = CloudEncoder([16, 32], code)
    return encoder, Diffusion(Denoiser([32, 64, 32], code), steps)


def made(diffusion, code, count=300, steps=10, eta=0.0, seed=0):
    return diffusion.sample(
        code, count, steps=steps, eta=eta, generator=torch.Generator().manual_seed(seed)
    )


class Exact(torch.nn.Module):
    """Knows that every point belongs in one place."""

    def __init__(self, place, diffusion):
        super().__init__()
        self.place, self.angle, self.kept = place, diffusion.angle, diffusion.kept

    def forward(self, points, angle, code):
        kept = self.kept[1:][self.angle == angle[0]]
        return (points - kept.sqrt() * self.place) / (1 - kept).sqrt()


@pytest.mark.parametrize("step", [1, 50, 200])
def test_the_variance_of_the_forward_process(step):
    _, diffusion = networks()
    torch.manual_seed(0)
    points = 2 * torch.randn(4, 5000, 3)
    noise = torch.randn_like(points)
    found = diffusion.noised(points, torch.full((4,), step), noise=noise)
    kept = torch.linspace(1e-4, 0.05, 200).double()[:step].neg().add(1).prod().item()
    assert found.var().item() == pytest.approx(4 * kept + 1 - kept, rel=0.02)
    assert (found * points).mean().item() == pytest.approx(4 * kept**0.5, abs=0.05)


def test_many_small_steps_are_one_large_one():
    _, diffusion = networks()
    torch.manual_seed(0)
    walked = points = torch.full((1, 20000, 3), 3.0)
    for beta in diffusion.angle[:60] * 0.05 / torch.pi:
        walked = (1 - beta).sqrt() * walked + beta.sqrt() * torch.randn_like(walked)
    jumped = diffusion.noised(points, torch.tensor([60]), noise=torch.randn_like(points))
    assert walked.mean().item() == pytest.approx(jumped.mean().item(), abs=0.02)
    assert walked.std().item() == pytest.approx(jumped.std().item(), rel=0.02)
    assert torch.equal(diffusion.noised(points, torch.tensor([0]), noise=walked), points)


def test_concat_squash_by_hand():
    torch.manual_seed(0)
    layer, points, condition = (
        ConcatSquash(3, 5, condition=4),
        torch.randn(2, 7, 3),
        torch.randn(2, 1, 4),
    )
    gate = 1 / (1 + torch.exp(-(condition @ layer.gate.weight.T + layer.gate.bias)))
    linear = points @ layer.layer.weight.T + layer.layer.bias
    expected = linear * gate + condition @ layer.shift.weight.T
    torch.testing.assert_close(layer(points, condition), expected)


def test_order_of_points_decides_no_code():
    encoder, diffusion = networks()
    cloud = torch.randn(2, 60, 3)
    shuffled = cloud[:, torch.randperm(60)]
    torch.testing.assert_close(encoder(shuffled), encoder(cloud))
    torch.testing.assert_close(encoder(cloud[:1]), encoder(cloud)[:1])
    again = made(diffusion, encoder(shuffled).detach())
    torch.testing.assert_close(again, made(diffusion, encoder(cloud).detach()), atol=1e-4, rtol=0)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_sampling_repeats_itself_whatever_the_company(eta):
    _, diffusion = networks()
    code = torch.randn(3, 8)
    together = made(diffusion, code, eta=eta)
    torch.manual_seed(5)  # the global generator decides nothing
    assert torch.equal(made(diffusion, code, eta=eta), together)
    alone = made(diffusion, code[1:2], eta=eta)
    torch.testing.assert_close(alone[0], together[1], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(made(diffusion, code, eta=eta, seed=1), together)


@pytest.mark.parametrize(("steps", "eta"), [(1, 0.0), (7, 0.0), (200, 0.0), (200, 1.0), (20, 1.0)])
def test_the_truth_leads_to_the_place(steps, eta):
    _, diffusion = networks()
    place = torch.tensor([1.0, -2.0, 0.5])
    exact = Diffusion(Exact(place, diffusion))
    found = made(exact, torch.zeros(2, 8), 50, steps, eta)
    torch.testing.assert_close(found, place.expand(2, 50, 3), atol=1e-3, rtol=0)


def test_the_loss_points_from_the_twin_to_the_normal_cloud():
    _, diffusion = networks()
    place = torch.tensor([1.0, -2.0, 0.5])
    exact = Diffusion(Exact(place, diffusion))
    normal = place.expand(1, 40, 3)
    twin = normal + 0.05 * torch.randn(1, 40, 3)
    for step in (1, 20, 200):
        loss = exact.loss(twin, normal, code=torch.zeros(1, 8), step=torch.tensor([step]))
        assert loss.item() < 1e-5


def test_one_cloud_is_learned():
    encoder, diffusion = networks()
    torch.manual_seed(1)
    sphere = torch.nn.functional.normalize(torch.randn(1, 256, 3), dim=2) * 3**0.5
    parameters = [*encoder.parameters(), *diffusion.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=4e-3)

    def distance():
        return torch.cdist(made(diffusion, encoder(sphere).detach()), sphere).amin(dim=2).mean()

    before = distance()
    clouds = sphere.expand(8, -1, -1)
    for _ in range(300):
        loss = diffusion.loss(
            clouds, clouds, code=encoder(clouds), step=torch.randint(1, 201, (8,))
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    assert distance() < 0.5 * before
